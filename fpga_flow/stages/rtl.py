"""Stage `rtl`: the hardware graph becomes SystemVerilog with a stitched top."""

from typing import Any

from fpga_flow.core import artifact
from fpga_flow.core.stage import Context
from fpga_flow.design.build import build_design
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph


def run(context: Context) -> dict[str, Any]:
    """Write `src/`, `data/` and `design.json`; return what the design consists of."""
    hardware = artifact.read_result(context.inputs["hardware"])
    model = load_graph(context.inputs["hardware"] / GRAPH)
    design = build_design(model, hardware, context.folder)
    return {
        "layers": len(design.layers),
        "distinct": len({layer.key for layer in design.layers}),
        "top": design.top,
    }
