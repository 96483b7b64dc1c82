"""`Depthwise_rtl` against its Python, on windows in the order of FINN's depthwise window generator."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, draw, run


def layer(
    act: str, weight: str, kernel: tuple[int, int], channels: int, simd: int, pe: int, **more: Any
) -> OneLayer:
    values = draw(np.random.default_rng(3), weight, (channels, 1, *kernel))
    attributes = {
        "Channels": channels,
        "Kernel": list(kernel),
        "Dim": [3, 2],
        "SIMD": simd,
        "PE": pe,
        "inputDataType": act,
        "weightDataType": weight,
        "outputDataType": "INT32",
        "noActivation": 1,
        **more,
    }
    return OneLayer("Depthwise_rtl", [act], attributes, constants=[(values, weight)])


def depthwise(values: Any, node: Any) -> Any:
    """Return windows (1, OH, OW, K * C) as they come: channel group by channel group, all positions of it."""
    pe, channels = node.get_nodeattr("PE"), node.get_nodeattr("Channels")
    kernel = math.prod(node.get_nodeattr("Kernel"))
    return values.reshape(-1, kernel, channels // pe, pe).transpose(0, 2, 1, 3)


@pytest.mark.parametrize(
    ("act", "weight", "kernel", "channels", "simd", "pe"),
    [
        ("UINT4", "INT4", (3, 3), 6, 1, 2),
        ("INT8", "INT8", (3, 3), 4, 3, 1),
        ("INT4", "UINT2", (5, 1), 4, 5, 4),
        ("BIPOLAR", "INT3", (1, 3), 4, 1, 1),
        ("UINT1", "BIPOLAR", (2, 2), 6, 2, 3),
        ("BIPOLAR", "BIPOLAR", (3, 2), 4, 2, 2),
        ("UINT2", "INT2", (1, 1), 4, 1, 2),
    ],
)
def test_a_kernel_per_channel(
    act: str,
    weight: str,
    kernel: tuple[int, int],
    channels: int,
    simd: int,
    pe: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    ran = run(layer(act, weight, kernel, channels, simd, pe), simulators, tmp_path, to_stream=depthwise)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_counts_of_equal_bits(simulators: Path, tmp_path: Path) -> None:
    case = layer("BINARY", "BINARY", (3, 3), 4, 3, 2, binaryXnorMode=1)
    run(case, simulators, tmp_path, to_stream=depthwise)
