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
