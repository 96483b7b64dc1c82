"""What each layer of a hardware graph will take, by the formulas of folding, and how sure that is."""

from collections.abc import Mapping

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.hardware.fold.options import layer_attributes
from fpga_flow.hardware.spread import Range, layer_ranges, total_ranges
from fpga_flow.layers.base import constants_in, implementation_of
from fpga_flow.results.estimate import Estimated
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources, total


def estimate_layers(model: ModelWrapper, family: Family) -> dict[str, Resources]:
    """Return what every layer of `model`, FIFOs and width converters among them, takes of a part of `family`.

    Amounts are rounded to whole ones.
    """
    found = {}
    for node in model.graph.node:
        layer = getCustomOp(node)
        weights = next(iter(constants_in(model, node)), None)
        taken = implementation_of(layer).resources(layer_attributes(layer), weights, family)
        taken = family.scaled(str(node.op_type), taken)
        found[str(node.name)] = Resources(*(round(amount) for amount in taken.row))
    return found


def with_ranges(
    model: ModelWrapper, layers: Mapping[str, Resources]
) -> tuple[Estimated, dict[str, Estimated]]:
    """Return the sum of the estimates `layers` of `model`, and each of them, with their ranges."""
    operators = {str(node.name): str(node.op_type) for node in model.graph.node}
    sums = total_ranges((operators[name], taken) for name, taken in layers.items())
    return _estimated(total(layers.values()), sums), {
        name: _estimated(taken, layer_ranges(operators[name], taken)) for name, taken in layers.items()
    }


def _estimated(taken: Resources, ranges: Mapping[str, Range]) -> Estimated:
    amounts = {key: round(amount) for key, amount in taken.limited().items()}
    return Estimated(**amounts, ranges={key: found.whole() for key, found in ranges.items()})
