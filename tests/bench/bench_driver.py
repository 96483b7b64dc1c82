"""The driver's packing and unpacking against a plain copy of as many bytes, on one core.

    python -m tests.bench.bench_driver        # writes docs/driver.csv

Rates are in MB (10^6 bytes) of integers a second, one byte an integer; medians of the processor's time in
runs taken in turns, so that neither other work nor the order matters. What a core of a Zynq-7000 does is an
estimate: the ratio to the copy on this machine, times the copy on that core.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpga_flow.core.progress import bar, say
from fpga_flow.core.recipe import ROOT
from fpga_flow.deploy.board.accelerator.packing import frame_bytes, pack, unpack
from tests.bench.tables import processor, write_rows

RESULT = ROOT / "docs" / "driver.csv"
FRAMES, VALUES = 65536, 1024
"""More than any cache holds, as a chunk of the driver is for a Zynq-7000."""
ROUNDS = 9
LIBC_COPY = 412.0
"""What libc's memcpy, which is what numpy copies with, does on a core of a Zynq-7000 at 666 MHz, MB/s
(github.com/genodelabs/genode/issues/4456: 393 MiB/s)."""
LEAST_COPY = 256.0
"""The lowest that is reported for a copy on such a core (github.com/bmartini/zynq-xdma/issues/10)."""


@dataclass(frozen=True)
class Row:
    """Rates at one width, MB/s of integers; ratios to the copy; estimates for a core of a Zynq-7000."""

    bits: int
    copy: float
    pack: float
    unpack: float
    pack_ratio: float
    unpack_ratio: float
    zynq_pack: float
    zynq_unpack: float
    zynq_pack_least: float
    zynq_unpack_least: float


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's time that `work` takes."""
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def measure(bits: int, rounds: int = ROUNDS) -> Row:
    """Return the rates for integers of `bits` bits."""
    frames = np.random.default_rng(bits).integers(0, 1 << bits, (FRAMES, VALUES)).astype(np.uint8)
    # As the driver does it: into memory that is there already.
    target, packed = np.empty_like(frames), np.zeros((FRAMES, frame_bytes(VALUES, bits)), np.uint8)
    works: dict[str, Callable[[], object]] = {
        "copy": lambda: np.copyto(target, frames),
        "pack": lambda: pack(frames, bits, packed),
        "unpack": lambda: unpack(packed, bits, True, target.view(np.int8)),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work))
    rate = {name: frames.size / 1e6 / statistics.median(times) for name, times in taken.items()}
    ratios = [rate[name] / rate["copy"] for name in ("pack", "unpack")]
    figures = [
        *rate.values(),
        *ratios,
        *(speed * ratio for speed in (LIBC_COPY, LEAST_COPY) for ratio in ratios),
    ]
    return Row(bits, *(round(figure, 3) for figure in figures))


def main() -> None:
    """Measure all widths and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT)
    out: Path = parser.parse_args().out
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    with bar("widths", 8) as advance:
        for bits in range(1, 9):
            rows.append(measure(bits))
            advance(1)
    with out.open("w", newline="", encoding="utf-8") as stream:
        stream.write(f"# {processor()}, one core, numpy {np.__version__}; MB/s of integers, one byte each\n")
        write_rows(stream, rows)
    slowest = min(min(row.zynq_pack, row.zynq_unpack) for row in rows)
    least = min(min(row.zynq_pack_least, row.zynq_unpack_least) for row in rows)
    say(f"{out}: on a Zynq-7000's core at least {slowest:.0f} MB/s, {least:.0f} by the slowest copy")


if __name__ == "__main__":
    main()
