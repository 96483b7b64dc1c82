"""What an export's README, test bench and IP-XACT say of a design."""

from dataclasses import dataclass
from typing import Any

from qonnx.core.datatype import DataType

from fpga_flow.design.design import INPUT, OUTPUT, Design, Stream
from fpga_flow.handover.sources import Written
from fpga_flow.results.export import ExportResult
from fpga_flow.results.verify import VerifyResult

PAUSE_FRAMES = 2
"""Frames that a stall of the output lasts on average, in the test bench."""
IDLE_CYCLES = 100_000
"""Cycles without a transfer, beyond pauses and latency, that the test bench takes for a deadlock."""


ROUNDINGS = {
    "ROUND": "to the nearest integer, a half to the even one",
    "FLOOR": "down",
    "CEIL": "up",
    "UP": "away from zero",
    "DOWN": "towards zero",
    "HALF_UP": "to the nearest integer, a half away from zero",
    "HALF_DOWN": "to the nearest integer, a half towards zero",
}
"""In words; `integer.quantise` has what they do."""


@dataclass(frozen=True)
class Port:
    """One AXI-Stream."""

    name: str
    width: int
    """Bits of TDATA."""
    words: int
    """Per frame."""
    lanes: int
    bits: int
    """Of a value."""
    datatype: str
    signed: bool
    bipolar: bool

    @property
    def padding(self) -> int:
        """Bits above the lanes, which are zero."""
        return self.width - self.lanes * self.bits

    @property
    def kind(self) -> str:
        """A value's kind in words."""
        if self.bipolar:
            return "one bit: 0 for -1, 1 for 1"
        sign = "signed (two's complement)" if self.signed else "unsigned"
        return f"{self.bits} bit{'s' * (self.bits != 1)}, {sign}"


@dataclass(frozen=True)
class Description:
    """All that the templates know."""

    name: str
    version: str
    top: str
    part: str
    clock_mhz: float
    cycles_per_frame: int
    latency_cycles: int
    """Predicted; 0: not known."""
    input: Port
    output: Port
    top_k: int
    output_words: str
    """What comes out, in words."""
    host: dict[str, Any]
    numbers: dict[str, Any]
    frames: int
    """Golden frames."""
    verified: VerifyResult | None
    written: Written
    as_verilog: bool

    @property
    def period_ns(self) -> float:
        """Of the clock."""
        return round(1000 / self.clock_mhz, 3)

    @property
    def half_period_ps(self) -> int:
        """Of the clock."""
        return round(500_000 / self.clock_mhz)

    @property
    def frames_per_second(self) -> int:
        """Predicted."""
        return round(self.clock_mhz * 1e6 / self.cycles_per_frame)

    @property
    def rounding(self) -> str:
        """How a host rounds, in words; empty where its codes are found otherwise."""
        return ROUNDINGS.get(self.host["rounding"], "")

    @property
    def shape(self) -> str:
        """Of a frame of integers, channels last: the order in which they travel."""
        channels, *rest = self.host["shape"]
        return " x ".join(str(size) for size in (*rest, channels))

    @property
    def pause(self) -> int:
        """Cycles that a stall of the output lasts on average."""
        return PAUSE_FRAMES * self.cycles_per_frame

    @property
    def idle_limit(self) -> int:
        """Cycles without a transfer that are a deadlock."""
        return IDLE_CYCLES + 4 * (self.pause + self.latency_cycles)


def describe(
    name: str,
    version: str,
    design: Design,
    exported: ExportResult,
    verified: VerifyResult | None,
    written: Written,
    frames: int,
    as_verilog: bool,
) -> Description:
    """Return the description of `design`, of the run's artifacts and of what is `written` already."""
    return Description(
        name=name,
        version=version,
        top=design.top,
        part=design.part,
        clock_mhz=design.clock_mhz,
        cycles_per_frame=design.cycles_per_frame,
        latency_cycles=design.latency_cycles,
        input=_port(INPUT, design.input),
        output=_port(OUTPUT, design.output),
        top_k=design.top_k,
        output_words=exported.output.words(design.top_k),
        host=exported.input.description(),
        numbers=exported.output.description(),
        frames=frames,
        verified=verified,
        written=written,
        as_verilog=as_verilog,
    )


def _port(name: str, stream: Stream) -> Port:
    kind = DataType[stream.datatype]
    return Port(
        name=name,
        width=stream.width,
        words=stream.words,
        lanes=stream.lanes,
        bits=int(kind.bitwidth()),
        datatype=stream.datatype,
        signed=bool(kind.signed()),
        bipolar=kind.name == "BIPOLAR",
    )
