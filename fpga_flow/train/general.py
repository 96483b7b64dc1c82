"""Training of any Brevitas module, with the interface of the fast graph.

For models that are no chain, and for what the fast graph cannot do: levels of powers of two, learned scales,
one bit, factorised layers. What can run in the light graph does; the rest takes Brevitas' own
quantisers, which are slow.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import CalibrationRecipe
from fpga_flow.train.calibrate import calibrate
from fpga_flow.train.checkpoint import State, header
from fpga_flow.train.factorise import factorised
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.layers import (
    activations,
    input_grid,
    kept_of,
    weight_bits,
    weighted,
    without_quantisers,
)
from fpga_flow.train.light import light_graph
from fpga_flow.train.mixed import spoken
from fpga_flow.train.network import build_network, module_of, untrained_of
from fpga_flow.train.spec import chain, quant_of, trains_fast
from fpga_flow.train.state import new_state


class GeneralNetwork(nn.Module):
    """A recipe's Brevitas module on input codes, integers (N, ..., channels), to logits (N, classes).

    `rounded` False makes it the float network: no quantiser but the input's works.
    """

    def __init__(self, recipe: Recipe, state: State, rounded: bool = True) -> None:
        super().__init__()
        self.header = {key: value for key, value in state.items() if key not in ("layers", "rest")}
        self.network = module_of(recipe, state)
        self.weights = {spoken(self.network, path): layer for path, layer in weighted(self.network).items()}
        grid = input_grid(self.network)
        self.input_scale = 1.0 if grid is None else grid.scale
        # In a list, lest it be a part of this module, whose parameters would stand in it twice.
        # It is for networks made of our own layers, whose input says what it is.
        self._light: list[nn.Module | None] = [None if grid is None else light_graph(self.network)]
        self.quick = False
        """Whether the light graph also runs in eval mode, equal to float accuracy, and not Brevitas' own."""
        self.masks: dict[str, Tensor | None] = dict.fromkeys(self.weights)
        self._is_weight = {f"{path}.weight" for path in weighted(self.network)}
        self.load(state)
        if not rounded and grid is None:
            without_quantisers(self.network)
        elif not rounded:
            for module in (*self.weights.values(), *activations(self.network).values()):
                module.return_quant_tensor = False
                for name in ("weight_quant", "bias_quant", "act_quant"):
                    if hasattr(module, name):
                        getattr(module, name).disable_quant = True

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits."""
        x = codes.movedim(-1, 1).float() * self.input_scale
        light = self._light[0] if self.training or self.quick else None
        out = (light or self.network)(x)
        logits: Tensor = getattr(out, "value", out)
        return logits

    def state(self) -> State:
        """Return a copy of the parameters in the form of a checkpoint."""
        layers: dict[str, Any] = {
            name: {"weight": layer.weight.detach().clone(), "mask": self.masks[name]}
            for name, layer in self.weights.items()
        }
        rest = {name: value.detach().clone() for name, value in self._rest().items()}
        return self.header | {"layers": layers, "rest": rest}

    def load(self, state: State) -> None:
        """Take the parameters of `state`; those of quantisers that it does not have stay as they are."""
        with torch.no_grad():
            for name, layer in self.weights.items():
                kept = state["layers"][name]
                if kept["mask"] is not None and not kept["mask"].all() and weight_bits(layer) == 1:
                    raise InputError(
                        f"prune.method: must be none where a layer has weights of one bit ({name}): they are "
                        "-1 or 1 and cannot be zero; give it 2 bits or more"
                    )
                layer.weight.copy_(kept["weight"])
                self.masks[name] = None if kept["mask"] is None else kept["mask"].clone()
            for name, value in self._rest().items():
                if name in state["rest"]:
                    value.copy_(state["rest"][name])

    def constrain(self) -> None:
        """Keep pruned weights zero; to be called after every step."""
        with torch.no_grad():
            for name, layer in self.weights.items():
                mask = self.masks[name]
                if mask is not None:
                    layer.weight.mul_(mask)

    def fit_scales(self) -> None:
        """Do nothing: scales follow the weights, are learned, or stay as calibrated."""

    def codes(self) -> dict[str, Tensor]:
        """Return every layer's integer weights (as float32), shaped like `weight`."""
        found = {}
        with torch.no_grad():
            for name, layer in self.weights.items():
                quantised = layer.quant_weight()
                found[name] = torch.round(quantised.value / quantised.scale) + 0.0
        return found

    def calibrate(self, codes: Tensor, settings: CalibrationRecipe, clipped: bool = False) -> None:
        """Set scales and batch norms by some frames, input codes (N, ..., channels).

        `clipped`: the network was trained with quantisers, as in `fpga_flow.train.calibrate`.
        """
        frames = codes.movedim(-1, 1).float() * self.input_scale
        calibrate(self.network, frames.numpy(), settings.method, settings.quantile, clipped)
        self.constrain()

    def _rest(self) -> dict[str, Tensor]:
        kept = kept_of(self.network)
        return {name: value for name, value in kept.items() if name not in self._is_weight}


AnyNetwork = FastNetwork | GeneralNetwork


def network_of(recipe: Recipe, state: State, rounded: bool = True) -> AnyNetwork:
    """Return the network in `state`, ready to be trained: the fast graph, or the module where it is one's."""
    if "rest" in state:
        return GeneralNetwork(recipe, state, rounded)
    layers = chain(recipe, len(state["classes"]), state["channels"], state.get("thin"))
    return FastNetwork(layers, quant_of(recipe), state, rounded)


def first_state(
    recipe: Recipe, classes: list[str], channels: int, shape: Sequence[int] | None = None
) -> State:
    """Return the state of an untrained network for frames of `shape`, seeded by `recipe.seed`."""
    if trains_fast(recipe, len(classes), channels):
        return new_state(recipe, classes, channels)
    torch.manual_seed(recipe.seed)
    network = build_network(recipe, len(classes), channels, shape=shape)
    parts = weighted(network)
    layers = {
        spoken(network, path): {"weight": layer.weight.detach(), "mask": None}
        for path, layer in parts.items()
    }
    rest = {
        name: value.detach()
        for name, value in kept_of(network).items()
        if name.removesuffix(".weight") not in parts
    }
    return header(recipe, classes, channels, shape) | {"layers": layers, "rest": rest}


def factorise(recipe: Recipe, state: State) -> State:
    """Return a checkpoint with its layers factorised as the recipe says, in the form of a module's.

    Raises `InputError` where surgery has been at it: its names are those of the layers before.
    """
    if "thin" in state:
        raise InputError(
            "train.factorise.method: must be none for a network that surgery has made thinner; factorise the "
            "network before that"
        )
    state = state if "rest" in state else as_module(state)
    network = untrained_of(recipe, state)
    return factorised(recipe, network, state)


def convert(recipe: Recipe, state: State) -> State:
    """Return the checkpoint `state` in the form that the recipe's way of training wants.

    Only a chain's own form becomes a module's. Batch norms of the fast graph are those of pooled sums; the
    module's, which come before the pool, must be calibrated. Raises `InputError` for the other direction.
    """
    fast = trains_fast(recipe, len(state["classes"]), state["channels"])
    if "rest" not in state:
        return state if fast else as_module(state)
    if fast and "factors" not in state:
        raise InputError(
            "train.checkpoint: was trained as a module (with apot, learned scales, one bit or factors) and "
            "cannot go on with evenly spaced levels and fixed scales; start from another checkpoint"
        )
    return state


def as_module(state: State) -> State:
    """Return a chain's checkpoint in the form of its module's."""
    layers, rest = {}, {}
    for name, kept in state["layers"].items():
        layers[name] = {"weight": kept["weight"], "mask": kept["mask"]}
        parts = {"norm.weight": "gamma", "norm.bias": "beta", "norm.running_mean": "mean"}
        for part, key in {**parts, "norm.running_var": "var", "linear.bias": "bias"}.items():
            if key in kept:
                rest[f"blocks.{name}.{part}"] = kept[key]
    return state | {"layers": layers, "rest": rest}
