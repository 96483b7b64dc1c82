"""`df_matrix_vector.sv` against numpy: all types, any folding, exactly as many cycles as it must take."""

from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module
from tests.rtl.operands import Operands, memory, name

SHAPES = [
    (12, 6, 4, 2),
    (5, 4, 5, 1),
    (6, 3, 1, 3),
    (6, 4, 6, 4),
    (1, 1, 1, 1),
    (21, 10, 3, 5),
    (32, 2, 16, 1),
]
"""MW, MH, SIMD, PE."""
TYPES = [
    Operands.of("UINT2", "INT2"),
    Operands.of("BIPOLAR", "BIPOLAR"),
    Operands.of("INT4", "UINT5"),
    Operands.of("BIPOLAR", "INT4"),
    Operands.of("UINT4", "BIPOLAR"),
    Operands.of("BIPOLAR", "BIPOLAR", popcount=True),
    Operands.of("INT3", "INT3", in_luts=True),
]
CASES = list(zip(TYPES, SHAPES, strict=False))


@pytest.mark.parametrize(
    ("operands", "shape"), CASES, ids=[f"{name(operands)}-{shape}" for operands, shape in CASES]
)
def test_products_with_a_matrix(
    operands: Operands, shape: tuple[int, int, int, int], simulators: Path, tmp_path: Path
) -> None:
    columns, rows, simd, pe = shape
    vectors = 80
    act, matrix = operands.act.draw(1, (vectors, columns)), operands.weight.draw(2, (rows, columns))
    blocks = matrix.reshape(rows // pe, pe, columns // simd, simd).transpose(0, 2, 1, 3)
    text = memory(operands.weight.code(blocks), pe * simd, operands.weight.bits)
    (tmp_path / "weights.dat").write_text(text)
    simulator = build_stream_module(
        "df_matrix_vector",
        {
            "MW": columns,
            "MH": rows,
            "SIMD": simd,
            "PE": pe,
            "InitFile": "weights.dat",
            **operands.parameters(columns),
        },
        simd * operands.act.bits,
        pe * operands.sum_bits(columns),
        simulators,
        below=["df_dot"],
    )
    expected = operands.result(act @ matrix.T, columns).reshape(-1, pe)
    result = assert_streams(
        simulator,
        operands.act.code(act).reshape(-1, simd),
        operands.act.bits,
        expected,
        operands.sum_bits(columns),
        folder=tmp_path,
    )
    ends = result.output_cycles["out"].astype(int)
    assert np.all(np.diff(ends) == columns // simd), "a result with every last word of a pass, and no gap"
