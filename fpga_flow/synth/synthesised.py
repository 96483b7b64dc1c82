"""What single layers took when they were synthesised: written by the stage `synth`, read when folding.

A layer is known by its key: a digest of its operator, its attributes and its constants, without FIFO depths
(`fpga_flow.hardware.fold.options.layer_key`). Entries also depend on the device family, on the versions of
Yosys and FINN, on the project's RTL and on how it is synthesised and counted, so an entry that is found is
never out of date. Which entries a folding used stands in its result.
"""

from collections.abc import Mapping
from pathlib import Path

from fpga_flow.core import artifact, toolchain
from fpga_flow.core.digests import code_digest
from fpga_flow.core.kept import read_table, write_table

FOLDER = "layers"
"""Below the cache of all runs."""
RESOURCES = ("lut", "ff", "bram18", "dsp")


class SynthesisedLayers:
    """The entries for one device family."""

    def __init__(self, cache: Path, family: str) -> None:
        """`cache` is the folder that all runs share, `family` that of Yosys' `synth_xilinx`."""
        self._folder = cache / FOLDER
        self._version = artifact.digest_json(
            {
                "family": family,
                "tools": toolchain.versions(("yosys", "finn-plus")),
                "code": code_digest("fpga_flow.design.build", "fpga_flow.layers", "fpga_flow.synth.yosys"),
            }
        )

    def _path(self, key: str) -> Path:
        return self._folder / f"{artifact.digest_json([key, self._version])}.json"

    def get(self, key: str) -> dict[str, int] | None:
        """Return the counts of the layer with `key` by resource, None where it has not been synthesised."""
        table = read_table(self._path(key))
        return table and {name: int(table[name]) for name in RESOURCES}

    def put(self, key: str, counts: Mapping[str, int]) -> None:
        """Keep the counts of a layer."""
        write_table(self._path(key), {name: counts[name] for name in RESOURCES})
