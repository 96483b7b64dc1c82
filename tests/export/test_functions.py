"""Functions of one integer in front of a quantiser: whatever the file has there, exactly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operations import Activation, Add, IntegerNetwork
from fpga_flow.export.readers import steps
from fpga_flow.export.readers.pointwise import is_pointwise
from fpga_flow.export.state import Walk
from fpga_flow.export.values import HostValue
from tests.export.graphs import Graph, same_everywhere

CHANNELS = 5


def sums(opset: int = 13) -> Graph:
    """Sums of a convolution whose batch norm has rising and falling channels."""
    rng = np.random.default_rng(3)
    graph = Graph((1, 3, 4, 4), opset=opset).quant(0.11, 4, name="input")
    graph.conv(CHANNELS, inputs=3)
    return graph.norm(6 * np.array([0.3, -0.4, 0.0, 1.1, -0.7]), rng.normal(size=CHANNELS) / 3,
                      rng.normal(size=CHANNELS), rng.uniform(0.5, 2, CHANNELS))  # fmt: skip


def ended(graph: Graph, bits: int = 4, signed: int = 1) -> Graph:
    """Quantise, and sum up."""
    return graph.quant(0.13, bits, signed=signed, name="act").conv(2, inputs=CHANNELS)


def twice(graph: Graph, operator: str, *behind: tuple[str, float]) -> Graph:
    """Return `x * operator(x)`, with constants put to the operator's result first."""
    x = graph.last
    graph.node(operator)
    for name, number in behind:
        graph.node(name, np.float32(number))
    return graph.node("Mul", x)


def hard_swish(graph: Graph) -> Graph:
    x = graph.last
    graph.node("Add", np.float32(3)).node("Clip", np.float32(0), np.float32(6))
    return graph.node("Mul", x).node("Div", np.float32(6))


def gelu(graph: Graph) -> Graph:
    x = graph.last
    graph.node("Div", np.float32(1.4142135)).node("Erf").node("Add", np.float32(1))
    return graph.node("Mul", x).node("Mul", np.float32(0.5))


def written_out(graph: Graph) -> Graph:
    """A sigmoid of elementary operators: a constant divided by what is computed."""
    graph.node("Neg").node("Exp").node("Add", np.float32(1))
    one = graph.constant(np.float32(1))
    graph.nodes.append(onnx.helper.make_node("Div", [one, graph.last], ["chance"], "chance"))
    graph.last = "chance"
    return graph


def chosen(graph: Graph) -> Graph:
    """A Where: the square of negative numbers, half of the others."""
    x = graph.last
    half = graph.node("Mul", np.float32(0.5)).last
    square = graph.node("Mul", x, source=x).last
    less = graph.node("Less", np.float32(0), source=x).last
    graph.nodes.append(onnx.helper.make_node("Where", [less, square, half], ["chosen"], "chosen"))
    graph.last = "chosen"
    return graph


MONOTONE: dict[str, Callable[[Graph], Graph]] = {
    "sigmoid": lambda g: g.node("Sigmoid"),
    "tanh, negative": lambda g: g.node("Tanh").node("Neg"),
    "selu": lambda g: g.node("Selu"),
    "elu, clipped": lambda g: g.node("Elu", alpha=0.7).node("Clip", np.float32(-0.5), np.float32(0.8)),
    "hard sigmoid": lambda g: g.node("HardSigmoid", alpha=1 / 6),
    "softplus": lambda g: g.node("Softplus"),
    "parametric": lambda g: g.node("PRelu", np.array([0.1, 0.3, 0.0, 0.9, 0.5]).reshape(-1, 1, 1)),
    "minimum": lambda g: g.node("Min", np.float32(0.5)).node("Max", np.float32(-0.25)),
    "written out": written_out,
}
OTHERS: dict[str, Callable[[Graph], Graph]] = {
    "silu": lambda g: twice(g, "Sigmoid"),
    "mish": lambda g: twice(g.node("Identity"), "Softplus", ("Mul", 0.3)),
    "hard swish": hard_swish,
    "gelu": gelu,
    "square": lambda g: g.node("Pow", np.float32(2)),
    "absolute, then relu": lambda g: g.node("Abs").node("Sub", np.float32(0.3)).node("Relu"),
    "rising on both sides": lambda g: g.node("LeakyRelu", alpha=-0.4),
    "slopes of both signs": lambda g: g.node("PRelu", np.array([-1, 0.5, 0, -0.2, 2]).reshape(-1, 1, 1)),
    "chosen": chosen,
}


def kinds(network: IntegerNetwork) -> list[str]:
    return [type(operation).__name__ for operation in network.operations]


@pytest.mark.parametrize("name", MONOTONE)
def test_monotone_functions_become_thresholds(name: str, tmp_path: Path) -> None:
    network, _ = same_everywhere(ended(MONOTONE[name](sums())).model(), tmp_path, frames=6)
    assert kinds(network) == ["Matrix", "Activation", "Matrix"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions_are_rises_less_falls(name: str, tmp_path: Path) -> None:
    network, _ = same_everywhere(ended(OTHERS[name](sums())).model(), tmp_path, frames=6)
    assert kinds(network) == ["Matrix", "Activation", "Activation", "MulConstant", "Add", "Matrix"]


@pytest.mark.parametrize("function", [MONOTONE["sigmoid"], MONOTONE["tanh, negative"], gelu])
def test_a_sign_behind_a_function(function: Callable[[Graph], Graph], tmp_path: Path) -> None:
    graph = function(sums()).node("BipolarQuant", np.float32(0.4), domain="qonnx.custom_op.general")
    same_everywhere(graph.conv(2, inputs=CHANNELS).model(), tmp_path, frames=6)


def test_a_function_between_two_quantisers_with_another_in_between(tmp_path: Path) -> None:
    graph = sums().node("Sigmoid").quant(0.07, 4, signed=0, name="inner").node("Tanh")
    network, _ = same_everywhere(ended(graph).model(), tmp_path, frames=6)
    assert kinds(network) == ["Matrix", "Activation", "Activation", "Matrix"]


def test_every_integer_gives_what_the_file_s_function_gives() -> None:
    network = ended(gelu(sums())).integers()
    function = next(seen.function for seen in network.quantisers if seen.function is not None)
    rising, falling = (o for o in network.operations if isinstance(o, Activation))
    assert any(isinstance(operation, Add) for operation in network.operations)
    low, high = int(function.x.low.min()), int(function.x.high.max())
    x = np.clip(np.arange(low, high + 1)[None], function.x.low[:, None], function.x.high[:, None])
    numbers = x[None].astype(np.float64)
    wanted = function.quantiser.apply(function.chain.apply(numbers))
    counts = [side.quantiser.apply(side.chain.apply(numbers)) for side in (rising, falling)]
    np.testing.assert_array_equal(counts[0] - counts[1], wanted)


def test_wrong_domain_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MAX_DOMAIN", 100)
    with pytest.raises(
        UnsupportedError, match="^node 'act': a function of sums from -.* more than are tried"
    ):
        ended(gelu(sums())).integers()


def test_wrong_function_that_is_no_number_somewhere() -> None:
    with pytest.raises(UnsupportedError, match="^node 'act': the function .* gives no number for the sum -"):
        ended(sums().node("Sqrt")).integers()


def test_wrong_maximum_of_what_is_not_quantised() -> None:
    graph = sums().node("Sigmoid").node("MaxPool", kernel_shape=[2, 2], strides=[2, 2], name="pool")
    with pytest.raises(UnsupportedError, match="^node 'pool': .* an activation that is not quantised; put a"):
        ended(graph).integers()


def test_which_operators_are_pointwise_is_found_out() -> None:
    """Of all operators of the standard with one input and no attribute that must be given."""
    found = set()
    for schema in onnx.defs.get_all_schemas():
        one = schema.min_input == 1 and schema.min_output == 1 == schema.max_output
        if not one or schema.domain or any(a.required for a in schema.attributes.values()):
            continue
        graph = Graph((1, 3, 4), opset=20).quant(0.1, 4)
        model = graph.model()
        walk = Walk(model)
        walk.known[model.graph.output[0].name] = HostValue((3, 4))  # computed
        node = onnx.helper.make_node(schema.name, [model.graph.output[0].name], ["y"], "node")
        if is_pointwise(walk, node):
            found.add(schema.name)
    known = {"Abs", "Ceil", "Celu", "Cos", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish"}
    known |= {"Identity", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid"}
    known |= {"Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "Clip", "Gelu"}
    assert known - found == set()
    mixing = {"Softmax", "LogSoftmax", "Hardmax", "CumSum", "Transpose", "LpNormalization", "Trilu"}
    mixing |= {"MeanVarianceNormalization", "GlobalAveragePool", "Bernoulli", "RandomNormalLike", "Flatten"}
    assert found & mixing == set()
