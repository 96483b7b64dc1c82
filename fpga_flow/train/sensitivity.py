"""What each layer of a network loses with fewer bits, measured one layer at a time after training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import CalibrationRecipe, LayerQuant
from fpga_flow.train.calibrate import calibrate_chain
from fpga_flow.train.checkpoint import State
from fpga_flow.train.dataset import Codes
from fpga_flow.train.evaluate import Score, evaluate
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import GeneralNetwork
from fpga_flow.train.layers import activations, weighted
from fpga_flow.train.mixed import spoken
from fpga_flow.train.spec import Layer, Quant

SEED = 1
"""Of the choice of training frames that scales are calibrated on."""
HIGHEST = 8
"""Bits of all layers but the one that is measured."""


class Sensitivity:
    """Losses of a trained chain, quantised without training, on some validation frames."""

    def __init__(
        self,
        layers: Sequence[Layer],
        state: State,
        input_bits: int,
        calibration: tuple[Codes, CalibrationRecipe],
        validation: Codes,
    ) -> None:
        self.layers, self.state, self.input_bits = layers, state, input_bits
        frames, settings = calibration
        self.some = frames.some(settings.frames, SEED).codes
        self.settings, self.validation = settings, validation

    def score(self, own: dict[str, LayerQuant]) -> Score:
        """Return loss and accuracy with the bits `own` of single layers, and `HIGHEST` elsewhere."""
        network = FastNetwork(self.layers, Quant(HIGHEST, HIGHEST, self.input_bits, own), self.state)
        calibrate_chain(network, self.some, self.settings.method, self.settings.quantile)
        return evaluate(network, self.validation)

    def measure(self, bits: Sequence[int]) -> tuple[list[dict[int, float]], list[dict[int, float]]]:
        """Return (losses of weights, losses of activations), each by layer and bits, above that of `HIGHEST`.

        The last layer has no activation and an empty dictionary.
        """
        base = self.score({}).loss
        weights: list[dict[int, float]] = []
        acts: list[dict[int, float]] = []
        count = (2 * len(self.layers) - 1) * len(bits)
        with bar("measuring how sensitive layers are to bits", count, "losses") as advance:
            for index, layer in enumerate(self.layers):
                last = index == len(self.layers) - 1
                weights.append({})
                acts.append({})
                for b in bits:
                    score = self.score({layer.name: LayerQuant(weight_bits=b)})
                    weights[-1][b] = score.loss - base
                    advance(1)
                    if not last:
                        score = self.score({layer.name: LayerQuant(act_bits=b)})
                        acts[-1][b] = score.loss - base
                        advance(1)
        return weights, acts


class ModuleSensitivity:
    """The same of a module."""

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        calibration: tuple[Codes, CalibrationRecipe],
        validation: Codes,
    ) -> None:
        quant = recipe.quant.model_copy(update={"weight_bits": HIGHEST, "act_bits": HIGHEST})
        self.recipe, self.state = recipe.model_copy(update={"quant": quant}), state
        frames, self.settings = calibration
        self.some, self.validation = frames.some(self.settings.frames, SEED).codes, validation

    def network(self, own: dict[str, LayerQuant]) -> GeneralNetwork:
        """Return the calibrated network with the bits `own` of single layers, and `HIGHEST` elsewhere."""
        quant = self.recipe.quant.model_copy(update={"layers": own})
        network = GeneralNetwork(self.recipe.model_copy(update={"quant": quant}), self.state)
        network.calibrate(self.some, self.settings, clipped=True)
        return network

    def score(self, own: dict[str, LayerQuant]) -> Score:
        """Return loss and accuracy of `network(own)`."""
        return evaluate(self.network(own), self.validation, quick=True)

    def measure(
        self,
        layers: Sequence[str],
        groups: Sequence[tuple[Sequence[str], Sequence[int]]],
        bits: Sequence[int],
    ) -> tuple[list[dict[int, float]], list[dict[int, float]]]:
        """Return (losses of the weights of `layers`, losses of `groups` of activations), above `HIGHEST`.

        All activations of a group have the same bits, those that stand beside it.
        """
        base = self.score({}).loss
        weights: list[dict[int, float]] = [{} for _ in layers]
        acts: list[dict[int, float]] = [{} for _ in groups]
        count = len(layers) * len(bits) + sum(len(allowed) for _, allowed in groups)
        with bar("measuring how sensitive layers are to bits", count, "losses") as advance:
            for found, name in zip(weights, layers, strict=True):
                for b in bits:
                    found[b] = self.score({name: LayerQuant(weight_bits=b)}).loss - base
                    advance(1)
            for found, (group, allowed) in zip(acts, groups, strict=True):
                for b in allowed:
                    found[b] = self.score(dict.fromkeys(group, LayerQuant(act_bits=b))).loss - base
                    advance(1)
        return weights, acts


@dataclass(frozen=True)
class Reading:
    """A layer that ran, and the activations that its input is made of: none for the network's own input."""

    layer: str
    activations: frozenset[str]


def readings(module: nn.Module, frames: Tensor) -> list[Reading]:
    """Return the layers of `module` in the order in which they run, with what each reads, by their names.

    Found by running it on `frames`, floats (N, channels, ...): the output of every layer and activation is
    cut off from what made it, and the gradient of a layer's input shows which of them it is made of.
    """
    acts = {spoken(module, path): act for path, act in activations(module).items()}
    layers = {spoken(module, path): layer for path, layer in weighted(module).items()}
    cut: dict[str, list[Tensor]] = {name: [] for name in acts}
    found = []

    def freed(out: Any) -> tuple[Any, Tensor]:
        leaf = getattr(out, "value", out).detach().requires_grad_()
        return (out.set(value=leaf) if hasattr(out, "value") else leaf), leaf

    def after_activation(name: str, out: Any) -> Any:
        given, leaf = freed(out)
        cut[name].append(leaf)
        return given

    def before_layer(name: str, x: Any) -> None:
        x = getattr(x, "value", x)
        made_of = set()
        if x.requires_grad:
            leaves = [(act, leaf) for act, all_of in cut.items() for leaf in all_of]
            slopes = torch.autograd.grad(
                x.sum(), [leaf for _, leaf in leaves], retain_graph=True, allow_unused=True
            )
            made_of = {act for (act, _), slope in zip(leaves, slopes, strict=True) if slope is not None}
        found.append(Reading(name, frozenset(made_of)))

    handles = []
    for name, act in acts.items():
        handles.append(act.register_forward_hook(lambda _m, _i, out, name=name: after_activation(name, out)))
    for name, layer in layers.items():
        handles.append(layer.register_forward_pre_hook(lambda _m, x, name=name: before_layer(name, x[0])))
        handles.append(layer.register_forward_hook(lambda _m, _i, out: freed(out)[0]))
    try:
        with torch.enable_grad():
            module(frames)
    finally:
        for handle in handles:
            handle.remove()
    return found


def groups_of(found: Sequence[Reading]) -> list[tuple[str, ...]]:
    """Return the activations in groups that no layer reads across: each group has one width."""
    groups: list[set[str]] = []
    for reading in found:
        mine = set(reading.activations)
        if mine:
            apart = [group for group in groups if not group & mine]
            groups = [*apart, mine.union(*(group for group in groups if group & mine))]
    return [tuple(sorted(group)) for group in groups]
