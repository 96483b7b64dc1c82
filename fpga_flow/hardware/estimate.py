"""What each layer of a hardware graph will take, by the formulas that it is folded by."""

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.hardware.fold.options import layer_attributes
from fpga_flow.layers.base import constants_in, implementation_of
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources


def estimate_layers(model: ModelWrapper, family: Family) -> dict[str, Resources]:
    """Return what every layer of `model`, FIFOs and width converters among them, takes of a part of `family`.

    Amounts are rounded to whole ones.
    """
    found = {}
    for node in model.graph.node:
        layer = getCustomOp(node)
        weights = next(iter(constants_in(model, node)), None)
        taken = implementation_of(layer).resources(layer_attributes(layer), weights, family)
        found[str(node.name)] = Resources(*(round(amount) for amount in taken.row))
    return found
