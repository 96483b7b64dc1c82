"""`Pool_rtl` against its Python, on windows in the order of FINN's depthwise sliding-window generator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.session import finn_session
from tests.layers.one_layer import OneLayer, run


def layer(
    datatype: str,
    kernel: Sequence[int],
    channels: int,
    pe: int,
    *,
    function: str = "MaxPool",
    out: str | None = None,
    shift: int = 0,
) -> OneLayer:
    attributes = {
        "Channels": channels,
        "PE": pe,
        "KernelSize": list(kernel),
        "Function": function,
        "OutImgDims": [3, 2],
        "InputDataType": datatype,
        "OutputDataType": out or datatype,
        "AccumBits": 0,
        "Size": shift,
        "BatchSize": 1,
    }
    return OneLayer("Pool_rtl", [datatype], attributes)


def depthwise(values: Any, node: Any) -> Any:
    """Return windows (1, OH, OW, K * C) as they come: channel group by channel group, all positions of it."""
    pe, channels = node.get_nodeattr("PE"), node.get_nodeattr("Channels")
    return values.reshape(-1, node.window(), channels // pe, pe).transpose(0, 2, 1, 3)


@pytest.mark.parametrize(
    ("datatype", "kernel", "channels", "pe"),
    [
        ("UINT4", (2, 2), 6, 3),
        ("INT5", (3, 1), 4, 1),
        ("INT1", (1, 2), 4, 2),
        ("BIPOLAR", (2, 2), 4, 2),
        ("INT8", (1, 1), 4, 4),
    ],
)
def test_maximum(
    datatype: str, kernel: tuple[int, int], channels: int, pe: int, simulators: Path, tmp_path: Path
) -> None:
    ran = run(layer(datatype, kernel, channels, pe), simulators, tmp_path, to_stream=depthwise)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("datatype", "kernel", "channels", "pe", "out"),
    [
        ("UINT4", (2, 2), 6, 3, "UINT6"),
        ("INT4", (3, 1), 4, 1, "INT6"),
        ("BIPOLAR", (4, 1), 4, 2, "INT4"),
        ("TERNARY", (2, 2), 2, 2, "INT4"),  # FINN says INT3, which 4 does not fit
    ],
)
def test_sum(
    datatype: str,
    kernel: tuple[int, int],
    channels: int,
    pe: int,
    out: str,
    simulators: Path,
    tmp_path: Path,
) -> None:
    case = layer(datatype, kernel, channels, pe, function="AccPool")
    ran = run(case, simulators, tmp_path, to_stream=depthwise)
    assert ran.layer.get_output_datatype().name == out
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("datatype", "kernel", "out", "shift"),
    [
        ("UINT4", (2, 2), "UINT6", 0),
        ("UINT4", (2, 2), "UINT4", 2),
        ("INT6", (5, 1), "INT7", 2),
        ("INT6", (3, 3), "INT10", 0),
    ],
)
def test_shifted_sum(
    datatype: str, kernel: tuple[int, int], out: str, shift: int, simulators: Path, tmp_path: Path
) -> None:
    case = layer(datatype, kernel, 4, 2, function="QuantAvgPool", out=out, shift=shift)
    run(case, simulators, tmp_path, to_stream=depthwise)


def test_a_mean_has_no_rtl(tmp_path: Path) -> None:
    model = layer("UINT4", (2, 2), 4, 2, function="AvgPool").model()
    node = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnsupportedError, match="pooling function AvgPool has no RTL"):
        node.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        node.generate_hdl(model, "xc7z020clg400-1", 10.0)
