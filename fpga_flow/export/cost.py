"""What a network costs: multiply-accumulates, bit operations, weight bits, and the ITU score."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.export.operations import Matrix, Operation
from fpga_flow.results.export import Cost

BASELINE_BIT_OPS = 807_699_904
BASELINE_WEIGHT_BITS = 1_244_936
"""Of the challenge's 8-bit VGG10, whose score is 1."""


@dataclass(frozen=True)
class LayerCost:
    """What one convolution or dense layer holds, counted."""

    name: str
    weights: int
    nonzero: int
    positions: int
    """Places of a frame that every weight is used at."""
    weight_bits_each: int
    act_bits: int
    """Of the layer's input."""
    sum_bits: int
    """Of the exact sums that the layer gives."""
    outputs: int
    live_outputs: int
    """Output channels that have a weight that is not 0."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates, zero weights among them."""
        return self.weights * self.positions

    @property
    def nonzero_macs(self) -> int:
        """Multiply-accumulates of the weights that are not 0."""
        return self.nonzero * self.positions

    @property
    def bit_ops(self) -> int:
        """Bits of weight times bits of activation, for every multiplication by a weight that is not 0."""
        return self.nonzero_macs * self.weight_bits_each * self.act_bits

    @property
    def weight_bits(self) -> int:
        """Bits of the weights that are not 0."""
        return self.nonzero * self.weight_bits_each


def layer_costs(operations: Iterable[Operation]) -> list[LayerCost]:
    """Return what each layer with weights costs, in their order.

    Counted as `qonnx.util.inference_cost` does, but with the integers' own types, which qonnx does not know
    behind concatenations, sums and pools. Sums without weights cost nothing.
    """
    return [_layer_cost(layer) for layer in operations if isinstance(layer, Matrix)]


def _layer_cost(layer: Matrix) -> LayerCost:
    bits, act_bits, sum_bits = (
        int(DataType[name].bitwidth()) for name in (layer.weight_type, layer.x.datatype, layer.y.datatype)
    )
    rows = np.moveaxis(layer.weights, layer.output_axis, 0).reshape(
        layer.weights.shape[layer.output_axis], -1
    )
    return LayerCost(
        name=layer.name,
        weights=layer.weights.size // layer.groups,
        nonzero=int(np.count_nonzero(layer.weights)),
        positions=int(np.prod(layer.y.shape[2:])),
        weight_bits_each=bits,
        act_bits=act_bits,
        sum_bits=sum_bits,
        outputs=len(rows),
        live_outputs=int(rows.any(axis=1).sum()),
    )


def cost(operations: Iterable[Operation]) -> Cost:
    """Return the cost of a network of `operations`."""
    layers = layer_costs(operations)
    keys = ("weights", "nonzero", "macs", "nonzero_macs", "bit_ops", "weight_bits")
    total = {key: sum(getattr(layer, key) for layer in layers) for key in keys}
    return Cost(**total, itu_score=itu_score(total["bit_ops"], total["weight_bits"]))


def itu_score(bit_ops: float, weight_bits: float) -> float:
    """Return the score of the ITU challenge "lightning-fast modulation classification"; lower is better."""
    return 0.5 * bit_ops / BASELINE_BIT_OPS + 0.5 * weight_bits / BASELINE_WEIGHT_BITS
