"""The activity of the streams over one frame: what a simulation counts, and how it is read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpga_flow.core.errors import ToolError
from fpga_flow.design.design import INPUT, INPUT_TAP, OUTPUT, Design
from fpga_flow.results.activity import Activity, StreamActivity
from fpga_flow.sim.simulator import SimResult

MOST_PARTS = 64
"""Parts that a frame's cycles are divided into; where a frame has fewer cycles, each is one."""
INPUT_LAYER = "input"
"""In place of a layer, for the stream that enters the accelerator."""


@dataclass(frozen=True)
class Window:
    """Cycles, counted from the end of reset, over which streams are counted: `parts` of `cycles` each."""

    first: int
    cycles: int
    parts: int

    @property
    def end(self) -> int:
        """The cycle behind it."""
        return self.first + self.cycles * self.parts

    def plusargs(self, folder: Path) -> list[str]:
        """Return what makes a simulation count, and write the counts to `folder`."""
        return [
            f"activity={folder}",
            f"activity_from={self.first}",
            f"activity_cycles={self.cycles}",
            f"activity_parts={self.parts}",
        ]


def window(design: Design, frames: int) -> Window:
    """Return a frame's cycles in the middle of a simulation of `frames`, between its begin and its end."""
    whole = design.cycles_per_frame
    cycles = -(-whole // MOST_PARTS)
    return Window(frames * whole // 2, cycles, -(-whole // cycles))


def read_activity(design: Design, over: Window, folder: Path, measured: SimResult) -> Activity | None:
    """Return what a simulation that `measured` wrote to `folder`.

    None where `over` lies before the first frame has come out or behind the last word in: that is no steady
    state. Raises `ToolError` where the simulation wrote too little.
    """
    first_out = measured.output_cycles[OUTPUT][design.output.words - 1]
    if not first_out <= over.first or over.end > measured.input_cycles[INPUT][-1]:
        return None
    names = [(INPUT_LAYER, design.input.tensor, INPUT_TAP)]
    names += [
        (layer.name, stream.tensor, layer.tap(stream))
        for layer in design.layers
        for stream in layer.outputs
        if stream.tensor in layer.taps
    ]
    return Activity(
        first_cycle=over.first,
        part_cycles=over.cycles,
        streams=tuple(_stream(*name, over, folder) for name in names),
    )


def _stream(layer: str, tensor: str, tap: str, over: Window, folder: Path) -> StreamActivity:
    path = folder / f"{tap}.activity"
    counts = np.loadtxt(path, np.int64, ndmin=2) if path.is_file() else np.zeros((0, 3), np.int64)
    if counts.shape != (over.parts, 3):
        raise ToolError(f"verilator: the simulation did not write {path.name} whole; run again with --debug")
    moves, waits, starves = (tuple(column.tolist()) for column in counts.T)
    return StreamActivity(layer=layer, tensor=tensor, moves=moves, waits=waits, starves=starves)
