"""`BlockMaxPool_rtl` against its Python, and its Python against FINN's window generator and pool."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.onnx_exec import execute_onnx

from fpga_flow.cli.stock_finn import in_layers_of_finn
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.graph import DOMAIN
from tests.layers.one_layer import OneLayer, run


def layer(
    datatype: str, kernel: tuple[int, int], windows: tuple[int, int], channels: int, pe: int
) -> OneLayer:
    attributes = {
        "Kernel": kernel,
        "Windows": windows,
        "NumChannels": channels,
        "PE": pe,
        "inputDataType": datatype,
    }
    return OneLayer("BlockMaxPool_rtl", [datatype], attributes)


@pytest.mark.parametrize(
    ("datatype", "kernel", "windows", "channels", "pe"),
    [
        ("UINT4", (1, 2), (1, 5), 6, 2),
        ("INT6", (2, 1), (4, 1), 6, 6),
        ("INT6", (2, 2), (3, 2), 6, 6),
        ("INT8", (3, 2), (2, 3), 4, 1),
        ("BIPOLAR", (2, 2), (2, 2), 4, 2),
    ],
)
def test_each_window_becomes_its_maximum(
    datatype: str,
    kernel: tuple[int, int],
    windows: tuple[int, int],
    channels: int,
    pe: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    ran = run(layer(datatype, kernel, windows, channels, pe), simulators, tmp_path)
    assert ran.layer.get_output_datatype().name == datatype
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles() == np.prod([*kernel, *windows]) * channels // pe


@pytest.mark.parametrize(("kernel", "windows"), [((1, 2), (1, 5)), ((2, 2), (3, 2)), ((3, 1), (2, 3))])
def test_layers_of_finn_in_its_place_compute_the_same(
    kernel: tuple[int, int], windows: tuple[int, int]
) -> None:
    model = layer("INT4", kernel, windows, 4, 2).model()
    values = np.random.default_rng(0).integers(-8, 8, model.get_tensor_shape("in0")).astype(np.float32)
    with finn_session():
        (ours,) = execute_onnx(model, {"in0": values}).values()
        theirs = in_layers_of_finn(model)
        generator, pool = theirs.graph.node
        assert (generator.op_type, pool.op_type) == ("ConvolutionInputGenerator_rtl", "Pool_rtl")
        generator.op_type, generator.domain = "ConvolutionInputGenerator", DOMAIN  # the one that Python runs
        (found,) = execute_onnx(theirs, {"in0": values}).values()
    np.testing.assert_array_equal(found, ours)
