"""`UpsampleNearestNeighbour_rtl` against numpy, which repeats."""

from pathlib import Path
from typing import Any

import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.session import finn_session
from tests.layers.one_layer import OneLayer, run


def layer(datatype: str, size: tuple[int, int], out: tuple[int, int], channels: int, simd: int) -> OneLayer:
    attributes = {
        "SIMD": simd,
        "HI": size[0],
        "WI": size[1],
        "HO": out[0],
        "WO": out[1],
        "NumChannels": channels,
        "inputDataType": datatype,
    }
    return OneLayer("UpsampleNearestNeighbour_rtl", [datatype], attributes)


@pytest.mark.parametrize(
    ("datatype", "size", "scale", "channels", "simd"),
    [
        ("UINT4", (3, 4), (2, 2), 6, 2),
        ("INT3", (5, 1), (2, 1), 4, 4),  # one-dimensional
        ("INT8", (1, 6), (1, 3), 4, 1),
        ("BIPOLAR", (2, 3), (3, 2), 2, 1),
        ("UINT2", (3, 2), (1, 1), 3, 3),
        ("UINT5", (2, 1), (4, 1), 3, 1),
        ("UINT5", (1, 1), (1, 2), 1, 1),
        ("INT2", (2, 5), (1, 4), 4, 2),
        ("INT2", (3, 5), (4, 1), 4, 2),
    ],
)
def test_every_value_comes_as_often_as_it_should(
    datatype: str,
    size: tuple[int, int],
    scale: tuple[int, int],
    channels: int,
    simd: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    def repeated(values: Any) -> Any:
        return [values[0].repeat(scale[0], axis=1).repeat(scale[1], axis=2)]

    out = (size[0] * scale[0], size[1] * scale[1])
    ran = run(layer(datatype, size, out, channels, simd), simulators, tmp_path, python=repeated)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_finn_means_the_same_by_it(simulators: Path, tmp_path: Path) -> None:
    run(layer("UINT4", (3, 4), (6, 8), 6, 2), simulators, tmp_path, stalls=[(0.0, 0.0)])


def test_broken_factors_are_refused(tmp_path: Path) -> None:
    from qonnx.custom_op.registry import getCustomOp

    model = layer("UINT4", (3, 4), (5, 8), 6, 2).model()
    node = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnsupportedError, match=r"from \[3, 4\] to \[5, 8\]"):
        node.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        node.generate_hdl(model, "xc7z020clg400-1", 10.0)
