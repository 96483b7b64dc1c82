"""Brevitas modules through export: golden model and module agree on every quantiser and every class."""

import copy
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import Int8ActPerTensorFloat, Int16Bias
from torch import nn

from fpga_flow.core.errors import DifferenceError
from fpga_flow.data.frames import Frames
from fpga_flow.export import host
from fpga_flow.export.brevitas_export import BrevitasReference, export_module
from fpga_flow.export.checks import check_float
from fpga_flow.export.walk import to_integers
from tests.export.graphs import no_doubt_in_double, opened
from tests.export.small import CLASSES, LENGTH, noise, recipe, save_checkpoint


def ordinary_network() -> nn.Module:
    """Learned scales, batch norms as they come, negative gammas, quantised bias."""

    class Input(Int8ActPerTensorFloat):  # type: ignore[misc]
        bit_width = 6

    torch.manual_seed(5)
    network = nn.Sequential(
        qnn.QuantIdentity(act_quant=Input, return_quant_tensor=True),
        qnn.QuantConv1d(2, 6, 3, padding=1, bias=False, weight_bit_width=3),
        nn.BatchNorm1d(6),
        qnn.QuantReLU(bit_width=3, return_quant_tensor=True),
        nn.MaxPool1d(2),
        nn.Flatten(),
        qnn.QuantLinear(96, 8, bias=False, weight_bit_width=4),
        nn.BatchNorm1d(8),
        qnn.QuantHardTanh(bit_width=4, min_val=-1.0, max_val=1.0, return_quant_tensor=True),
        qnn.QuantLinear(8, CLASSES, bias=True, weight_bit_width=4, bias_quant=Int16Bias),
    )
    for _ in range(4):
        network(torch.randn(32, 2, 32))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.weight.uniform_(-2, 2)
                module.bias.normal_(0, 0.5)
    return network.eval()


def compared(module: nn.Module, source: Frames, count: int, folder: Path) -> dict[str, object]:
    net = to_integers(export_module(module, source.shape))
    golden = opened(net, folder)
    spec = host.describe(net.host, net.input)
    indices = np.arange(count)
    no_doubt_in_double(net, golden, BrevitasReference(module), source.prepared(indices[:50]), spec)
    return check_float(net, golden, BrevitasReference(module), source, indices, spec, "the Brevitas network")


def test_ordinary_brevitas_network(tmp_path: Path) -> None:
    found = compared(ordinary_network(), noise((2, 32), 1000, 0), 1000, tmp_path)
    assert found.frames == 1000
    assert (found.unexplained, found.class_unexplained) == (0, 0)
    # On these frames no sum lies next to a tie. Where two logits are the same integer, float32 noise
    # makes one of them larger in torch.
    assert found.differences == 0
    assert found.class_differences == found.class_ties


@pytest.mark.parametrize("bits", [2, 8])
def test_our_networks_are_equal_on_every_integer_and_class(bits: int, tmp_path: Path) -> None:
    from fpga_flow.train.network import load_network

    save_checkpoint(recipe(bits), tmp_path / "checkpoint.pt")
    module = load_network(recipe(bits), tmp_path / "checkpoint.pt")
    found = compared(module, noise((2, LENGTH), 256, bits), 256, tmp_path)
    assert (found.differences, found.class_differences, found.frames) == (0, 0, 256)


def test_nodes_are_named_by_their_modules_and_no_path_of_this_machine_is_left() -> None:
    model = export_module(ordinary_network(), (2, 32))
    names = [node.name for node in model.graph.node]
    assert {"0", "1", "1.weight_quant", "2", "3", "9", "9.bias_quant"} <= set(names)
    assert b".py" not in model.model.SerializeToString()
    net = to_integers(model)
    assert [seen.node for seen in net.quantisers] == ["0", "3", "8"]


class Twice(nn.Module):
    """Asks for the same quantised tensor twice; the exporter makes one node of both."""

    def __init__(self) -> None:
        super().__init__()
        self.first = qnn.QuantIdentity(bit_width=4, return_quant_tensor=True)
        self.again = qnn.QuantIdentity(bit_width=4, return_quant_tensor=True)
        self.classes = qnn.QuantLinear(64, CLASSES, bias=False, weight_bit_width=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x.flatten(1))
        return self.classes(self.again(x) + self.again(x))


def test_the_same_network_is_the_same_file_every_time() -> None:
    module = ordinary_network()
    first, second = (export_module(module, (2, 32)).model.SerializeToString() for _ in range(2))
    assert first == second


def test_a_quantiser_asked_twice_is_observed_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Twice()
    network(torch.randn(32, 2, 32))
    found = compared(network.eval(), noise((2, 32), 64, 0), 64, tmp_path)
    assert (found.unexplained, found.differences) == (0, 0)


def test_wrong_one_bit_quantisers_are_refused_by_their_modules_name() -> None:
    from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
    from brevitas.quant import Int8ActPerTensorFloat, Uint8ActPerTensorFloat

    from fpga_flow.core.errors import UnsupportedError

    class OneBit(Uint8ActPerTensorFloat):  # type: ignore[misc]
        bit_width = 1

    net = torch.nn.Sequential(
        QuantIdentity(act_quant=Int8ActPerTensorFloat),
        QuantLinear(8, 4, bias=False, weight_bit_width=4),
        QuantReLU(act_quant=OneBit),
    )
    with pytest.raises(
        UnsupportedError, match=r"'2.*codes 0 and 1, which Brevitas exports as one with -1 and 1"
    ):
        export_module(net, (8,))


class Shifted(nn.Module):
    """Logits behind an offset whose last place in float32 is larger than their step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = qnn.QuantIdentity(bit_width=8, return_quant_tensor=True)
        self.classes = qnn.QuantLinear(64, CLASSES, bias=False, weight_bit_width=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classes(self.first(x.flatten(1))) + 9_000.0


def test_float64_decides_where_torch_rounds(tmp_path: Path) -> None:
    module = Shifted()
    module(torch.randn(32, 2, 32))
    found = compared(module.eval(), noise((2, 32), 64, 0), 64, tmp_path)
    assert found.rounded == found.differing_frames == 64
    assert (found.unexplained, found.class_unexplained) == (0, 0)


def test_a_weight_that_the_export_changed_is_found_where_torch_rounds_too(tmp_path: Path) -> None:
    module = Shifted()
    module(torch.randn(32, 2, 32))
    other = copy.deepcopy(module.eval())
    with torch.no_grad():
        other.classes.weight[2, 5] += 0.01
    net = to_integers(export_module(other, (2, 32)))
    golden = opened(net, tmp_path)
    spec = host.describe(net.host, net.input)
    with pytest.raises(DifferenceError, match="for another reason than float32 rounding"):
        check_float(
            net, golden, BrevitasReference(module), noise((2, 32), 64, 0), np.arange(64), spec, "the module"
        )
