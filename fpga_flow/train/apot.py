"""Additive powers of two (APoT): quantisers whose values are sums of a few powers of two.

After Li, Dong and Wang, "Additive Powers-of-Two Quantization", ICLR 2020: the levels are equation (5),
weights are normalised and clipped at a learned alpha as in sections 2.3 and 2.4. Where a network is pruned,
mean and deviation are those of the weights that are left, and what was pruned stays exactly zero: normalised
over all weights, the zeros would move.

Every value is an integer times one scale, so layers behind see ordinary integers: 4-bit weights are
{0, ±1, ±2, ±3, ±4, ±6, ±8, ±10} and need 5 bits in hardware.
"""

from functools import cache

import torch
from brevitas.inject import ExtendedInjector, value
from brevitas.inject.enum import FloatToIntImplType
from brevitas.proxy import ActQuantProxyFromInjector, WeightQuantProxyFromInjector
from torch import Tensor, nn

from fpga_flow.core.errors import InputError

WEIGHT_BITS = range(2, 7)
"""Bits of a weight; with more, the integers need over 8 bits in hardware."""
ACT_BITS = range(2, 6)
"""Bits of an activation, unsigned."""
ALPHA = 3.0
"""First clipping point of normalised weights, in standard deviations, as in the paper's code."""
DEVIATION_FLOOR = 1e-8
ROUNDING = "APOT_"
"""What an activation says of its rounding, with its bits behind it."""


@cache
def levels(bits: int) -> tuple[int, ...]:
    """Return the 2^`bits` unsigned levels as integers, lowest first: 3 bits are 0, 1, 2, 3, 4, 6, 8, 10.

    A level is a sum with one summand from each set, {0, 2^-e, ...}: the exponents 1, 2, 3, ... are dealt to
    floor(bits / 2) sets in turn, three each. An odd bit more is a set {0, 2^-e} of its own, which takes its
    exponent before the last turn.
    """
    pairs, odd = divmod(bits, 2)
    sets = [[0.0] for _ in range(pairs)]
    single = [0.0]
    exponent = 0
    for turn in range(3):
        if odd and turn == (2 if pairs else 0):
            exponent += 1
            single.append(2.0**-exponent)
        for each in sets:
            exponent += 1
            each.append(2.0**-exponent)
    sums = {0.0}
    for each in (*sets, single):
        sums = {total + part for total in sums for part in each}
    return tuple(sorted(int(total * 2**exponent) for total in sums))


@cache
def weight_levels(bits: int) -> tuple[int, ...]:
    """Return the signed levels of weights of `bits` bits, one of which is the sign, lowest first."""
    positive = levels(bits - 1)
    return (*(-level for level in reversed(positive[1:])), *positive)


def edges(grid: tuple[int, ...]) -> tuple[float, ...]:
    """Return where the nearest of the integers in `grid` changes; a number on an edge goes up."""
    return tuple((low + high) / 2 for low, high in zip(grid, grid[1:], strict=False))


def hardware_bits(bits: int, signed: bool) -> int:
    """Return how many bits the integers of APoT of `bits` bits need."""
    return weight_levels(bits)[-1].bit_length() + 1 if signed else levels(bits)[-1].bit_length()


def check_bits(place: str, bits: int, signed: bool) -> None:
    """Raise `InputError` that names `place` where APoT of `bits` bits is not carried out in hardware."""
    allowed = WEIGHT_BITS if signed else ACT_BITS
    if bits not in allowed:
        raise InputError(
            f"{place}: must be {allowed[0]} to {allowed[-1]} with apot, not {bits}; "
            "use other bits, or uniform levels"
        )


def nearest(x: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Return for every number in `x` the nearest integer of `grid`, half-way ones up; no gradient."""
    places = torch.bucketize(x.detach(), x.new_tensor(edges(grid)), right=True)
    return x.new_tensor([float(level) for level in grid])[places]


def moments(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the weights that are not exactly zero (of no weight: 0 and 1)."""
    kept = weight.detach()[weight.detach() != 0]
    if kept.numel() < 2:
        return weight.new_zeros(()), weight.new_ones(())
    return kept.mean(), kept.std().clamp(min=DEVIATION_FLOOR)


class ApotWeights(nn.Module):
    """Weights to APoT levels: float tensor to (values, scale, zero point, bit width), as Brevitas wants it.

    `alpha`, the clipping point in standard deviations, is learned: its gradient is that of equation (6),
    straight through the projection. Values are given back in the weights' own unit, so that a layer without
    batch norm keeps its size; the paper leaves that factor to the batch norm.
    """

    def __init__(self, apot_bits: int) -> None:
        super().__init__()
        self.grid = weight_levels(apot_bits)
        self.alpha = nn.Parameter(torch.tensor(ALPHA))
        self.width = hardware_bits(apot_bits, signed=True)

    def forward(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Quantise `weight`; what is exactly zero in it stays so."""
        mean, deviation = moments(weight)
        top = self.grid[-1]
        alpha = self.alpha.abs()
        ratio = ((weight - mean) / deviation / alpha).clamp(-1, 1)
        codes = nearest(ratio * top, self.grid)
        codes = torch.where(weight == 0, torch.zeros_like(codes), codes)
        scale = alpha * deviation / top
        values = (ratio * top + (codes - ratio * top).detach()) * scale
        values = torch.where(weight == 0, torch.zeros_like(values), values)
        if not self.training:
            values = codes * scale
        return values, scale, scale.new_zeros(()), scale.new_tensor(float(self.width))


class ApotActivations(nn.Module):
    """Activations to APoT levels up to a learned `alpha`, in the activation's own unit.

    Behind a ReLU the levels are unsigned. The paper has no others; `signed` ones, for what stands between
    the factors of a layer, are those of weights.
    """

    def __init__(self, apot_bits: int, signed: bool) -> None:
        super().__init__()
        self.grid = weight_levels(apot_bits) if signed else levels(apot_bits)
        self.alpha = nn.Parameter(torch.tensor(4.0))
        self.width = hardware_bits(apot_bits, signed)

    @property
    def scale(self) -> Tensor:
        """The step of the integers."""
        return self.alpha.abs() / self.grid[-1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Quantise `x`."""
        scale = self.scale
        ratio = (x / scale).clamp(self.grid[0], self.grid[-1])
        codes = nearest(ratio, self.grid)
        values = (ratio + (codes - ratio).detach() if self.training else codes) * scale
        return values, scale, scale.new_zeros(()), scale.new_tensor(float(self.width))


class ApotWeightQuant(ExtendedInjector):  # type: ignore[misc]
    """What Brevitas makes a weight's quantiser from; `apot_bits` is given with the layer."""

    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = ApotWeights
    signed = True
    narrow_range = True
    float_to_int_impl_type = FloatToIntImplType.ROUND
    apot_bits = 4


class ApotActQuant(ExtendedInjector):  # type: ignore[misc]
    """What Brevitas makes a quantiser behind a ReLU from; `apot_bits` is given with the layer."""

    proxy_class = ActQuantProxyFromInjector
    tensor_quant = ApotActivations
    signed = False
    narrow_range = False

    @value  # type: ignore[untyped-decorator]
    def float_to_int_impl_type(apot_bits: int) -> str:  # noqa: N805  # Brevitas fills it in by its name
        """Tell the export of the levels, which QONNX has no word for: `ROUNDING` and the bits."""
        return f"{ROUNDING}{apot_bits}"

    apot_bits = 4


class SignedApotActQuant(ApotActQuant):
    """The same for numbers of both signs."""

    signed = True
    narrow_range = True
