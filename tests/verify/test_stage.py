"""How frames are shared between simulations, and what is said of them and of the layers."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from fpga_flow.core import toolchain
from fpga_flow.results.verify import FrameCounts
from fpga_flow.stages import verify as stage
from tests.verify.test_compare import FRAMES, STREAM, design, write


@pytest.mark.parametrize("frames", [2, 16, 23, 24, 100, 256])
def test_shares_do_not_depend_on_the_processors(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for count in (1, 2, 16):
        monkeypatch.setattr(toolchain, "CPU_COUNT", count)
        found.append(stage._jobs(frames, True))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("frames", [2, 23, 256])
def test_shares_are_all_frames_with_and_without_stalls(frames: int) -> None:
    jobs = stage._jobs(frames, True)
    assert jobs[0].stall == 0
    for stall in (0.0, stage.STALL):
        shares = [job.frames for job in jobs if job.stall == stall]
        assert (shares[0].start, shares[-1].stop) == (0, frames)
        assert all(before.stop == after.start for before, after in pairwise(shares))
        assert all(share.stop - share.start >= min(frames, stage.PART_FRAMES) for share in shares)


def test_frames_that_differ_are_counted_apart_without_and_with_stalls() -> None:
    jobs = stage._jobs(48, True)
    differing = [np.arange(1 + bool(job.stall)) for job in jobs]
    count = len(jobs) // 2
    assert stage._sets(jobs, differing) == (
        FrameCounts(stalls=False, frames=48, mismatches=count),
        FrameCounts(stalls=True, frames=48, mismatches=2 * count),
    )
    (alone,) = stage._sets(stage._jobs(48, False), differing[:count])
    assert alone == FrameCounts(stalls=False, frames=48, mismatches=count)


@pytest.mark.parametrize(("first", "left"), [(STREAM, []), ([0, *STREAM[1:]], ["second"])])
def test_layers_behind_the_one_that_differs_are_named(first: list[int], left: list[str]) -> None:
    def run(x: Any, taps: Path) -> None:
        write(taps, "first", first)
        write(taps, "second", STREAM)

    accelerator = cast(Any, SimpleNamespace(design=design(), run=run))
    golden = cast(Any, SimpleNamespace(layers=lambda x: {"a": FRAMES, "c": FRAMES}))
    difference, compared, behind = stage._layers(accelerator, golden, FRAMES, np.array([], dtype=int), 2)
    assert (difference is None, behind) == (not left, left)
    assert compared == {name: FRAMES.size for name in ("first", "second") if name not in left}
