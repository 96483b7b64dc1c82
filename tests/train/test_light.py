"""The light graph of a Brevitas module gives the module's own logits, gradients and statistics."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpga_flow.core.recipe import make_recipe
from fpga_flow.train import light
from fpga_flow.train.calibrate import calibrate
from fpga_flow.train.general import GeneralNetwork, first_state, network_of
from fpga_flow.train.layers import input_grid
from fpga_flow.train.light import Convolution, NormAndRelu, QuantisedRelu, light_graph
from fpga_flow.train.network import build_network

FRAMES = {"bacalhaunet": (2, 96), "densenet": (1, 16, 16), "vgg10": (2, 128)}


def network_and_frames(name: str, **quant: Any) -> tuple[nn.Module, torch.Tensor]:
    model: dict[str, Any] = {"densenet": {"width": 4, "parts": [2, 1]}, "bacalhaunet": {"width": 6}}
    table = {
        "name": "light",
        "model": {"name": name, **model.get(name, {"width": 16})},
        "quant": quant,
        "data": {"length": 128},
    }
    shape = FRAMES[name]
    recipe = make_recipe(table)
    torch.manual_seed(3)
    network = build_network(recipe, 5, shape[0])
    grid = input_grid(network)
    codes = torch.randint(grid.low, grid.high + 1, (24, *shape))
    x = codes.float() * grid.scale
    calibrate(network, x.numpy())
    return network, x


def outcome(graph: nn.Module, network: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
    network.zero_grad()
    network.train()
    logits = graph(x)
    F.cross_entropy(logits, torch.arange(len(x)) % 5).backward()  # type: ignore[no-untyped-call]
    return logits.detach(), {name: p.grad for name, p in network.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("name", "quant"),
    [
        ("bacalhaunet", {"weight_bits": 6, "act_bits": 6}),
        ("bacalhaunet", {"weight_bits": 4, "act_bits": 3, "scales": "learned"}),
        ("bacalhaunet", {"weight_bits": 4, "act_bits": 4, "weights": "apot"}),
        ("densenet", {"weight_bits": 4, "act_bits": 4}),
        ("densenet", {"weight_bits": 1, "act_bits": 2}),
        ("vgg10", {"weight_bits": 4, "act_bits": 4, "activations": "apot", "weights": "apot"}),
    ],
)
def test_logits_and_gradients_are_the_modules(name: str, quant: dict[str, Any]) -> None:
    network, x = network_and_frames(name, **quant)
    other = copy.deepcopy(network)
    graph = light_graph(other)
    assert graph is not None
    wanted, theirs = outcome(network, network, x)
    found, ours = outcome(graph, other, x)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    for key, gradient in theirs.items():
        size = float(gradient.abs().max()) + 1e-6
        assert float((ours[key] - gradient).abs().max()) < 1e-3 * size, key
    for key, value in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value, rtol=1e-4, atol=1e-4)
    network.eval(), other.eval()
    with torch.no_grad():
        torch.testing.assert_close(graph(x), network(x), rtol=1e-3, atol=1e-3)


def test_what_becomes_light() -> None:
    network, _ = network_and_frames("bacalhaunet", weight_bits=6, act_bits=6)
    graph = light_graph(network)
    assert graph is not None
    kinds = [type(part) for part in graph.children()]
    assert kinds.count(Convolution) == 10
    assert kinds.count(NormAndRelu) == 10
    assert kinds.count(QuantisedRelu) == 2  # behind the sums of the two residual blocks
    assert not any(isinstance(part, nn.BatchNorm1d) for part in graph.children())
    apot, _ = network_and_frames("bacalhaunet", weight_bits=4, act_bits=4, activations="apot")
    graph = light_graph(apot)
    assert graph is not None
    assert not any(isinstance(part, NormAndRelu) for part in graph.children())


def test_a_module_that_cannot_be_traced_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    assert light_graph(Branches()) is None
    monkeypatch.setattr(light, "kernels", lambda: None)
    assert light_graph(nn.Identity()) is None


def test_training_takes_the_light_graph_and_evaluation_brevitas() -> None:
    recipe = make_recipe({"name": "light", "model": {"name": "bacalhaunet", "width": 6}})
    network = network_of(recipe, first_state(recipe, ["a", "b"], 2))
    assert isinstance(network, GeneralNetwork)
    codes = torch.randint(-128, 128, (8, 64, 2), dtype=torch.int8)
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    # Brevitas' own convolution is called where the light graph is not.
    next(iter(network.weights.values())).register_forward_hook(count)
    names = [name for name, _ in network.named_parameters()]
    assert len(names) == len(set(names)) and all(name.startswith("network.") for name in names)
    network.train()(codes)
    assert calls == 0
    with torch.no_grad():
        network.eval()(codes)
        assert calls == 1
        network.quick = True
        network(codes)
    assert calls == 1
