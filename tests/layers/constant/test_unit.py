"""A constant matrix as a unit, simulated against numpy: every type, digits of all sizes, any folding."""

import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpga_flow.core import toolchain
from tests.layers.constant.units import (
    SOLVERS,
    Weights,
    assert_multiplies,
    operands,
    unit_of,
    weights,
)
from tests.rtl.operands import Operand

EACH_DIGIT = (1, 2, 3, 4, 5, 32)


@pytest.mark.parametrize("digit", EACH_DIGIT)
@pytest.mark.parametrize("act", ["UINT4", "INT3", "BIPOLAR"])
def test_products_with_a_matrix(act: str, digit: int, simulators: Path, tmp_path: Path) -> None:
    matrix = Weights(12, 18, Operand("INT4"), 0.5, seed=digit).draw()
    operand = Operand(act)
    for simd, pe in ((18, 12), (6, 3)):
        unit = unit_of(matrix, operand, digit, simd=simd, pe=pe, extra_bits=digit % 2)
        assert_multiplies(unit, matrix, operand, tmp_path, simulators)
