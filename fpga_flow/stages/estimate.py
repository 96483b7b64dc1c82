"""Stage `estimate`: the analytic estimate of a hardware graph's resources."""

from fpga_flow import results
from fpga_flow.core.progress import say
from fpga_flow.core.stage import Context
from fpga_flow.finn.estimate import estimate
from fpga_flow.layers.graph import load_graph
from fpga_flow.results.estimate import EstimateResult
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.target.board import board


def run(context: Context) -> EstimateResult:
    """Return the resources of each layer and their sums; None where there is no figure."""
    hardware = results.read(HardwareResult, context.inputs["hardware"])
    model = load_graph(context.inputs["hardware"] / "hardware.onnx")
    result = EstimateResult.model_validate(estimate(model, hardware.part))
    limits = board(context.recipe.board)
    shares = [
        f"{figure:,} of {getattr(limits, key):,} {word}"
        for key, word in (("lut", "LUT"), ("bram18", "BRAM18"), ("dsp", "DSP"))
        if (figure := getattr(result, key)) is not None
    ]
    say(
        f"  FINN's estimate: {', '.join(shares)} "
        f"({result.missing['lut']} of {len(result.layers)} layers have no figure for LUT)"
    )
    return result
