"""The integer network, lowered to FINN's dataflow layers.

The network already holds integers only (see `fpga_flow.export`), so what is left of FINN's
streamlining is layout: channels go last, convolutions become a sliding window and a matrix unit.
Tensors keep the name that the network has for the same values, which is how verification knows
what to expect on every stream.
"""

from pathlib import Path

from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import (
    InferElementwiseBinaryOperation,
)
from finn.transformation.fpgadataflow.convert_to_hw.label_select import InferLabelSelectLayer
from finn.transformation.fpgadataflow.convert_to_hw.pool import InferPool
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.fpgadataflow.create_dataflow_partition import CreateDataflowPartition
from finn.transformation.fpgadataflow.minimize_accumulator_width import MinimizeAccumulatorWidth
from finn.transformation.fpgadataflow.minimize_weight_bit_width import MinimizeWeightBitWidth
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.move_reshape import RemoveCNVtoFCFlatten
from finn.transformation.streamline.absorb import (
    AbsorbConsecutiveTransposes,
    AbsorbTransposeIntoMultiThreshold,
)
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from finn.util.fpgadataflow import is_fpgadataflow_node
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import GiveUniqueNodeNames, RemoveUnusedTensors
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.insert_topk import InsertTopK
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

from fpga_flow.errors import UnsupportedError
from fpga_flow.finn_adapter.ops import UseOwnRtl

CLASS_TENSOR = "class"
"""Name of the accelerator's output: the index of the largest logit."""

LAYOUT: tuple[Transformation, ...] = (
    InsertTopK(k=1),
    LowerConvsToMatMul(),
    MakeMaxPoolNHWC(),
    AbsorbTransposeIntoMultiThreshold(),
    MakeMaxPoolNHWC(),
    AbsorbConsecutiveTransposes(),
    InferDataLayouts(),
    RemoveUnusedTensors(),
    InferShapes(),
    InferDataTypes(),
)
# Thresholding comes first: merged into the matrix unit it would rule out its RTL.
TO_LAYERS: tuple[Transformation, ...] = (
    InferThresholdingLayer(),
    InferPool(),
    InferQuantizedMatrixVectorActivation(),
    InferConvInpGen(),
    InferElementwiseBinaryOperation(),
    InferLabelSelectLayer(),
    RemoveCNVtoFCFlatten(),
    InferDataLayouts(),
    GiveUniqueNodeNames(),
)
MINIMISE: tuple[Transformation, ...] = (
    MinimizeWeightBitWidth(),
    MinimizeAccumulatorWidth(),
    RoundAndClipThresholds(),
    InferDataTypes(),
)

COUNTERPARTS = {
    "Conv": "MVAU",
    "MatMul": "MVAU",
    "MultiThreshold": "Thresholding",
    "MaxPool": "Pool",
    "Add": "ElementwiseAdd",
}
"""Operator of the integer network -> layer that makes the same values."""


def transform(model: ModelWrapper, steps: tuple[Transformation, ...]) -> ModelWrapper:
    """Apply `steps` in order."""
    for step in steps:
        model = model.transform(step)
    return model


def lower(network: ModelWrapper, part: str, scratch: Path) -> ModelWrapper:
    """Return the graph of RTL layers, unfolded, for the integer `network` (NCHW, ends in logits).

    Raises `UnsupportedError` naming the network's node where a layer has no RTL on `part`.
    """
    model = transform(network, LAYOUT)
    model = transform(model, TO_LAYERS)
    _name_tensors(model, network)
    _check_all_layers(model)
    parent = model.transform(CreateDataflowPartition(str(scratch)))
    partitions = parent.get_nodes_by_op_type("StreamingDataflowPartition")
    if len(partitions) != 1:
        raise UnsupportedError(
            partitions[1].name if partitions else "graph",
            f"the network falls into {len(partitions)} hardware parts",
            "every operator between the first and the last one must map to hardware",
        )
    model = ModelWrapper(getCustomOp(partitions[0]).get_nodeattr("model"))
    for node in model.get_nodes_by_op_type("MVAU"):
        getCustomOp(node).set_nodeattr("preferred_impl_style", "rtl")
    model = transform(model, MINIMISE)
    model = model.transform(SpecializeLayers(part))
    _name_nodes_for_errors(model, network)
    return model.transform(UseOwnRtl()).transform(GiveUniqueNodeNames())


def _name_tensors(model: ModelWrapper, network: ModelWrapper) -> None:
    """Give each layer's output the name of the network's tensor that holds the same values."""
    wanted: dict[str, list[NodeProto]] = {}
    for node in network.graph.node:
        if node.op_type in COUNTERPARTS:
            wanted.setdefault(COUNTERPARTS[node.op_type], []).append(node)
    renames: dict[str, str] = {}
    for layer, nodes in wanted.items():
        made = model.get_nodes_by_op_type(layer)
        if len(made) != len(nodes):
            missing = nodes[min(len(made), len(nodes) - 1)]
            raise UnsupportedError(
                missing.name,
                f"FINN made {len(made)} {layer} layers of {len(nodes)} {missing.op_type} nodes",
                "check that its kernel, padding and datatype are ones that FINN maps",
            )
        renames |= {made_node.output[0]: node.output[0] for made_node, node in zip(made, nodes, strict=True)}
    renames[model.graph.output[0].name] = CLASS_TENSOR
    # In two steps, since a name may be in use for another tensor until that one is renamed.
    for number, old in enumerate(renames):
        model.rename_tensor(old, f"_renamed_{number}")
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    for name in taken & set(renames.values()):
        model.rename_tensor(name, f"{name}_before")
    for number, new in enumerate(renames.values()):
        model.rename_tensor(f"_renamed_{number}", new)


def _check_all_layers(model: ModelWrapper) -> None:
    for index, node in enumerate(model.graph.node):
        if not is_fpgadataflow_node(node) and not (index == 0 and node.op_type == "Transpose"):
            raise UnsupportedError(
                node.name or node.output[0],
                f"operator {node.op_type} did not become a hardware layer",
                f"operators that do: {', '.join(COUNTERPARTS)}, Flatten",
            )


def _name_nodes_for_errors(model: ModelWrapper, network: ModelWrapper) -> None:
    """Call each layer as the user's network does, so that a refusal names a node the user knows."""
    names = {node.output[0]: node.name for node in network.graph.node}
    for node in model.graph.node:
        node.name = names.get(node.output[0], node.name)
