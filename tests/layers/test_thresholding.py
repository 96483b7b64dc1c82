"""FINN's `Thresholding_rtl` with our `thresholding.sv`: outputs of 1 to 8 bits and any sign."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.datatype import DataType

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("out", "bias", "datatype", "deep"),
    [
        ("BIPOLAR", 0, "INT8", 0),
        ("UINT1", 0, "INT8", 1),
        ("INT3", -4, "INT9", 0),
        ("UINT8", 0, "INT12", 0),
        ("INT8", -128, "INT12", 1),
    ],
)
def test_counts_of_steps(
    out: str, bias: int, datatype: str, deep: int, simulators: Path, tmp_path: Path
) -> None:
    kind, steps = DataType[datatype], 2 ** DataType[out].bitwidth() - 1
    low, high = int(kind.min()) + 1, int(kind.max())
    limits = np.sort(np.random.default_rng(1).integers(low, high, (6, steps)), axis=1)
    attributes = {
        "NumChannels": 6,
        "PE": 2,
        "numSteps": steps,
        "inputDataType": datatype,
        "weightDataType": datatype,
        "outputDataType": out,
        "ActVal": bias,
        "numInputVectors": [1, 2, 2],
        "deep_pipeline": deep,
        "exec_mode": "cppsim",
    }
    ran = run(
        OneLayer("Thresholding_rtl", [datatype], attributes, constants=[(limits, datatype)]),
        simulators,
        tmp_path,
    )
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("out", "bias", "steps", "datatype", "alike"),
    [
        ("BIPOLAR", 0, 1, "INT8", False),
        ("UINT4", 0, 15, "INT12", False),
        ("UINT4", 0, 15, "UINT9", True),
        ("INT4", -8, 15, "INT5", False),
        ("INT3", -2, 5, "INT8", True),
        ("UINT6", 3, 31, "TERNARY", False),
        ("UINT1", 0, 1, "UINT1", False),
    ],
)
def test_counts_of_steps_that_are_logic(
    out: str, bias: int, steps: int, datatype: str, alike: bool, simulators: Path, tmp_path: Path
) -> None:
    kind = DataType[datatype]
    low, high = int(kind.min()), int(kind.max())
    limits = np.sort(np.random.default_rng(1).integers(low, high, (6, steps), endpoint=True), axis=1)
    limits[:, -1] += steps > 3  # some are never reached
    limits = np.broadcast_to(limits[:1], limits.shape) if alike else limits
    attributes = {
        "NumChannels": 6,
        "PE": 2 if alike else 6,
        "numSteps": steps,
        "inputDataType": datatype,
        "weightDataType": "INT14",
        "outputDataType": out,
        "ActVal": bias,
        "numInputVectors": [1, 2, 2],
    }
    case = OneLayer("ConstantThresholds_rtl", [datatype], attributes, constants=[(limits, "INT14")])
    ran = run(case, simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
