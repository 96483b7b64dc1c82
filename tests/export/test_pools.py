"""Pools over windows and over all positions, truncation, upsampling."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operations import (
    Activation,
    AddConstant,
    Flatten,
    GlobalMax,
    GlobalSum,
    MaxPool,
    Move,
    MulConstant,
    MulPositions,
    SumPool,
    Upsample,
)
from tests.export.graphs import QONNX, Graph, same_everywhere


def image(signed: int = 0, channels: int = 3) -> Graph:
    return Graph((1, channels, 6, 5)).quant(0.17, 4, signed=signed, name="input")


def series(signed: int = 0) -> Graph:
    return Graph((1, 3, 12)).quant(0.17, 4, signed=signed, name="input")


def ended(graph: Graph, features: int) -> Graph:
    """Quantise, flatten, and decide among four classes."""
    graph.quant(0.21, 4, name="end").node("Flatten", axis=1)
    weights = np.random.default_rng(9).normal(size=(features, 4))
    return graph.node("MatMul", graph.weights(weights, 0.3, 4), name="fc")


def refusal(graph: Graph) -> str:
    with pytest.raises(UnsupportedError) as caught:
        graph.integers()
    return str(caught.value)


@pytest.mark.parametrize(
    ("window", "features"),
    [
        ({"kernel_shape": [2, 2], "strides": [2, 2]}, 3 * 3 * 2),
        ({"kernel_shape": [3, 3], "strides": [1, 2]}, 3 * 4 * 2),
        ({"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1}, 3 * 6 * 5),
        ({"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "count_include_pad": 1}, 3 * 6 * 5),
        ({"kernel_shape": [2, 1], "strides": [2, 1], "ceil_mode": 1}, 3 * 3 * 5),
    ],
)
def test_average_pool_sums_and_its_share_goes_into_the_scale(
    window: dict[str, Any], features: int, tmp_path: Path
) -> None:
    net, _ = same_everywhere(ended(image(1).node("AveragePool", **window), features).model(), tmp_path)
    pool = net.operations[0]
    assert isinstance(pool, SumPool)
    count = np.prod(window["kernel_shape"])
    assert (pool.y.low.min(), pool.y.high.max()) == (-8 * count, 7 * count)
    act = net.operations[1]
    assert isinstance(act, Activation)
    assert act.chain.scale == pytest.approx(np.float32(0.17) / np.float32(0.21) / count, rel=1e-6)


def test_average_of_accumulators_behind_a_batch_norm(tmp_path: Path) -> None:
    graph = image().conv(4, 3, inputs=3, pads=[1, 1, 1, 1])
    graph.norm([1.0, -0.5, 2.0, 0.1], [0.1, 0.2, 0.3, 0.4], np.ones(4), np.ones(4))
    graph.node("AveragePool", kernel_shape=[3, 2], strides=[3, 2])
    net, _ = same_everywhere(ended(graph, 4 * 4).model(), tmp_path)
    # the negative scale behind the pool turns its sums round
    assert [type(o) for o in net.operations[1:3]] == [SumPool, MulConstant]


def test_average_pool_in_one_dimension(tmp_path: Path) -> None:
    graph = series().node("AveragePool", kernel_shape=[4], strides=[4])
    net, _ = same_everywhere(ended(graph, 9).model(), tmp_path)
    assert net.operations[0].attributes["kernel_shape"] == [4, 1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("operator", "more"),
    [
        ("GlobalAveragePool", {}),
        ("ReduceMean", {"axes": [2, 3]}),
        ("ReduceMean", {"axes": [-1, -2], "keepdims": 0}),
        ("ReduceSum", {"keepdims": 0}),
        ("AveragePool", {"kernel_shape": [6, 5]}),
    ],
)
def test_averages_over_all_positions(operator: str, more: dict[str, Any], tmp_path: Path) -> None:
    graph = image(1)
    if operator == "ReduceSum":  # its axes are an input since opset 13
        graph.integer_constant("axes", [2, 3])
        graph.node(operator, "axes", **more)
    else:
        graph.node(operator, **more)
    net, layers = same_everywhere(ended(graph, 3).model(), tmp_path)
    total = net.operations[0]
    assert isinstance(total, GlobalSum)
    np.testing.assert_array_equal(layers[total.y.name], layers[total.x.name].sum(axis=(2, 3), keepdims=True))
    assert total.y.datatype == "INT9"  # 30 times -8..7


@pytest.mark.parametrize(
    ("operator", "more"),
    [("GlobalMaxPool", {}), ("ReduceMax", {"axes": [2, 3]}), ("ReduceMax", {"axes": [2, 3], "keepdims": 0})],
)
def test_maximum_over_all_positions(operator: str, more: dict[str, Any], tmp_path: Path) -> None:
    graph = image().conv(4, 1, inputs=3).norm([1.0, -0.5, 2.0, 0.1], np.zeros(4), np.ones(4), np.ones(4))
    net, layers = same_everywhere(ended(graph.node(operator, **more), 4).model(), tmp_path)
    pool = net.operations[1]
    assert isinstance(pool, GlobalMax)
    np.testing.assert_array_equal(layers[pool.y.name], layers[pool.x.name].max(axis=(2, 3), keepdims=True))
    assert any(isinstance(o, Flatten) for o in net.operations)


@pytest.mark.parametrize(("operator", "made"), [("ReduceMean", SumPool), ("ReduceMax", MaxPool)])
def test_one_axis_only_is_a_window_as_long(operator: str, made: type, tmp_path: Path) -> None:
    net, _ = same_everywhere(ended(image().node(operator, axes=[3]), 18).model(), tmp_path)
    assert isinstance(net.operations[0], made)
    assert net.operations[0].attributes["kernel_shape"] == [1, 5]


def test_adaptive_pool_of_a_one_dimensional_network_goes_by_a_unit_axis(tmp_path: Path) -> None:
    graph = series()
    graph.integer_constant("at", [-2])
    graph.node("Unsqueeze", "at").node("ReduceMean", axes=[-1, -2]).node("Squeeze", "at")
    net, _ = same_everywhere(ended(graph, 3).model(), tmp_path)
    assert isinstance(net.operations[0], GlobalSum)


def test_a_pool_of_a_reshaped_tensor_has_a_unit_axis_moved(tmp_path: Path) -> None:
    graph = series()
    graph.integer_constant("at", [-2])
    graph.node("Unsqueeze", "at").node("MaxPool", kernel_shape=[1, 2], name="pool")
    net, _ = same_everywhere(ended(graph, 33).model(), tmp_path)
    assert [type(o) for o in net.operations[:2]] == [Move, MaxPool]


def test_wrong_average_of_padded_accumulators_with_a_bias() -> None:
    graph = image().conv(3, 1, inputs=3).node("Add", np.array([1.0, 2, 3]).reshape(3, 1, 1))
    graph.node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1, name="pool")
    assert refusal(ended(graph, 90)) == (
        "node 'pool': it pads a tensor whose zero is no integer zero (behind a bias or batch norm); "
        "put a quantiser in front of it, or use no padding"
    )


def test_wrong_average_of_an_activation() -> None:
    graph = image().conv(3, 1, inputs=3).node("Relu").node("AveragePool", kernel_shape=[2, 2], name="pool")
    assert refusal(ended(graph, 60)) == (
        "node 'pool': the input of this AveragePool is an activation that is not quantised; "
        "put a quantiser (QuantReLU, QuantIdentity) in front of it"
    )


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(
    ("window", "features"),
    [
        ({"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, 3 * 3 * 3),
        ({"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, 3 * 3 * 2),
        ({"kernel_shape": [3, 2], "strides": [3, 3], "pads": [1, 0, 0, 0], "ceil_mode": 1}, 3 * 3 * 2),
        ({"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}, 3 * 6 * 5),
    ],
)
def test_maxima_leave_out_what_is_around_the_input(
    window: dict[str, Any], features: int, signed: int, tmp_path: Path
) -> None:
    net, _ = same_everywhere(ended(image(signed).node("MaxPool", **window), features).model(), tmp_path)
    around = any(next(o for o in net.operations if isinstance(o, MaxPool)).attributes["pads"])
    assert sum(isinstance(o, AddConstant) for o in net.operations) == 2 * signed * around


@pytest.mark.parametrize(
    ("window", "rows", "columns"),
    [
        ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, [3, 2, 2, 2, 2, 3], [3, 2, 2, 2, 3]),
        ({"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, [1, 1, 1], [1, 1, 2]),
        (
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1},
            *([1, 1, 1], [1, 1, 2]),
        ),
        ({"kernel_shape": [4, 1], "strides": [2, 1], "pads": [3, 0, 2, 0]}, [12, 4, 3, 4], [1, 1, 1, 1, 1]),
        ({"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, [1, 1, 1], [1, 1, 2]),
    ],
)
def test_averages_of_other_numbers_of_values_become_shares_of_one(
    window: dict[str, Any], rows: list[int], columns: list[int], tmp_path: Path
) -> None:
    features = 3 * len(rows) * len(columns)
    net, _ = same_everywhere(ended(image(1).node("AveragePool", **window), features).model(), tmp_path)
    share = next(o for o in net.operations if isinstance(o, MulPositions))
    assert (share.rows.tolist(), share.columns.tolist()) == (rows, columns)


def test_wrong_average_of_which_onnx_changed_the_meaning() -> None:
    window = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 0, 0, 0], "ceil_mode": 1}
    graph = image().node("AveragePool", **window, count_include_pad=1, name="pool")
    assert refusal(ended(graph, 3 * 4 * 3)) == (
        "node 'pool': ceil_mode and count_include_pad together, for which ONNX changed the number it divides "
        "by; use count_include_pad=False, or export with opset 19"
    )


def test_wrong_window_that_starts_behind_its_input() -> None:
    graph = image().node("MaxPool", kernel_shape=[2, 1], strides=[3, 1], pads=[0, 0, 1, 0], ceil_mode=1)
    assert "ceil_mode with a window that starts behind its input" in refusal(ended(graph, 3 * 3 * 5))


def test_wrong_reduction_of_channels() -> None:
    assert refusal(ended(image().node("ReduceMean", axes=[1], name="mean"), 30)) == (
        "node 'mean': ReduceMean over the axes [1]; reduce over positions, not over channels"
    )


MODES = ["ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]


@pytest.mark.parametrize("mode", MODES)
def test_truncation_of_an_average(mode: str, tmp_path: Path) -> None:
    graph = image(1).node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    scale = np.float32(0.17) / np.float32(4)
    graph.node(
        "Trunc", scale, np.float32(0), np.float32(6), np.float32(scale * 8), np.float32(4),
        domain=graph.domain, rounding_mode=mode, signed=1, narrow=0, name="trunc",
    )  # fmt: skip
    net, layers = same_everywhere(ended(graph, 18).model(), tmp_path, frames=100)
    act = net.operations[1]
    assert isinstance(act, Activation) and act.quantiser.rounding == mode
    eighths, found = layers[act.x.name] / 8, layers[act.y.name]
    wanted = {
        "ROUND": np.rint(eighths),
        "FLOOR": np.floor(eighths),
        "CEIL": np.ceil(eighths),
        "UP": np.where(eighths > 0, np.ceil(eighths), np.floor(eighths)),
        "DOWN": np.trunc(eighths),
        "HALF_UP": np.where(eighths > 0, np.floor(eighths + 0.5), np.ceil(eighths - 0.5)),
        "HALF_DOWN": np.where(eighths > 0, np.ceil(eighths - 0.5), np.floor(eighths + 0.5)),
    }[mode]
    np.testing.assert_array_equal(found, wanted)
    assert np.any(eighths % 1 == 0.5)


@pytest.mark.parametrize("mode", MODES)
def test_rounding_modes_of_a_quantiser(mode: str, tmp_path: Path) -> None:
    graph = image(1).quant(0.34, 4, rounding=mode, name="act")
    net, _ = same_everywhere(ended(graph, 90).model(), tmp_path)
    assert isinstance(net.operations[0], Activation)


def test_old_truncation_sets_no_limits(tmp_path: Path) -> None:
    graph = image(1).node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    scale = np.float32(0.17) / np.float32(4)
    graph.node("Trunc", scale, np.float32(0), np.float32(6), np.float32(4), domain=graph.domain, name="trunc")
    net, layers = same_everywhere(ended(graph, 18).model(), tmp_path)
    act = net.operations[1]
    np.testing.assert_array_equal(layers[act.y.name], layers[act.x.name] // 4)
    assert act.y.datatype == "INT4"


def test_wrong_truncation_off_the_grid() -> None:
    graph = image().node(
        "Trunc", np.float32(0.1), np.float32(0), np.float32(6), np.float32(4), domain=QONNX,
        name="trunc",
    )  # fmt: skip
    assert refusal(ended(graph, 90)) == (
        "node 'trunc': it truncates numbers that are no multiples of its scale; "
        "truncate a quantised tensor or the average of one (TruncAvgPool2d)"
    )


SCALES, SIZES = [1.0, 1.0, 2.0, 3.0], [1, 3, 12, 15]


@pytest.mark.parametrize(
    ("opset", "operator", "by", "more"),
    [
        (9, "Upsample", "scales", {}),
        (13, "Resize", "scales", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
        (13, "Resize", "sizes", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
        (13, "Resize", "scales", {"coordinate_transformation_mode": "half_pixel"}),
        (13, "Resize", "sizes", {"nearest_mode": "round_prefer_ceil"}),
        (13, "Resize", "scales", {"coordinate_transformation_mode": "pytorch_half_pixel"}),
    ],
)
def test_upsampling_repeats(opset: int, operator: str, by: str, more: dict[str, Any], tmp_path: Path) -> None:
    graph = Graph((1, 3, 6, 5), opset=opset).quant(0.17, 4)
    if by == "sizes":
        graph.integer_constant("sizes", SIZES)
        graph.node(operator, "", "", "sizes", mode="nearest", **more)
    elif operator == "Upsample":
        graph.node(operator, np.array(SCALES), mode="nearest")
    else:
        graph.node(operator, "", np.array(SCALES), mode="nearest", **more)
    net, layers = same_everywhere(ended(graph.quant(0.2, 3), 3 * 12 * 15).model(), tmp_path, frames=8)
    up = net.operations[0]
    assert isinstance(up, Upsample) and up.factors == (2, 3)
    np.testing.assert_array_equal(layers[up.y.name], layers[up.x.name].repeat(2, axis=2).repeat(3, axis=3))


def test_upsampling_in_one_dimension(tmp_path: Path) -> None:
    graph = series().node(
        "Resize", "", np.array([1.0, 1.0, 3.0]), mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )  # fmt: skip
    net, _ = same_everywhere(ended(graph, 3 * 36).model(), tmp_path)
    assert net.operations[0].factors == (3, 1)  # type: ignore[attr-defined]


def test_wrong_upsampling_that_interpolates() -> None:
    graph = image().node("Resize", "", np.array(SCALES), mode="linear", name="up")
    assert refusal(ended(graph, 3 * 12 * 15)) == "node 'up': upsampling of mode 'linear'; use mode='nearest'"


def test_wrong_upsampling_by_a_broken_factor() -> None:
    graph = image()
    graph.integer_constant("sizes", [1, 3, 9, 5])
    graph.node("Resize", "", "", "sizes", mode="nearest", name="up")
    assert refusal(ended(graph, 3 * 45)) == (
        "node 'up': it resizes [3, 6, 5] to [3, 9, 5], which is no whole number of times; "
        "use a whole scale_factor for height and width"
    )


def test_wrong_upsampling_with_shifted_positions() -> None:
    graph = image().node(
        "Resize", "", np.array(SCALES), mode="nearest", nearest_mode="ceil",
        coordinate_transformation_mode="asymmetric", name="up",
    )  # fmt: skip
    assert refusal(ended(graph, 3 * 12 * 15)) == (
        "node 'up': its mode (asymmetric, ceil) does not repeat every position 2 times; "
        "export with the coordinates 'asymmetric' and nearest_mode 'floor'"
    )
