"""A deadlock of the simulated RTL, told by layers, edges and FIFOs, with the depths that would end it."""

import math
from dataclasses import dataclass
from pathlib import Path

from fpga_flow.core.progress import say
from fpga_flow.design.design import Design
from fpga_flow.fifos.deadlock import INPUT, OUTPUT, Remedy, diagnose, explain, remedies
from fpga_flow.fifos.simulated import SizingSimulator, by_name
from fpga_flow.layers.fifo import is_fifo
from fpga_flow.sim.simulator import DeadlockError


@dataclass(frozen=True)
class DesignEdge:
    """A stream of a design with the FIFO in it."""

    fifo: str
    producer: str
    consumer: str
    words: int
    """Of a frame."""


def edges_of(design: Design) -> list[DesignEdge]:
    """Return every stream of `design` that has a FIFO."""
    givers = {stream.tensor: layer.name for layer in design.layers for stream in layer.outputs}
    takers = {tensor: layer.name for layer in design.layers for tensor in layer.inputs}
    return [
        DesignEdge(
            fifo=layer.name,
            producer=givers.get(layer.inputs[0], INPUT),
            consumer=takers.get(layer.outputs[0].tensor, OUTPUT),
            words=math.prod(layer.outputs[0].folded_shape[:-1]),
        )
        for layer in design.layers
        if is_fifo(layer.op)
    ]


def explained(error: DeadlockError, design: Design, folder: Path, cache: Path, log: Path) -> DeadlockError:
    """Return `error` with its reason; `design` stands in `folder`.

    What waits for what is read off the FIFOs at once. How deep they would have to be is found by a
    simulator with other depths, which takes its time to compile (see `SizingSimulator`).
    """
    edges = edges_of(design)
    if not edges or not error.result.fifos:
        return error
    names = [edge.fifo for edge in edges]
    states = by_name(error.result.fifos, names)
    found = diagnose(edges, states)
    reason = explain(edges, states, found)
    say(f"  {error}")
    say(f"  {reason}")
    cures: list[Remedy] = []
    if found.full:
        say("  finding out how deep they would have to be")
        player = SizingSimulator(design, folder, names, cache, log)
        cures = remedies(player, edges, [state.depth for state in states])
        reason = explain(edges, states, found, cures)
        if not cures:
            reason += "; it only happens with these pauses of input and output"
    return type(error)(f"{error}: {reason}", error.result)
