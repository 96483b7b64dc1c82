"""`LabelSelect_rtl` against numpy and FINN's Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("datatype", "labels", "pe", "k", "out"),
    [
        ("INT9", 24, 1, 1, "UINT5"),
        ("INT9", 24, 4, 5, "UINT8"),
        ("UINT3", 10, 5, 3, "UINT4"),
        ("INT2", 6, 6, 6, "UINT3"),
        ("BIPOLAR", 8, 2, 2, "UINT3"),
    ],
)
def test_indices_of_the_greatest_come_first(
    datatype: str, labels: int, pe: int, k: int, out: str, simulators: Path, tmp_path: Path
) -> None:
    def ranked(values: Any) -> Any:  # ties: the lowest index first
        return [np.argsort(-values[0], axis=-1, kind="stable")[:, :k]]

    attributes = {
        "Labels": labels,
        "PE": pe,
        "K": k,
        "inputDataType": datatype,
        "outputDataType": out,
        "numInputVectors": [1],
    }
    ran = run(
        OneLayer("LabelSelect_rtl", [datatype], attributes, frames=40), simulators, tmp_path, python=ranked
    )
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles() == max(labels // pe, k)


def test_finn_means_the_same_by_it(simulators: Path, tmp_path: Path) -> None:
    attributes = {
        "Labels": 24,
        "PE": 4,
        "K": 5,
        "inputDataType": "INT9",
        "outputDataType": "UINT8",
        "numInputVectors": [1],
    }
    case = OneLayer("LabelSelect_rtl", ["INT9"], attributes, frames=5)
    run(case, simulators, tmp_path, stalls=[(0.0, 0.0)])
