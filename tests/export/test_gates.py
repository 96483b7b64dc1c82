"""Products of two computed tensors: gates and masks."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operations import AddConstant, Multiply, Upsample
from tests.export.graphs import Graph, same_everywhere


def gated(gate_scale: float = 0.03, per_channel: bool = False, offset: float = 0.0) -> Graph:
    """A quantised input, and a convolution of it as its gate: at each position, or a number a channel."""
    graph = Graph((1, 3, 6, 5)).quant(0.2, 4, name="input")
    first = graph.last
    graph.conv(3, 3, inputs=3, pads=[1, 1, 1, 1])
    if per_channel:
        graph.quant(0.7, 4, name="pooled").node("GlobalAveragePool", name="mean")
    graph.node("Relu").quant(gate_scale, 5, name="gate_act")
    if offset:
        graph.node("Add", np.float32(offset), name="offset")
    return graph.node("Mul", first, name="gate")


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_gate_is_an_exact_product(per_channel: bool, tmp_path: Path) -> None:
    graph = gated(per_channel=per_channel).quant(0.05, 6, name="act")
    net, layers = same_everywhere(graph.model(), tmp_path)
    product = next(o for o in net.operations if isinstance(o, Multiply))
    assert any(isinstance(o, Upsample) for o in net.operations) == per_channel
    left, right = (layers[x.name] for x in product.xs)
    np.testing.assert_array_equal(layers[product.y.name], left * right)
    assert len(np.unique(layers[product.y.name])) > 8


def test_an_offset_of_whole_steps_is_added_in_front(tmp_path: Path) -> None:
    net, _ = same_everywhere(gated(0.25, offset=0.75).quant(0.05, 6, name="act").model(), tmp_path)
    (added,) = (o for o in net.operations if isinstance(o, AddConstant))
    assert set(added.values) == {3}


def test_a_product_goes_into_a_layer_as_it_is(tmp_path: Path) -> None:
    graph = gated().conv(4, 1, inputs=3)
    net, _ = same_everywhere(graph.quant(0.5, 4, name="act").model(), tmp_path)
    assert any(isinstance(o, Multiply) for o in net.operations)


def pooled() -> Graph:
    """A quantised input, and the largest of each of its columns as its gate."""
    graph = Graph((1, 3, 6, 5)).quant(0.2, 4, name="input")
    first = graph.last
    return graph.node("MaxPool", kernel_shape=[6, 1], name="row").node("Mul", first, name="gate")


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (
            gated(0.25, offset=0.3),
            "the left side of this product has an offset that is no multiple of its scale",
        ),
        (pooled(), "it multiplies tensors of the shapes [3, 1, 5] and [3, 6, 5]"),
    ],
)
def test_wrong_products_are_named(graph: Graph, why: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        graph.quant(0.05, 6, name="act").integers()
    assert str(caught.value).startswith(f"node 'gate': {why}; ")
