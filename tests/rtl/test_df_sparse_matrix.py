"""`df_sparse_matrix.sv` against numpy: matrices of any sparsity, in exactly the cycles that are said."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.layers.sparse_lists import address_bits, compile_lists, cycles, part_range, steps, work
from tests.rtl.modules import Integers, Parameters, assert_streams, build_stream_module
from tests.rtl.operands import Operand, Operands, memory

BELOW = ["df_sequence", "df_sparse_product", "df_sparse_lane"]
VECTORS = 40


@dataclass(frozen=True)
class Case:
    """A matrix by its shape and what is zero in it, folded; types of activations and weights."""

    shape: tuple[int, int, int, int, int]
    """MW, MH, SIMD, PE, Lanes."""
    act: str
    weight: str
    zeros: float
    style: str = "auto"
    in_luts: int = 1
    empty_rows: bool = False
    empty_columns: bool = False

    def matrix(self) -> Integers:
        """Return (MH, MW) weights."""
        columns, rows = self.shape[:2]
        weights = Operand(self.weight).draw(2, (rows, columns))
        generator = np.random.default_rng(3)
        weights[generator.random(weights.shape) < self.zeros] = 0
        if self.empty_rows:
            weights[1::3] = 0
        if self.empty_columns:
            weights[:, ::2] = 0
        return weights


CASES = [
    Case((12, 6, 1, 1, 2), "UINT4", "INT4", 0.5),
    Case((24, 16, 2, 1, 8), "UINT4", "INT4", 0.9),
    Case((24, 16, 2, 2, 4), "INT3", "INT3", 0.7, empty_rows=True),
    Case((20, 12, 4, 3, 12), "UINT2", "INT8", 0.0),
    Case((20, 12, 5, 1, 10), "INT8", "UINT5", 0.4, empty_columns=True),
    Case((18, 9, 6, 3, 18), "UINT8", "INT8", 0.8, style="block"),
    Case((16, 8, 4, 1, 4), "UINT8", "UINT8", 0.5, style="distributed"),
    Case((16, 8, 2, 2, 4), "INT8", "INT6", 0.5, in_luts=0),
    Case((16, 8, 2, 1, 2), "UINT1", "INT2", 0.3),
    Case((14, 10, 7, 1, 7), "INT1", "UINT1", 0.5),
    Case((10, 30, 1, 1, 1), "UINT5", "INT5", 0.97),
    Case((40, 3, 1, 1, 3), "UINT3", "INT4", 0.95),
    Case((12, 6, 3, 2, 6), "UINT4", "INT4", 1.0),
    Case((1, 1, 1, 1, 1), "INT2", "INT2", 0.0),
    Case((6, 4, 6, 4, 24), "UINT3", "INT3", 0.2),
    Case((34, 2, 17, 1, 34), "UINT7", "INT3", 0.1),
]


def prepared(case: Case, folder: Path) -> tuple[Parameters, int]:
    """Write the lists of `case` into `folder`; return the module's parameters, and the steps of a vector."""
    columns, rows, simd, pe, lanes = case.shape
    act, weights = Operand(case.act), case.matrix()
    low, high = (
        (-(1 << (act.bits - 1)), (1 << (act.bits - 1)) - 1) if act.signed else (0, (1 << act.bits) - 1)
    )
    weight = Operand(case.weight)
    signed = act.signed or weight.signed
    least, most = part_range(weights, simd, low, high)
    lists = compile_lists(weights, simd, pe, lanes)
    word_bits, lane_bits = address_bits(columns // simd), address_bits(lanes // (simd * pe))
    entries = lists.entries(word_bits, weight.bits)
    (folder / "lists.dat").write_text(memory(entries, lanes, 1 + weight.bits + word_bits))
    order = lists.order(lane_bits)
    (folder / "order.dat").write_text(memory(order, pe * simd, address_bits(lists.places) + lane_bits))
    return {
        "MW": columns,
        "MH": rows,
        "SIMD": simd,
        "PE": pe,
        "Lanes": lanes,
        "Steps": lists.steps,
        "Places": lists.places,
        "ActWidth": act.bits,
        "ActSigned": int(act.signed),
        "WeightWidth": weight.bits,
        "WeightSigned": int(weight.signed),
        "InLuts": case.in_luts,
        "SumWidth": max(1, max(most, -least - 1).bit_length() + signed),
        "OutWidth": Operands(act, weight).sum_bits(columns),
        "RamStyle": case.style,
        "ListFile": "lists.dat",
        "OrderFile": "order.dat",
    }, lists.steps


@pytest.mark.parametrize("case", CASES, ids=str)
def test_products_with_a_matrix(case: Case, simulators: Path, tmp_path: Path) -> None:
    columns, rows, simd, pe, lanes = case.shape
    parameters, length = prepared(case, tmp_path)
    operands = Operands(Operand(case.act), Operand(case.weight))
    act, weights = operands.act.draw(1, (VECTORS, columns)), case.matrix()
    simulator = build_stream_module(
        "df_sparse_matrix",
        parameters,
        simd * operands.act.bits,
        pe * operands.sum_bits(columns),
        simulators,
        below=BELOW,
    )
    result = assert_streams(
        simulator,
        act.reshape(-1, simd),
        operands.act.bits,
        operands.result(act @ weights.T, columns).reshape(-1, pe),
        operands.sum_bits(columns),
        folder=tmp_path,
    )
    expected = cycles(steps(work(weights != 0, simd), pe, lanes), columns // simd, rows // pe)
    assert expected == max(length, columns // simd, rows // pe)
    ends = result.output_cycles["out"].astype(int)[rows // pe - 1 :: rows // pe]
    assert np.all(np.diff(ends) == expected), np.diff(ends)
