"""What stands between the layers: width converters and FIFOs."""

from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation

from fpga_flow.hardware.graph import DOMAIN
from fpga_flow.hardware.lower import MINIMISE, name_layers, transform


class InsertSplitFifos(Transformation):  # type: ignore[misc]
    """Put a FIFO behind every output of a split, which FINN's `InsertFIFO` then leaves alone.

    That takes the shape of the first output for all of them, and stops where another is different.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Insert them, in all splits at once."""
        for node in model.get_nodes_by_op_type("StreamingSplit_rtl"):
            layer = getCustomOp(node)
            depths = layer.get_nodeattr("outFIFODepths")
            for index, tensor in enumerate(node.output):
                reader = model.find_consumer(tensor)
                if reader is None:
                    continue
                place = list(reader.input).index(tensor)
                behind = model.make_new_valueinfo_name()
                shape = [int(size) for size in layer.get_normal_output_shape(index)]
                fifo = helper.make_node(
                    "StreamingFIFO",
                    [tensor],
                    [behind],
                    domain=DOMAIN,
                    backend="fpgadataflow",
                    depth=int(max(depths[index], getCustomOp(reader).get_nodeattr("inFIFODepths")[place])),
                    folded_shape=[int(size) for size in layer.get_folded_output_shape(index)],
                    normal_shape=shape,
                    dataType=layer.get_output_datatype(index).name,
                    ram_style="auto",
                )
                model.graph.value_info.append(helper.make_tensor_value_info(behind, TensorProto.FLOAT, shape))
                model.set_tensor_datatype(behind, layer.get_output_datatype(index))
                reader.input[place] = behind
                model.graph.node.insert(list(model.graph.node).index(node) + 1 + index, fifo)
        return model, False


def insert_streams(model: ModelWrapper, part: str) -> ModelWrapper:
    """Return `model` with width converters and FIFOs between its layers, all of them RTL.

    The FIFOs hold two words; how many they must hold depends on all layers together (`fpga_flow.fifos`).
    """
    layers = {node.name for node in model.graph.node}
    named = {tensor for node in model.graph.node for tensor in (*node.input, *node.output)}
    streams = (InsertDWC(), InsertSplitFifos(), InsertFIFO(create_shallow_fifos=True))
    model = transform(model, (*MINIMISE, *streams))
    # The next step names all layers anew, but they must keep the names of the folding file.
    kept = {node.output[0]: node.name for node in model.graph.node if node.name in layers}
    model = model.transform(SpecializeLayers(part))
    for node in model.graph.node:
        node.name = kept.get(node.output[0], "")
    name_layers(model)
    _name_tensors(model, named)
    return model


def _name_tensors(model: ModelWrapper, named: set[str]) -> None:
    """Call the tensors that are not in `named` after the layers that give them: FINN's names are random."""
    names: dict[str, str] = {}
    for node in model.graph.node:
        for index, tensor in enumerate(node.output):
            if tensor not in named:
                name = f"{node.name}_out{index}"
                while name in named:  # a tensor of the network
                    name += "_"
                names[tensor] = name
    for node in model.graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    for info in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        info.name = names.get(info.name, info.name)
    for annotation in model.graph.quantization_annotation:
        annotation.tensor_name = names.get(annotation.tensor_name, annotation.tensor_name)
