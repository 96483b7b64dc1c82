"""The RTL with FIFOs whose depths are set when the simulation starts: one compiled simulator for all."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpga_flow.core.progress import bar
from fpga_flow.design.design import INPUT, OUTPUT, Design
from fpga_flow.fifos.tokens import UNLIMITED
from fpga_flow.integer.names import instance
from fpga_flow.sim.simulator import CycleLimitError, DeadlockError, FifoState, Port, SimResult, Simulator

DEFINE = "FIFO_SIZING"
"""What makes `layers/hdl/fifo.sv` its sizing variant."""


@dataclass(frozen=True)
class Simulated:
    """What a simulation with certain depths gave."""

    stuck: bool
    period: float
    """Cycles per frame in the later half of the frames."""
    latency: int
    """Cycles from the first word in to the first frame's last word out."""
    fills: tuple[int, ...]
    """Most words ever in each FIFO."""
    states: tuple[FifoState, ...]
    """Of each FIFO at the end."""

    @property
    def words(self) -> int:
        """Words that went into the FIFOs, all of them together."""
        return sum(state.words for state in self.states)


class SizingSimulator:
    """A design in Verilator with FIFOs of any depths and no data in them; a `Player` of `fifos.sizing`.

    When a word moves does not depend on what it holds, so the simulator leaves out all data.
    """

    pace = 4_000_000
    """Words that go into FIFOs in a second of simulating it, about."""

    def __init__(self, design: Design, folder: Path, fifos: Sequence[str], cache: Path, log: Path) -> None:
        """Compile `design` in `folder` (or take it from `cache`); `fifos` are names of layers."""
        self.design, self.folder, self.fifos = design, folder, tuple(fifos)
        self.simulator = Simulator.build(
            design.top,
            [folder / source for source in design.sources],
            inputs=[Port(INPUT, design.input.width)],
            outputs=[Port(OUTPUT, design.output.width)],
            defines={DEFINE: ""},
            asserts=False,
            cache=cache,
            log=log,
        )
        self.cycles = 0
        """Clock cycles simulated so far."""

    def play(
        self, depths: Sequence[int], *, frames: int, period: int = 0, limit: int | None = None
    ) -> Simulated:
        """Simulate `frames` frames; with `period` the input spreads each evenly over so many cycles.

        A simulation that is not done in `limit` cycles is stopped, and its period is infinite.
        """
        words_in, words_out = self.design.input.words, self.design.output.words
        stuck = False
        with (
            tempfile.TemporaryDirectory(prefix="fpga_flow_fifos_") as scratch,
            bar("simulating the RTL to size FIFOs", frames, "frames") as advance,
        ):
            table = Path(scratch) / "depths.txt"
            limited = [(n, d) for n, d in zip(self.fifos, depths, strict=True) if d < UNLIMITED]
            table.write_text(
                "".join(f"{instance(name)} {depth}\n" for name, depth in limited), encoding="ascii"
            )
            shown = 0

            def progress(words: int) -> None:
                nonlocal shown
                advance(words // words_out - shown)
                shown = words // words_out

            try:
                result = self.simulator.run(
                    {INPUT: np.zeros((frames * words_in, self.design.input.width // 8), np.uint8)},
                    {OUTPUT: frames * words_out},
                    pace=(words_in, period) if period else None,
                    idle_limit=max(1_000_000, 100 * period),
                    cycle_limit=limit or 0,
                    drain=0,
                    beyond=words_out,
                    plusargs=[f"fifo_depths={table}"],
                    folder=self.folder,
                    progress=progress,
                )
            except DeadlockError as error:
                result, stuck = error.result, True
            except CycleLimitError as error:
                result = error.result
        self.cycles += result.cycles
        return self._simulated(result, stuck, frames)

    def _simulated(self, result: SimResult, stuck: bool, frames: int) -> Simulated:
        words = self.design.output.words
        ends = result.output_cycles[OUTPUT][words - 1 :: words].astype(np.int64)
        half = ends[len(ends) // 2 :] if len(ends) > 3 else ends
        states = by_name(result.fifos, self.fifos)
        return Simulated(
            stuck=stuck,
            period=float(half[-1] - half[0]) / max(len(half) - 1, 1) if len(ends) == frames else math.inf,
            latency=int(ends[0]) - result.first_input_cycle if len(ends) else -1,
            fills=tuple(state.most for state in states),
            states=states,
        )


def by_name(states: Mapping[str, FifoState], fifos: Sequence[str]) -> tuple[FifoState, ...]:
    """Return the state of each of `fifos`, names of layers, from `states` by path."""
    found = {part: state for path, state in states.items() for part in path.split(".")}
    return tuple(found[instance(name)] for name in fifos)
