"""How frames are shared between simulations."""

from itertools import pairwise

import pytest

from fpga_flow import toolchain
from fpga_flow.verify import stage


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
