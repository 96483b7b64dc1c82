"""Which batch norms scale what a layer makes, in a module of any shape."""

from typing import Any

from fpga_flow.prune.criteria import Entry
from fpga_flow.surgery.graph import Channel, trace
from fpga_flow.train.general import GeneralNetwork


def norms_behind(network: GeneralNetwork) -> dict[str, list[list[Entry]]]:
    """Return, for every layer and each of its filters, the entries of the norms that its channel passes.

    A channel that goes through a concatenation may pass many; what a sum adds passes the same ones. Raises
    `UnsupportedError` for a network whose channels cannot be followed.
    """
    channels = network.header["channels"]
    graph = trace(network.network, channels)
    passed: dict[Channel, list[Entry]] = {}
    for node in graph.of("norm"):
        for entry, channel in enumerate(node.channels):
            passed.setdefault(channel, []).append((f"{node.path}.weight", entry))
    names: dict[Any, str] = {layer: name for name, layer in network.weights.items()}
    return {
        names[network.network.get_submodule(node.path)]: [
            passed.get(channel, []) for channel in node.channels
        ]
        for node in graph.of("layer", "depthwise")
    }
