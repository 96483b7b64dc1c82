"""Stage `estimate`: what a hardware graph will take, by the formulas of its layers and by FINN's."""

from fpga_flow.core.progress import say
from fpga_flow.core.stage import Context
from fpga_flow.finn.estimate import finn_estimate
from fpga_flow.hardware.estimate import estimate_layers, with_ranges
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph
from fpga_flow.results.estimate import EstimateResult, FinnEstimate
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import total


def run(context: Context) -> EstimateResult:
    """Return the resources of each layer and their sums; `finn`: FINN's, None where it has no figure."""
    target = board(context.recipe.board)
    model = load_graph(context.inputs["hardware"] / GRAPH)
    taken = estimate_layers(model, target.family)
    whole, layers = with_ranges(model, taken)
    finn = finn_estimate(model, target.part)
    say(f"  estimate: {Fit(total(taken.values()), target).words()} of {target.name}")
    low, high = whole.ranges["lut"]
    say(f"  nine of ten such designs take {low:,} to {high:,} LUT")
    without = finn["missing"]["lut"]
    say(f"  FINN's: {finn['lut'] or 0:,} LUT ({without} of {len(layers)} layers have no figure)")
    return EstimateResult(**dict(whole), layers=layers, finn=FinnEstimate.model_validate(finn))
