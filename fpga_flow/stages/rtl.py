"""Stage `rtl`: the hardware graph becomes SystemVerilog with a stitched top."""

from fpga_flow import results
from fpga_flow.core.stage import Context
from fpga_flow.design.build import build_design
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.results.rtl import RtlResult


def run(context: Context) -> RtlResult:
    """Write `src/`, `data/` and `design.json`; return what the design consists of."""
    hardware = results.read(HardwareResult, context.inputs["hardware"])
    model = load_graph(context.inputs["hardware"] / GRAPH)
    design = build_design(model, hardware, context.folder)
    return RtlResult(
        layers=len(design.layers),
        distinct=len({layer.key for layer in design.layers}),
        top=design.top,
    )
