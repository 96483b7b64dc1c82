"""Constant matrices in hardware: networks of adders at several digits, beside alkaid's own Verilog, by Yosys.

    python -m tests.bench.bench_constant              # all of it, some half an hour: docs/constant.csv
    python -m tests.bench.bench_constant --only conv2
    python -m tests.bench.bench_constant --only random --digits 32 --keep    # all bits at once

A row is a module alone: the network, the whole unit with its streams (one word a vector in and out), or what
alkaid writes for the same matrix with registers at a cutoff of 4 of its levels. The matrices are those of
the A(MC) VGG10 (in the folder FPGA_FLOW_ZOO) and random ones of 64 x 64, INT4 with UINT4.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path

import numpy as np

from fpga_flow.core.recipe import ROOT
from fpga_flow.export.operations import Matrix
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.layers.constant import core
from fpga_flow.layers.constant.adders import AdderGraph, Integers, Range
from fpga_flow.layers.constant.resources import resources
from fpga_flow.layers.constant.schedule import Digits, schedule
from fpga_flow.layers.constant.solvers import installed, solve
from fpga_flow.layers.constant.unit import MODULES, Unit, Words
from fpga_flow.target.families import family_named
from tests.bench.netlist import Figures, for_adders, synthesised
from tests.bench.tables import read_rows, write_rows

ZOO = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
MAPPED = for_adders(family_named("xc7"))
HDL = ROOT / "fpga_flow" / "layers" / "hdl"
FILE = ROOT / "docs" / "constant.csv"
INPUT = Range(0, 15)
DIGITS = (1, 2, 3, 4, 32)
"""Bits of a digit; the last is all of a number."""


@dataclass(frozen=True)
class Row:
    """A module of one matrix."""

    matrix: str
    rows: int
    columns: int
    nonzero: int
    form: str
    solver: str
    digit: int
    cycles: int
    adders: int
    latency: int
    lut: int
    srl: int
    ff: int
    carry4: int
    levels: int
    cells: int
    seconds: float
    expected: float | str
    """LUTs by its maker's own figure: our formula of a unit, alkaid's cost; empty for a network alone."""


def matrices() -> Iterator[tuple[str, Callable[[], Integers]]]:
    """Return the matrices (outputs, inputs) by name."""
    for place in range(2, 8):
        yield f"conv{place}", lambda place=place: convolution(place)  # type: ignore[misc]
    for zeros in (0, 50, 90):
        yield f"random {zeros} %", lambda zeros=zeros: drawn(zeros / 100)  # type: ignore[misc]


def convolution(place: int) -> Integers:
    """Return the weights of convolution `place` of the A(MC) VGG10."""
    operations = to_integers(read(ZOO / "amc_vgg10_w4a4_pruned.onnx")).operations
    weights = [operation.weights for operation in operations if isinstance(operation, Matrix)][place - 1]
    return np.asarray(weights, np.int64).reshape(len(weights), -1)


def drawn(zeros: float) -> Integers:
    """Return a random matrix of 64 x 64 numbers from -7 to 7, so much of it 0."""
    generator = np.random.default_rng(1)
    values = generator.integers(-7, 7, (64, 64), endpoint=True)
    return np.where(generator.random(values.shape) < zeros, 0, values)


def row(
    name: str,
    matrix: Integers,
    form: str,
    solver: str,
    made: tuple[int, int, int, int],
    found: Figures,
    start: float,
    expected: float | str = "",
) -> Row:
    """Return a row; `made`: digit, cycles, adders, latency."""
    rows, columns = matrix.shape
    return Row(
        name,
        rows,
        columns,
        int(np.count_nonzero(matrix)),
        form,
        solver,
        *made,
        **vars(found),
        seconds=round(time.monotonic() - start, 1),
        expected=round(expected) if isinstance(expected, float) else expected,
    )


def rows_of(name: str, matrix: Integers, solver: str, digits: Sequence[int], folder: Path) -> Iterator[Row]:
    """Return the rows of our networks and units."""
    solution = solve(matrix, [INPUT] * matrix.shape[1], solver)
    graph = solution.graph
    for digit in digits:
        # With all bits at once the unit is the network; with some, its streams are much alike.
        forms = {DIGITS[0]: (network, unit), DIGITS[-1]: (unit,)}.get(digit, (network,))
        for form, text, made in (make(graph, digit) for make in forms):
            start = time.monotonic()
            source = folder / "top.sv"
            source.write_text(text)
            found = synthesised("top", [*(HDL / module for module in MODULES), source], folder, MAPPED)
            expected = float(resources(unit_of(graph, digit)).lut) if form == "unit" else ""
            yield row(name, matrix, form, solution.solver, made, found, start, expected)


def network(graph: AdderGraph, digit: int) -> tuple[str, str, tuple[int, int, int, int]]:
    """Return the network alone."""
    timed = schedule(graph, Digits.of(graph.sums.bits, digit))
    made = (digit, timed.digits.count, len(graph.adders), timed.latency)
    return "network", core.module(timed, "top"), made


def unit(graph: AdderGraph, digit: int) -> tuple[str, str, tuple[int, int, int, int]]:
    """Return the unit with its streams."""
    found = unit_of(graph, digit)
    return "unit", found.modules("top"), (digit, found.interval, len(graph.adders), found.latency)


def unit_of(graph: AdderGraph, digit: int) -> Unit:
    """Return the unit with one word a vector in and out."""
    words = Words(len(graph.inputs), len(graph.outputs), 4, False, False, graph.sums.bits)
    return Unit(graph, digit, words)


def alkaids(name: str, matrix: Integers, folder: Path) -> Iterator[Row]:
    """Return the row of alkaid's own Verilog."""
    trace, rtl = import_module("alkaid.trace"), import_module("alkaid.codegen.rtl")
    columns = matrix.shape[1]
    x = trace.FVArrayInput((columns,))
    start = time.monotonic()
    product = x.quantize(*(np.full(columns, bits) for bits in (0, 4, 0))) @ matrix.T.astype(np.float32)
    made = rtl.RTLModel(trace.trace(x, product), str(folder / "made"), prj_name="top", latency_cutoff=4)
    made.write()
    sources = sorted((folder / "made" / "src").rglob("*.v"))
    found = synthesised("top", [path for path in sources if "wrapper" not in path.name], folder, MAPPED)
    adders = sum(op.opcode in (0, 1) for comb in made.fsm.logic.values() for op in comb.ops)
    how = (32, 1, adders, int(made.latency or 0))
    expected = float(sum(comb.cost for comb in made.fsm.logic.values()))
    yield row(name, matrix, "alkaid's Verilog", "alkaid", how, found, start, expected)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="matrices whose name holds this")
    parser.add_argument("--solver", default="auto")
    parser.add_argument("--digits", type=int, nargs="+", default=DIGITS, help="bits of a digit")
    parser.add_argument("--keep", action="store_true", help="keep the rows that the table has")
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    rows = read_rows(arguments.out, Row) if arguments.keep else []
    known = {row.matrix for row in rows}
    for name, make in matrices():
        if arguments.only not in name or name in known:
            continue
        matrix = make()
        with tempfile.TemporaryDirectory() as folder:
            found = rows_of(name, matrix, arguments.solver, arguments.digits, Path(folder))
            theirs = alkaids(name, matrix, Path(folder)) if installed() == "alkaid" else iter(())
            for each in chain(found, theirs):
                rows.append(each)
                with arguments.out.open("w", newline="", encoding="utf-8") as file:
                    write_rows(file, rows)


if __name__ == "__main__":
    main()
