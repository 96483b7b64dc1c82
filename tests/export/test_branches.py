"""Residual sums, concatenations and splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Affine
from fpga_flow.export.multipliers import Edges
from fpga_flow.export.operations import (
    Activation,
    Add,
    Concat,
    IntegerNetwork,
    JoinedActivation,
    Matrix,
    MulConstant,
    Split,
)
from tests.export.graphs import Graph, same_everywhere


def refusal(graph: Graph) -> str:
    with pytest.raises(UnsupportedError) as caught:
        graph.integers()
    return str(caught.value)


def two_sides(left: float, right: float, bits: int = 4) -> Graph:
    """The input, quantised with scale `left`, and a convolution of it, quantised with `right`, added."""
    graph = Graph((1, 3, 6, 5)).quant(left, bits, name="input")
    first = graph.last
    graph.conv(3, 3, inputs=3, pads=[1, 1, 1, 1]).norm(
        [1.0, -0.5, 2.0], [0.1, 0.2, 0.3], np.zeros(3), np.ones(3)
    )
    graph.quant(right, bits, name="second")
    return graph.node("Add", first, name="residual")


def to_classes(graph: Graph, channels: int, positions: int) -> Graph:
    graph.node("Flatten", axis=1)
    weights = np.random.default_rng(9).normal(size=(channels * positions, 4))
    return graph.node("MatMul", graph.weights(weights, 0.3, 4), name="fc")


def test_residual_sum_of_one_scale(tmp_path: Path) -> None:
    graph = to_classes(two_sides(0.17, 0.17).quant(0.3, 4), 3, 30)
    net, layers = same_everywhere(graph.model(), tmp_path)
    add = next(o for o in net.operations if isinstance(o, Add))
    assert (add.y.datatype, add.name) == ("INT5", "residual")
    assert not any(isinstance(o, MulConstant) for o in net.operations)
    np.testing.assert_array_equal(layers[add.y.name], layers[add.xs[0].name] + layers[add.xs[1].name])


@pytest.mark.parametrize(
    ("left", "right", "factors"), [(0.125, 0.5, {4}), (0.3, 0.2, {2, 3}), (0.01, 1.28, {128})]
)
def test_residual_sum_of_scales_that_are_multiples(
    left: float, right: float, factors: set[int], tmp_path: Path
) -> None:
    graph = to_classes(two_sides(left, right).quant(0.3, 4), 3, 30)
    net, _ = same_everywhere(graph.model(), tmp_path)
    assert {int(o.values[0]) for o in net.operations if isinstance(o, MulConstant)} == factors


def test_a_sum_keeps_the_common_scale_and_needs_no_quantiser(tmp_path: Path) -> None:
    net, _ = same_everywhere(to_classes(two_sides(0.5, 0.5), 3, 30).model(), tmp_path)
    assert [type(o).__name__ for o in net.operations[-3:]] == ["Add", "Flatten", "Matrix"]


def test_difference_of_two_tensors(tmp_path: Path) -> None:
    graph = two_sides(0.25, 0.25)
    graph.nodes[-1].op_type = "Sub"
    net, layers = same_everywhere(to_classes(graph, 3, 30).model(), tmp_path)
    add = next(o for o in net.operations if isinstance(o, Add))
    assert (add.y.low.min(), add.y.high.max()) == (-15, 15)


def test_sum_of_accumulators_with_batch_norms_of_one_scale(tmp_path: Path) -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4, name="input")
    first = graph.last
    graph.conv(4, 3, rng=1, inputs=3, pads=[1, 1, 1, 1], scale=0.25).node(
        "Add", np.arange(4.0).reshape(4, 1, 1)
    )
    left = graph.last
    graph.last = first
    graph.conv(4, 1, rng=2, inputs=3, scale=0.5).node("Add", left, name="residual").node("Relu")
    graph = to_classes(graph.quant(0.4, 4, signed=0), 4, 30)
    net, _ = same_everywhere(graph.model(), tmp_path)
    assert [type(o).__name__ for o in net.operations[:4]] == ["Matrix", "Matrix", "MulConstant", "Add"]


def test_a_tensor_added_to_itself(tmp_path: Path) -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    same_everywhere(to_classes(graph.node("Add", graph.last), 3, 30).model(), tmp_path)


def is_right_for_every_pair(net: IntegerNetwork) -> None:
    """Go through all integers of the sides of the one sum, and quantise both ways."""
    (found,) = [o for o in net.operations if isinstance(o, JoinedActivation)]
    made = {o.y.name: o for o in net.operations}
    for channel in range(found.x.channels):
        here = slice(channel, channel + 1)
        sides = [side.sliced(here) for side in found.sides]
        axes = [np.arange(s.tensor.low[0], s.tensor.high[0] + 1) for s in sides]
        grid = np.meshgrid(*axes, indexing="ij")
        values = {side.tensor.name: axis for side, axis in zip(sides, grid, strict=True)}

        def integers(name: str, channel: int = channel, values: dict[str, Any] = values) -> Any:
            if name in values:
                return values[name]
            operation = made[name]
            if isinstance(operation, MulConstant):
                return integers(operation.x.name) * operation.values[channel]
            assert isinstance(operation, Add)
            return sum(integers(x.name) for x in operation.xs)

        terms = [s.line.apply(axis.astype(np.float64)) for s, axis in zip(sides, grid, strict=True)]
        total = np.asarray(sum(terms[1:], start=terms[0]))
        wanted = found.quantiser.apply(found.chain.sliced(here).apply(total))
        reached = integers(found.x.name)[..., None] >= found.thresholds[channel]
        given = found.quantiser.low + found.quantiser.step * reached.sum(axis=-1)
        np.testing.assert_array_equal(given, wanted)


@pytest.mark.parametrize(("bits", "out_bits", "signed"), [(4, 4, 1), (8, 4, 0), (8, 8, 1), (2, 2, 0)])
def test_sum_of_any_two_scales_in_front_of_a_quantiser(
    bits: int, out_bits: int, signed: int, tmp_path: Path
) -> None:
    graph = two_sides(0.17, 0.123457, bits)
    if not signed:
        graph.node("Relu")
    net, _ = same_everywhere(to_classes(graph.quant(0.3, out_bits, signed), 3, 30).model(), tmp_path)
    is_right_for_every_pair(net)


def test_multipliers_of_two_sides_are_as_narrow_as_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    net = to_classes(two_sides(0.17, 0.123457).quant(0.3, 4), 3, 30).integers()
    assert "residual: its sides are multiplied by 8 and 11 (4 bits)" in "".join(capsys.readouterr())
    (found,) = [o for o in net.operations if isinstance(o, JoinedActivation)]
    edges = Edges(tuple(side.sliced(slice(0, 1)) for side in found.sides), found.chain, found.quantiser)
    assert edges.thresholds(np.array([8, 11])) is not None
    assert all(edges.thresholds(np.array([a, b])) is None for a in range(8) for b in range(8))


def test_difference_and_batch_norm_of_any_scales(tmp_path: Path) -> None:
    graph = two_sides(0.17, 0.123457)
    graph.nodes[-1].op_type = "Sub"
    graph.norm([1.0, -0.5, 0.0], [0.1, -0.2, 0.7], [0.3, 0.1, 0.0], np.ones(3)).node("Relu")
    net, _ = same_everywhere(to_classes(graph.quant(0.21, 3, 0), 3, 30).model(), tmp_path)
    is_right_for_every_pair(net)


def test_three_sides_of_any_scales(tmp_path: Path) -> None:
    graph = two_sides(0.17, 0.123457)
    both = graph.last
    graph.last = next(node.output[0] for node in graph.nodes if node.name == "input")
    graph.conv(3, 1, rng=5, inputs=3).quant(0.0771, 4, name="third").node("Add", both, name="all")
    net, _ = same_everywhere(to_classes(graph.quant(0.4, 4), 3, 30).model(), tmp_path)
    is_right_for_every_pair(net)


def test_side_that_is_an_accumulator_with_a_scale_for_each_channel(tmp_path: Path) -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    first = graph.last
    graph.conv(3, 1, inputs=3).norm([1.0, 0.7, 2.0], np.ones(3), np.zeros(3), np.ones(3))
    graph.node("Add", first, name="residual").quant(0.3, 4)
    net, _ = same_everywhere(to_classes(graph, 3, 30).model(), tmp_path)
    is_right_for_every_pair(net)


def test_two_quantisers_of_one_sum_have_multipliers_each(tmp_path: Path) -> None:
    graph = two_sides(0.17, 0.123457)
    both = graph.last
    fine = graph.quant(0.3, 4).last
    graph.quant(0.3, 2, source=both, name="coarse").node("Add", fine)
    net, _ = same_everywhere(to_classes(graph, 3, 30).model(), tmp_path)
    assert sum(isinstance(o, JoinedActivation) for o in net.operations) == 2


@pytest.mark.parametrize("behind", ["", "Conv"])
def test_wrong_sum_of_other_scales_without_a_quantiser(behind: str) -> None:
    graph = two_sides(0.17, 0.123457)
    if behind:
        graph.conv(3, 1, inputs=3)
    message = refusal(graph)
    assert message.startswith(
        "node 'residual': its sides have the scales 0.123457 and 0.17, which are no multiples (of at most "
        f"256) of one step, and {behind or 'the network'}"
    )
    assert "takes the sum without a quantiser; put a quantiser (QuantIdentity, QuantReLU) between" in message


def test_wrong_sum_with_more_pairs_than_can_be_tried() -> None:
    graph = two_sides(0.17, 0.123457, 8)
    both = graph.last
    graph.last = next(node.output[0] for node in graph.nodes if node.name == "input")
    graph.conv(3, 1, rng=5, inputs=3).quant(0.0771, 8, name="third").node("Add", both, name="all")
    assert refusal(to_classes(graph.quant(0.4, 8, name="last"), 3, 30)).startswith(
        "node 'all': its sides have the scales 0.123457 and 0.17, which are no multiples (of at most 256) of "
        "one step, and its sides can be 256 and 256 and 256 integers, too many with the 255 steps of the "
        "quantiser 'last' behind it"
    )


def test_wrong_side_that_is_an_activation_without_quantiser() -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    first = graph.last
    graph.conv(3, 1, inputs=3).node("Relu").node("Add", first, name="residual")
    assert refusal(to_classes(graph.quant(0.3, 4), 3, 30)).startswith(
        "node 'residual': the left side of this Add is an activation that is not quantised; quantise both "
    )


def test_wrong_shapes_of_a_sum() -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    first = graph.last
    graph.node("ReduceMax", axes=[2, 3]).node("Add", first, name="residual")
    assert refusal(to_classes(graph.quant(0.3, 4), 3, 30)) == (
        "node 'residual': it adds tensors of the shapes [3, 1, 1] and [3, 6, 5]; "
        "bring both to one shape first"
    )


def dense_block(scales: tuple[float, float], quantised: bool = True) -> Graph:
    """The input and a convolution of it side by side (as in a DenseNet)."""
    graph = Graph((1, 3, 6, 5)).quant(scales[0], 4, signed=0, name="input")
    first = graph.last
    graph.conv(2, 3, inputs=3, pads=[1, 1, 1, 1])
    if quantised:
        graph.quant(scales[1], 4, name="second")
    return graph.node("Concat", first, axis=1, name="cat")


@pytest.mark.parametrize("quantised", [True, False])
def test_concatenation_then_batch_norm_has_thresholds_per_channel(quantised: bool, tmp_path: Path) -> None:
    graph = dense_block((0.17, 0.123), quantised)
    graph.norm([1, -0.5, 0.3, -2, 0.7], np.arange(5) / 9, np.arange(5) / 5, np.ones(5)).node("Relu")
    net, layers = same_everywhere(to_classes(graph.quant(0.2, 3, signed=0), 5, 30).model(), tmp_path)
    cat = next(o for o in net.operations if isinstance(o, Concat))
    assert [x.channels for x in cat.xs] == [2, 3]
    np.testing.assert_array_equal(
        layers[cat.y.name], np.concatenate([layers[x.name] for x in cat.xs], axis=1)
    )
    if quantised:
        assert cat.y.low.tolist() == [-8, -8, 0, 0, 0]
        assert cat.y.datatype == "INT5"
    # negative scales behind a Concat turn the integers round
    signs = next(o for o in net.operations if isinstance(o, MulConstant))
    assert signs.values.tolist() == [1, -1, 1, -1, 1]
    act = next(o for o in net.operations if isinstance(o, Activation) and o.x is signs.y)
    assert isinstance(act.chain.steps[0], Affine) and act.chain.steps[0].mul.shape == (5,)


def test_concatenation_of_one_scale_feeds_a_convolution(tmp_path: Path) -> None:
    graph = dense_block((0.25, 0.25)).conv(4, 1, inputs=5)
    net, _ = same_everywhere(to_classes(graph.quant(0.3, 4), 4, 30).model(), tmp_path)
    assert not any(isinstance(o, MulConstant) for o in net.operations)


def test_concatenation_of_scales_that_are_multiples_feeds_a_convolution(tmp_path: Path) -> None:
    graph = dense_block((0.25, 0.75)).conv(4, 1, inputs=5)
    net, _ = same_everywhere(to_classes(graph.quant(0.3, 4), 4, 30).model(), tmp_path)
    scaled = next(o for o in net.operations if isinstance(o, MulConstant))
    assert scaled.values.tolist() == [3, 3, 1, 1, 1]


def test_activations_of_one_kind_are_concatenated_before_their_quantiser(tmp_path: Path) -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    first = graph.last
    graph.conv(2, 1, rng=1, inputs=3).node("Relu")
    left = graph.last
    graph.last = first
    graph.conv(3, 1, rng=2, inputs=3, scale=0.2).node("Relu").node("Concat", left, axis=1)
    same_everywhere(to_classes(graph.quant(0.2, 3, signed=0), 5, 30).model(), tmp_path)


def test_wrong_concatenation_of_other_scales_into_a_convolution() -> None:
    graph = dense_block((0.17, 0.123457)).conv(4, 1, inputs=5)
    assert refusal(to_classes(graph, 4, 30)) == (
        "node 'Conv_6': its input's channels have different scales (0.123457 to 0.17), so that integers "
        "cannot be summed up; use one scale per tensor, for all that a Concat joins too, or a quantiser "
        "behind the Concat"
    )


def test_wrong_concatenation_of_activations_of_different_kinds() -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    first = graph.last
    graph.conv(2, 1, inputs=3).node("Relu").node("Concat", first, axis=1, name="cat")
    assert refusal(to_classes(graph.quant(0.2, 3), 5, 30)) == (
        "node 'cat': it joins activations that are not quantised with other functions; put a quantiser "
        "(QuantReLU, QuantIdentity) behind each activation, in front of the Concat"
    )


def test_wrong_axis_of_a_concatenation() -> None:
    graph = Graph((1, 3, 6, 5)).quant(0.17, 4)
    graph.node("Concat", graph.last, axis=2, name="cat")
    assert refusal(to_classes(graph, 3, 60)) == (
        "node 'cat': a concatenation along axis 2; concatenate channels"
    )


def two_halves(graph: Graph, *more: str) -> Graph:
    """Take channels 0-1 and 2-5 of six with Slice, convolve the second, and put both together again."""
    source = graph.last
    for name, values in (("a0", [0]), ("a2", [2]), ("a6", [6]), ("one", [1])):
        graph.integer_constant(name, values)
    graph.node("Slice", "a0", "a2", "one", source=source, name="low")
    low = graph.last
    graph.node("Slice", "a2", "a6", "one", source=source, name="high")
    graph.conv(2, 1, inputs=4).quant(0.17, 4, name="second")
    return graph.node("Concat", low, axis=1)


def test_slices_become_one_split(tmp_path: Path) -> None:
    graph = two_halves(Graph((1, 6, 4, 3)).quant(0.17, 4))
    net, layers = same_everywhere(to_classes(graph, 4, 12).model(), tmp_path)
    (split,) = [o for o in net.operations if isinstance(o, Split)]
    assert [y.channels for y in split.ys] == [2, 4]
    np.testing.assert_array_equal(layers[split.ys[1].name], layers[split.x.name][:, 2:])


def test_split_of_accumulators_and_overlapping_parts(tmp_path: Path) -> None:
    graph = Graph((1, 3, 4, 3)).quant(0.17, 4).conv(6, 1, inputs=3)
    graph.norm([1, -0.5, 0.3, -2, 0.7, 1.1], np.arange(6) / 9, np.arange(6) / 5, np.ones(6))
    source = graph.last
    graph.integer_constant("sizes", [3, 3])
    graph.node("Split", "sizes", axis=1, name="split")
    graph.nodes[-1].output.append("upper")
    graph.quant(0.3, 4)
    lower = graph.last
    for name, values in (("a1", [1]), ("a5", [5]), ("one", [1])):
        graph.integer_constant(name, values)
    graph.node("Slice", "a1", "a5", "one", source=source, name="middle").quant(0.3, 4)
    middle = graph.last
    graph.quant(0.3, 4, source="upper").node("Concat", lower, middle, axis=1)
    net, _ = same_everywhere(to_classes(graph, 10, 12).model(), tmp_path)
    (split,) = [o for o in net.operations if isinstance(o, Split)]
    assert [y.channels for y in split.ys] == [1, 2, 2, 1]


def test_split_of_flattened_points_takes_their_channels(tmp_path: Path) -> None:
    graph = Graph((1, 3, 4, 3)).quant(0.17, 4).conv(6, 1, inputs=3).quant(0.3, 4).node("GlobalMaxPool")
    source = graph.node("Flatten").last
    for name, values in (("sizes", [2, 4]), ("a1", [1]), ("a5", [5]), ("one", [1])):
        graph.integer_constant(name, values)
    graph.node("Split", "sizes", axis=1, name="split")
    graph.nodes[-1].output.append("upper")
    lower = graph.quant(0.7, 4).last
    graph.node("Slice", "a1", "a5", "one", source=source, name="middle").quant(0.7, 4)
    middle = graph.last
    graph.quant(0.7, 4, source="upper").node("Concat", lower, middle, axis=1)
    net, _ = same_everywhere(to_classes(graph, 10, 1).model(), tmp_path)
    (split,) = [o for o in net.operations if isinstance(o, Split)]
    assert [y.channels for y in split.ys] == [1, 1, 3, 1]


def test_wrong_channels_that_nobody_uses() -> None:
    graph = Graph((1, 6, 4, 3)).quant(0.17, 4)
    for name, values in (("a0", [0]), ("a2", [2]), ("one", [1])):
        graph.integer_constant(name, values)
    graph.node("Slice", "a0", "a2", "one", name="low")
    assert refusal(to_classes(graph, 2, 12)) == (
        "node 'low': channels 2 to 5 of its input are used by no Split or Slice; use every channel, or do "
        "not compute it"
    )


def test_wrong_axis_of_a_slice() -> None:
    graph = Graph((1, 6, 4, 3)).quant(0.17, 4)
    for name, values in (("a0", [0]), ("a2", [2])):
        graph.integer_constant(name, values)
    graph.node("Slice", "a0", "a2", "a2", name="crop")
    assert refusal(to_classes(graph, 6, 6)) == "node 'crop': Slice along axis 2; split channels (axis 1) only"


def test_negative_scale_of_a_shared_accumulator_turns_its_copy_round(tmp_path: Path) -> None:
    graph = Graph((1, 3, 4, 3)).quant(0.17, 4).conv(4, 1, inputs=3)
    source = graph.last
    graph.norm([1.0, -1.0, 0.5, -2.0], np.zeros(4), np.zeros(4), np.ones(4)).quant(0.3, 4)
    left = graph.last
    graph.quant(0.3, 4, source=source, name="plain").node("Add", left)
    net, _ = same_everywhere(to_classes(graph, 4, 12).model(), tmp_path)
    assert [o.values.tolist() for o in net.operations if isinstance(o, MulConstant)] == [[1, -1, 1, -1]]
    matrix = net.operations[0]
    assert isinstance(matrix, Matrix) and matrix.weight_type == "INT4"


def test_a_row_of_features_and_features_at_one_position_are_joined(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    graph = Graph((1, 4, 6, 6)).quant(0.1, 8, signed=0)
    source = graph.last
    graph.quant(0.1, 4, signed=0).node("GlobalMaxPool").node("Flatten", axis=1)
    pooled = graph.last
    graph.node("ReduceMean", source=source, axes=[2, 3], keepdims=0).quant(0.1, 4, signed=0)
    graph.node("Concat", pooled, axis=1)
    graph.node("MatMul", graph.weights(rng.normal(size=(8, 3)), 0.2, 4))
    same_everywhere(graph.model(), tmp_path)


def test_an_output_whose_sign_is_turned_has_one_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph = Graph((1, 4, 2, 2)).quant(0.1, 4)
    source = graph.last
    graph.conv(4, 1, inputs=4).norm(-rng.uniform(0.5, 2, 4), *rng.uniform(0.5, 2, (3, 4)))
    graph.node("Concat", source, axis=1)
    same_everywhere(graph.model(), tmp_path)
