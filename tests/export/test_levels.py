"""APoT through QONNX: the file's reader, the integers and the torch module agree on every value."""

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from torch import nn

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.evaluate import NetworkRunner
from fpga_flow.export.levels import thresholds
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import Activation, Matrix
from fpga_flow.export.reader import read
from fpga_flow.export.reference import FileReference
from fpga_flow.export.tensors import Quantiser
from fpga_flow.export.thresholds import find_thresholds
from fpga_flow.export.walk import to_integers
from fpga_flow.train.apot import ApotActQuant, ApotWeightQuant, SignedApotActQuant, levels, weight_levels
from tests.export.graphs import Graph
from tests.export.small import CLASSES, noise
from tests.export.test_brevitas import compared


def apot_network() -> nn.Sequential:
    """Four bits, five and three, of weights and activations; half of the first weights pruned."""
    torch.manual_seed(0)
    network = nn.Sequential(
        qnn.QuantIdentity(bit_width=6, return_quant_tensor=True),
        qnn.QuantConv1d(2, 6, 3, padding=1, bias=False, weight_quant=ApotWeightQuant, weight_apot_bits=4),
        nn.BatchNorm1d(6),
        qnn.QuantReLU(act_quant=ApotActQuant, apot_bits=4, return_quant_tensor=True),
        nn.MaxPool1d(2),
        qnn.QuantConv1d(6, 8, 3, padding=1, bias=False, weight_quant=ApotWeightQuant, weight_apot_bits=5),
        nn.BatchNorm1d(8),
        qnn.QuantReLU(act_quant=ApotActQuant, apot_bits=3, return_quant_tensor=True),
        nn.Flatten(),
        qnn.QuantLinear(128, CLASSES, bias=False, weight_quant=ApotWeightQuant, weight_apot_bits=4),
    )
    with torch.no_grad():
        network.get_parameter("1.weight").flatten()[::2] = 0
        network.get_parameter("9.weight_quant.tensor_quant.alpha").fill_(1.5)
    for _ in range(4):
        network(torch.randn(32, 2, 32))
    return network.eval()


def test_integers_are_those_of_the_module(tmp_path: Path) -> None:
    found = compared(apot_network(), noise((2, 32), 300, 0), 300, tmp_path)
    assert (found.differences, found.unexplained, found.class_unexplained) == (0, 0, 0)


def test_signed_activations_are_those_of_the_module(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        qnn.QuantIdentity(bit_width=6, return_quant_tensor=True),
        qnn.QuantConv1d(2, 4, 3, bias=False),
        qnn.QuantIdentity(act_quant=SignedApotActQuant, apot_bits=4, return_quant_tensor=True),
        qnn.QuantConv1d(4, 6, 1, bias=False),
        nn.BatchNorm1d(6),
        qnn.QuantReLU(act_quant=ApotActQuant, apot_bits=3, return_quant_tensor=True),
        nn.Flatten(),
        qnn.QuantLinear(6 * 30, CLASSES, bias=False),
    )
    network.get_parameter("2.act_quant.fused_activation_quant_proxy.tensor_quant.alpha").data.fill_(1.0)
    network(torch.randn(32, 2, 32))
    found = compared(network.eval(), noise((2, 32), 200, 0), 200, tmp_path)
    assert (found.differences, found.unexplained, found.class_unexplained) == (0, 0, 0)
    first = next(
        o for o in to_integers(export_module(network, (2, 32))).operations if isinstance(o, Activation)
    )
    assert (first.y.datatype, first.quantiser.low, first.quantiser.high) == ("INT5", -10, 10)
    assert [len(row) for row in first.quantiser.edges] == [20]


def test_exported_weights_are_the_levels_as_integers_and_zeros_stay() -> None:
    module = apot_network()
    net = to_integers(export_module(module, (2, 32)))
    first, second, last = (o for o in net.operations if isinstance(o, Matrix))
    assert (first.weight_type, second.weight_type, last.weight_type) == ("INT5", "INT7", "INT5")
    assert set(np.unique(first.weights)) <= set(weight_levels(4))
    assert set(np.unique(last.weights)) == set(weight_levels(4))
    pruned = module.get_parameter("1.weight").detach().numpy() == 0
    assert pruned.mean() == 0.5
    assert not first.weights[..., 0][pruned].any()
    weight = module.get_submodule("9").quant_weight()  # type: ignore[operator]
    np.testing.assert_array_equal(last.weights.T, (weight.value / weight.scale).round().detach().numpy())
    acts = [o for o in net.operations if isinstance(o, Activation)]
    assert [(o.y.datatype, len(o.quantiser.edges[0])) for o in acts] == [("UINT6", 48), ("UINT4", 10)]


def test_file_is_read_by_our_reader_and_by_qonnx_alike(tmp_path: Path) -> None:
    export_module(apot_network(), (2, 32)).save(str(tmp_path / "net.onnx"))
    model = read(tmp_path / "net.onnx")
    net = to_integers(model)
    frames = noise((2, 32), 8, 3).read(np.arange(8))
    seen = FileReference(model).run(frames)
    # The file, executed by qonnx as it stands.
    from qonnx.core.onnx_exec import execute_onnx

    wrapper = ModelWrapper(str(tmp_path / "net.onnx"))
    source, target = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    logits = np.concatenate([execute_onnx(wrapper, {source: frame[None]})[target] for frame in frames])
    np.testing.assert_allclose(seen.logits, logits, atol=1e-5)
    integers = NetworkRunner(write_network(net)).run(seen.codes[0][..., None])
    np.testing.assert_allclose(integers * net.logit_scale + net.logit_offset, logits, atol=1e-4)


def test_levels_that_are_left_out_share_a_threshold() -> None:
    assert thresholds(levels(3)) == [0.5, 1.5, 2.5, 3.5, 5.0, 5.0, 7.0, 7.0, 9.0, 9.0]
    net = to_integers(export_module(apot_network(), (2, 32)))
    act = [o for o in net.operations if isinstance(o, Activation)][1]
    found = find_thresholds(act)
    assert found.shape == (8, 10)
    np.testing.assert_array_equal(found[:, [4, 6, 8]], found[:, [5, 7, 9]])


def test_quantiser_of_edges() -> None:
    quantiser = Quantiser(-1, 4, "INT4", "EDGES", ((-0.5, 1.0, 1.0, 2.0, 2.5),))
    x = np.array([-3.0, -0.5, 0.99, 1.0, 2.0, 2.4, 9.0])
    assert quantiser.apply(x).tolist() == [-1, 0, 0, 2, 3, 3, 4]
    assert quantiser.steps(np.array([-1, 0, 2, 3, 4])).tolist() == [0, 1, 2, 3, 4]
    each = Quantiser(-1, 1, "INT2", "EDGES", ((0.0, 1.0), (2.0, 2.0)))
    assert each.apply(np.array([[[0.0, 1.0], [0.0, 2.0]]])).tolist() == [[[0, 1], [-1, 1]]]


def multi_threshold(rows: NDArray[np.float64], **attributes: Any) -> onnx.ModelProto:
    graph = Graph((1, 2, 4)).quant(0.25, 4)
    attributes = {"out_dtype": "UINT2", **attributes}
    return graph.node("MultiThreshold", rows, domain="qonnx.custom_op.general", **attributes).proto((1, 2, 4))


@pytest.mark.parametrize(
    ("rows", "attributes", "reason"),
    [
        (np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]), {}, "not one number per channel"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), {}, "no ascending rows"),
        (np.array([[0.0, 1.0]]), {"out_scale": 0.5, "out_bias": 0.2}, "no integers times a scale"),
        (np.array([[0.0, 1.0]]), {"out_scale": -1.0}, "no integers times a scale"),
    ],
)
def test_wrong_thresholds_are_refused_by_their_node(
    rows: NDArray[np.float64], attributes: dict[str, float], reason: str, tmp_path: Path
) -> None:
    onnx.save(multi_threshold(rows, **attributes), tmp_path / "net.onnx")
    with pytest.raises(UnsupportedError, match=reason):
        to_integers(read(tmp_path / "net.onnx"))
