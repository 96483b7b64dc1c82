"""Quantisers that set themselves by what they see, as Brevitas' usual ones do.

Such an activation's scale (or zero point) is collected in training mode and becomes a parameter then; such a
layer's scale is set by its weights at their first use and is a parameter from there on. When that happens is
Brevitas' own count, which a checkpoint does not keep: so it happens in `calibrate`, and nowhere else.
"""

from collections.abc import Iterator
from typing import Any

import torch
from brevitas.proxy.quant_proxy import QuantProxyFromInjector
from torch import nn

from fpga_flow.train.layers import weighted


def _runtime(module: nn.Module) -> Iterator[Any]:
    """Yield what collects statistics of activations in `module`."""
    return (part for part in module.modules() if hasattr(part, "collect_stats_steps"))


def _by_weights(module: nn.Module) -> Iterator[Any]:
    """Yield what is set by parameters at its first use in `module`."""
    return (part for part in module.modules() if hasattr(part, "init_done"))


def collecting(network: nn.Module) -> set[nn.Module]:
    """Return the layers and activations of `network` that set a scale themselves, and what holds them."""
    return {
        module
        for module in network.modules()
        if any(True for _ in _runtime(module)) or any(True for _ in _by_weights(module))
    }


def begin(network: nn.Module) -> None:
    """Set the scales of weights, and let those of activations be collected from now on, until `settle`.

    Quantisers are in training mode then.
    """
    if any(True for _ in _runtime(network)):
        for module in network.modules():
            if isinstance(module, QuantProxyFromInjector):
                module.train()
    with torch.no_grad():
        for part in _runtime(network):
            start = 1.0 if hasattr(part, "init_scale") else 0.0  # a scale, or a zero point
            part.value.fill_(start)
            part.buffer.fill_(start)
            part.counter = 0
        for part in _by_weights(network):
            part.value.fill_(1.0)
            part.init_done = False
        for layer in weighted(network).values():
            layer.quant_weight()


def settle(network: nn.Module) -> None:
    """Make parameters of what was collected; without a `begin` before, the parameters are what they are."""
    for part in _runtime(network):
        if 0 < part.counter <= part.collect_stats_steps:
            part.init_scale() if hasattr(part, "init_scale") else part.init_zp()
        part.counter = part.collect_stats_steps + 1
    for part in _by_weights(network):
        part.init_done = True
