"""Small networks with known weights, and the models' own with frames, for the tests of surgery."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.surgery.blocks import remove_blocks
from fpga_flow.surgery.body import Body
from fpga_flow.surgery.choose import empty
from fpga_flow.surgery.idle import Keep, exactly, take_out_idle
from fpga_flow.train import layers, network
from fpga_flow.train.checkpoint import State, header
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import first_state, network_of
from fpga_flow.train.layers import scale_of, weighted

BITS = 4
MODELS: dict[str, dict[str, Any]] = {
    "vgg10": {"name": "vgg10", "width": 16, "dense": 32},
    "bacalhaunet": {"name": "bacalhaunet", "width": 8},
    "cnv": {"name": "cnv", "width": 8, "dense": 16},
    "densenet": {"name": "densenet", "width": 4, "parts": (1, 2)},
    "mlp": {"name": "mlp", "parts": (16, 12)},
}
SHAPES = {"vgg10": (256, 2), "bacalhaunet": (256, 2), "mlp": (28, 28, 1)}


def codes_of(name: str, frames: int = 8) -> Tensor:
    """Return random input codes for a model, (frames, ..., channels)."""
    generator = torch.Generator().manual_seed(3)
    shape = (frames, *SHAPES.get(name, (32, 32, 3)))
    signed = len(shape) == 3
    codes = torch.randint(-100 if signed else 0, 100 if signed else 256, shape, generator=generator)
    return codes.to(torch.int8) if signed else codes


def model_recipe(name: str, **surgery: Any) -> Recipe:
    table = {"name": "x", "data": {"length": 256}, "model": MODELS[name], "surgery": surgery}
    return make_recipe({**table, "quant": {"weight_bits": BITS, "act_bits": BITS}})


def lively(name: str, recipe: Recipe) -> State:
    """Return a model's checkpoint with random weights and batch norms, that tells frames apart."""
    codes = codes_of(name)
    state = first_state(recipe, [f"class{k}" for k in range(10)], codes.shape[-1])
    net = network_of(recipe, state)
    generator = torch.Generator().manual_seed(5)
    if isinstance(net, FastNetwork):
        net.train()
        with torch.no_grad():
            for block in net.layers[:-1]:
                block.beta.copy_(torch.rand(len(block.beta), generator=generator) - 0.2)
            for _ in range(25):
                net(codes)
        return net.eval().state()
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.bias.copy_(torch.rand(len(norm.bias), generator=generator) - 0.2)
    net.calibrate(codes, recipe.train.calibration)
    return net.eval().state()


def logits(recipe: Recipe, state: State, codes: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = network_of(recipe, state).eval()(codes)
    return found


def assert_same(recipe: Recipe, before: State, after: State, name: str) -> None:
    """Assert that two checkpoints of a model compute the same, and something."""
    a, b = (logits(recipe, state, codes_of(name)) for state in (before, after))
    assert float(a.std(0).max()) > 1e-3
    assert torch.allclose(a, b, rtol=0, atol=1e-5 * float(a.abs().max()))


def empty_filters(state: State, rows: dict[str, list[int]]) -> State:
    """Return the checkpoint with these filters wholly masked."""
    kept = dict(state["layers"])
    for name, gone in rows.items():
        mask = torch.ones_like(kept[name]["weight"], dtype=torch.bool)
        mask[gone] = False
        kept[name] = {**kept[name], "weight": kept[name]["weight"] * mask, "mask": mask}
    return state | {"layers": kept}


def shapes(state: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(kept["weight"].shape) for name, kept in state["layers"].items()}


class Joint(nn.Module):
    """A network of parts by name, whose forward is given."""

    def __init__(self, forward: Any, **parts: nn.Module) -> None:
        super().__init__()
        self.input = layers.samples(8, 127.0)  # codes are values
        for name, part in parts.items():
            self.add_module(name, part)
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self._forward(self, self.input(x))
        return found


def act() -> nn.Module:
    """A quantised ReLU with the values 0, 1, ... 15."""
    module = layers.activation(BITS)
    scale = scale_of(module)
    assert scale is not None
    scale.data.fill_(15.0)
    return module


def norm(channels: int, *offsets: float) -> nn.Module:
    """A batch norm that adds these offsets, and nothing where there are none."""
    module = nn.BatchNorm1d(channels, eps=0.0)
    if offsets:
        module.bias.data = torch.tensor(offsets)
    return module


def weigh(module: nn.Module, values: Any) -> nn.Module:
    """Give a layer its weights; the largest must be 7, so that the scale is 1."""
    weight = torch.tensor(values, dtype=torch.float32)
    parameter = module.weight
    assert isinstance(parameter, nn.Parameter)
    assert weight.abs().max() == 7 and weight.numel() == parameter.numel()
    parameter.data = weight.reshape(parameter.shape)
    return module


def joint(monkeypatch: pytest.MonkeyPatch, make: Any, channels: int, **surgery: Any) -> tuple[Recipe, State]:
    """Let the recipe's model be what `make` makes; return recipe and checkpoint."""
    monkeypatch.setattr(network, "built", lambda *_: make())
    quant = {"weight_bits": BITS, "act_bits": BITS}
    recipe = make_recipe({"name": "x", "model": {"name": "mlp"}, "quant": quant, "surgery": surgery})
    module = make().eval()
    parts = weighted(module)
    found = {path: {"weight": layer.weight.detach(), "mask": None} for path, layer in parts.items()}
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rest = {
        name: value.detach() for name, value in named.items() if name.removesuffix(".weight") not in parts
    }
    return recipe, header(recipe, ["a", "b"], channels) | {"layers": found, "rest": rest}


def without_idle(recipe: Recipe, state: State, keep: Keep = exactly, silence: bool = False) -> State:
    body = Body(recipe, state)
    take_out_idle(body, keep, silence)
    return body.state


def emptied(recipe: Recipe, state: State) -> State:
    body = Body(recipe, state)
    empty(body)
    return body.state


def without_blocks(recipe: Recipe, state: State) -> State:
    body = Body(recipe, state)
    remove_blocks(body)
    return body.state
