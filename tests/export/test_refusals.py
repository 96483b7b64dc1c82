"""What cannot be mapped is refused by the node's name, with the reason and a remedy."""

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from tests.export.graphs import Graph


def quantised(features: int = 6) -> Graph:
    return Graph((1, features), opset=17).quant(0.1, 4, name="input")


def dense(graph: Graph, inputs: int = 6, outputs: int = 3) -> Graph:
    return graph.node("MatMul", graph.weights(np.ones((inputs, outputs)), 1.0, 4), name="fc")


def refusal(graph: Graph) -> str:
    with pytest.raises(UnsupportedError) as caught:
        graph.integers()
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_wrong_operator() -> None:
    assert refusal(dense(quantised().node("Hardmax", name="hard"))) == (
        "node 'hard': operator Hardmax cannot be mapped to hardware; docs/networks.md says what can be"
    )


def test_wrong_nodes_are_named_all_at_once() -> None:
    graph = dense(quantised().node("Softmax", name="soft").quant(0.1, 4, name="act"))
    graph.node("Hardmax", name="hard").node("Mul", np.float32(2), name="behind").quant(0.1, 4, name="act2")
    graph.node("MatMul", np.ones((3, 2)), name="head")
    assert refusal(graph) == (
        "3 nodes cannot be mapped to hardware:\n"
        "  node 'soft': operator Softmax cannot be mapped to hardware; docs/networks.md says what can be\n"
        "  node 'hard': operator Hardmax cannot be mapped to hardware; docs/networks.md says what can be\n"
        "  node 'head': its weights are not quantised; use a quantised layer (QuantConv, QuantLinear)"
    )


def test_wrong_axes_are_the_file_s() -> None:
    graph = Graph((1, 4, 6)).quant(0.1, 4, name="input")
    graph.node("MatMul", graph.weights(np.ones((2, 6, 3)), 0.3, 4), name="fc")
    assert refusal(graph).startswith(
        "node 'fc': MatMul of an input of 3 axes, [1, 4, 6], and weights of the shape [2, 6, 3]; "
    )


def test_wrong_scales_of_channels_are_no_wrong_bits() -> None:
    scales = np.array([7.0, 11.0, 13.0, 17.0, 19.0, 23.0])[None] * 0.1
    assert refusal(dense(quantised().quant(scales, 5, name="act"))).startswith(
        "node 'fc': its input's channels have different scales (0.7 to 2.3), which are multiples of one "
        "scale only with 10 bits; use one scale per tensor"
    )


def test_wrong_operator_that_has_a_substitute() -> None:
    parameters = np.ones(6), np.zeros(6)
    assert refusal(dense(quantised().node("LayerNormalization", *parameters, name="norm"))).startswith(
        "node 'norm': operator LayerNormalization "
    )


def test_wrong_function_without_a_quantiser() -> None:
    assert refusal(dense(quantised().node("Exp", name="swish"))).startswith(
        "node 'fc': the input of this MatMul is not quantised; "
    )


def test_wrong_domain() -> None:
    graph = dense(quantised().node("Quant", domain="my.ops", name="mine"))
    assert refusal(graph) == (
        "node 'mine': operator Quant of domain 'my.ops' is unknown; "
        "use standard ONNX operators and QONNX quantisers"
    )


def test_wrong_input_without_a_quantiser() -> None:
    assert refusal(dense(Graph((1, 6)))) == (
        "node 'fc': MatMul works on the network's input before it is quantised; "
        "put a quantiser (QuantIdentity) at the input, or say how it is quantised: "
        "--set 'export.input={bits=8, signed=true, scale=0.01}'"
    )


def test_wrong_activation_without_a_quantiser() -> None:
    graph = dense(quantised()).node("Relu")
    graph.node("MatMul", graph.weights(np.ones((3, 2)), 1.0, 4), name="fc2")
    assert refusal(graph) == (
        "node 'fc2': the input of this MatMul is not quantised; "
        "put a quantiser (QuantIdentity, QuantReLU) in front of it"
    )


def test_wrong_weights_in_float() -> None:
    assert refusal(quantised().node("MatMul", np.ones((6, 3)), name="fc")) == (
        "node 'fc': its weights are not quantised; use a quantised layer (QuantConv, QuantLinear)"
    )


def test_wrong_zero_point() -> None:
    assert refusal(dense(quantised().quant(0.1, 1, zero=3.0, name="act"))) == (
        "node 'act': its zero point must be 0 for codes of -1 and 1, not 3; use 2 bits"
    )
    assert refusal(dense(quantised().quant(0.1, 4, zero=99999.0, name="act"))) == (
        "node 'act': its codes less its zero point 99999 have 18 bits; "
        "use a zero point that leaves 16 bits or fewer"
    )


def test_wrong_scale() -> None:
    assert refusal(dense(quantised().quant(-0.5, 4, name="act"))) == (
        "node 'act': its scale must be positive, not -0.5; export it with positive scales"
    )


def test_wrong_rounding_mode() -> None:
    assert refusal(dense(quantised().quant(0.1, 4, rounding="STOCHASTIC", name="act"))) == (
        "node 'act': rounding mode 'STOCHASTIC' is not carried out; "
        "use one of ROUND, FLOOR, CEIL, UP, DOWN, HALF_UP, HALF_DOWN"
    )


def test_wrong_activation_bits() -> None:
    assert refusal(dense(quantised().quant(0.001, 12, name="act"))) == (
        "node 'act': an activation of 12 bits would need 4,095 thresholds in each channel; "
        "use 10 bits or fewer inside the network; its input may have 16"
    )
    assert refusal(dense(quantised().quant(0.001, 17, name="act"))) == (
        "node 'act': an activation of 17 bits; use 16 bits or fewer"
    )


def test_wrong_bit_width() -> None:
    assert refusal(dense(quantised().quant(0.1, 2.5, name="act"))) == (  # type: ignore[arg-type]
        "node 'act': its bit width must be one whole number of 1 to 32, not 2.5; use one bit width per tensor"
    )


def test_wrong_scale_per_channel_of_an_activation() -> None:
    assert refusal(dense(quantised().quant(np.linspace(0.1234, 0.6, 6)[None], 4, name="act"))) == (
        "node 'fc': its input's channels have different scales (0.1234 to 0.6), so that integers cannot be "
        "summed up; use one scale per tensor, for all that a Concat joins too, or a quantiser behind the "
        "Concat"
    )


def test_wrong_scale_per_channel_of_the_input() -> None:
    assert refusal(dense(Graph((1, 6)).quant(np.linspace(0.1, 0.6, 6)[None], 4, name="input"))) == (
        "node 'input': the input is quantised with a scale per channel; use one scale for the input"
    )


def test_wrong_scale_per_position_of_an_activation() -> None:
    graph = (
        Graph((1, 2, 3, 3)).quant(0.1, 4).quant(np.linspace(0.1, 0.6, 3).reshape(1, 1, 3, 1), 4, name="act")
    )
    assert refusal(dense(graph.node("Flatten", axis=1), 18)) == (
        "node 'act': a constant of shape [1, 1, 3, 1] is not one number per channel; "
        "scale per tensor or per channel"
    )


def test_wrong_activation_behind_the_last_layer() -> None:
    graph = dense(quantised()).node("Clip", np.float32(-1), np.float32(1), name="hardtanh")
    assert refusal(graph.node("ArgMax", axis=1)) == (
        "node 'hardtanh': an activation behind the last layer; "
        "leave it out (the largest stays the largest) or quantise it"
    )


def test_wrong_quotient() -> None:
    graph = quantised()
    first = graph.last
    assert refusal(dense(graph.quant(0.2, 4).node("Div", first, name="share"))) == (
        "node 'share': Div of two computed tensors cannot be mapped to hardware; "
        "multiply by a function of the divisor that is quantised"
    )


def test_wrong_sums_beyond_float32() -> None:
    graph = Graph((1, 2048)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.full((2048, 2), 127.0), 1.0, 8), name="fc").quant(
        0.1, 4, name="act"
    )
    assert refusal(dense(graph, 2)) == (
        "node 'act': its sums can reach 33292288, beyond the 2^24 that float32 holds exactly; "
        "use fewer bits or fewer inputs a neuron"
    )
