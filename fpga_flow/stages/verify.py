"""Stage `verify`: the stitched RTL in Verilator against the golden model, on real frames; then proofs.

Three kinds of simulation: all frames at full speed (outputs, cycles per frame, latency), all frames
with random stalls on both sides (outputs), and a few frames with every layer's stream recorded and
compared. A difference of outputs is traced to its layer by recording the frame it occurs in. Layers whose
kind can be proved right for every input are (`fpga_flow.prove`), each alone.
"""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core import toolchain
from fpga_flow.core.artifact import EFFORT, write_json
from fpga_flow.core.progress import bar, say, warn
from fpga_flow.core.stage import Context
from fpga_flow.integer.golden import Golden
from fpga_flow.prove.layers import Prover
from fpga_flow.results.verify import Difference, FrameCounts, RtlAccuracy, VerifyEffort, VerifyResult
from fpga_flow.sim.packing import wanted
from fpga_flow.sim.simulator import DeadlockError, SimResult
from fpga_flow.verify.accelerator import Accelerator, timing
from fpga_flow.verify.activity import read_activity, window
from fpga_flow.verify.compare import comparable, first_layer

STALL = 0.3
"""Chance that a side rests in a cycle, long rests counted in full."""
PART_FRAMES = 12
"""Least frames of a simulation: each one fills the pipeline anew, and its rate settles."""
PARTS = 8
"""Most simulations that the frames are shared between. They are the same on any number of processors, since
seeds and measured rate depend on the shares."""


def run(context: Context) -> VerifyResult:
    """Simulate and compare."""
    recipe = context.recipe.verify
    vectors = np.load(context.inputs["export"] / "vectors.npz")
    frames = min(recipe.frames, len(vectors["x"]))
    x, labels = vectors["x"][:frames], vectors["label"][:frames]
    rtl = context.inputs["rtl"]
    accelerator = Accelerator(rtl, context.cache / "verilator", context.folder / "verilator.log")
    expected = wanted(vectors["logits"][:frames], accelerator.design.top_k)
    export = context.inputs["export"]
    golden = Golden(export / "golden.onnx", export / "golden_layers.onnx")

    jobs = _jobs(frames, recipe.stalls)
    say(f"  simulating {frames} frames" + (", and again with random stalls on both sides" * recipe.stalls))
    total = sum(job.frames.stop - job.frames.start for job in jobs)
    over = window(accelerator.design, jobs[0].frames.stop)
    with (
        tempfile.TemporaryDirectory(prefix="fpga_flow_activity_") as counted,
        bar("simulating the RTL", total, "frames") as advance,
    ):

        def simulate(job: Job) -> tuple[NDArray[np.int64], SimResult]:
            return accelerator.run(
                x[job.frames],
                stall=job.stall,
                seed=recipe.seed + job.frames.start,
                plusargs=over.plusargs(Path(counted)) if job is jobs[0] else (),
                advance=advance,
            )

        with ThreadPoolExecutor(toolchain.CPU_COUNT) as pool:
            try:
                results = list(pool.map(simulate, jobs))
            except DeadlockError as error:
                raise accelerator.explained(error) from None
        activity = read_activity(accelerator.design, over, Path(counted), results[0][1])
    found = np.concatenate([r[0] for job, r in zip(jobs, results, strict=True) if not job.stall])
    measured = results[0][1]
    differing = [
        job.frames.start + _differing(values, expected[job.frames])
        for job, (values, _) in zip(jobs, results, strict=True)
    ]
    wrong = np.unique(np.concatenate(differing))
    difference, compared, left = _layers(accelerator, golden, x, wrong, recipe.layer_frames)
    prover = Prover(accelerator.design, rtl, context.cache, context.folder / "proofs.log")
    with bar("proving layers for every input", len(prover.distinct), "layers") as advance:
        proofs = prover.prove_all(advance)
    per_frame, latency = timing(measured, accelerator.design)
    mismatches = len(wrong) + (difference is not None and not len(wrong))
    say(
        f"  {frames} frames, {mismatches} differences; {len(compared)} layers equal on "
        f"{recipe.layer_frames} frames, {sum(proof.proved for proof in proofs)} of them proved for every "
        f"input; {per_frame:,.0f} cycles per frame "
        f"(predicted {accelerator.design.cycles_per_frame:,})"
    )
    for proof in proofs:
        if not proof.proved:
            warn(f"not proved: {proof.words()}")
    effort = VerifyEffort(cycles_per_second=measured.cycles_per_second)
    write_json(context.folder / EFFORT, effort.model_dump())
    return VerifyResult(
        simulator=f"verilator {toolchain.verilator().version}",
        samples=frames,
        mismatches=int(mismatches),
        first_difference=difference,
        measured_cycles_per_frame=per_frame,
        measured_latency_cycles=latency,
        stalls=recipe.stalls,
        sets=_sets(jobs, differing),
        layers_compared=tuple(compared),
        values_compared=compared,
        layers_not_reached=tuple(left),
        layer_frames=recipe.layer_frames,
        proofs=proofs,
        accuracy=RtlAccuracy(rtl=_accuracy(found, labels, accelerator.design.top_k)),
        activity=activity,
    )


@dataclass(frozen=True)
class Job:
    """One simulation: a run of frames, each side resting with the chance `stall` in a cycle."""

    frames: slice
    stall: float


def _jobs(frames: int, stalls: bool) -> list[Job]:
    """Share the frames between simulations; the first job is at full speed, to measure the rate."""
    count = max(1, min(PARTS, frames // PART_FRAMES))
    ends = [frames * i // count for i in range(count + 1)]
    parts = [slice(start, end) for start, end in pairwise(ends)]
    return [Job(part, stall) for stall in (0.0, *([STALL] if stalls else [])) for part in parts]


def _sets(jobs: Sequence[Job], differing: Sequence[NDArray[np.int64]]) -> tuple[FrameCounts, ...]:
    """Return how many frames were simulated and differ, without stalls and with them, where there are any."""
    return tuple(
        FrameCounts(
            stalls=stalls,
            frames=sum(job.frames.stop - job.frames.start for job in jobs if bool(job.stall) == stalls),
            mismatches=sum(
                len(found) for job, found in zip(jobs, differing, strict=True) if bool(job.stall) == stalls
            ),
        )
        for stalls in sorted({bool(job.stall) for job in jobs})
    )


def _differing(found: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.flatnonzero((found != expected).any(axis=1))


def _accuracy(found: NDArray[np.int64], labels: NDArray[np.int64], k: int) -> float | None:
    """Return the share of frames whose best class is right, None where the labels are not known."""
    if (labels < 0).any():
        return None
    return float(np.mean((found[:, 0] if k else found.argmax(axis=1)) == labels))


def _layers(
    accelerator: Accelerator, golden: Golden, x: NDArray[np.generic], wrong: NDArray[np.int64], frames: int
) -> tuple[Difference | None, dict[str, int], list[str]]:
    """Compare every layer's stream on the first `frames` frames, or on the first wrong one.

    Also returns the layers compared, with how many numbers, and those behind the first that differs.
    """
    chosen = np.arange(min(frames, len(x))) if not len(wrong) else wrong[:1]
    with tempfile.TemporaryDirectory(prefix="fpga_flow_taps_") as folder:
        accelerator.run(x[chosen], taps=Path(folder))
        expected = golden.layers(x[chosen])
        difference, compared = first_layer(accelerator.design, Path(folder), expected)
    if difference is not None:
        difference = difference.model_copy(update={"frame": int(chosen[difference.frame])})
    names = dict.fromkeys(layer.name for layer, _ in comparable(accelerator.design, expected))
    return difference, compared, [name for name in names if name not in compared]
