"""A checkpoint on the table: its module, its graph, and the cuts that make it a smaller checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.surgery.graph import Graph, trace
from fpga_flow.train.blocks import Chain
from fpga_flow.train.checkpoint import State
from fpga_flow.train.freeze import VARIANCE_FLOOR, weight_codes
from fpga_flow.train.general import as_module
from fpga_flow.train.layers import put_weights, scale_of, weight_bits, weighted
from fpga_flow.train.mixed import spoken
from fpga_flow.train.network import deployed, fill, module_of
from fpga_flow.train.spec import Quant, Thin, quant_of
from fpga_flow.train.thin import new_thin, put_layer, put_norm, remove, resize

NORM = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}
"""What a chain's checkpoint calls the parts of a batch norm."""


@dataclass(frozen=True)
class Cut:
    """What stays of a layer (rows: outputs, columns: inputs) or of a batch norm (rows)."""

    rows: Sequence[int]
    columns: Sequence[int] = ()
    new: Tensor | None = None
    """Weights of rows that a layer without bias gets besides, (rows, columns that stay[, kernel...])."""


def check_scales(network: nn.Module) -> None:
    """Raise `InputError` where a layer in `network` has a scale for each filter: it would stay."""
    for path, layer in weighted(network).items():
        with torch.no_grad():
            if layer.quant_weight().scale.numel() > 1:
                raise InputError(
                    f"surgery: {path.removeprefix('network.')} has a scale for each of its filters; give its "
                    "weights one scale (Int8WeightPerTensorFloat), or leave surgery out"
                )


@dataclass
class Body:
    """The network in a checkpoint.

    `module` has the float parameters; whoever changes them calls `save`. `exact` computes what is deployed:
    a chain of the fast graph is frozen there, other modules are their own.
    """

    recipe: Recipe
    state: State
    module: nn.Module = field(init=False)
    exact: nn.Module = field(init=False)
    graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        if self.is_chain:
            self.state = _without_idle_means(self.state, self.recipe)
        self.module = module_of(self.recipe, as_module(self.state) if self.is_chain else self.state)
        self.exact = deployed(self.recipe, self.state) if self.is_chain else self.module
        self.graph = trace(self.module, self.state["channels"])

    @property
    def is_chain(self) -> bool:
        """Whether the checkpoint is one of the fast graph."""
        return "rest" not in self.state

    def name(self, path: str) -> str:
        """Return what a recipe calls the part at `path`."""
        return spoken(self.module, path)

    def weights(self, path: str) -> Tensor:
        """Return the weights of a layer as they are deployed, (outputs, inputs[, kernel...])."""
        layer: Any = self.exact.get_submodule(path)
        with torch.no_grad():
            values: Tensor = layer.quant_weight().value.detach()
        return values

    def mask(self, path: str) -> Tensor | None:
        """Return the mask of a layer, None where it has none."""
        mask: Tensor | None = self.state["layers"][self.name(path)]["mask"]
        return mask

    def save(self, masks: dict[str, Tensor | None] | None = None) -> None:
        """Take the module as it stands now into the checkpoint; `masks`, by name, replace those it had."""
        self.state = _state(self.module, self.state, self.recipe, masks or {})
        if isinstance(self.exact, Chain) and self.is_chain:
            fill(self.exact, self.state)

    def cut(self, cuts: dict[str, Cut], removed: Sequence[str] = ()) -> None:
        """Leave what `cuts` (by path) say of the layers and batch norms, and no part named in `removed`."""
        masks = dict[str, Tensor | None]()
        before = self.state.get("thin") or new_thin()
        thin: Thin = {
            "removed": [*(name for name in before["removed"] if not _inside(name, removed)), *removed],
            "sizes": {name: size for name, size in before["sizes"].items() if not _inside(name, removed)},
            "held": [name for name in before["held"] if not _inside(name, removed)],
        }
        with torch.no_grad():
            for path, cut in cuts.items():
                part: Any = self.module.get_submodule(path)
                if isinstance(part, _BatchNorm):
                    _cut_norm(part, cut)
                    thin["sizes"][self.name(path)] = [len(cut.rows)]
                    if self.is_chain:
                        resize(self.exact.get_submodule(path), [len(cut.rows)])
                    continue
                mask, largest = self.mask(path), part.weight.abs().max()
                bias = None if part.bias is None else part.bias[torch.tensor(cut.rows)].clone()
                put_layer(part, _taken(part.weight.detach(), cut, cut.new), bias)
                if not self.is_chain and _follows(part) and part.weight.abs().max() != largest:
                    _hold(part, largest)
                    thin["held"] = [*thin["held"], self.name(path)]
                thin["sizes"][self.name(path)] = [*_size(part)]
                if self.is_chain:
                    resize(self.exact.get_submodule(path), _size(part))
                masks[self.name(path)] = _cut_mask(mask, cut)
        for name in removed:
            remove(self.module, name)
            if self.is_chain:
                remove(self.exact, name)
        self.state = {**self.state, "thin": thin}
        self.save(masks)
        self.graph = trace(self.module, self.state["channels"])


def _without_idle_means(state: State, recipe: Recipe) -> State:
    """Return a chain's checkpoint whose filters without weights have mean 0, which is what freezing makes
    it."""
    quant, layers = quant_of(recipe), {}
    for name, kept in state["layers"].items():
        layers[name] = kept
        if "mean" in kept:
            layers[name] = {**kept, "mean": kept["mean"].masked_fill(_dead(kept, quant.layer(name)), 0.0)}
    return state | {"layers": layers}


def _size(layer: Any) -> tuple[int, int]:
    return (layer.weight.shape[0], getattr(layer, "in_channels", layer.weight.shape[1]))


def _cut_norm(norm: Any, cut: Cut) -> None:
    rows = torch.tensor(cut.rows)
    put_norm(norm, *(getattr(norm, part)[rows].clone() for part in NORM.values()))


def _inside(name: str, removed: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in removed)


def _cut_mask(mask: Tensor | None, cut: Cut) -> Tensor | None:
    if mask is None:
        return None
    return _taken(mask, cut, None if cut.new is None else torch.ones_like(cut.new, dtype=torch.bool))


def _taken(tensor: Tensor, cut: Cut, new: Tensor | None) -> Tensor:
    rows = tensor[torch.tensor(cut.rows)]
    # Rows of a depthwise convolution have one column each, which is theirs.
    kept = rows[:, torch.tensor(cut.columns)] if cut.columns else rows.clone()
    return kept if new is None else torch.cat([kept, new])


def _follows(layer: Any) -> bool:
    """Whether the scale of the weights is found from the largest of them."""
    return scale_of(layer) is None and weight_bits(layer) > 1


def _hold(layer: Any, largest: Tensor) -> None:
    # The largest weight went with a column or a row that did nothing: those left must keep their codes.
    put_weights(layer, weight_bits(layer), apot=False, parameter=True)
    scale = scale_of(layer)
    assert scale is not None
    scale.fill_(float(largest))


def _state(module: nn.Module, state: State, recipe: Recipe, masks: dict[str, Tensor | None]) -> State:
    parts = weighted(module)
    layers: dict[str, Any] = {}
    for path, layer in parts.items():
        name = spoken(module, path)
        mask = masks.get(name, state["layers"][name]["mask"])
        layers[name] = {"weight": layer.weight.detach().clone(), "mask": mask}
    if "rest" not in state:
        return state | {"layers": _chain_layers(module, state, recipe, layers)}
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rest = {
        name: value.detach().clone()
        for name, value in named.items()
        if name.removesuffix(".weight") not in parts
    }
    return state | {"layers": layers, "rest": rest}


def _chain_layers(module: nn.Module, state: State, recipe: Recipe, layers: dict[str, Any]) -> dict[str, Any]:
    """Return the layers in the form of the fast graph's checkpoint."""
    found, quant = {}, quant_of(recipe)
    for name, own in layers.items():
        kept = state["layers"][name]
        block: Any = module.get_submodule(f"blocks.{name}")
        now = {**kept, **own}
        if "bias" in kept:
            now["bias"] = block.linear.bias.detach().clone()
        else:
            now |= {key: getattr(block.norm, part).detach().clone() for key, part in NORM.items()}
            _settle(now, quant.layer(name))
        found[name] = now
    return found


def _dead(kept: State, quant: Quant) -> Tensor:
    return weight_codes(kept, quant).flatten(1).abs().sum(1) == 0


def _settle(kept: State, quant: Quant) -> None:
    # Freezing leaves out the mean of a filter without weights. A filter that has lost its last weights to the
    # cut has the constants it read in its mean: that goes into the offset.
    dead = _dead(kept, quant)
    gain = kept["gamma"] / torch.sqrt(kept["var"] + VARIANCE_FLOOR)
    kept["beta"] = torch.where(dead, kept["beta"] - gain * kept["mean"], kept["beta"])
    kept["mean"] = torch.where(dead, torch.zeros_like(kept["mean"]), kept["mean"])
