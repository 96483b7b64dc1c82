"""The whole accelerator in Verilator: frames in, classes or logits out, and how long they took."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.design.design import INPUT, OUTPUT, Design, load_design
from fpga_flow.fifos.explain import explained
from fpga_flow.sim.packing import channels_last, pack, unpack
from fpga_flow.sim.simulator import DeadlockError, ExtraOutputError, Port, SimResult, Simulator

PAUSE_FRAMES = 4
"""Frames that a stall of the output lasts on average."""
IDLE_LIMIT = 100_000
"""Cycles without any transfer, beyond the longest pauses, that are taken for a deadlock."""


DRAIN = 1_000
"""Cycles after the last output. Where streams are written down, layers get two frames more to end theirs:
what no window reads may still be on its way when the last output is there."""


class Accelerator:
    """The simulated RTL as a function from frames to classes, or to logits."""

    def __init__(self, folder: Path, cache: Path, log: Path) -> None:
        """Build (or take from `cache`) the simulator of the rtl artifact in `folder`."""
        self.design: Design = load_design(folder)
        self.folder, self.cache, self.log = folder, cache, log
        # A frame may be one word at the output: only a pause of frames makes the layers before it wait.
        self.pause = PAUSE_FRAMES * self.design.cycles_per_frame
        # Where nothing can move any more the simulator knows it at once; this is for an output alone.
        latency = self.design.latency_cycles
        self.starved_limit = IDLE_LIMIT + 4 * (self.pause + latency) if latency else 0
        self.simulator = Simulator.build(
            self.design.top,
            [folder / source for source in self.design.sources],
            inputs=[Port(INPUT, self.design.input.width)],
            outputs=[Port(OUTPUT, self.design.output.width)],
            cache=cache,
            effort="fast",
            log=log,
        )

    def run(
        self,
        x: NDArray[np.generic],
        *,
        stall: float = 0.0,
        seed: int = 0,
        taps: Path | None = None,
        plusargs: Sequence[str] = (),
        advance: Callable[[int], None] = lambda frames: None,
    ) -> tuple[NDArray[np.int64], SimResult]:
        """Return the output (frames, values) for `x` (frames, channels, ...) and the measurements.

        The values are the indices of the `top_k` largest logits, or all logits, channels last. `advance` is
        told how many more frames came out; `plusargs` are the simulation's. Several runs may
        go on at the same time.

        Raises as `Simulator.run`; of words after the last frame only those are no error that a next frame
        begins with before any of it has come.
        """
        words, shown = self.design.output.words, 0

        def progress(out: int) -> None:
            nonlocal shown
            advance(out // words - shown)
            shown = out // words

        result = self.simulator.run(
            {INPUT: pack(channels_last(x), self.design.input)},
            {OUTPUT: len(x) * words},
            stall_in=stall,
            stall_out=stall,
            pause_out=self.pause,
            idle_limit=IDLE_LIMIT + 4 * self.pause,
            drain=DRAIN + (2 * self.design.cycles_per_frame if taps else 0),
            beyond=words,
            starved_limit=self.starved_limit,
            seed=seed,
            plusargs=[*plusargs, *([f"taps={taps}"] if taps else [])],
            folder=self.folder,
            progress=progress,
        )
        progress(len(x) * words)
        if len(result.beyond[OUTPUT]):
            self._check_beyond(result)
        return unpack(result.outputs[OUTPUT], self.design.output), result

    def _check_beyond(self, result: SimResult) -> None:
        """Raise `ExtraOutputError` where what came after the last frame does not begin a next one."""
        found, begun = result.beyond[OUTPUT], self._begun
        if len(found) > len(begun) or not np.array_equal(found, begun[: len(found)]):
            raise ExtraOutputError(
                f"simulation: {OUTPUT}: {len(found)} words came out after the last one, and not those that a "
                f"frame begins with before any of it has come ({len(begun)} words)",
                result,
            )

    @cached_property
    def _begun(self) -> NDArray[np.uint8]:
        """The words that the design gives without any input: windows that lie in the padding alone."""
        words, cycles = self.design.output.words, self.design.cycles_per_frame + self.design.latency_cycles
        nothing = np.zeros((0, self.design.input.width // 8), np.uint8)
        result = self.simulator.run(
            {INPUT: nothing}, {OUTPUT: 0}, beyond=words, drain=DRAIN + 2 * cycles, folder=self.folder
        )
        return result.beyond[OUTPUT]

    def explained(self, error: DeadlockError) -> DeadlockError:
        """Return a deadlock of `run` with its reason: layers, FIFOs, and how deep these must be."""
        return explained(error, self.design, self.folder, self.cache, self.log)


def timing(measured: SimResult, design: Design) -> tuple[int, int]:
    """Return cycles per frame in steady state and the latency of the first frame, both in cycles."""
    words = design.output.words
    last_words = measured.output_cycles[OUTPUT][words - 1 :: words].astype(np.int64)
    # The pipeline fills during the first half: the second half shows the steady rate.
    steady = last_words[len(last_words) // 2 :] if len(last_words) > 3 else last_words
    per_frame = (steady[-1] - steady[0]) / max(len(steady) - 1, 1)
    return round(per_frame), int(last_words[0] - measured.first_input_cycle)
