"""Stage `hardware`: the integer network becomes a folded graph of RTL layers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.boards import board
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
        model = streams.size_fifos(model)
        fold.write_folding(model, context.folder / FOLDING)
        model = streams.insert_streams(model, target.part)
        layers, latency = fold.layers(model), fold.latency(model)
    model.save(str(context.folder / GRAPH))

    slowest = max(layers, key=lambda layer: layer.cycles)
    fps = clock_mhz * 1e6 / slowest.cycles
    say(
        f"  {fps:,.0f} frames/s predicted at {clock_mhz:g} MHz "
        f"({slowest.cycles:,} cycles a frame, set by {slowest.name})"
    )
    wanted = None if recipe.folding else recipe.fps
    if wanted is not None and fps < wanted:
        say(
            f"  warning: {wanted:,.0f} frames/s were asked for; {slowest.name} is folded as far as FINN's "
            f"SetFolding goes. Raise hardware.clock_mhz, or edit {FOLDING} and give it as hardware.folding"
        )
    return {
        "clock_mhz": clock_mhz,
        "part": target.part,
        "top_k": recipe.top_k,
        "cycles_per_frame": slowest.cycles,
        "latency_cycles": latency,
        "fps": fps,
        "target_fps": wanted,
        "bottleneck": slowest.name,
        "layers": [asdict(layer) for layer in layers],
    }
