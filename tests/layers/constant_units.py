"""What the tests of constant matrices share: matrices, vectors, and a unit simulated against numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Case:
    """A unit, and what it must multiply with."""

    unit: Unit
    matrix: Integers
    act: Operand

    @classmethod
    def of(cls, kind: Weights, act: Operand, digit: int, **settings: Any) -> "Case":
        """Return the case of such a matrix; `settings` as of `unit_of`."""
        matrix = kind.draw()
        return cls(unit_of(matrix, act, digit, **settings), matrix, act)


def simulator_of(units: Sequence[Unit], folder: Path, cache: Path) -> Simulator:
    """Compile a design of `units` side by side, with the streams `in<k>` and `out<k>`."""
    ports, body, inputs, outputs = ["input logic clk_i", "input logic rst_ni"], [], [], []
    text = ""
    for k, unit in enumerate(units):
        text += unit.modules(f"unit_{k}")
        taken, given = unit.words.simd * unit.words.in_bits, unit.words.pe * unit.words.out_bits
        names_in, names_out = [(f"data{e}", f"valid{e}", f"ready{e}") for e in (f"_in{k}", f"_out{k}")]
        inputs.append(Port(f"in{k}", taken, names_in))
        outputs.append(Port(f"out{k}", given, names_out))
        for (data, valid, ready), there, back, bits in (
            (names_in, "input", "output", taken),
            (names_out, "output", "input", given),
        ):
            ports += [
                f"{there} logic [{bits - 1}:0] {data}",
                f"{there} logic {valid}",
                f"{back} logic {ready}",
            ]
        body.append(
            f"unit_{k} one_{k} (.clk_i, .rst_ni, .data_i(data_in{k}), .valid_i(valid_in{k}), "
            f".ready_o(ready_in{k}), .data_o(data_out{k}), .valid_o(valid_out{k}), .ready_i(ready_out{k}));"
        )
    source = folder / "units.sv"
    source.write_text(f"{text}module units ({', '.join(ports)});\n" + "\n".join(body) + "\nendmodule\n")
    return Simulator.build(
        "units",
        [*(HDL / module for module in MODULES), source],
        inputs=inputs,
        outputs=outputs,
        clock="clk_i",
        reset="rst_ni",
        random=True,
        effort="quick",
        cache=cache,
    )


def assert_multiply(cases: Sequence[Case], folder: Path, cache: Path, vectors: int = 60) -> None:
    """Assert that the RTL of each unit multiplies random vectors under all stalls, in its cycles."""
    simulator = simulator_of([case.unit for case in cases], folder, cache)
    streams, expected = {}, {}
    for k, case in enumerate(cases):
        words = case.unit.words
        sent = case.act.draw(3, (vectors, case.matrix.shape[1]))
        streams[f"in{k}"] = pack_words(case.act.code(sent).reshape(-1, words.simd), words.in_bits)
        expected[f"out{k}"] = (sent @ case.matrix.T).reshape(-1, words.pe)
    for number, (stall_in, stall_out) in enumerate(STALLS):
        result = simulator.run(
            streams,
            {name: len(found) for name, found in expected.items()},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=number,
            strict=True,
            idle_limit=2_000,
        )
        for k, case in enumerate(cases):
            words, signed = case.unit.words, case.unit.graph.sums.signed
            found = unpack_words(result.outputs[f"out{k}"], words.out_bits, words.pe, signed=signed)
            np.testing.assert_array_equal(
                found, expected[f"out{k}"], err_msg=f"{case}, stalls {stall_in}, {stall_out}"
            )
            if stall_in == stall_out == 0:
                assert_cycles(case.unit, result, k, vectors)


def assert_cycles(unit: Unit, result: SimResult, k: int, vectors: int) -> None:
    """Assert that stream `k`, without stalls, took the cycles that `unit` predicts."""
    taken = result.input_cycles[f"in{k}"].astype(np.int64).reshape(vectors, -1)[:, -1]
    given = result.output_cycles[f"out{k}"].astype(np.int64).reshape(vectors, -1)
    assert np.all(given[:, 0] - taken == unit.latency)
    assert np.all(np.diff(given, axis=1) == 1), "the words of a vector follow each other"
    assert np.all(np.diff(given[:, 0]) == unit.interval), "no cycle is lost between vectors"
