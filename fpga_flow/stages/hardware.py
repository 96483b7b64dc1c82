"""Stage `hardware`: the integer network becomes a folded graph of RTL layers."""

from functools import partial

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.progress import say
from fpga_flow.core.stage import Context
from fpga_flow.fifos.depths import size_fifos
from fpga_flow.fifos.network import network_of
from fpga_flow.fifos.predict import predict
from fpga_flow.fifos.tokens import UNLIMITED
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold, lower, streams
from fpga_flow.hardware.fold.options import no_layer_known
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.layers import GRAPH
from fpga_flow.results.hardware import HardwareResult, HardwareSettings
from fpga_flow.synth.synthesised import SynthesisedLayers
from fpga_flow.target.board import board

FOLDING = "folding.json"


def run(context: Context) -> HardwareResult:
    """Write `hardware.onnx` and `folding.json`; return clock, cycles, bottleneck and layers."""
    recipe = context.recipe.hardware
    target = board(context.recipe.board)
    clock_mhz = recipe.clock_mhz or target.clock_mhz
    network = ModelWrapper(str(context.inputs["export"] / "network.onnx"))
    top_k = chosen_classes(network) if recipe.top_k is None else recipe.top_k
    with finn_session():
        model = lower.lower(network, target.part, top_k)
        synthesised = SynthesisedLayers(context.cache, target.family)
        known = synthesised.get if recipe.target == "board" else no_layer_known
        folded = fold.fold(model, recipe, clock_mhz, target, known, partial(_latency, target.part))
        fold.write_folding(folded.model, context.folder / FOLDING)
        keys = {node.name: fold.layer_key(folded.model, node) for node in folded.model.graph.node}
        model = streams.insert_streams(folded.model, target.part)
    settings = HardwareSettings(part=target.part, clock_mhz=clock_mhz, top_k=top_k)
    fifos = size_fifos(model, recipe.fifos, settings, context.folder, context.cache)
    with finn_session():
        layers = fold.layers(model)
    model.save(str(context.folder / GRAPH))

    cycles, latency = fifos.cycles_per_frame, fifos.latency_cycles
    # Of several that are as slow the one that can be folded, not a converter at its side.
    solution = folded.solution
    bottleneck = solution.bottleneck if solution.cycles >= cycles else fifos.bottleneck
    lines, met = fold.message_lines(
        folded, recipe, target, clock_mhz, cycles=cycles, latency=latency, bottleneck=bottleneck
    )
    costs = folded.problem.costs_at(max(cycles, solution.cycles))
    for line in (*lines, *fold.implementation_lines(solution, costs)):
        say(line)
    return HardwareResult(
        **dict(settings),
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
    )


def _latency(part: str, model: ModelWrapper) -> int:
    """Return the latency of a folded graph in cycles, by the schedules, with FIFOs that never fill."""
    network = network_of(streams.insert_streams(model, part))
    return predict(network, [UNLIMITED] * len(network.edges)).latency
