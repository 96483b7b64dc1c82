"""The RTL design as an artifact: what `rtl` writes into design.json and later stages read."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fpga_flow.core import artifact
from fpga_flow.integer.names import instance

FILE = "design.json"
INPUT, OUTPUT = "s_axis", "m_axis"
"""Prefixes of the top's two streams."""
INPUT_TAP = "input"
"""Name that a simulation gives to what it writes down of the input; see `LayerRtl.tap`."""


@dataclass(frozen=True)
class Stream:
    """One stream of integers, `folded_shape[-1]` of them a word, lane 0 in the low bits."""

    tensor: str
    """Name of the tensor of the integer network that travels here."""
    datatype: str
    """QONNX name, such as UINT4."""
    folded_shape: tuple[int, ...]
    """Of one frame, batch 1: (..., words, lanes)."""
    width: int
    """Bits of a word on the wires, a multiple of 8."""

    @property
    def words(self) -> int:
        """Words per frame."""
        total = 1
        for size in self.folded_shape[:-1]:
            total *= size
        return total

    @property
    def lanes(self) -> int:
        """Integers per word."""
        return self.folded_shape[-1]


@dataclass(frozen=True)
class LayerRtl:
    """One instance in the design; layers with the same `key` are the same hardware."""

    name: str
    op: str
    module: str
    key: str
    """Digest of module, parameters and data."""
    sources: tuple[str, ...]
    data: tuple[str, ...]
    inputs: tuple[str, ...]
    """Tensors of the streams it takes."""
    outputs: tuple[Stream, ...]
    taps: tuple[str, ...]
    """Tensors of the outputs that a simulation can write down; the others only pass on what others made."""
    has_weights: bool = False
    """It multiplies with constants: such layers take longest to be synthesised."""
    claim: str = ""
    """File with what it must do with every input (`claims.py`); empty where that is not proved."""

    def tap(self, stream: Stream) -> str:
        """Return the name that a simulation gives to what it writes down of an output."""
        return f"{instance(self.name)}_{self.outputs.index(stream)}"


@dataclass(frozen=True)
class Design:
    """The stitched accelerator. Paths are relative to the artifact's folder, tools run there."""

    top: str
    part: str
    clock_mhz: float
    cycles_per_frame: int
    """Predicted."""
    bottleneck: str
    top_k: int
    """The output is the indices of so many largest logits; 0: the logits."""
    input: Stream
    output: Stream
    layers: tuple[LayerRtl, ...]
    """In topological order; every stream has one taker."""
    sources: tuple[str, ...]
    """All sources in the order of compilation, the top last."""
    latency_cycles: int = 0
    """Predicted, from a frame's first word in to its last word out; 0: not known."""

    def save(self, folder: Path) -> None:
        """Write design.json into `folder`."""
        artifact.write_json(folder / FILE, asdict(self))


def load_design(folder: Path) -> Design:
    """Read the design of the rtl artifact in `folder`."""
    table: dict[str, Any] = artifact.read_json(folder / FILE)
    layers = [
        LayerRtl(
            **layer
            | _tuples(layer, "sources", "data", "inputs", "taps")
            | {"outputs": tuple(_stream(output) for output in layer["outputs"])}
        )
        for layer in table.pop("layers")
    ]
    streams = {key: _stream(table.pop(key)) for key in ("input", "output")}
    return Design(**{**table, **streams, "sources": tuple(table["sources"])}, layers=tuple(layers))


def design_digest(rtl: Path) -> str:
    """Return the digest (64 hexadecimal digits) that bitstream, package and results of a design share.

    `rtl` is the design's artifact; its content holds the weights.
    """
    manifest = artifact.read_manifest(rtl)
    assert manifest is not None, f"{rtl} is no artifact"
    return artifact.digest_json({"rtl": manifest.content})


def _stream(table: dict[str, Any]) -> Stream:
    return Stream(**{**table, **_tuples(table, "folded_shape")})


def _tuples(table: dict[str, Any], *keys: str) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(table[key]) for key in keys}
