"""What the tests of constant matrices share: matrices, vectors, and a unit simulated against numpy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from fpga_flow.layers.constant.adders import Integers, Range
from fpga_flow.layers.constant.solvers import installed, solve
from fpga_flow.layers.constant.unit import MODULES, Unit, Words
from fpga_flow.sim.simulator import Port, SimResult, Simulator
from tests.rtl.modules import HDL, STALLS
from tests.rtl.operands import Operand
from tests.words import pack_words, unpack_words

SOLVERS = ["csd", *([] if installed() == "csd" else [installed()])]


@dataclass(frozen=True)
class Weights:
    """What kind of matrix: a type, how much of it is 0, and lines of it that are empty."""

    rows: int
    columns: int
    operand: Operand
    zeros: float
    narrow: bool = False
    """Without the most negative number."""
    empty_rows: int = 0
    empty_columns: int = 0
    seed: int = 1

    def draw(self) -> Integers:
        """Return such a matrix (rows, columns)."""
        generator = np.random.default_rng(self.seed)
        found = self.operand.draw(self.seed, (self.rows, self.columns))
        if self.narrow and self.operand.signed:
            found = np.maximum(found, 1 - self.operand.most)
        found = np.where(generator.random(found.shape) < self.zeros, 0, found)
        found[generator.permutation(self.rows)[: self.empty_rows]] = 0
        found[:, generator.permutation(self.columns)[: self.empty_columns]] = 0
        return found


def operands() -> st.SearchStrategy[Operand]:
    """Types of 1 to 8 bits."""
    names = ["BIPOLAR", *(f"{sign}INT{bits}" for bits in range(1, 9) for sign in ("U", "")), "UINT1"]
    return st.sampled_from([Operand(name) for name in names if name != "INT1"])


@st.composite
def weights(draw: st.DrawFn, most: int = 12) -> Weights:
    """Matrices of up to `most` rows and columns; from full to empty."""
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    return Weights(
        rows,
        columns,
        draw(operands()),
        draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0])),
        draw(st.booleans()),
        draw(st.integers(0, rows)) if draw(st.booleans()) else 0,
        draw(st.integers(0, columns)) if draw(st.booleans()) else 0,
        draw(st.integers(0, 1000)),
    )


def range_of(operand: Operand) -> Range:
    """Return what a value of the type can be."""
    low = -operand.most if operand.signed or operand.bipolar else 0
    return Range(low, operand.most - 1 if operand.signed else operand.most)


def unit_of(
    matrix: Integers,
    act: Operand,
    digit: int,
    *,
    simd: int | None = None,
    pe: int | None = None,
    solver: str = "csd",
    extra_bits: int = 0,
    levels: int = 6,
) -> Unit:
    """Return a unit for `matrix`, with sums of `extra_bits` more than needed."""
    rows, columns = matrix.shape
    graph = solve(matrix, [range_of(act)] * columns, solver).graph
    bits = max(1, graph.sums.bits) + extra_bits
    words = Words(simd or columns, pe or rows, act.bits, act.signed, act.bipolar, bits)
    return Unit(graph, digit, words, levels)


def simulator_of(unit: Unit, name: str, folder: Path, cache: Path) -> Simulator:
    """Compile `unit`."""
    source = folder / f"{name}.sv"
    source.write_text(unit.modules(name))
    words = unit.words
    return Simulator.build(
        name,
        [*(HDL / module for module in MODULES), source],
        inputs=[Port("in", words.simd * words.in_bits, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", words.pe * words.out_bits, ("data_o", "valid_o", "ready_i"))],
        clock="clk_i",
        reset="rst_ni",
        random=True,
        effort="quick",
        cache=cache,
    )


def assert_multiplies(
    unit: Unit, matrix: Integers, act: Operand, folder: Path, cache: Path, vectors: Integers | None = None
) -> list[SimResult]:
    """Assert that the RTL of `unit` gives `matrix` times vectors under all stalls, in the cycles predicted."""
    if vectors is None:
        vectors = act.draw(3, (60, matrix.shape[1]))
    simulator = simulator_of(unit, "unit", folder, cache)
    words, signed = unit.words, unit.graph.sums.signed
    expected = (vectors @ matrix.T).reshape(-1, words.pe)
    results = []
    for number, (stall_in, stall_out) in enumerate(STALLS):
        result = simulator.run(
            {"in": pack_words(act.code(vectors).reshape(-1, words.simd), words.in_bits)},
            {"out": len(expected)},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=number,
            strict=True,
            idle_limit=2_000,
        )
        found = unpack_words(result.outputs["out"], words.out_bits, words.pe, signed=signed)
        np.testing.assert_array_equal(found, expected, err_msg=f"stalls {stall_in}, {stall_out}")
        results.append(result)
    taken = results[0].input_cycles["in"].astype(np.int64).reshape(len(vectors), -1)[:, -1]
    given = results[0].output_cycles["out"].astype(np.int64).reshape(len(vectors), -1)
    assert np.all(given[:, 0] - taken == unit.latency)
    assert np.all(np.diff(given, axis=1) == 1), "the words of a vector follow each other"
    assert np.all(np.diff(given[:, 0]) == unit.interval), "no cycle is lost between vectors"
    return results
