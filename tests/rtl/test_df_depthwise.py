"""`df_depthwise.sv` against numpy: all types, any folding, one word a cycle."""

from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module
from tests.rtl.operands import Operands, memory, name

SHAPES = [(12, 6, 3, 2), (4, 9, 1, 4), (3, 4, 4, 1), (1, 1, 1, 1), (2, 9, 9, 2), (8, 2, 2, 4)]
"""Channels, positions, SIMD, PE."""
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
def test_a_kernel_per_channel(
    operands: Operands, shape: tuple[int, int, int, int], simulators: Path, tmp_path: Path
) -> None:
    channels, kernel, simd, pe = shape
    windows = 60
    groups, length = channels // pe, kernel // simd
    act = operands.act.draw(1, (windows, groups, length, simd, pe))  # as they come
    weight = operands.weight.draw(2, (channels, kernel))
    blocks = weight.reshape(groups, pe, length, simd).transpose(0, 2, 1, 3)
    text = memory(operands.weight.code(blocks), pe * simd, operands.weight.bits)
    (tmp_path / "weights.dat").write_text(text)
    simulator = build_stream_module(
        "df_depthwise",
        {
            "Channels": channels,
            "Kernel": kernel,
            "SIMD": simd,
            "PE": pe,
            "InitFile": "weights.dat",
            **operands.parameters(kernel),
        },
        simd * pe * operands.act.bits,
        pe * operands.sum_bits(kernel),
        simulators,
        below=["df_dot"],
    )
    positions = (
        act.reshape(windows, groups, kernel, pe).transpose(0, 1, 3, 2).reshape(windows, channels, kernel)
    )
    expected = operands.result((positions * weight).sum(axis=2), kernel).reshape(-1, pe)
    result = assert_streams(
        simulator,
        operands.act.code(act).reshape(-1, simd * pe),
        operands.act.bits,
        expected,
        operands.sum_bits(kernel),
        folder=tmp_path,
    )
    assert np.all(np.diff(result.input_cycles["in"].astype(int)) == 1), "one word a cycle"
