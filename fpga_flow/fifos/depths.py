"""The depth of every FIFO in a hardware graph: by schedules, by simulation, or from a file."""

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core import artifact, places
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say, warn
from fpga_flow.core.recipe_parts.hardware import FifosRecipe
from fpga_flow.design.build import build_design
from fpga_flow.fifos import deadlock, predict
from fpga_flow.fifos.network import Network, network_of, with_depths
from fpga_flow.fifos.simulated import SizingSimulator
from fpga_flow.fifos.sizing import LEAST, SHALLOW, Player, Sizing, frames_for, size
from fpga_flow.fifos.tokens import UNLIMITED
from fpga_flow.results.hardware import HardwareSettings, Predicted, SimulatedFifos, SizedFifo, SizedFifos

FILE = "fifos.json"
KEY = "hardware.fifos.file"
"""Of the recipe: a file of depths to take."""


def size_fifos(
    model: ModelWrapper, recipe: FifosRecipe, settings: HardwareSettings, folder: Path, cache: Path
) -> SizedFifos:
    """Set the depth of every FIFO in `model`, write `fifos.json` into `folder`; return bits, cycles, edges.

    `settings` and `cache`, which keeps compiled simulators, are for simulations.
    Raises `InputError` where a given file of depths is wrong, or deadlocks.
    """
    network = network_of(model)
    measured: SimulatedFifos | None = None
    if recipe.file is not None:
        depths = read_depths(places.named(recipe.file), network)
        filled, method, finished = tuple(depths), "file", True
    else:
        sizing = _searched(network, network, recipe)
        method = recipe.method
        if method == "simulated":
            sizing, measured = _simulated(model, recipe, settings, network, sizing, folder, cache)
        depths, filled, finished = list(sizing.depths), sizing.filled, sizing.finished
    result = predict.predict(network, depths)
    if recipe.file is not None and result.stuck:
        raise InputError(f"{KEY}: {recipe.file}: deadlock: {_explained(network, depths)}")
    fastest = predict.predict(network, [UNLIMITED] * len(depths)).cycles_per_frame
    names = [edge.fifo for edge in network.edges]
    with_depths(model, dict(zip(names, depths, strict=True)))
    write_depths(folder / FILE, network, depths)
    cycles, latency_cycles = result.cycles_per_frame, result.latency
    if measured is not None:
        cycles, latency_cycles = measured.cycles_per_frame, measured.latency_cycles
        fastest = measured.fastest_cycles_per_frame
    before, after = network.bits(filled), network.bits(depths)
    say(
        f"  {len(depths)} FIFOs: {after:,} bits ({before:,} before shrinking); "
        f"{cycles:,} cycles per frame (with unlimited ones {fastest:,}), latency {latency_cycles:,} cycles"
    )
    if cycles > fastest:
        warn(f"these depths cost {1 - fastest / cycles:.1%} of the rate")
    of_layers = predict.alone(network)
    return SizedFifos(
        method=method,
        bits_before=before,
        bits_after=after,
        finished=finished,
        cycles_per_frame=cycles,
        fastest_cycles_per_frame=fastest,
        latency_cycles=latency_cycles,
        bottleneck=max(of_layers, key=lambda name: of_layers[name]),
        layer_cycles=of_layers,
        simulated=measured,
        edges=tuple(
            SizedFifo(
                fifo=edge.fifo,
                producer=edge.producer,
                consumer=edge.consumer,
                tensor=edge.tensor,
                bits=edge.bits,
                depth=depth,
                depth_before=wanted,
            )
            for edge, depth, wanted in zip(network.edges, depths, filled, strict=True)
        ),
    )


def _searched(player: Player, network: Network, recipe: FifosRecipe) -> Sizing:
    """Return the least depths for `network`, which `player` runs."""
    return size(
        player,
        [edge.bits for edge in network.edges],
        joins=network.joins,
        single=network.single,
        seconds=recipe.seconds,
        latency=0 if recipe.keep_latency else None,
    )


def _simulated(
    model: ModelWrapper,
    recipe: FifosRecipe,
    settings: HardwareSettings,
    network: Network,
    sizing: Sizing,
    folder: Path,
    cache: Path,
) -> tuple[Sizing, SimulatedFifos]:
    """Return depths that the RTL itself has shown to be enough, and what it measured.

    What unlimited FIFOs hold is counted in the RTL. The depths that the schedules ask for are tried in it;
    where they are not enough, the search goes on in the RTL.
    """
    with tempfile.TemporaryDirectory(prefix="fpga_flow_fifos_") as scratch:
        cycles = round(sizing.period)
        known = Predicted(**dict(settings), cycles_per_frame=cycles, latency_cycles=0, bottleneck="")
        design = build_design(model, known, Path(scratch))
        names = [edge.fifo for edge in network.edges]
        log = folder / "verilator.log"
        rtl = SizingSimulator(design, Path(scratch), names, cache / "verilator", log)
        unlimited = [UNLIMITED] * len(names)
        frames = frames_for(sizing.latency, sizing.period)
        free = rtl.play(unlimited, frames=frames)
        paced = rtl.play(unlimited, frames=frames, period=math.ceil(free.period))
        tried = rtl.play(sizing.depths, frames=frames)
        enough = not tried.stuck and tried.period <= free.period
        if not enough or (recipe.keep_latency and tried.latency > free.latency):
            say("  the depths that the schedules ask for are not enough in the RTL; searching there")
            sizing = _searched(rtl, network, recipe)
            tried = rtl.play(sizing.depths, frames=frames)
        filled = tuple(max(SHALLOW, fill) for fill in paced.fills)
        found = Sizing(
            sizing.depths,
            filled,
            tried.period,
            free.period,
            tried.latency,
            sizing.runs,
            sizing.finished,
        )
        return found, SimulatedFifos(
            cycles_per_frame=round(tried.period),
            fastest_cycles_per_frame=round(free.period),
            latency_cycles=tried.latency,
            cycles=rtl.cycles,
        )


def _explained(network: Network, depths: Sequence[int]) -> str:
    played = network.play(depths, frames=deadlock.FRAMES)
    found = deadlock.diagnose(network.edges, played.states)
    cures = deadlock.remedies(network, network.edges, depths)
    return deadlock.explain(network.edges, played.states, found, cures)


def write_depths(path: Path, network: Network, depths: Sequence[int]) -> None:
    """Write the depths as a file that `read_depths` reads: FIFO -> depth, and what it stands between."""
    table = {
        edge.fifo: {"depth": depth, "between": [edge.producer, edge.consumer], "bits": edge.bits}
        for edge, depth in zip(network.edges, depths, strict=True)
    }
    artifact.write_json(path, table)


def read_depths(path: Path, network: Network) -> list[int]:
    """Return the depth of each edge's FIFO; raises `InputError` naming the FIFO and what must be there."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{KEY}: {path}: {error}") from None
    names = [edge.fifo for edge in network.edges]
    if not isinstance(table, dict) or table.keys() != set(names):
        wrong = sorted(set(table) ^ set(names)) if isinstance(table, dict) else [type(table).__name__]
        raise InputError(
            f"{KEY}: {path}: must name the FIFOs of this design ({len(names)}); "
            f"differs in {', '.join(wrong[:8])}"
        )
    depths = []
    for edge in network.edges:
        depth = table[edge.fifo].get("depth") if isinstance(table[edge.fifo], dict) else None
        if not isinstance(depth, int) or isinstance(depth, bool) or depth < LEAST:
            raise InputError(
                f"{KEY}: {path}: {edge.fifo}.depth must be a number of at least {LEAST}, not {depth!r}"
            )
        depths.append(depth)
    return depths
