"""What stands between the layers: width converters and FIFOs."""

from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import GiveUniqueNodeNames

from fpga_flow.hardware.lower import MINIMISE, transform

DEFAULT_DEPTH = 2
"""Words in a FIFO where nothing asks for more; FINN's default."""


def size_fifos(model: ModelWrapper) -> ModelWrapper:
    """Return `model` with the depth of the FIFO before each matrix unit set, in words.

    A matrix unit takes a vector of `MW / SIMD` words in one go and then replays it `MH / PE - 1`
    times without taking anything. The layers before it keep their pace only if the next vector
    fits into the FIFO meanwhile. All other layers take and give words steadily.
    """
    for node in model.get_nodes_by_op_type("MVAU_rtl"):
        layer = getCustomOp(node)
        vector = layer.get_nodeattr("MW") // layer.get_nodeattr("SIMD")
        depths = list(layer.get_nodeattr("inFIFODepths"))
        if depths[0] == DEFAULT_DEPTH and layer.get_nodeattr("PE") < layer.get_nodeattr("MH"):
            layer.set_nodeattr("inFIFODepths", [max(DEFAULT_DEPTH, vector), *depths[1:]])
    return model


def insert_streams(model: ModelWrapper, part: str) -> ModelWrapper:
    """Return `model` with width converters and FIFOs between its layers, all of them RTL."""
    streams = (InsertDWC(), InsertFIFO(create_shallow_fifos=True), SpecializeLayers(part))
    return transform(model, (*MINIMISE, *streams, GiveUniqueNodeNames()))
