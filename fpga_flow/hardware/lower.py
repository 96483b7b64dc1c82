"""The integer network, lowered to FINN's dataflow layers.

The network already holds integers only (see `fpga_flow.export`), so nothing is left of FINN's
streamlining but layout: `layers` builds the graph channels last, with FINN's own layers. Tensors keep
the name that the network has for the same values, which is how verification knows what to expect on
every stream. What each layer becomes on the part is FINN's decision, with our backends where FINN
has HLS only.
"""

from collections.abc import Sequence

import numpy as np
from finn.custom_op.fpgadataflow.thresholding import Thresholding
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_datatypes import InferDataTypes

from fpga_flow.hardware.lowering import to_layers
from fpga_flow.layers.backends import UseOwnRtl
from fpga_flow.layers.base import constants_in, find_kind


class MinimizeWeights(Transformation):  # type: ignore[misc]
    """Call weights by the narrowest type that holds them.

    FINN's `MinimizeWeightBitWidth` but for thresholds, whose type `RoundAndClipThresholds` sets by the stream
    that they are compared with. FINN's minimisation of them stops where the largest is 0 and the least -1.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Minimise them in all layers but thresholds."""
        for node in model.graph.node:
            layer = getCustomOp(node)
            if hasattr(layer, "minimize_weight_bit_width") and not isinstance(layer, Thresholding):
                layer.minimize_weight_bit_width(model)
        return model, False


class OneBitWeights(Transformation):  # type: ignore[misc]
    """Call weights BIPOLAR that are all -1 or 1; FINN's minimisation makes two bits of them."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Set attribute and annotation of the units that have a module for such weights."""
        for node in model.graph.node:
            kind = find_kind(node.op_type)
            if kind is None or not kind.has_weights:
                continue
            if np.all(np.abs(model.get_initializer(node.input[1])) == 1):
                getCustomOp(node).set_nodeattr("weightDataType", "BIPOLAR")
                model.set_tensor_datatype(node.input[1], DataType["BIPOLAR"])
        return model, False


class MinimizeAccumulators(Transformation):  # type: ignore[misc]
    """Make every sum as narrow as its weights and input allow, and tell the layers behind it.

    What FINN's `MinimizeAccumulatorWidth` does, but in one pass along the streams instead of one pass over
    the whole graph for every unit, which takes minutes where there are a hundred.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Minimise them; the nodes must be sorted."""
        for node in model.graph.node:
            layer = getCustomOp(node)
            layer.infer_node_datatype(model)
            if hasattr(layer, "minimize_accumulator_width"):
                if _empty_and_last(model, node):
                    for name in ("accDataType", "outputDataType"):
                        layer.set_nodeattr(name, "UINT8")
                else:
                    layer.minimize_accumulator_width(model)
                layer.infer_node_datatype(model)
        return model, False


def _empty_and_last(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether sums of weights that are all 0 end the graph; FINN's minimisation fails at these."""
    layer, constants = getCustomOp(node), constants_in(model, node)
    coded = "binaryXnorMode" in layer.get_nodeattr_types() and layer.get_nodeattr("binaryXnorMode")
    return (
        model.find_direct_successors(node) is None and not coded and any(not one.any() for one in constants)
    )


class NoEmptySums(Transformation):  # type: ignore[misc]
    """Give sums that are always 0 one bit; FINN's minimisation leaves none where all weights are pruned."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Set attributes and annotation of such units."""
        for node in model.graph.node:
            layer = getCustomOp(node)
            if "accDataType" in layer.get_nodeattr_types() and layer.get_output_datatype().bitwidth() == 0:
                for name in ("accDataType", "outputDataType"):
                    layer.set_nodeattr(name, "BINARY")
                model.set_tensor_datatype(node.output[0], DataType["BINARY"])
        return model, False


MINIMISE: tuple[Transformation, ...] = (
    MinimizeWeights(),
    OneBitWeights(),
    MinimizeAccumulators(),
    NoEmptySums(),
    RoundAndClipThresholds(),
    InferDataTypes(),
)


def transform(model: ModelWrapper, steps: tuple[Transformation, ...]) -> ModelWrapper:
    """Apply `steps` in order."""
    for step in steps:
        model = model.transform(step)
    return model


def _leave_narrow_sums(model: ModelWrapper) -> None:
    """Keep matrix units from FINN's RTL where a sum has fewer bits than a product of its types could have.

    Few or small weights make such sums; FINN's RTL refuses them when a simulation starts.
    """
    for node in model.get_nodes_by_op_type("MVAU"):
        layer = getCustomOp(node)
        product = sum(layer.get_input_datatype(i).bitwidth() for i in (0, 1))
        if layer.get_output_datatype().bitwidth() < product:
            layer.set_nodeattr("preferred_impl_style", "hls")


def lower(network: ModelWrapper, part: str, top_k: int = 1) -> ModelWrapper:
    """Return the graph of RTL layers, unfolded, for the integer `network` (NCHW).

    It ends in the `top_k` classes, or in the numbers themselves with 0.
    Raises `UnsupportedError` where a layer has no RTL on `part`.
    """
    model = to_layers(network, top_k)
    names = {node.output[0]: str(node.name) for node in model.graph.node}
    model = transform(model, MINIMISE)
    _leave_narrow_sums(model)
    model = model.transform(SpecializeLayers(part))
    for node in model.graph.node:  # which that has named anew
        node.name = names[node.output[0]]
    return _in_order(model.transform(UseOwnRtl()), list(names))


def _in_order(model: ModelWrapper, order: Sequence[str]) -> ModelWrapper:
    """Return `model` with its layers, which give the tensors in `order`, in that order.

    QONNX' transformations put branches in an order that differs from one time to the next.
    """
    places = {tensor: place for place, tensor in enumerate(order)}
    nodes = sorted(model.graph.node, key=lambda node: places[node.output[0]])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
