"""Quantisers with uneven levels (APoT) in QONNX, which has no operator for them.

Weights: their values are put in the file already quantised; the `Quant` behind them, of enough bits for the
largest integer, leaves them as they are. Activations: a `MultiThreshold`, as FINN and qonnx have it, whose
output counts the thresholds that are reached; where the next level is two higher, two thresholds are equal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from fpga_flow.export.operators import QONNX_DOMAIN
from fpga_flow.train.apot import ROUNDING, ApotWeights, edges, hardware_bits, levels, weight_levels
from fpga_flow.train.layers import weighted


class _Given(nn.Module):
    """A quantiser of weights that are quantised already."""

    def __init__(self, quantised: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
        super().__init__()
        self.quantised = quantised

    def forward(self, _weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return them as they are."""
        return self.quantised


@contextmanager
def quantised_weights(module: nn.Module) -> Iterator[None]:
    """Put the quantised values in the place of the weights of all layers with uneven levels."""
    kept = []
    for layer in weighted(module).values():
        quantiser = layer.weight_quant.tensor_quant
        if isinstance(quantiser, ApotWeights):
            kept.append((layer, layer.weight.data, quantiser))
    try:
        with torch.no_grad():
            for layer, weight, quantiser in kept:
                quantised = quantiser(weight)
                layer.weight.data = quantised[0].clone()
                layer.weight_quant.tensor_quant = _Given(quantised)
        yield
    finally:
        for layer, weight, quantiser in kept:
            layer.weight.data, layer.weight_quant.tensor_quant = weight, quantiser


def put_thresholds(model: onnx.ModelProto) -> None:
    """Replace every `Quant` that says `ROUNDING` of itself by the `MultiThreshold` of its levels."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = node.attribute[0].t
    for node in model.graph.node:
        said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        rounding = said.get("rounding_mode", b"").decode() if node.op_type == "Quant" else ""
        if not rounding.startswith(ROUNDING):
            continue
        scale = float(numpy_helper.to_array(constants[node.input[1]]).reshape(-1)[0])
        bits, signed = int(rounding.removeprefix(ROUNDING)), bool(said["signed"])
        grid = weight_levels(bits) if signed else levels(bits)
        name = f"{node.output[0]}_thresholds"
        rows = np.array([thresholds(grid)], dtype=np.float32) * np.float32(scale)
        model.graph.initializer.append(numpy_helper.from_array(rows, name))
        made = helper.make_node(
            "MultiThreshold",
            [node.input[0], name],
            node.output,
            node.name,
            domain=QONNX_DOMAIN,
            out_dtype=f"{'INT' if signed else 'UINT'}{hardware_bits(bits, signed)}",
            out_scale=scale,
            out_bias=grid[0] * scale,
        )
        made.metadata_props.extend(node.metadata_props)
        node.CopyFrom(made)


def thresholds(grid: tuple[int, ...]) -> list[float]:
    """Return the edges between the integers of `grid`, each as often as the integer rises there."""
    rises = np.diff(grid)
    return [edge for edge, times in zip(edges(grid), rises, strict=True) for _ in range(times)]
