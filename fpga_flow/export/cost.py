"""What a network costs: multiply-accumulates, bit operations, weight bits, and the ITU score."""

from typing import Any

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.export.operations import IntegerNetwork, Matrix

BASELINE_BIT_OPS = 807_699_904
BASELINE_WEIGHT_BITS = 1_244_936
"""Of the challenge's 8-bit VGG10, whose score is 1."""


def cost(network: IntegerNetwork) -> dict[str, Any]:
    """Return the cost of `network`, zero weights free where it says nonzero.

    Keys as in `report.json`: weights, nonzero, macs, nonzero_macs, bit_ops (bits of weight times bits of
    activation for every multiplication by a weight that is not 0), weight_bits (of the nonzero weights)
    and itu_score. Counted as `qonnx.util.inference_cost` does, but with the integers' own types, which
    qonnx does not know behind concatenations, sums and pools. Sums without weights cost nothing.
    """
    total = dict.fromkeys(("weights", "nonzero", "macs", "nonzero_macs", "bit_ops", "weight_bits"), 0)
    for layer in network.operations:
        if not isinstance(layer, Matrix):
            continue
        weights, nonzero = layer.weights.size // layer.groups, int(np.count_nonzero(layer.weights))
        positions = int(np.prod(layer.y.shape[2:]))
        bits, act_bits = (DataType[name].bitwidth() for name in (layer.weight_type, layer.x.datatype))
        total["weights"] += weights
        total["nonzero"] += nonzero
        total["macs"] += weights * positions
        total["nonzero_macs"] += nonzero * positions
        total["bit_ops"] += nonzero * positions * bits * act_bits
        total["weight_bits"] += nonzero * bits
    return {**total, "itu_score": itu_score(total["bit_ops"], total["weight_bits"])}


def itu_score(bit_ops: float, weight_bits: float) -> float:
    """Return the score of the ITU challenge "lightning-fast modulation classification"; lower is better."""
    return 0.5 * bit_ops / BASELINE_BIT_OPS + 0.5 * weight_bits / BASELINE_WEIGHT_BITS
