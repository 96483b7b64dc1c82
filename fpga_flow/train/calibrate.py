"""Batch norms and activation scales from real frames, in one pass, for networks that nothing has trained."""

from typing import Any

import numpy as np
import torch
from brevitas import nn as qnn
from torch import Tensor, nn

from fpga_flow.data.frames import Values
from fpga_flow.train.layers import scale_of

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
QUANTILE = 0.999
"""Part of the positive values that a quantised activation holds; the others are clipped."""


def calibrate(network: nn.Module, frames: Values) -> None:
    """Set the statistics of every batch norm, and every scale that is learned, by `frames` (one batch).

    The layers are set in the order in which they run, each on what those before it, set already, make of the
    frames. A quantiser that runs twice (both sides of a sum) keeps the scale of the first time. The network
    is in eval mode afterwards.
    """
    done: set[nn.Module] = set()
    handles = []
    for module in network.modules():
        if isinstance(module, qnn.QuantReLU | qnn.QuantIdentity):
            scale = scale_of(module)
            if scale is not None and scale.requires_grad:
                handles.append(module.register_forward_pre_hook(_Setter(scale, done)))
    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # the statistics of this batch replace those that were
    try:
        with torch.no_grad():
            network(torch.from_numpy(np.ascontiguousarray(frames)))
    finally:
        for handle in handles:
            handle.remove()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.eval()


class _Setter:
    """Sets a quantiser's largest value by the first input it sees."""

    def __init__(self, scale: nn.Parameter, done: set[nn.Module]) -> None:
        self.scale, self.done = scale, done

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if module in self.done:
            return
        self.done.add(module)
        x: Tensor = getattr(inputs[0], "value", inputs[0])
        values = np.asarray(x[x > 0])
        if values.size:
            self.scale.fill_(float(np.quantile(values, QUANTILE)))
