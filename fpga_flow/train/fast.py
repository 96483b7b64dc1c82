"""The training graph: the same function as the Brevitas chain, made to be fast.

What makes it fast, and why it is still the same network:

- It computes with codes (integers held in float32) and puts scales in only where they matter; every
  accumulator is an exact integer.
- Max-pool comes right after the convolution. Batch norm with a positive gain and a quantised ReLU
  never decrease, so the larger of two sums also gives the larger code, and half the values are left to
  normalise. Gains are kept positive, which takes nothing away: a filter with a negative gain is the
  negated filter with a positive one. While training, the statistics of batch norm are those of the
  pooled sums; the deployed network has fixed numbers there, so it does not see the difference.
- Frames lie position by position, convolutions run in `kernels.cpp`.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpga_flow.train.checkpoint import State
from fpga_flow.train.freeze import VARIANCE_FLOOR, bias_codes, gain_and_offset, weight_codes
from fpga_flow.train.kernels import LANES, Kernels, kernels
from fpga_flow.train.spec import Conv, Dense, Layer, Quant
from fpga_flow.train.state import fit_scale

GAIN_FLOOR = 0.01
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch norm."""


class FastNetwork(nn.Module):
    """A chain of layers on input codes, int8 (N, length, channels), to logits (N, classes).

    `rounded` False makes it the float network: the same layers and clamps without rounding.
    In eval mode and with rounding it is the deployed network, batch norms frozen.
    """

    def __init__(self, layers: Iterable[Layer], quant: Quant, state: State, rounded: bool = True) -> None:
        super().__init__()
        self.quant = quant
        self.rounded = rounded
        self.header = {key: value for key, value in state.items() if key != "layers"}
        scale = quant.input_scale
        self.layers: list[FastBlock] = []
        for layer in layers:
            own = quant.layer(layer.name)
            self.layers.append(FastBlock(layer, own, scale, state["layers"][layer.name]))
            scale = own.act_scale
        self.blocks = nn.ModuleList(self.layers)

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits, integer multiples of the last accumulator's scale."""
        x = codes
        for index, block in enumerate(self.layers):
            x = block(self.shaped(x, index), self.rounded)
        return x

    def shaped(self, x: Tensor, index: int) -> Tensor:
        """Return codes as layer `index` takes them: flat, channel by channel, from the first dense one on."""
        if isinstance(self.layers[index].spec, Dense) and x.dim() == 3:
            return x.transpose(1, 2).flatten(1).float()
        return x

    def state(self) -> State:
        """Return a copy of the parameters in the form of a checkpoint."""
        return self.header | {"layers": {block.spec.name: block.kept(copy=True) for block in self.layers}}

    def load(self, state: State) -> None:
        """Take the parameters of `state`, a checkpoint of the same layers."""
        for block in self.layers:
            block.load(state["layers"][block.spec.name])

    def constrain(self) -> None:
        """Keep gains positive and pruned weights zero; to be called after every step."""
        with torch.no_grad():
            for block in self.layers:
                if not block.last:
                    block.gamma.clamp_(min=GAIN_FLOOR)
                if block.mask is not None:
                    block.weight.mul_(block.mask)

    def codes(self) -> dict[str, Tensor]:
        """Return every layer's integer weights (as float32), shaped like `weight`."""
        return {block.spec.name: weight_codes(block.kept(), block.quant) for block in self.layers}

    def fit_scales(self) -> None:
        """Choose the scale of every layer's weights anew, from the weights that are left."""
        for block in self.layers:
            block.scale = fit_scale(block.weight.detach(), block.quant.weight_max, block.mask)


class FastBlock(nn.Module):
    """One layer of a `FastNetwork`."""

    mask: Tensor | None
    mean: Tensor
    var: Tensor

    def __init__(self, layer: Layer, quant: Quant, input_scale: float, kept: State) -> None:
        super().__init__()
        self.spec = layer
        self.quant = quant
        self.input_scale = input_scale
        self.last = isinstance(layer, Dense) and layer.last
        self.weight = nn.Parameter(torch.empty_like(kept["weight"]))
        self.register_buffer("mask", None)
        if self.last:
            self.bias = nn.Parameter(torch.empty(layer.outputs))
        else:
            self.gamma = nn.Parameter(torch.empty(layer.outputs))
            self.beta = nn.Parameter(torch.empty(layer.outputs))
            self.register_buffer("mean", torch.empty(layer.outputs))
            self.register_buffer("var", torch.empty(layer.outputs))
        self.load(kept)

    def load(self, kept: State) -> None:
        """Take parameters and mask from one layer of a checkpoint."""
        self.scale = float(kept["scale"])
        self.mask = None if kept["mask"] is None else kept["mask"].clone()
        with torch.no_grad():
            for name in ("weight", "bias") if self.last else ("weight", "gamma", "beta", "mean", "var"):
                getattr(self, name).copy_(kept[name])

    def kept(self, copy: bool = False) -> State:
        """Return the layer as it stands in a checkpoint."""
        names = ("weight", "bias") if self.last else ("weight", "gamma", "beta", "mean", "var")
        kept: dict[str, Any] = {name: getattr(self, name).detach() for name in names}
        kept |= {"mask": self.mask}
        if copy:
            kept = {name: None if value is None else value.clone() for name, value in kept.items()}
        return kept | {"scale": self.scale}

    def forward(self, x: Tensor, rounded: bool) -> Tensor:
        """Apply the layer to codes; the last one returns logits."""
        x = self.sums(x, rounded)
        if self.last:
            return self._logits(x, rounded)
        rows = x.reshape(-1, x.shape[-1])
        return self._activate(rows, rounded).view(x.shape)

    def sums(self, x: Tensor, rounded: bool) -> Tensor:
        """Return the accumulators, pooled, channels last."""
        codes = self._codes(rounded)
        if isinstance(self.spec, Conv):
            return conv_pool(x, codes.permute(2, 1, 0).contiguous(), self.spec.pool, rounded)
        return F.linear(x, codes)

    def _codes(self, rounded: bool) -> Tensor:
        if not self.training and rounded:
            return weight_codes(self.kept(), self.quant)
        codes: Tensor = WeightCodes.apply(  # type: ignore[no-untyped-call]
            self.weight, self.scale, self.quant.weight_max, rounded
        )
        return codes if self.mask is None else codes * self.mask

    def _logits(self, x: Tensor, rounded: bool) -> Tensor:
        scale = self.input_scale * self.scale
        if not rounded:
            return x * scale + self.bias
        if self.training:
            grid = torch.round(self.bias.detach() / scale) * scale
            return x * scale + (self.bias + (grid - self.bias).detach())
        return (x + bias_codes(self.kept(), self.input_scale)) * scale

    def _activate(self, x: Tensor, rounded: bool) -> Tensor:
        quant, scale = self.quant, self.input_scale * self.scale
        top = float(quant.act_max)
        if self.training:
            y: Tensor
            y, mean, var = NormQuant.apply(  # type: ignore[no-untyped-call]
                x, self.gamma, self.beta, scale, quant.act_scale, top, rounded
            )
            with torch.no_grad():
                self.mean.lerp_(mean * scale, MOMENTUM)
                self.var.lerp_(var * scale**2, MOMENTUM)
            return y
        if rounded:
            a, b = gain_and_offset(self.kept(), self.input_scale, quant)
        else:
            a = self.gamma / torch.sqrt(self.var + VARIANCE_FLOOR) / quant.act_scale * scale
            b = self.beta / quant.act_scale - a * self.mean / scale
        return _norm_quant(x, a.detach().float(), b.detach().float(), top, rounded)


class WeightCodes(torch.autograd.Function):
    """Weights to codes, clamp(round(w / scale)); the gradient passes straight through.

    Where a weight lies beyond the largest code, a gradient that would drive it further out is dropped.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: float, top: int, rounded: bool) -> Tensor:
        ratio = weight / scale
        if not rounded:
            ctx.outside, ctx.scale = None, scale
            return ratio
        ctx.outside, ctx.scale = (ratio.abs() > top + 0.5).float() * ratio.sign(), scale
        return torch.round(ratio).clamp(-top, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        gradient = gradients[0] / ctx.scale
        if ctx.outside is not None:
            # A step goes against the gradient: a negative one raises the weight.
            gradient = torch.where(ctx.outside * gradient < 0, torch.zeros_like(gradient), gradient)
        return gradient, None, None, None


def conv_pool(x: Tensor, taps: Tensor, pool: int, codes: bool) -> Tensor:
    """Convolve x (N, L, C) with taps (K, C, O), padded to keep the length, and max-pool.

    `codes` says that both are integers of at most 8 bits.
    """
    kernel, channels, outputs = taps.shape
    first = x.dtype == torch.int8
    fits = outputs % LANES == 0 and (first or channels % LANES == 0) and x.shape[1] % 2 == 0
    if kernels() is not None and fits and pool == 2 and kernel % 2:
        y: Tensor = ConvPool.apply(x, taps, codes)  # type: ignore[no-untyped-call]
        return y
    y = F.conv1d(x.float().transpose(1, 2), taps.permute(2, 1, 0), padding=kernel // 2)
    return F.max_pool1d(y, pool).transpose(1, 2).contiguous()


class ConvPool(torch.autograd.Function):
    """`conv_pool` in the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, codes: bool) -> Tensor:
        compiled = kernels()
        assert compiled is not None
        y, winner = compiled.conv_pool_forward(x, taps, codes)
        ctx.codes = codes
        ctx.save_for_backward(x, taps, winner)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        compiled = kernels()
        assert compiled is not None
        x, taps, winner = ctx.saved_tensors
        g = gradients[0].contiguous()
        return *compiled.conv_pool_backward(g, winner, x, taps, ctx.codes), None


def _compiled_for(channels: int) -> Kernels | None:
    return kernels() if channels % LANES == 0 else None


def _norm_quant(x: Tensor, a: Tensor, b: Tensor, top: float, rounded: bool) -> Tensor:
    compiled = _compiled_for(x.shape[1])
    if compiled is not None:
        return compiled.norm_quant(x, a, b, top, rounded)
    z = torch.addcmul(b, x, a)
    return (torch.round(z) if rounded else z).clamp(0, top)


class NormQuant(torch.autograd.Function):
    """Batch norm (batch statistics) and quantised ReLU on rows (M, C) of accumulators, giving codes.

    Also returns mean and variance of the accumulators. The gradient passes the rounding straight
    through and is zero where the ReLU clamps; that of batch norm is the usual one, statistics included
    (Ioffe and Szegedy 2015).
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        scale: float,
        act_scale: float,
        top: float,
        rounded: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        compiled = _compiled_for(x.shape[1])
        if compiled is not None:
            one, two = compiled.norm_sums(x)
        else:
            wide = x.double()
            one, two = wide.sum(0), (wide * wide).sum(0)
        mean = one / len(x)
        var = (two / len(x) - mean * mean).clamp(min=0)
        inverse = 1 / torch.sqrt(var + VARIANCE_FLOOR / scale**2)
        a = gamma.double() * inverse / act_scale
        b = beta.double() / act_scale - a * mean
        a32, b32 = a.float(), b.float()
        y = _norm_quant(x, a32, b32, top, rounded)
        ctx.save_for_backward(x, a32, b32, a, mean, inverse)
        ctx.act_scale, ctx.top = act_scale, top
        mean32, var32 = mean.float(), var.float()
        ctx.mark_non_differentiable(mean32, var32)
        return y, mean32, var32

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, a32, b32, a, mean, inverse = ctx.saved_tensors
        g, top, count = gradients[0].contiguous(), ctx.top, len(x)
        compiled = _compiled_for(x.shape[1])
        if compiled is not None:
            one, two = compiled.norm_gradient_sums(g, x, a32, b32, top)
        else:
            z = torch.addcmul(b32, x, a32)
            g = torch.where((z >= 0) & (z <= top), g, torch.zeros_like(g))
            one, two = g.double().sum(0), (g.double() * x).sum(0)
        normalised = inverse * (two - mean * one)
        slope = -a * inverse * normalised / count
        offset = -a * one / count - slope * mean
        p, q, r = a32, slope.float(), offset.float()
        if compiled is not None:
            dx = compiled.norm_gradient(g, x, a32, b32, p, q, r, top)
        else:
            dx = p * g + q * x + r
        act_scale = ctx.act_scale
        return dx, (normalised / act_scale).float(), (one / act_scale).float(), None, None, None, None
