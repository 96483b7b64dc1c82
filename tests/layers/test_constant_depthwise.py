"""`ConstantDepthwise_rtl`: a depthwise unit of shared adders, against Python, its cycles, its estimate."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import HDL
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.constant.choice import attributes, unit_of
from fpga_flow.layers.constant.proof import UnprovedError
from fpga_flow.layers.constant.unit import MODULES
from fpga_flow.layers.constant_depthwise import CONSTANT, FORM, as_matrix, matrix, order
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from tests.layers.one_layer import OneLayer, draw, run
from tests.layers.test_depthwise import depthwise

Shape = tuple[int, int, int, int]
"""Channels, SIMD, PE and Digit."""


def layer(
    act: str, weight: str, kernel: tuple[int, int], shape: Shape, *, values: Any = None, **more: Any
) -> OneLayer:
    """Return a layer with random weights, a third of them 0."""
    channels, simd, pe, digit = shape
    if values is None:
        generator = np.random.default_rng(3)
        values = draw(generator, weight, (channels, 1, *kernel))
        if weight != "BIPOLAR":
            values = np.where(generator.random(values.shape) < 1 / 3, 0, values)
    attributes = {
        "Channels": channels,
        "Kernel": list(kernel),
        "Dim": [3, 2],
        "SIMD": simd,
        "PE": pe,
        "Digit": digit,
        "inputDataType": act,
        "weightDataType": weight,
        "outputDataType": "INT32",
        "noActivation": 1,
        **more,
    }
    return OneLayer("ConstantDepthwise_rtl", [act], attributes, constants=[(values, weight)])


@pytest.mark.parametrize(
    ("act", "weight", "kernel", "shape"),
    [
        ("UINT4", "INT4", (3, 3), (6, 9, 6, 32)),  # a position a cycle
        ("UINT4", "INT4", (3, 3), (6, 9, 2, 3)),  # whole windows of some channels, digits
        ("INT8", "UINT8", (3, 3), (4, 3, 4, 2)),
        ("INT8", "INT8", (5, 1), (4, 1, 2, 1)),  # a position of the kernel a word
        ("BIPOLAR", "BIPOLAR", (3, 2), (4, 2, 2, 1)),
        ("BIPOLAR", "INT3", (1, 3), (3, 1, 1, 1)),
        ("UINT1", "BIPOLAR", (2, 2), (6, 4, 3, 2)),
        ("UINT2", "TERNARY", (1, 1), (4, 1, 2, 2)),
        ("UINT3", "INT4", (3, 1), (1, 3, 1, 8)),  # one channel
    ],
)
def test_a_kernel_per_channel(
    act: str, weight: str, kernel: tuple[int, int], shape: Shape, simulators: Path, tmp_path: Path
) -> None:
    ran = run(layer(act, weight, kernel, shape), simulators, tmp_path, to_stream=depthwise)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize("empty", ["channel", "position", "all"])
@pytest.mark.parametrize("shape", [(4, 1, 2, 1), (4, 6, 4, 32)])
def test_weights_that_are_all_zero(empty: str, shape: Shape, simulators: Path, tmp_path: Path) -> None:
    values = draw(np.random.default_rng(3), "INT3", (4, 1, 2, 3))
    values[{"channel": np.s_[1], "position": np.s_[..., 2], "all": np.s_[:]}[empty]] = 0
    case = layer("INT4", "INT3", (2, 3), shape, values=values, outputDataType="INT16")
    ran = run(case, simulators, tmp_path, to_stream=depthwise)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_the_matrix_does_to_windows_as_they_come_what_the_kernels_do(
    data: st.DataObject,
) -> None:
    channels, kernel = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    pe = data.draw(st.sampled_from([d for d in range(1, channels + 1) if channels % d == 0]))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    weights = generator.integers(-7, 8, (channels, 1, kernel, 1))
    windows = generator.integers(0, 16, (5, kernel, channels))
    a = as_matrix({"Channels": channels, "Kernel": [kernel, 1], "SIMD": 1, "PE": pe, "Dim": [5, 1]})
    stream = windows.reshape(5, kernel, channels // pe, pe).transpose(0, 2, 1, 3).reshape(5, -1)
    sums = (windows * weights.reshape(channels, kernel).T).sum(axis=1)
    np.testing.assert_array_equal(stream @ matrix(weights)[:, order(a)].T, sums)


def test_channels_share_no_adder_but_zeros_save_theirs() -> None:
    weights = np.random.default_rng(1).integers(-7, 8, (8, 1, 3, 3)).astype(np.float32)
    adders = []
    for zeros in (0.0, 0.9):
        kept = weights * (np.random.default_rng(2).random(weights.shape) >= zeros)
        case = layer("UINT4", "INT4", (3, 3), (8, 9, 8, 1), values=kept, **FORM.derives(kept))
        unit = unit_of(as_matrix(attributes(getCustomOp(case.model().graph.node[0]))))
        adders.append(len(unit.graph.adders))
        assert unit.graph.inputs_used == np.count_nonzero(kept)
    assert adders[1] < adders[0] / 5


def test_a_network_of_other_weights_is_never_built(tmp_path: Path) -> None:
    other = FORM.derives(np.ones((2, 1, 2, 1), np.float32))
    model = layer("UINT4", "INT4", (2, 1), (2, 1, 1, 1), values=np.full((2, 1, 2, 1), 3), **other).model()
    with finn_session(), pytest.raises(UnprovedError, match="output 0 must take input 0 3 times, not 1"):
        getCustomOp(model.graph.node[0]).instance(model, tmp_path)


def test_a_folding_that_does_not_divide_the_layer_is_refused(tmp_path: Path) -> None:
    model = layer("UINT4", "INT4", (3, 1), (4, 2, 3, 1)).model()
    with pytest.raises(UnsupportedError, match="SIMD=2 PE=3; use a divisor of 3 and one of 4"):
        getCustomOp(model.graph.node[0]).instance(model, tmp_path)


def test_layers_that_are_too_large_or_count_equal_bits_are_none() -> None:
    def suits(channels: int, **more: Any) -> bool:
        case = layer("UINT4", "INT4", (3, 3), (channels, 1, 1, 1), **more)
        return CONSTANT.suits(getCustomOp(case.model().graph.node[0]))

    assert suits(256) and not suits(257) and not suits(4, binaryXnorMode=1)


def test_foldings_are_all_numbers_of_cycles_with_words_that_keep_up() -> None:
    case = layer("UINT4", "INT4", (3, 3), (8, 1, 1, 1), outputDataType="INT10")
    assert CONSTANT.foldings is not None
    found = [dict(folding) for folding in CONSTANT.foldings(getCustomOp(case.model().graph.node[0]))]
    assert sorted({folding["Digit"] for folding in found}) == [1, 2, 3, 4, 5, 10]
    for folding in found:
        words = 8 // folding["PE"] * (9 // folding["SIMD"])
        assert folding["Digit"] == 1 or words <= -(-10 // folding["Digit"])
    assert {"PE": 1, "SIMD": 1, "Digit": 1} in found and {"PE": 8, "SIMD": 9, "Digit": 10} in found


@pytest.mark.parametrize("zeros", [0.0, 0.8])
def test_the_estimate_is_near_what_yosys_counts(zeros: float, tmp_path: Path) -> None:
    family = family_named("xc7")
    generator = np.random.default_rng(1)
    values = generator.integers(-7, 8, (16, 1, 3, 3)) * (generator.random((16, 1, 3, 3)) >= zeros)
    derived = FORM.derives(values.astype(np.float32))
    for shape in ((16, 1, 16, 1), (16, 9, 8, 2), (16, 9, 16, 32)):
        case = layer("UINT4", "INT4", (3, 3), shape, values=values, outputDataType="INT11", **derived)
        a = attributes(getCustomOp(case.model().graph.node[0]))
        source = tmp_path / "unit.sv"
        source.write_text(unit_of(as_matrix(a)).modules("unit"))
        sources = [*(HDL / module for module in MODULES), source]
        counted = synthesise("unit", sources, tmp_path, family, tmp_path / "log.txt")
        guessed = CONSTANT.resources(a, None, family)
        assert 0.75 < guessed.lut / counted.lut < 1.3, (shape, guessed, counted)
        assert 0.7 < guessed.ff / counted.ff < 1.3, (shape, guessed, counted)
