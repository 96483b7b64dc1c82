"""Stage `hardware`: the integer network becomes a folded graph of RTL layers."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.boards import board
from fpga_flow.fifos.depths import size_fifos
from fpga_flow.finn_adapter.session import finn_session
from fpga_flow.flow import Context
from fpga_flow.hardware import fold, lower, streams
from fpga_flow.progress import say

GRAPH = "hardware.onnx"
FOLDING = "folding.json"


def run(context: Context) -> dict[str, Any]:
    """Write `hardware.onnx` and `folding.json`; return clock, cycles, bottleneck and layers."""
    recipe = context.recipe.hardware
    target = board(context.recipe.board)
    clock_mhz = recipe.clock_mhz or target.clock_mhz
    network = ModelWrapper(str(context.inputs["export"] / "network.onnx"))
    with finn_session():
        model = lower.lower(network, target.part, recipe.top_k)
        if recipe.folding is None:
            model = fold.fold_to_cycles(model, max(1, int(clock_mhz * 1e6 / recipe.fps)))
        else:
            model = fold.fold_from_file(model, Path(recipe.folding))
        fold.write_folding(model, context.folder / FOLDING)
        model = streams.insert_streams(model, target.part)
        layers = fold.layers(model)
    settings = {"part": target.part, "clock_mhz": clock_mhz, "top_k": recipe.top_k}
    fifos = size_fifos(model, recipe.fifos, settings, context.folder, context.cache)
    model.save(str(context.folder / GRAPH))

    layers = [replace(layer, cycles=fifos["layer_cycles"].get(layer.name, layer.cycles)) for layer in layers]
    slowest = next(layer for layer in layers if layer.name == fifos["bottleneck"])
    cycles = fifos["cycles_per_frame"]
    fps = clock_mhz * 1e6 / cycles
    say(
        f"  {fps:,.0f} frames/s predicted at {clock_mhz:g} MHz "
        f"({cycles:,} cycles a frame, set by {slowest.name})"
    )
    wanted = None if recipe.folding else recipe.fps
    if wanted is not None and fps < wanted:
        say(
            f"  warning: {wanted:,.0f} frames/s were asked for; {slowest.name} is folded as far as FINN's "
            f"SetFolding goes. Raise hardware.clock_mhz, or edit {FOLDING} and give it as hardware.folding"
        )
    return {
        **settings,
        "cycles_per_frame": cycles,
        "latency_cycles": fifos["latency_cycles"],
        "fps": fps,
        "target_fps": wanted,
        "bottleneck": slowest.name,
        "layers": [asdict(layer) for layer in layers],
        "fifos": fifos,
    }
