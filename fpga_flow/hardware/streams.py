"""What stands between the layers: width converters and FIFOs."""

from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import GiveUniqueNodeNames

from fpga_flow.hardware.lower import MINIMISE, transform


def insert_streams(model: ModelWrapper, part: str) -> ModelWrapper:
    """Return `model` with width converters and FIFOs between its layers, all of them RTL.

    The FIFOs hold two words; how many they must hold depends on all layers together (`fpga_flow.fifos`).
    """
    streams = (InsertDWC(), InsertFIFO(create_shallow_fifos=True), SpecializeLayers(part))
    return transform(model, (*MINIMISE, *streams, GiveUniqueNodeNames()))
