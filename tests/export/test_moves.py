"""What puts values into other places: transposes, shuffles, transposed convolutions, dense layers on rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operations import Flatten, InsertZeros, Matrix, Move
from tests.export.graphs import Graph, same_everywhere


def image(channels: int = 4, size: tuple[int, ...] = (6, 4)) -> Graph:
    return Graph((1, channels, *size)).quant(0.17, 4, name="input")


def ended(graph: Graph, channels: int) -> Graph:
    """Convolve (1, channels, H, W) and decide by the sum of each of three channels."""
    graph.conv(3, 1, 8, inputs=channels, name="last").quant(0.4, 6, name="end")
    graph.node("GlobalAveragePool").quant(0.1, 6).node("Flatten", axis=1)
    return graph.node("MatMul", graph.weights(np.eye(3) - 0.3, 0.3, 4), name="fc")


def kinds(graph: Graph, folder: Path) -> list[Any]:
    net, _ = same_everywhere(graph.model(), folder)
    return [o for o in net.operations if not isinstance(o, Flatten)]


def reshaped(graph: Graph, name: str, split: list[int], order: list[int], shape: list[int]) -> Graph:
    """Append a reshape, a transpose and a reshape."""
    graph.node("Reshape", graph.integer_constant(f"{name}_split", split))
    graph.node("Transpose", perm=order)
    return graph.node("Reshape", graph.integer_constant(f"{name}_shape", shape), name=name)


def moves(operations: list[Any]) -> list[str]:
    return [o.operator for o in operations if isinstance(o, Move)]


@pytest.mark.parametrize(
    ("perm", "channels"), [([0, 3, 1, 2], 4), ([0, 2, 1, 3], 6), ([0, 1, 3, 2], 4), ([0, 2, 3, 1], 6)]
)
def test_axes_that_change_places_in_front_of_a_convolution(
    perm: list[int], channels: int, tmp_path: Path
) -> None:
    graph = image().conv(4, 3, inputs=4, pads=[1, 1, 1, 1]).quant(0.4, 4).node("Transpose", perm=perm)
    assert moves(kinds(ended(graph, channels), tmp_path)) == ["Transpose"]


def test_a_transpose_behind_a_convolution_is_turned_where_it_is_read(tmp_path: Path) -> None:
    graph = image().conv(4, 3, inputs=4, pads=[1, 1, 1, 1]).node("Transpose", perm=[0, 1, 3, 2])
    found = kinds(ended(graph.node("Relu").quant(0.3, 4, signed=0), 4), tmp_path)
    assert [type(o).__name__ for o in found[:3]] == ["Matrix", "Activation", "Move"]


@pytest.mark.parametrize(
    ("operator", "attributes", "channels", "out"),
    [
        ("DepthToSpace", {"blocksize": 2, "mode": "DCR"}, 8, 2),
        ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, 8, 2),
        ("SpaceToDepth", {"blocksize": 2}, 3, 12),
    ],
)
def test_channels_become_positions_and_back(
    operator: str, attributes: dict[str, Any], channels: int, out: int, tmp_path: Path
) -> None:
    graph = image(channels).node(operator, **attributes)
    assert moves(kinds(ended(graph, out), tmp_path)) == [operator]


@pytest.mark.parametrize(
    ("channels", "split", "order", "shape", "names"),
    [
        (6, [1, 2, 3, 6, 4], [0, 2, 1, 3, 4], [1, 6, 6, 4], ["Gather"]),  # ShuffleNet's
        (8, [1, 2, 2, 2, 6, 4], [0, 1, 4, 2, 5, 3], [1, 2, 12, 8], ["DepthToSpace"]),  # PixelShuffle
        (3, [1, 3, 3, 2, 2, 2], [0, 1, 3, 5, 2, 4], [1, 12, 3, 2], ["SpaceToDepth", "Gather"]),  # unshuffle
    ],
)
def test_shuffles_written_as_reshapes_and_a_transpose(
    channels: int, split: list[int], order: list[int], shape: list[int], names: list[str], tmp_path: Path
) -> None:
    graph = reshaped(image(channels), "shuffle", split, order, shape)
    assert moves(kinds(ended(graph, shape[1]), tmp_path)) == names


def test_wrong_shuffle() -> None:
    graph = reshaped(image(4), "shuffle", [1, 4, 3, 2, 4], [0, 1, 3, 2, 4], [1, 4, 6, 4])
    with pytest.raises(UnsupportedError, match="mid-network"):
        ended(graph, 4).integers()


def test_wrong_gather() -> None:
    graph = image(4)
    graph.node("Gather", graph.integer_constant("taken", [0, 0, 1, 2]), axis=1, name="gather")
    with pytest.raises(UnsupportedError, match="node 'gather': a Gather that is no order of all channels"):
        ended(graph, 4).integers()


@pytest.mark.parametrize(
    ("kernel", "group", "settings"),
    [
        ((4, 4), 1, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ((2, 2), 1, {"strides": [2, 2]}),
        ((3, 3), 1, {"strides": [2, 3], "pads": [1, 1, 1, 1], "output_padding": [1, 2]}),
        ((3, 2), 2, {"strides": [2, 1], "pads": [0, 1, 2, 0]}),
        ((3, 3), 4, {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        ((2, 3), 1, {"dilations": [2, 1], "strides": [1, 2]}),
        ((1, 1), 1, {"strides": [3, 1]}),
    ],
)
def test_transposed_convolution_is_one_of_an_input_with_zeros_between(
    kernel: tuple[int, int], group: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    graph = image()
    values = np.random.default_rng(5).normal(size=(4, 8 // group, *kernel))
    weights = graph.weights(values, np.linspace(0.2, 0.5, 8 // group).reshape(1, -1, 1, 1), 4)
    graph.node("ConvTranspose", weights, np.arange(8) * 0.1, kernel_shape=kernel, group=group, **settings)
    graph.node("Relu").quant(0.3, 4, signed=0)
    found = kinds(ended(graph, 8), tmp_path)
    spread = [o.factors for o in found if isinstance(o, InsertZeros)]
    strides = tuple(settings.get("strides", (1, 1)))
    assert spread == ([] if strides == (1, 1) else [strides])


def test_transposed_convolution_in_one_dimension(tmp_path: Path) -> None:
    graph = Graph((1, 3, 9)).quant(0.17, 4)
    weights = graph.weights(np.random.default_rng(5).normal(size=(3, 4, 4)), 0.3, 4)
    graph.node("ConvTranspose", weights, kernel_shape=[4], strides=[2], pads=[1, 1]).quant(0.4, 4)
    graph.node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(np.random.default_rng(9).normal(size=(72, 4)), 0.3, 4))
    assert [o.factors for o in kinds(graph, tmp_path) if isinstance(o, InsertZeros)] == [(2, 1)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pads": [2, 0, 0, 0]}, "cut off more than its kernel reaches"),
        ({"auto_pad": "SAME_UPPER"}, "whose padding follows from its output"),
        ({"output_padding": [1]}, "its output_padding must be 2 numbers"),
    ],
)
def test_wrong_transposed_convolutions(settings: dict[str, Any], message: str) -> None:
    graph = image()
    weights = graph.weights(np.ones((4, 2, 2, 2)), 0.3, 4)
    graph.node("ConvTranspose", weights, strides=[2, 2], **settings, name="up")
    with pytest.raises(UnsupportedError, match=f"node 'up': .*{message}"):
        ended(graph, 2).integers()


@pytest.mark.parametrize("shape", [(5, 6), (3, 2, 6)])
def test_dense_layers_on_rows_are_convolutions_of_one_position(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    rng, axes = np.random.default_rng(4), list(range(1, len(shape)))
    graph = Graph((1, *shape)).quant(0.17, 4)
    graph.node("MatMul", graph.weights(rng.normal(size=(6, 8)), np.linspace(0.2, 0.5, 8), 4))
    graph.node("Add", np.arange(8) * 0.1).node("Relu").quant(0.3, 4, signed=0)
    graph.node("MatMul", graph.weights(rng.normal(size=(8, 4)), 0.3, 4)).quant(0.5, 4)
    graph.node("ReduceMean", axes=axes, keepdims=0).quant(0.2, 4)
    graph.node("MatMul", graph.weights(rng.normal(size=(4, 3)), 0.3, 4))
    found = [o for o in kinds(graph, tmp_path) if isinstance(o, Matrix)]
    assert [o.kind for o in found] == ["Conv", "Conv", "MatMul"]


def test_a_dense_layer_over_positions_turns_them_into_channels(tmp_path: Path) -> None:
    graph = image(4, (6, 5)).conv(4, 1, inputs=4).quant(0.4, 4)
    graph.node("MatMul", graph.weights(np.random.default_rng(4).normal(size=(5, 3)), 0.3, 4)).quant(0.4, 4)
    assert moves(kinds(ended(graph, 4), tmp_path)) == ["Transpose", "Transpose"]
