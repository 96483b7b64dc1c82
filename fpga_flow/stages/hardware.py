"""Stage `hardware`: the integer network becomes a folded graph of RTL layers."""

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.budget.graph import build
from fpga_flow.budget.would_fit import would_fit
from fpga_flow.core.progress import say, warn
from fpga_flow.core.stage import Context
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold
from fpga_flow.hardware.estimate import estimate_layers
from fpga_flow.hardware.fold.options import no_layer_known
from fpga_flow.layers import GRAPH
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.synth.synthesised import SynthesisedLayers
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import total

FOLDING = "folding.json"


def run(context: Context) -> HardwareResult:
    """Write `hardware.onnx` and `folding.json`; return clock, cycles, bottleneck and layers."""
    recipe = context.recipe.hardware
    target = board(context.recipe.board)
    network = ModelWrapper(str(context.inputs["export"] / "network.onnx"))
    synthesised = SynthesisedLayers(context.cache, target.family)
    known = synthesised.get if recipe.target == "board" else no_layer_known
    graph = build(network, recipe, target, context.folder, context.cache, known)
    folded, fifos, clock_mhz = graph.folded, graph.fifos, graph.settings.clock_mhz
    fold.write_folding(folded.model, context.folder / FOLDING)
    graph.model.save(str(context.folder / GRAPH))
    with finn_session():
        keys = {node.name: fold.layer_key(folded.model, node) for node in folded.model.graph.node}
        layers = fold.layers(graph.model)
        fit = Fit(total(estimate_layers(graph.model, target.family).values()), target)

    cycles, latency = fifos.cycles_per_frame, fifos.latency_cycles
    # Of several that are as slow the one that can be folded, not a converter at its side.
    solution = folded.solution
    bottleneck = solution.bottleneck if solution.cycles >= cycles else fifos.bottleneck
    lines, met = fold.message_lines(
        folded, recipe, target, clock_mhz, cycles=cycles, latency=latency, bottleneck=bottleneck
    )
    costs = folded.problem.costs_at(max(cycles, solution.cycles))
    missed = lines.pop() if met is False else None
    for line in (*lines, *fold.implementation_lines(solution, costs)):
        say(line)
    if missed:
        warn(missed)
    return HardwareResult(
        **dict(graph.settings),
        cycles_per_frame=cycles,
        latency_cycles=latency,
        bottleneck=bottleneck,
        fps=clock_mhz * 1e6 / cycles,
        target_fps=recipe.fps if folded.target == "fps" else None,
        target_met=met,
        layers=tuple(
            layer.model_copy(
                update={
                    "cycles": fifos.layer_cycles.get(layer.name, layer.cycles),
                    "costs": costs.get(layer.name, {}),
                }
            )
            for layer in layers
        ),
        layer_keys=keys,
        folding=fold.result_of(folded),
        fifos=fifos,
        would_fit=would_fit(network, recipe, graph, fit) if fit.over else None,
    )
