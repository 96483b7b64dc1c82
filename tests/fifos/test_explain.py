"""A deadlock of the RTL is told within seconds: layers, edge, FIFO, and a depth that ends it."""

import time
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core import places
from fpga_flow.design.design import OUTPUT
from fpga_flow.fifos.explain import explained
from fpga_flow.sim.simulator import DeadlockError
from tests.fifos.hardware import simulate, simulator_of
from tests.fifos.residual_rtl import residual_design

CACHE = places.cache() / "verilator"


def test_deadlock_of_a_residual_network_is_explained_and_its_cure_works(tmp_path: Path) -> None:
    design = residual_design(tmp_path, {})
    simulator = simulator_of(design, tmp_path)
    start = time.monotonic()
    with pytest.raises(DeadlockError, match="no register of the design changes any more") as stuck:
        simulate(simulator, design, tmp_path, 4)
    assert stuck.value.result.cycles < 5_000 and time.monotonic() - start < 10

    error = explained(stuck.value, design, tmp_path, CACHE, tmp_path / "log.txt")
    assert error.exit_code == 3
    text = str(error)
    assert "copy, add, block wait for each other" in text
    assert "FIFO skip in copy -> add is full (2 of 2 words)" in text
    assert "FIFO late in block -> add is empty" in text
    depth = int(text.split("skip (copy -> add) must hold at least ")[1].split()[0])

    for tried, ends_well in ((depth, True), (depth - 1, False)):
        (folder := tmp_path / str(tried)).mkdir()
        design = residual_design(folder, {"skip": tried})
        simulator = simulator_of(design, folder)
        if ends_well:
            assert simulate(simulator, design, folder, 4).fifos["TOP.accelerator.u_skip.fifo"].most == depth
        else:
            with pytest.raises(DeadlockError):
                simulate(simulator, design, folder, 4)


def test_long_pauses_are_no_deadlock(tmp_path: Path) -> None:
    design = residual_design(tmp_path, {"skip": 40})
    simulator = simulator_of(design, tmp_path)
    pauses = {"stall_in": 1.0, "stall_out": 1.0, "pause_in": 3_000, "pause_out": 5_000}
    result = simulate(simulator, design, tmp_path, 200, seed=3, idle_limit=100_000, **pauses)
    words = design.output.words
    gaps = np.diff(result.output_cycles[OUTPUT].astype(np.int64))
    assert len(gaps) == 200 * words - 1 and gaps.max() > 2_000
