"""What stands between the layers: width converters and FIFOs."""

from collections.abc import Mapping

from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from onnx import NodeProto, TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation

from fpga_flow.hardware.lower import MINIMISE, transform
from fpga_flow.integer.names import unused
from fpga_flow.layers.base import kind_of
from fpga_flow.layers.fifo import FIFO
from fpga_flow.layers.graph import DOMAIN


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
    tensors = {tensor for node in model.graph.node for tensor in (*node.input, *node.output)}
    streams = (InsertDWC(), InsertSplitFifos(), InsertFIFO(create_shallow_fifos=True))
    model = transform(model, (*MINIMISE, *streams))
    names = {node.output[0]: str(node.name) for node in model.graph.node if node.name}  # the new have none
    model = model.transform(SpecializeLayers(part))
    _name_layers(model, names)
    _name_tensors(model, tensors)
    return model


def _name_layers(model: ModelWrapper, names: Mapping[str, str]) -> None:
    """Call the layers as in `names` (tensor they give -> name), what is between after the layer before it.

    A FIFO behind `conv` is `conv_fifo`, a width converter `conv_width` and the FIFO behind that
    `conv_width_fifo`; behind a layer of several outputs the output's number is at the end.
    """
    sources = {tensor: node for node in model.graph.node for tensor in node.output}
    kinds = {tensor: kind_of(getCustomOp(node)) for tensor, node in sources.items()}
    for node in model.graph.node:
        node.name = names.get(node.output[0], "")
    taken = set(names.values())

    def name_of(node: NodeProto) -> str:
        if not node.name:
            before = node.input[0]
            while kinds.get(before) is FIFO:
                before = sources[before].input[0]
            source = sources.get(before)
            stem = "input" if source is None else name_of(source)
            number = (
                "" if source is None or len(source.output) == 1 else f"_{list(source.output).index(before)}"
            )
            node.name = unused(f"{stem}_{kinds[node.output[0]].word}{number}", taken)
            taken.add(node.name)
        return str(node.name)

    for node in model.graph.node:
        if kinds[node.output[0]].between:
            name_of(node)


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
