"""Logic between two registers of the constant unit, counted in Yosys' netlist."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.layers.constant.adders import Range
from fpga_flow.layers.constant.solvers import solve
from fpga_flow.layers.constant.unit import MODULES, Unit, Words
from fpga_flow.target.families import family_named
from tests.bench.bench_constant import HDL
from tests.bench.netlist import synthesised


@pytest.mark.parametrize(
    ("shape", "digit", "zeros"),
    [((64, 6), 32, 0.2), ((24, 9), 32, 0.0), ((16, 24), 4, 0.5), ((12, 300), 1, 0.6)],
)
def test_at_most_six_levels_of_logic_lie_between_registers(
    shape: tuple[int, int], digit: int, zeros: float, tmp_path: Path
) -> None:
    generator = np.random.default_rng(1)
    matrix = np.where(generator.random(shape) < zeros, 0, generator.integers(-7, 8, shape))
    graph = solve(matrix, [Range(-8, 7)] * shape[1]).graph
    words = Words(shape[1], shape[0], 4, True, False, graph.sums.bits)
    source = tmp_path / "top.sv"
    source.write_text(Unit(graph, digit, words).modules("top"))
    sources = [*(HDL / module for module in MODULES), source]
    assert synthesised("top", sources, tmp_path, family_named("xc7")).levels <= 6
