"""What a network costs: multiply-accumulates, bit operations, weight bits, and the ITU score."""

from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.inference_cost import inference_cost

BASELINE_BIT_OPS = 807_699_904
BASELINE_WEIGHT_BITS = 1_244_936
"""Of the challenge's 8-bit VGG10, whose score is 1."""


def cost(model: ModelWrapper) -> dict[str, Any]:
    """Return the cost of a QONNX model (with its `Quant` nodes), zero weights free where it says nonzero.

    Keys as in `report.json`: weights, nonzero, macs, nonzero_macs, bit_ops, weight_bits (of the nonzero
    weights) and itu_score. Counted by `qonnx.util.inference_cost`.
    """
    dense, sparse = (
        inference_cost(model, discount_sparsity=discount)["total_cost"] for discount in (False, True)
    )
    bit_ops, weight_bits = round(sparse["total_bops"]), round(sparse["total_mem_w_bits"])
    return {
        "weights": round(dense["total_mem_w_elems"]),
        "nonzero": round(sparse["total_mem_w_elems"]),
        "macs": round(dense["total_macs"]),
        "nonzero_macs": round(sparse["total_macs"]),
        "bit_ops": bit_ops,
        "weight_bits": weight_bits,
        "itu_score": itu_score(bit_ops, weight_bits),
    }


def itu_score(bit_ops: float, weight_bits: float) -> float:
    """Return the score of the ITU challenge "lightning-fast modulation classification"; lower is better."""
    return 0.5 * bit_ops / BASELINE_BIT_OPS + 0.5 * weight_bits / BASELINE_WEIGHT_BITS
