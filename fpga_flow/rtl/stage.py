"""Stage `rtl`: the hardware graph becomes SystemVerilog with a stitched top."""

from typing import Any

from fpga_flow import artifact
from fpga_flow.finn_adapter.ops import load_graph
from fpga_flow.flow import Context
from fpga_flow.rtl.build import build_design


def run(context: Context) -> dict[str, Any]:
    """Write `src/`, `data/` and `design.json`; return what the design consists of."""
    hardware = artifact.read_result(context.inputs["hardware"])
    model = load_graph(context.inputs["hardware"] / "hardware.onnx")
    design = build_design(model, hardware, context.folder)
    return {
        "layers": len(design.layers),
        "distinct": len({layer.key for layer in design.layers}),
        "top": design.top,
    }
