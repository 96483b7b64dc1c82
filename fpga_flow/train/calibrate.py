"""Scales and batch norms from real frames: of networks that nothing has trained, and of float ones.

Post-training quantisation: the scale of a quantiser is that of the largest value, of a quantile, or of the
least squared error on the frames; every batch norm gets the statistics that it sees behind the quantised
layers before it (Nagel et al., "A White Paper on Neural Network Quantization", 2021, sections 3.1 and 3.3).
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from fpga_flow.data.frames import Values
from fpga_flow.train.apot import ApotWeights, moments, nearest
from fpga_flow.train.blocks import Chain
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.layers import act_bits, activations, scale_of, weight_bits, weighted
from fpga_flow.train.state import fit_scale
from fpga_flow.train.statistics import begin, collecting, settle

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
QUANTILE = 0.999
"""Part of the positive values that a quantised activation holds; the others are clipped."""
BATCH = 256
"""Frames that a module takes at once: a deep one keeps hundreds of kilobytes of each."""
TRIED = 40
"""Scales that are tried for the least error, from a tenth of the largest value's up to that one."""
SAMPLE = 1 << 14
"""Values that the error is measured on at most."""
Method = Literal["quantile", "max", "mse"]


def calibrate(
    network: nn.Module,
    frames: Values,
    method: Method = "quantile",
    quantile: float = QUANTILE,
    clipped: bool = False,
) -> None:
    """Set the statistics of every batch norm, and every scale that is a parameter, by `frames`.

    The layers are set in the order in which they run, each on what those before it, set already, make of the
    first batch, of at most `BATCH` frames; the statistics are then the mean of those of all batches. A
    quantiser that runs twice (both sides of a sum) keeps the scale of the first time; the input's is the
    host's and stays. Weights take the scale of the least squared error over those that are not zero. Scales
    of a chain that are not learned are powers of two. `clipped`: the network was trained quantised, so that
    what its ReLUs clip now belongs to it, and their new largest values are no larger. Quantisers that set
    themselves by what they see do that. The network is in eval mode afterwards.
    """

    def largest(values: Tensor, grid: tuple[int, ...]) -> float:
        return best_step(values, grid, method, quantile)

    network.eval()
    powers = isinstance(network, Chain)
    own = collecting(network)
    for layer in weighted(network).values():
        if layer not in own:
            _set_weights(layer, powers)
    begin(network)
    done: set[nn.Module] = set()
    handles = [
        act.register_forward_pre_hook(_Setter(largest, done, powers, clipped))
        for act in activations(network).values()
        if scale_of(act) is not None and act not in own
    ]
    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the mean over the batches replaces what was
    x = torch.from_numpy(np.ascontiguousarray(frames))
    try:
        with torch.no_grad():
            for batch in torch.tensor_split(x, -(-len(x) // BATCH)):  # of equal size, for their mean
                network(batch)
    finally:
        for handle in handles:
            handle.remove()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        settle(network)
        network.eval()


def calibrate_chain(
    network: FastNetwork, codes: Tensor, method: Method = "mse", quantile: float = QUANTILE
) -> None:
    """Do the same for a chain in the fast graph, whose scales are fixed; `codes` are (N, length, channels).

    The step of an activation stays; its batch norm's gain and offset are multiplied instead, so that the
    values fit it, as far as they were not clipped before: a chain is trained with that, also where its codes
    are not rounded. The batch norm behind the next layer, measured anew, takes the factor out again; behind
    the last layer, which has none, all logits are larger by it, and the bias with them.
    """
    network.eval()
    network.fit_scales()
    factor, x = 1.0, codes
    with torch.no_grad():
        for index, block in enumerate(network.layers):
            x = network.shaped(x, index)
            if block.last:
                block.bias.mul_(factor)
                return
            sums = block.sums(x, True).flatten(0, -2)
            values = sums.double() * (block.input_scale * block.scale)
            block.mean.copy_(values.mean(0))
            block.var.copy_(values.var(0, unbiased=False))
            floats = block.gamma * (values.float() - block.mean) / torch.sqrt(block.var) + block.beta
            top = block.quant.act_max
            held = floats.clamp(max=(top + 1) * block.quant.act_scale)
            step = best_step(held, tuple(range(top + 1)), method, quantile)
            factor = block.quant.act_scale / step if step else 1.0
            block.gamma.mul_(factor)
            block.beta.mul_(factor)
            x = block(x, True)


def best_step(values: Tensor, grid: tuple[int, ...], method: Method, quantile: float = QUANTILE) -> float:
    """Return the step whose multiples by `grid`, integers from 0 up, hold the positive of `values` best.

    `max`: the largest value is the largest level; `quantile`: this part of them is not beyond it; `mse`: the
    squared error is the least of `TRIED` steps. 0 where no value is positive.
    """
    positive = values.detach()[values.detach() > 0].flatten()
    if not positive.numel():
        return 0.0
    if positive.numel() > SAMPLE:
        positive = positive[:: -(-positive.numel() // SAMPLE)]
    if method == "quantile":
        return float(np.quantile(positive.numpy(), quantile)) / grid[-1]
    top = float(positive.max()) / grid[-1]
    if method == "max":
        return top

    even = len(grid) == grid[-1] + 1

    def error(step: float) -> float:
        ratio = positive / step
        codes = torch.round(ratio).clamp_(max=grid[-1]) if even else nearest(ratio, grid)
        return float((codes * step - positive).square_().sum())

    steps: list[float] = (top * np.linspace(0.1, 1, TRIED)).tolist()
    return min(steps, key=error)


def _set_weights(layer: Any, powers: bool) -> None:
    """Set the scale of a layer's weights where it is a parameter."""
    scale = scale_of(layer.weight_quant)
    if scale is None:
        return
    weight: Tensor = layer.weight.detach()
    levels, unit = layer.weight_quant.tensor_quant, 1.0
    if powers and not scale.requires_grad:
        largest = (1 << (weight_bits(layer) - 1)) - 1
        _set_largest(scale, fit_scale(weight, largest, weight != 0) * largest)
        return
    if isinstance(levels, ApotWeights):
        grid = levels.grid[len(levels.grid) // 2 :]
        mean, deviation = moments(weight)
        weight, unit = (weight - mean)[weight != 0], float(deviation)
    else:
        grid = tuple(range(1 << (weight_bits(layer) - 1)))
    _set_largest(scale, best_step(weight.abs(), grid, "mse") * grid[-1] / unit)


def _set_largest(scale: nn.Parameter, largest: float) -> None:
    if largest:
        with torch.no_grad():
            scale.fill_(largest)


class _Setter:
    """Sets a quantiser's scale by the first input it sees."""

    def __init__(
        self,
        step: Callable[[Tensor, tuple[int, ...]], float],
        done: set[nn.Module],
        powers: bool,
        clipped: bool,
    ) -> None:
        self.step, self.done, self.powers, self.clipped = step, done, powers, clipped

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if module in self.done:
            return
        self.done.add(module)
        x: Tensor = getattr(inputs[0], "value", inputs[0])
        proxy: Any = module.act_quant
        scale = scale_of(module)
        assert scale is not None
        signed = bool(proxy.is_signed)
        levels = getattr(proxy.fused_activation_quant_proxy.tensor_quant, "grid", None)
        if levels is None:
            levels = tuple(range(1 << (act_bits(module) - signed)))
            top = levels[-1] + signed  # of the signed codes the lowest, -(top), has the largest size
        else:
            levels = tuple(level for level in levels if level >= 0)
            top = levels[-1]
        if self.clipped and not signed:
            x = x.clamp(max=float(scale.detach()))
        step = self.step(x.abs() if signed else x, levels)
        if step and self.powers and not scale.requires_grad:
            step = 2.0 ** round(math.log2(step))
        _set_largest(scale, step * top)
