"""Differences from a float network: explained where float32 cannot tell, an error where it can."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import DifferenceError
from fpga_flow.export import host
from fpga_flow.export.chain import affine
from fpga_flow.export.checks import check_float
from fpga_flow.export.frames import random_frames
from fpga_flow.export.operations import Activation, AddConstant, IntegerNetwork, Matrix
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.reference import FileReference, Observation
from fpga_flow.export.walk import to_integers
from tests.export.graphs import Graph, network, opened


class Tampered:
    """A float network whose first activation is one step off at one place of every frame."""

    def __init__(self, reference: FileReference) -> None:
        self.reference = reference

    @property
    def double(self) -> "Tampered":
        return Tampered(self.reference.double)

    def run(self, frames: np.ndarray) -> Observation:
        seen = self.reference.run(frames)
        seen.codes[1][:, 2, 3] += 1
        return seen


def test_no_difference_on_an_ordinary_network(tmp_path: Path) -> None:
    model = bring_up_to_date(network(3).proto(), "test")
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    source = random_frames(spec, 80, 1)
    found = check_float(
        net, opened(net, tmp_path), FileReference(model), source, np.arange(80), spec, "the file"
    )
    assert (found.frames, found.differences, found.unexplained) == (80, 0, 0)
    assert found.values == 80 * (2 * 16 + 6 * 16 + 6 * 8 + 5)


def test_a_difference_for_no_reason_is_an_error_that_names_its_place(tmp_path: Path) -> None:
    model = bring_up_to_date(network(3).proto(), "test")
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    with pytest.raises(DifferenceError) as caught:
        check_float(
            net,
            opened(net, tmp_path),
            Tampered(FileReference(model)),
            random_frames(spec, 8, 1),
            np.arange(8),
            spec,
            "the file",
        )
    text = str(caught.value)
    assert text.startswith(
        "export: the golden model differs from the file in 8 of 8 frames for another reason than float32 "
        "rounding; first: frame 0, quantiser act0, index 35, golden "
    )


def test_a_tie_within_float32_is_explained_and_counted(tmp_path: Path) -> None:
    # 0.1 * 0.1 / 0.02 is 1/2 but for the last places of float32, so every odd sum is next to a tie.
    graph = Graph((1, 3)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.eye(3) * 0.3, 0.1, 4)).quant(0.02, 6, signed=0, name="act")
    graph.node("MatMul", graph.weights(np.eye(3), 1.0, 2))
    model = bring_up_to_date(graph.proto(), "test")
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    source = random_frames(spec, 256, 1)
    found = check_float(
        net, opened(net, tmp_path), FileReference(model), source, np.arange(256), spec, "the file"
    )
    assert found.differences > 0
    assert found.explained == found.differing_frames > 0
    assert (found.unexplained, found.largest_step, found.class_unexplained) == (0, 1, 0)


def test_random_frames_are_the_same_for_the_same_index() -> None:
    net = network().integers()
    source = random_frames(host.describe(net.host, net.input), 10, 1)
    np.testing.assert_array_equal(source.read(np.array([7, 3]))[0], source.read(np.array([7]))[0])
    assert source.labels.tolist() == [-1] * 10


def bipolar_tie() -> Graph:
    # The bias is a sum as float32 rounds it, up: the sum itself is below it, float32 finds both equal.
    scales = np.float32([0.1, 0.7])
    sums = [np.float32(steps * scales[0]) * scales[1] for steps in (1, 2, 3)]
    assert any(float(v) > n * np.prod(scales.astype(float)) for n, v in enumerate(sums, start=1))
    graph = Graph((1, 3)).quant(scales[0], 3)
    graph.node("MatMul", graph.weights(np.eye(3) * 0.7, scales[1], 2)).node("Sub", np.array([sums]))
    return graph.quant(1.0, 1, name="sign").node("MatMul", graph.weights(np.eye(3), 1.0, 2))


def test_a_tie_of_a_bipolar_quantiser_is_explained(tmp_path: Path) -> None:
    model = bipolar_tie().model()
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    source = random_frames(spec, 64, 1)
    found = check_float(
        net, opened(net, tmp_path), FileReference(model), source, np.arange(64), spec, "the file"
    )
    assert found.differences > 0
    assert (found.explained, found.largest_step) == (found.differing_frames, 2)


def large_offset() -> Graph:
    """8 bits behind offsets whose last place in float32 is larger than a step, within and at the end."""
    rng = np.random.default_rng(0)
    graph = Graph((1, 64)).quant(0.013, 8)
    graph.node("MatMul", graph.weights(rng.normal(size=(64, 24)), 0.017, 8))
    graph.node("Add", np.full((1, 24), 40_000.0)).node("Sub", np.full((1, 24), 40_000.0))
    graph.quant(0.011, 8, name="act").node("MatMul", graph.weights(rng.normal(size=(24, 5)), 0.019, 8))
    return graph.node("Add", 3_000 + np.arange(5.0) / 7)


def judged(model: ModelWrapper, net: IntegerNetwork, folder: Path) -> dict[str, Any]:
    """Compare the golden model of `net` with the float network of `model` on random frames."""
    spec = host.describe(net.host, net.input)
    source = random_frames(spec, 128, 1)
    return check_float(
        net, opened(net, folder), FileReference(model), source, np.arange(128), spec, "the file"
    )


def test_float64_decides_where_float32_rounds_behind_a_large_offset(tmp_path: Path) -> None:
    model = large_offset().model()
    found = judged(model, to_integers(model), tmp_path)
    assert found.rounded > 30
    assert (found.unexplained, found.class_unexplained, found.first) == (0, 0, None)


def _wrong_weight(net: IntegerNetwork) -> None:
    matrix = next(o for o in net.operations if isinstance(o, Matrix))
    matrix.weights[5, 3] += 1


def _wrong_threshold(net: IntegerNetwork) -> None:
    act = next(o for o in net.operations if isinstance(o, Activation))
    act.chain = act.chain.then(affine(1.0, 0.01))


def _wrong_bias(net: IntegerNetwork) -> None:
    bias = next(o for o in net.operations if isinstance(o, AddConstant))
    bias.values[2] += 1


def _wrong_offset(net: IntegerNetwork) -> None:
    net.logit_offset += 1.01 * net.logit_scale


@pytest.mark.parametrize("spoil", [_wrong_weight, _wrong_threshold, _wrong_bias, _wrong_offset])
def test_a_wrong_integer_is_found_where_float32_differs_too(
    spoil: Callable[[IntegerNetwork], None], tmp_path: Path
) -> None:
    model = large_offset().model()
    net = to_integers(model)
    spoil(net)
    with pytest.raises(DifferenceError, match=r"for another reason than float32 rounding; first: frame"):
        judged(model, net, tmp_path)


def test_a_tie_in_real_arithmetic_is_one_in_float64_too(tmp_path: Path) -> None:
    # Odd sums times 1/2 are ties. Behind the offset float32 rounds, and float64 loses the last places of 0.1.
    graph = Graph((1, 3)).quant(0.25, 8)
    graph.node("MatMul", graph.weights(np.eye(3), 1.0, 2)).node("Add", np.full((1, 3), 0.1))
    graph.node("Add", np.full((1, 3), 1e7)).node("Sub", np.full((1, 3), 1e7))
    graph.node("Sub", np.full((1, 3), 0.1)).quant(0.5, 6, name="act")
    graph.node("MatMul", graph.weights(np.eye(3), 1.0, 2))
    model = graph.model()
    found = judged(model, to_integers(model), tmp_path)
    assert found.rounded > 0
    assert (found.unexplained, found.class_unexplained) == (0, 0)
