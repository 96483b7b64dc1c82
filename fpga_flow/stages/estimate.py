"""Stage `estimate`: the analytic estimate of a hardware graph's resources."""

from typing import Any

from fpga_flow.core import artifact
from fpga_flow.core.progress import say
from fpga_flow.core.stage import Context
from fpga_flow.finn.estimate import estimate
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph
from fpga_flow.target.board import board


def run(context: Context) -> dict[str, Any]:
    """Return the resources of each layer and their sums; None where there is no figure."""
    hardware = artifact.read_result(context.inputs["hardware"])
    model = load_graph(context.inputs["hardware"] / GRAPH)
    result = estimate(model, hardware["part"])
    limits = board(context.recipe.board)
    shares = [
        f"{result[key]:,} of {getattr(limits, key):,} {word}"
        for key, word in (("lut", "LUT"), ("bram18", "BRAM18"), ("dsp", "DSP"))
        if result[key] is not None
    ]
    say(
        f"  FINN's estimate: {', '.join(shares)} "
        f"({result['missing']['lut']} of {len(result['layers'])} layers have no figure for LUT)"
    )
    return result
