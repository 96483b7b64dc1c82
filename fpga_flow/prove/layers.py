"""The proofs of a design's layers, each kept under the digest of all that it depends on."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fpga_flow.core import toolchain
from fpga_flow.core.artifact import digest_files, digest_json
from fpga_flow.core.digests import code_digest
from fpga_flow.core.kept import read_table, write_table
from fpga_flow.design import claims
from fpga_flow.design.claims import Product
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.finn.backend import HDL
from fpga_flow.prove import adder, matrix, netlist, search, thresholds
from fpga_flow.prove.forms import UnreadError
from fpga_flow.prove.simulated import Simulated
from fpga_flow.prove.streams import CLOCK
from fpga_flow.results.verify import LayerProof

PROVED = f"{adder.MODULE}.sv"
"""The module that a proof does not look into: it has a proof of its own, in the project's tests."""


class Prover:
    """Proves the layers of a design."""

    def __init__(self, design: Design, folder: Path, cache: Path, log: Path) -> None:
        """`folder` is the design's artifact, `cache` that of all runs; Verilator writes to `log`."""
        self.design, self.folder, self.cache, self.log = design, folder, cache, log
        self._streams = {stream.tensor: stream for layer in design.layers for stream in layer.outputs}
        self._streams[design.input.tensor] = design.input
        self._code = code_digest(__name__)
        self._keys = {layer.name: self._key(layer) for layer in design.layers if self._possible(layer)}
        self.distinct = {self._keys[one.name]: one for one in design.layers if one.name in self._keys}
        """By key, a layer; layers with the same key are the same hardware with the same claim."""

    def _possible(self, layer: LayerRtl) -> bool:
        """Return whether `layer` can be proved: it says what it must do, and can be enumerated if need be."""
        if not layer.claim:
            return False
        claim = claims.load(self.folder / layer.claim)
        if isinstance(claim, Product):
            return True
        return thresholds.values_of(claim, self._taken(layer)) <= thresholds.MOST

    def _taken(self, layer: LayerRtl) -> Stream:
        (tensor,) = layer.inputs
        return self._streams[tensor]

    def prove_all(self, advance: Callable[[float, str], None]) -> tuple[LayerProof, ...]:
        """Return the proofs of all layers, and what is known of those that have none.

        `advance` is told of each that is done, with its name. Raises as `Simulator.run` and `netlist.read`.
        """

        def proof(key: str) -> LayerProof:
            found = self._kept(key, self.distinct[key])
            advance(1, self.distinct[key].name)
            return found

        with ThreadPoolExecutor(toolchain.CPU_COUNT) as pool:
            found = dict(zip(self.distinct, pool.map(proof, self.distinct), strict=True))
        return tuple(found[key].model_copy(update={"layer": name}) for name, key in self._keys.items())

    def _key(self, layer: LayerRtl) -> str:
        """Return the digest of all that the proof of `layer` depends on, which its name is not part of."""
        files = [self.folder / path for path in (*layer.sources, *layer.data, layer.claim)]
        streams = self._taken(layer), layer.outputs[0]
        return digest_json(
            {
                "files": digest_files(self.folder, files),
                "module": layer.module,
                "streams": [[stream.datatype, stream.lanes, stream.width] for stream in streams],
                "tools": toolchain.versions(["yosys", "verilator", "g++"]),
                "code": self._code,
            }
        )

    def _kept(self, key: str, layer: LayerRtl) -> LayerProof:
        path = self.cache / "proofs" / f"{key}.json"
        kept = read_table(path)
        if kept is not None:
            return LayerProof.model_validate(kept)
        claim = claims.load(self.folder / layer.claim)
        if isinstance(claim, Product):
            found = self._matrix(layer, claim)
        else:
            count = thresholds.values_of(claim, self._taken(layer))
            wrong = thresholds.enumerate_all(self.simulated(layer), claim)
            reason = "a value is counted wrongly" if wrong else ""
            found = LayerProof(
                layer=layer.name, how="enumeration", values=count, reason=reason, counterexample=wrong
            )
        if found.proved:
            write_table(path, found.model_dump(mode="json"))
        return found

    def simulated(self, layer: LayerRtl) -> Simulated:
        """Return the simulated RTL of `layer`."""
        log = self.log.with_name(f"{self.log.stem}-{layer.module}.log")
        return Simulated(layer, self._taken(layer), self.folder, self.cache / "verilator", log)

    def _matrix(self, layer: LayerRtl, claim: Product) -> LayerProof:
        proof = LayerProof(layer=layer.name, how="netlist", values=None, reason="", counterexample=None)
        try:
            self._prove(layer, claim)
        except UnreadError as error:
            wrong = search.find(self.simulated(layer), claim)
            return proof.model_copy(update={"reason": str(error), "counterexample": wrong})
        return proof

    def _prove(self, layer: LayerRtl, claim: Product) -> None:
        boxes = {}
        for source in (self.folder / path for path in layer.sources):
            if source.name == PROVED:
                boxes[adder.MODULE] = source
                if source.read_bytes() != (HDL / PROVED).read_bytes():
                    raise UnreadError(f"{PROVED} is not the module whose proof is in the tests")
        with tempfile.TemporaryDirectory(prefix="proof-") as scratch:
            log = Path(scratch) / "netlist.log"
            files = [self.folder / path for path in layer.sources]
            read = netlist.read(layer.module, files, boxes, CLOCK, self.folder, log)
        matrix.prove(read, claim.matrix, self._taken(layer), layer.outputs[0])
