"""A run's network on frames of the user's: by the golden model, the simulated RTL, or the virtual board."""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow import data, results
from fpga_flow.core import places, toolchain
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.data import OWN, DataRecipe
from fpga_flow.design.design import load_design
from fpga_flow.export.frames import fitted
from fpga_flow.integer.golden import Golden
from fpga_flow.integer.quantise import quantise
from fpga_flow.pipeline.flow import Run
from fpga_flow.pipeline.standing import intact_stages
from fpga_flow.results.export import ExportResult

NEEDED = {"golden": ("export",), "rtl": ("export", "rtl"), "virtual": ("export", "rtl", "verify")}
"""What a network can run on -> the artifacts that this takes."""
GOLDEN_FRAMES = 32
"""Frames that the golden model takes at once."""
PART_FRAMES = 12
"""Least frames that a processor gets to simulate: each simulation fills the pipeline anew."""
LEAST_SECONDS = 600.0
SLOWEST = 2_000.0
"""Cycles a second that the virtual board makes at least, of the largest networks."""
FRAMES, OUTPUTS = "frames.npz", "outputs.npz"
"""Files on the board."""


@dataclass(frozen=True)
class _Task:
    """What a network is run on, and what is known of it."""

    run: Run
    folders: Mapping[str, Path]
    frames: NDArray[np.float32]
    """(N, ...) as the network takes them."""
    spec: Mapping[str, Any]
    """How the host quantises them."""
    k: int
    """Indices that come out; 0: numbers."""

    @property
    def codes(self) -> NDArray[Any]:
        """The frames as integers (N, channels, ...)."""
        return quantise(self.frames, dict(self.spec))


def outputs(run: Run, file: Path, on: str) -> dict[str, NDArray[Any]]:
    """Return what the network of `run` gives for the frames x in the .npz `file`, run on one of `NEEDED`.

    `y` are the classes (N,), or the best classes (N, k), best first; where the network gives numbers, those,
    and `integers` are what they are made of, channels first. Raises `InputError` where the frames do not fit,
    the run is not far enough, or one of its files was changed.
    """
    folders = intact_stages(run, NEEDED[on], f"build it up to {NEEDED[on][-1]} first")
    exported = results.read(ExportResult, folders["export"])
    output, spec = exported.output, exported.input.description()
    frames = fitted(
        data.load(DataRecipe(name=OWN, file=str(file)), "test", places.cache() / "data"),
        spec,
        0,
        str(file),
    )
    x = frames.read(np.arange(len(frames)))
    task = _Task(run, folders, x, spec, output.top_k(run.recipe.hardware.top_k))
    integers = {"golden": _golden, "rtl": _simulated, "virtual": _virtual}[on](task)
    if task.k:
        return {"y": integers[:, 0] if task.k == 1 else integers}
    numbers = channels_first(integers, output.shape)
    return {"y": output.values(numbers, 0), "integers": numbers}


def channels_first(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the numbers (N, values) of an accelerator, channels last, as (N, *shape), channels first."""
    channels, *positions = shape
    return np.moveaxis(values.reshape(len(values), *positions, channels), -1, 1).astype(np.int64)


def _golden(task: _Task) -> NDArray[np.int64]:
    from fpga_flow.sim.packing import wanted

    golden, codes = Golden(task.folders["export"] / "golden.onnx"), task.codes
    found = []
    with bar("running the golden model", len(codes), "frames") as advance:
        for start in range(0, len(codes), GOLDEN_FRAMES):
            logits, _ = golden.run(codes[start : start + GOLDEN_FRAMES])
            found.append(logits)
            advance(len(logits))
    return wanted(np.concatenate(found), task.k)


def _simulated(task: _Task) -> NDArray[np.int64]:
    from fpga_flow.sim.simulator import DeadlockError
    from fpga_flow.verify.accelerator import Accelerator

    codes = task.codes
    parts = np.array_split(codes, max(1, min(toolchain.CPU_COUNT, len(codes) // PART_FRAMES)))
    with tempfile.TemporaryDirectory(prefix="flow-run-") as scratch:
        log = Path(scratch) / "verilator.log"
        accelerator = Accelerator(task.folders["rtl"], places.cache() / "verilator", log)
        with (
            bar("simulating the RTL", len(codes), "frames") as advance,
            ThreadPoolExecutor(len(parts)) as pool,
        ):
            try:
                found = list(pool.map(lambda part: accelerator.run(part, advance=advance)[0], parts))
            except DeadlockError as error:
                raise accelerator.explained(error) from None
    return np.concatenate(found)


def _patience(task: _Task) -> float:
    """Return the seconds after which the virtual board is taken to hang."""
    cycles = load_design(task.folders["rtl"]).cycles_per_frame
    return LEAST_SECONDS + len(task.frames) * cycles / SLOWEST


def _virtual(task: _Task) -> NDArray[np.int64]:
    from fpga_flow.deploy import command, procedure
    from fpga_flow.deploy.transport import Virtual
    from fpga_flow.deploy.virtual.build import STAND_IN

    package = command.make_package(task.run, virtual=True)
    with tempfile.TemporaryDirectory(prefix="virtual-board-home-") as home:
        frames = Path(home) / FRAMES
        np.savez(frames, x=task.frames)
        with closing(Virtual(Path(home), STAND_IN)) as board:
            folder = procedure.install(board, package)
            with bar("copying frames to the board", frames.stat().st_size, "bytes") as advance:
                board.put(frames, folder / FRAMES, advance)
            procedure.run_frames(board, folder, FRAMES, OUTPUTS, _patience(task))
            (Path(home) / OUTPUTS).write_bytes(board.read(folder / OUTPUTS))
        with np.load(Path(home) / OUTPUTS) as found:
            integers: NDArray[np.int64] = found["integers"].astype(np.int64)
    return integers
