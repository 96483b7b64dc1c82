"""What single layers took when they were synthesised: written by the stage `synth`, read when folding.

A layer is known by its key: a digest of its operator, its attributes and its constants, without FIFO depths
(`fpga_flow.hardware.fold.options.layer_key`). Entries also depend on the device family, on the versions of
Yosys and FINN, on the project's RTL and on how it is synthesised and counted, so an entry that is found is
never out of date. Which entries a folding used stands in its result.
"""

from pathlib import Path

from fpga_flow.core import artifact, toolchain
from fpga_flow.core.digests import code_digest
from fpga_flow.core.kept import read_table, write_table
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

FOLDER = "layers"
"""Below the cache of all runs."""


class SynthesisedLayers:
    """The entries for one device family."""

    def __init__(self, cache: Path, family: Family) -> None:
        """`cache` is the folder that all runs share."""
        self._folder = cache / FOLDER
        self._version = artifact.digest_json(
            {
                "family": family.digest,
                "tools": toolchain.versions(("yosys", "finn-plus")),
                "code": code_digest("fpga_flow.design.build", "fpga_flow.layers", "fpga_flow.synth.yosys"),
            }
        )

    def _path(self, key: str) -> Path:
        return self._folder / f"{artifact.digest_json([key, self._version])}.json"

    def get(self, key: str) -> Resources | None:
        """Return what the layer with `key` takes, None where it has not been synthesised."""
        table = read_table(self._path(key))
        return None if table is None else Resources(**table)

    def put(self, key: str, taken: Resources) -> None:
        """Keep what a layer takes."""
        write_table(self._path(key), taken.limited())
