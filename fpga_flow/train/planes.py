"""Layers of Brevitas modules in the compiled kernels, for frames (N, channels, positions).

Convolutions over time of any groups, kernel and stride, and batch norm with the quantised ReLU behind it,
each with its gradients. They compute what torch and Brevitas compute, to the accuracy of float32.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fpga_flow.train.kernels import FRAMES_PER_CHUNK, Kernels, kernels


class Sizes(NamedTuple):
    """How a convolution over time goes over its input."""

    groups: int
    stride: int
    padding: int
    """Zeros on both sides."""


class Levels(NamedTuple):
    """How a quantised ReLU maps x: clamp(round(x / step), 0, top) * step; not `rounded`, max(x, 0)."""

    step: float
    top: int
    rounded: bool


class Conv(torch.autograd.Function):
    """Convolve x (N, C, length) with weights (O, C / groups, kernel) to (N, O, positions)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, sizes: Sizes) -> Tensor:
        x, weight = x.contiguous(), weight.contiguous()
        numbers = _numbers(x, weight, sizes)
        y = x.new_empty(len(x), len(weight), numbers[-1])
        _compiled().call("planes_conv_forward", x, weight, y, *numbers, work=y.numel() * weight[0].numel())
        ctx.sizes = sizes
        ctx.save_for_backward(x, weight)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        g = gradients[0].contiguous()
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        chunks = -(-len(x) // FRAMES_PER_CHUNK)
        dw = weight.new_empty(1 + chunks, *weight.shape)
        _compiled().call(
            "planes_conv_backward",
            *(g, x, weight, dx, dw, FRAMES_PER_CHUNK),
            *_numbers(x, weight, ctx.sizes),
            work=2 * g.numel() * weight[0].numel(),
        )
        return dx, dw[0], None


class NormQuant(torch.autograd.Function):
    """Batch norm (batch statistics) and quantised ReLU on x (N, C, ...).

    Returns also mean and variance of every channel. The gradient passes the rounding straight through and is
    zero where the ReLU clamps; that of the step is the one of learned step sizes (Esser et al. 2020, eq. 3);
    that of batch norm is the usual one, statistics included (Ioffe and Szegedy 2015).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, step: Tensor, epsilon: float, levels: Levels
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = x.contiguous()
        sums = torch.empty(2, x.shape[1], dtype=torch.float64)
        shift = x[0].reshape(x.shape[1], -1)[:, 0].contiguous()
        _compiled().call("planes_sums", x, shift, sums, *_planes(x), FRAMES_PER_CHUNK, work=4 * x.numel())
        count = x.numel() // x.shape[1]
        var = (sums[1] / count - (sums[0] / count) ** 2).clamp(min=0)
        mean = sums[0] / count + shift
        inverse = 1 / torch.sqrt(var + epsilon)
        slope = gamma.detach().double() * inverse
        a, b = slope.float(), (beta.detach().double() - slope * mean).float()
        ctx.levels = levels
        ctx.save_for_backward(x, a, b, mean, inverse)
        mean32, var32 = mean.float(), var.float()
        ctx.mark_non_differentiable(mean32, var32)
        return _quantised(x, a, b, levels), mean32, var32

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, a, b, mean, inverse = ctx.saved_tensors
        g, count = gradients[0].contiguous(), x.numel() // x.shape[1]
        centre = mean.float()
        one, two, of_step = _gradient_sums(g, x, centre, a, b, ctx.levels)
        normalised = inverse * (two - (mean - centre) * one)
        q = -a * inverse * normalised / count
        r = -a * one / count - q * mean
        dx = _gradient(g, x, a, b, a, q.float(), r.float(), ctx.levels)
        return dx, normalised.float(), one.float(), of_step.sum().float(), None, None


class QuantRelu(torch.autograd.Function):
    """Quantised ReLU on x (N, C, ...)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, levels: Levels) -> Tensor:
        x = x.contiguous()
        ctx.levels = levels
        ctx.save_for_backward(x)
        return _quantised(x, x.new_ones(x.shape[1]), x.new_zeros(x.shape[1]), levels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (x,) = ctx.saved_tensors
        g = gradients[0].contiguous()
        one, zero = x.new_ones(x.shape[1]), x.new_zeros(x.shape[1])
        step = None
        if ctx.needs_input_grad[1]:
            step = _gradient_sums(g, x, zero, one, zero, ctx.levels)[2].sum().float()
        return _gradient(g, x, one, zero, one, zero, zero, ctx.levels), step, None


def norm_quant_fixed(x: Tensor, a: Tensor, b: Tensor, levels: Levels) -> Tensor:
    """Return the quantised ReLU of a*x + b, per channel of x (N, C, ...); it has no gradient."""
    return _quantised(x.contiguous(), a.contiguous(), b.contiguous(), levels)


def _compiled() -> Kernels:
    compiled = kernels()
    if compiled is None:
        raise RuntimeError("these layers need the compiled kernels")
    return compiled


def _numbers(x: Tensor, weight: Tensor, sizes: Sizes) -> tuple[int, ...]:
    frames, channels, length = x.shape
    outputs, _, kernel = weight.shape
    positions = (length + 2 * sizes.padding - kernel) // sizes.stride + 1
    return frames, channels, outputs, sizes.groups, length, kernel, sizes.stride, sizes.padding, positions


def _planes(x: Tensor) -> tuple[int, int, int]:
    frames, channels = x.shape[:2]
    return frames, channels, x[0, 0].numel()


def _settings(levels: Levels) -> tuple[float, float, bool]:
    return levels.step, float(levels.top), levels.rounded


def _quantised(x: Tensor, a: Tensor, b: Tensor, levels: Levels) -> Tensor:
    y = torch.empty_like(x)
    _compiled().call("planes_norm_quant", x, a, b, y, *_planes(x), *_settings(levels), work=16 * x.numel())
    return y


def _gradient_sums(g: Tensor, x: Tensor, shift: Tensor, a: Tensor, b: Tensor, levels: Levels) -> Tensor:
    sums = torch.empty(3, x.shape[1], dtype=torch.float64)
    _compiled().call(
        "planes_norm_gradient_sums",
        *(g, x, shift, a, b, sums),
        *_planes(x),
        FRAMES_PER_CHUNK,
        *_settings(levels),
        work=16 * x.numel(),
    )
    return sums


def _gradient(
    g: Tensor, x: Tensor, a: Tensor, b: Tensor, p: Tensor, q: Tensor, r: Tensor, levels: Levels
) -> Tensor:
    dx = torch.empty_like(x)
    _compiled().call(
        "planes_norm_gradient",
        *(g, x, a, b, p, q, r, dx),
        *_planes(x),
        *_settings(levels),
        work=16 * x.numel(),
    )
    return dx
