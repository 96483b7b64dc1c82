"""The rule of which window generators FINN can generate, against FINN's generator itself."""

import itertools
from typing import Any

import pytest
from onnx import helper
from qonnx.custom_op.registry import getCustomOp

import fpga_flow.layers  # noqa: F401  registers our layers, which graphs name
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.base import divisors
from fpga_flow.layers.generator import can_generate
from fpga_flow.layers.window import WINDOW

KERNELS = [(1, 1), (2, 1), (1, 3), (2, 2), (3, 3), (3, 2)]
SIZES = [(1, 4), (3, 1), (2, 2), (3, 3), (4, 3), (5, 6)]


def generator(
    kernel: tuple[int, int], size: tuple[int, int], stride: int, depthwise: int, channels: int
) -> Any:
    steps = [stride if k > 1 else 1 for k in kernel]
    out = [(n - k) // s + 1 for n, k, s in zip(size, kernel, steps, strict=True)]
    node = helper.make_node(
        "ConvolutionInputGenerator_rtl",
        ["x"],
        ["y"],
        domain="finn.custom_op.fpgadataflow.rtl",
        backend="fpgadataflow",
        ConvKernelDim=list(kernel),
        IFMChannels=channels,
        IFMDim=list(size),
        OFMDim=out,
        SIMD=1,
        Stride=steps,
        Dilation=[1, 1],
        inputDataType="INT4",
        outputDataType="INT4",
        depthwise=depthwise,
        is1D=int(1 in size),
    )
    return getCustomOp(node)


def generates(layer: Any, simd: int, whole: bool) -> bool:
    """Ask FINN's generator."""
    layer.set_nodeattr("SIMD", simd)
    layer.set_nodeattr("parallel_window", int(whole))
    try:
        parallel = layer.select_impl_style() == "parallel"
        _, values = layer.prepare_codegen_parallel() if parallel else layer.prepare_codegen_default()
    except (AssertionError, ValueError):
        return False
    # It writes line buffers of any length, but Verilog has no address of 0 bits.
    memories = "".join(values.get("$GENERATE_BRAM_FIFOS$", []))
    return not any(f".DEPTH({depth})" in memories for depth in (-1, 0, 1))


@pytest.mark.parametrize("depthwise", [0, 1])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_rule_is_finns_generator(channels: int, depthwise: int) -> None:
    seen = set()
    with finn_session():
        for kernel, size, stride in itertools.product(KERNELS, SIZES, (1, 2)):
            if any(k > n or (k > 1 and stride > k) for k, n in zip(kernel, size, strict=True)):
                continue
            layer = generator(kernel, size, stride, depthwise, channels)
            attributes = {name: layer.get_nodeattr(name) for name in WINDOW}
            choices = [(simd, False) for simd in divisors(channels)]
            if kernel != (1, 1):
                choices += [(simd, True) for simd in (divisors(channels) if depthwise else [channels])]
            for simd, whole in choices:
                expected = generates(layer, simd, whole)
                assert can_generate(attributes, simd, whole) == expected, (attributes, stride, simd, whole)
                seen.add((expected, whole))
    assert seen >= {(True, False), (True, True), (False, True)}
