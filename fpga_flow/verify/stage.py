"""Stage `verify`: the stitched RTL in Verilator against the golden model, on real frames.

Three simulations: all frames at full speed (classes, cycles per frame, latency), all frames with
random stalls on both sides (classes), and a few frames with every layer's stream recorded and
compared. A difference of classes is traced to its layer by recording the frame it occurs in.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow import toolchain
from fpga_flow.design import INPUT, OUTPUT, Design, load_design
from fpga_flow.flow import Context
from fpga_flow.golden import Golden, top_k
from fpga_flow.progress import bar, say
from fpga_flow.verify.compare import Difference, first_layer
from fpga_flow.verify.packing import channels_last, pack, unpack
from fpga_flow.verify.simulator import Port, SimResult, Simulator

STALL = 0.3
"""Chance that a side rests in a cycle, long rests counted in full."""
PAUSE_FRAMES = 4
"""Frames that a stall of the output lasts on average."""
IDLE_LIMIT = 100_000
"""Cycles without any transfer, beyond the longest pauses, that are taken for a deadlock."""


class Accelerator:
    """The simulated RTL as a function from frames to classes, or to logits."""

    def __init__(self, folder: Path, cache: Path, log: Path) -> None:
        """Build (or take from `cache`) the simulator of the rtl artifact in `folder`."""
        self.design: Design = load_design(folder)
        self.folder = folder
        # A frame may be one word at the output: only a pause of frames makes the layers before it wait.
        self.pause = PAUSE_FRAMES * self.design.cycles_per_frame
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
        self, x: NDArray[np.generic], *, stall: float = 0.0, seed: int = 0, taps: Path | None = None
    ) -> tuple[NDArray[np.int64], SimResult]:
        """Return the output (frames, values) for `x` (frames, channels, ...) and the measurements.

        The values are the indices of the `top_k` largest logits, or all logits, channels last.
        """
        frames, words = len(x), self.design.output.words
        with bar("frames simulated", frames) as advance:
            shown = 0

            def progress(out: int) -> None:
                nonlocal shown
                advance(out // words - shown)
                shown = out // words

            result = self.simulator.run(
                {INPUT: pack(channels_last(x), self.design.input)},
                {OUTPUT: frames * words},
                stall_in=stall,
                stall_out=stall,
                pause_out=self.pause,
                idle_limit=IDLE_LIMIT + 4 * self.pause,
                seed=seed,
                plusargs=[f"taps={taps}"] if taps else [],
                folder=self.folder,
                progress=progress,
            )
        return unpack(result.outputs[OUTPUT], self.design.output), result


def run(context: Context) -> dict[str, Any]:
    """Simulate and compare; returns the report's `verify` object and the accuracy of the RTL."""
    recipe = context.recipe.verify
    vectors = np.load(context.inputs["export"] / "vectors.npz")
    frames = min(recipe.frames, len(vectors["x"]))
    x, labels = vectors["x"][:frames], vectors["label"][:frames]
    rtl = context.inputs["rtl"]
    accelerator = Accelerator(rtl, context.cache / "verilator", context.folder / "verilator.log")
    expected = wanted(vectors["logits"][:frames], accelerator.design.top_k)
    export = context.inputs["export"]
    golden = Golden(export / "golden.onnx", export / "golden_layers.onnx")

    say(f"  simulating {frames} frames")
    found, measured = accelerator.run(x)
    wrong = _differing(found, expected)
    stalled = np.array([], np.int64)
    if recipe.stalls:
        say(f"  simulating {frames} frames with random stalls on both sides")
        found_stalled, _ = accelerator.run(x, stall=STALL, seed=recipe.seed)
        stalled = _differing(found_stalled, expected)
    difference, compared = _layers(accelerator, golden, x, wrong, recipe.layer_frames)
    per_frame, latency = timing(measured, accelerator.design)
    mismatches = len(np.union1d(wrong, stalled)) + (difference is not None and not len(wrong))
    say(
        f"  {frames} frames, {mismatches} differences; {len(compared)} layers equal on "
        f"{recipe.layer_frames} frames; {per_frame:,.0f} cycles a frame "
        f"(predicted {accelerator.design.cycles_per_frame:,})"
    )
    return {
        "simulator": f"verilator {toolchain.verilator().version}",
        "samples": frames,
        "mismatches": int(mismatches),
        "first_difference": asdict(difference) if difference else None,
        "measured_cycles_per_frame": per_frame,
        "measured_latency_cycles": latency,
        "stalls": recipe.stalls,
        "cycles_per_second": measured.cycles_per_second,
        "layers_compared": compared,
        "layer_frames": recipe.layer_frames,
        "accuracy": {"rtl": _accuracy(found, labels, accelerator.design.top_k)},
    }


def wanted(logits: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return what the accelerator must give (frames, values) where the golden model gives `logits`."""
    return top_k(logits, k) if k else channels_last(logits).reshape(len(logits), -1)


def _differing(found: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.flatnonzero((found != expected).any(axis=1))


def _accuracy(found: NDArray[np.int64], labels: NDArray[np.int64], k: int) -> float | None:
    """Return the share of frames whose best class is right, None where the labels are not known."""
    if (labels < 0).any():
        return None
    return float(np.mean((found[:, 0] if k else found.argmax(axis=1)) == labels))


def timing(measured: SimResult, design: Design) -> tuple[int, int]:
    """Return cycles per frame in steady state and the latency of the first frame, both in cycles."""
    words = design.output.words
    last_words = measured.output_cycles[OUTPUT][words - 1 :: words].astype(np.int64)
    # The pipeline fills during the first half: the second half shows the steady rate.
    steady = last_words[len(last_words) // 2 :] if len(last_words) > 3 else last_words
    per_frame = (steady[-1] - steady[0]) / max(len(steady) - 1, 1)
    return round(per_frame), int(last_words[0] - measured.first_input_cycle)


def _layers(
    accelerator: Accelerator, golden: Golden, x: NDArray[np.generic], wrong: NDArray[np.int64], frames: int
) -> tuple[Difference | None, list[str]]:
    """Compare every layer's stream on the first `frames` frames, or on the first wrong one."""
    chosen = np.arange(min(frames, len(x))) if not len(wrong) else wrong[:1]
    with tempfile.TemporaryDirectory(prefix="fpga_flow_taps_") as folder:
        accelerator.run(x[chosen], taps=Path(folder))
        difference, compared = first_layer(accelerator.design, Path(folder), golden.layers(x[chosen]))
    if difference is not None:
        difference = Difference(**{**asdict(difference), "frame": int(chosen[difference.frame])})
    return difference, compared
