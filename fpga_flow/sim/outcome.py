"""What a simulation gives, and the errors that end one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import FlowError

Words = NDArray[np.uint8]


@dataclass(frozen=True)
class FifoState:
    """What one of the design's FIFOs (`layers/hdl/fifo.sv`) was like at the end of a simulation."""

    depth: int
    held: int
    """Words in it."""
    most: int
    """Most words ever in it."""
    words: int
    """Words that went in."""
    offered: bool
    """The layer before it offers a word."""
    wanted: bool
    """The layer behind it would take a word."""

    @property
    def full(self) -> bool:
        """Whether it holds as much as it can."""
        return self.held >= self.depth


@dataclass(frozen=True)
class SimResult:
    """What a simulation gave. Cycles count from the first one after the reset."""

    outputs: dict[str, Words]
    """uint8 (words, bytes), little endian."""
    beyond: dict[str, Words]
    """What came out after those."""
    input_cycles: dict[str, NDArray[np.uint64]]
    """When each word went in."""
    output_cycles: dict[str, NDArray[np.uint64]]
    """When each word came out."""
    cycles: int
    seconds: float
    """Wall time of the clock cycles alone."""
    log: str
    """What the RTL printed."""
    fifos: dict[str, FifoState]
    """At the end, by path in the design (instance names with dots between)."""

    @property
    def first_input_cycle(self) -> int:
        """The cycle in which the first word of any input went in."""
        return min(int(cycles[0]) for cycles in self.input_cycles.values() if len(cycles))

    @property
    def cycles_per_second(self) -> float:
        """Clock cycles simulated in a second."""
        return self.cycles / self.seconds if self.seconds else 0.0


class SimulationError(FlowError):
    """The RTL did not do what a stream must; `result` holds what came until then."""

    exit_code = 3

    def __init__(self, message: str, result: SimResult) -> None:
        """`message` names the streams and their words in and out."""
        super().__init__(message)
        self.result = result


class DeadlockError(SimulationError):
    """Nothing moved any more, though words were still to go in or to come out."""


class StarvedError(DeadlockError):
    """An output gave nothing for too long, while other streams still moved."""


class CycleLimitError(SimulationError):
    """It took longer than allowed."""


class ExtraOutputError(SimulationError):
    """More words came out than there should be."""


class ProtocolError(SimulationError):
    """A stream broke the handshake: valid fell, data changed, or valid depended on ready."""


class RtlError(SimulationError):
    """The RTL stopped the simulation by `$error`, `$fatal`, `$stop` or `$finish`."""


ERRORS: dict[str, tuple[type[SimulationError], str]] = {
    "stuck": (DeadlockError, "deadlock: no register of the design changes any more"),
    "idle": (DeadlockError, "nothing moved for {idle_limit} cycles"),
    "limit": (CycleLimitError, "not done within {cycle_limit} cycles"),
    "starved": (StarvedError, "{stream}: no word came for {starved_limit} cycles, while others moved"),
    "extra": (ExtraOutputError, "{stream}: a word came out after the last one"),
    "protocol": (ProtocolError, "{stream}: {what}"),
    "error": (RtlError, "the RTL reported an error: {log}"),
    "finish": (RtlError, "the RTL ended the simulation: {log}"),
}


def read_fifos(path: Path) -> dict[str, FifoState]:
    """Read what the FIFOs wrote at the end of a simulation."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        name, depth, held, most, words, handshakes = line.split()
        ivld, _, _, ordy = (flag == "1" for flag in handshakes)
        found[name] = FifoState(int(depth), int(held), int(most), int(words), ivld, ordy)
    return found
