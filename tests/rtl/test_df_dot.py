"""`df_dot.sv` against numpy: all types of operands, any number of lanes, rows and words per sum."""

from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module
from tests.rtl.operands import TYPES, Operands, name, words

SHAPES = [(2, 5, 3), (1, 1, 1), (3, 40, 1), (1, 1, 7), (2, 4, 2), (1, 33, 2)]
"""Rows, lanes, words per sum."""
CASES = [
    *((operands, SHAPES[i % len(SHAPES)], i % 2 == 0) for i, operands in enumerate(TYPES)),
    *((Operands.of("BIPOLAR", "BIPOLAR"), shape, True) for shape in SHAPES[2::3]),
    *((Operands.of("INT3", "INT3"), shape, False) for shape in SHAPES[::2]),
]


@pytest.mark.parametrize(
    ("operands", "shape", "shared"), CASES, ids=[f"{name(case[0])}-{case[1]}-{case[2]:d}" for case in CASES]
)
def test_sums_of_products(
    operands: Operands, shape: tuple[int, int, int], shared: bool, simulators: Path
) -> None:
    rows, lanes, fold = shape
    sums, terms = 120, lanes * fold
    act = operands.act.draw(1, (sums, fold, 1 if shared else rows, lanes))
    weight = operands.weight.draw(2, (sums, fold, rows, lanes))
    act_bits, weight_bits = act[0, 0].size * operands.act.bits, weight[0, 0].size * operands.weight.bits
    simulator = build_stream_module(
        "df_dot",
        {"PE": rows, "Lanes": lanes, "Fold": fold, "Shared": int(shared), **operands.parameters(terms)},
        act_bits + weight_bits,
        rows * operands.sum_bits(terms),
        simulators,
    )
    acts = words(operands.act.code(act), act[0, 0].size, operands.act.bits)
    weights = words(operands.weight.code(weight), weight[0, 0].size, operands.weight.bits)
    joined = [a | w << act_bits for a, w in zip(acts, weights, strict=True)]
    bits = np.array([[word >> i & 1 for i in range(act_bits + weight_bits)] for word in joined])
    expected = operands.result((act * weight).sum(axis=(1, 3)), terms)
    result = assert_streams(simulator, bits, 1, expected, operands.sum_bits(terms))
    assert np.all(np.diff(result.input_cycles["in"].astype(int)) == 1), "one word a cycle"
