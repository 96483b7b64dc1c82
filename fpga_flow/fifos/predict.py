"""What a hardware graph will do, from its layers' schedules: cycles per frame, latency, the slowest layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fpga_flow.fifos.deadlock import INPUT, OUTPUT
from fpga_flow.fifos.network import Network
from fpga_flow.fifos.sizing import frames_for
from fpga_flow.fifos.tokens import UNLIMITED


@dataclass(frozen=True)
class Prediction:
    """Cycles of a network with certain depths; a deadlock has none."""

    stuck: bool
    cycles_per_frame: int
    latency: int
    """From the first word in to the first frame's last word out."""


def predict(network: Network, depths: Sequence[int] | None = None) -> Prediction:
    """Return what `network` does with FIFOs of `depths`, the graph's unless given."""
    first = network.play(depths, frames=4)
    if first.stuck:
        return Prediction(True, 0, 0)
    steady = network.play(depths, frames=frames_for(first.latency, first.period))
    return Prediction(False, round(steady.period), steady.latency)


def alone(network: Network) -> dict[str, int]:
    """Return the cycles per frame of each layer between a source and a sink that never rest."""
    found = {}
    for layer in network.layers:
        numbers = [*layer.inputs, *layer.outputs]
        edges = [
            replace(
                network.edges[number],
                producer=layer.name if number in layer.outputs else INPUT,
                consumer=layer.name if number in layer.inputs else OUTPUT,
            )
            for number in numbers
        ]
        placed = replace(
            layer,
            inputs=tuple(range(len(layer.inputs))),
            outputs=tuple(range(len(layer.inputs), len(numbers))),
        )
        played = Network(edges, [placed]).play([UNLIMITED] * len(edges), frames=6)
        found[layer.name] = round(played.period)
    return found
