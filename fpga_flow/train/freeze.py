"""Batch norm as it is deployed: numbers with so few bits that float32 arithmetic on them is exact.

A trained batch norm followed by a quantised ReLU is, on an integer accumulator x, the code
`clamp(round(a*x + b), 0, act_max)`. With arbitrary a and b two programs may round the sum
differently and disagree about x on the edge of a step. Here a is a multiple of 2^e and b an odd
multiple of 2^(e-1), with e chosen so that every sum that matters fits float32's 24 bits and e < 0:
no rounding error in any order of evaluation, and never a sum half-way between two codes.
"""

import torch
from torch import Tensor

from fpga_flow.train.checkpoint import State
from fpga_flow.train.spec import Quant

MANTISSA_BITS = 12
"""Bits that the gain keeps at most."""
EXACT_BITS = 24
VARIANCE_FLOOR = 1e-5


def weight_codes(kept: State, quant: Quant) -> Tensor:
    """Return a layer's integer weights (as float32), pruned ones zero, shaped like `weight`."""
    codes = torch.round(kept["weight"] / kept["scale"]).clamp(-quant.weight_max, quant.weight_max)
    # Adding zero makes -0 into 0.
    return (codes if kept["mask"] is None else codes * kept["mask"]) + 0.0


def gain_and_offset(kept: State, input_scale: float, quant: Quant) -> tuple[Tensor, Tensor]:
    """Return a and b, float64 (outputs,), of a hidden layer; `input_scale` is that of its input codes."""
    scale = input_scale * kept["scale"]
    gain = kept["gamma"].double() / torch.sqrt(kept["var"].double() + VARIANCE_FLOOR)
    exact_a = gain * scale / quant.act_scale
    mean = kept["mean"].double() / scale
    exact_b = kept["beta"].double() / quant.act_scale - exact_a * mean

    # A channel whose inputs are all pruned has accumulator 0; any gain will do.
    alive = weight_codes(kept, quant).flatten(1).abs().sum(1) > 0
    exact_a = torch.where(alive, exact_a.clamp(min=2.0**-40), torch.full_like(exact_a, 0.5))

    # Sums beyond the clamp's limits by 1 or more come out the same however they are rounded, so the
    # product needs to be exact only up to this size, and so does the sum.
    reach = quant.act_max + 2 + exact_b.abs()
    finest = torch.ceil(torch.log2(2 * reach)) + 1 - EXACT_BITS + 1
    wanted = torch.floor(torch.log2(exact_a)) + 1 - MANTISSA_BITS
    exponent = torch.maximum(finest, wanted).clamp(max=-2)
    step = torch.exp2(exponent)
    a = torch.round(exact_a / step).clamp(min=1) * step
    # The rounded gain must not move the output at the mean accumulator.
    b = kept["beta"].double() / quant.act_scale - a * torch.where(alive, mean, torch.zeros_like(mean))
    b = (torch.floor(b / step) + 0.5) * step
    return a, b


def bias_codes(kept: State, input_scale: float) -> Tensor:
    """Return the last layer's integer biases (as float32), on the accumulator's grid."""
    return torch.round(kept["bias"] / (input_scale * kept["scale"])) + 0.0
