"""Writes generated signals to a file of RadioML's layout, on all cores."""

import json
import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.data import Impairments
from fpga_flow.core.toolchain import CPU_COUNT
from fpga_flow.data import radioml, signals
from fpga_flow.data.constellations import CLASSES
from fpga_flow.data.signals import CHUNK, Real


def chunks(
    snr_db: tuple[int, ...], per_block: int, length: int, seed: int, impairments: Impairments, workers: int
) -> Generator[tuple[int, int, Real], None, None]:
    """Yield (class, SNR, frames) in the order of the file, float32 (up to CHUNK, length, 2).

    `workers` threads compute ahead, by a bounded number of chunks; what they compute does not depend on
    how many they are.
    """
    jobs = (
        (label, ratio, start)
        for label in range(len(CLASSES))
        for ratio in snr_db
        for start in range(0, per_block, CHUNK)
    )
    ahead: deque[tuple[int, int, int, Future[Real]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for label, ratio, start in jobs:
                future = pool.submit(signals.chunk, label, ratio, start // CHUNK, length, seed, impairments)
                ahead.append((label, ratio, min(CHUNK, per_block - start), future))
                if len(ahead) > 4 * workers:
                    label, ratio, count, future = ahead.popleft()
                    yield label, ratio, future.result()[:count]
            while ahead:
                label, ratio, count, future = ahead.popleft()
                yield label, ratio, future.result()[:count]
        finally:
            pool.shutdown(cancel_futures=True)


def write(
    path: Path,
    snr_db: tuple[int, ...],
    per_block: int,
    length: int,
    seed: int,
    impairments: Impairments | None = None,
    workers: int = CPU_COUNT,
) -> None:
    """Write a generated data set to `path`, which appears only when it is complete.

    Raises `InputError` where the file cannot be written, as on a full disk.
    """
    impairments = impairments or Impairments()
    snr_db = tuple(sorted(set(snr_db)))
    total = len(CLASSES) * len(snr_db) * per_block
    make_folder(path.parent)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file, bar("generating frames", total, "frames") as advance:
            x = file.create_dataset("X", (total, length, 2), np.float32)
            y = file.create_dataset("Y", (total, len(CLASSES)), np.int64)
            z = file.create_dataset("Z", (total, 1), np.int64)
            row = 0
            for label, ratio, frames in chunks(snr_db, per_block, length, seed, impairments, workers):
                rows = slice(row, row + len(frames))
                x[rows] = frames
                y[rows] = radioml.one_hot(label, len(frames))
                z[rows] = np.full((len(frames), 1), ratio)  # a scalar takes ten times as long
                row += len(frames)
                advance(len(frames), note=CLASSES[label])
            made = signals.parameters(length, seed, impairments)
            file.attrs["generated"] = True
            file.attrs["source"] = f"generated radio signals (version {signals.VERSION}, seed {seed})"
            file.attrs["generator"] = signals.__name__
            file.attrs["version"] = signals.VERSION
            file.attrs["parameters"] = json.dumps(made | {"snr_db": snr_db, "frames_per_block": per_block})
            file.attrs["classes"] = json.dumps(CLASSES)
        partial.replace(path)
    except OSError as error:
        need = total * length * 8 / 1e9
        raise InputError(f"{path}: cannot be written ({error}); it needs {need:.1f} GB") from None
    finally:
        partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it; raises `InputError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be written ({error})") from None
