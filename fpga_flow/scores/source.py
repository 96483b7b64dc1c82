"""The integer network in a file: QONNX, or a checkpoint of this project."""

from pathlib import Path
from typing import Any

from fpga_flow.data.jet_features import FEATURES
from fpga_flow.errors import InputError
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.output import Output

SHAPES: dict[int, tuple[int, ...]] = {1: (1, 28, 28), 3: (3, 32, 32), len(FEATURES): (len(FEATURES),)}
"""Of frames that are no signals, by their channels: pictures, and the features of a jet."""


def network_in(path: Path) -> IntegerNetwork:
    """Return the network in `path` (.onnx, or .pt of `flow build`) as integers; raises `InputError`."""
    if path.suffix == ".onnx":
        return to_integers(read(path))
    if path.suffix == ".pt":
        return _of_checkpoint(path)
    raise InputError(f"FILE: must be a network (.onnx) or a checkpoint (.pt), not {path.name!r}")


def output_in(path: Path, network: IntegerNetwork) -> Output:
    """Return what comes out of `network`, which `network_in` found in `path`."""
    if path.suffix == ".onnx":
        return describe_output(network)
    from fpga_flow.train.checkpoint import load_checkpoint

    return describe_output(network, len(load_checkpoint(path)["classes"]))


def _of_checkpoint(path: Path) -> IntegerNetwork:
    from fpga_flow.export.brevitas_export import export_module  # torch is heavy
    from fpga_flow.recipe import make_recipe
    from fpga_flow.train.checkpoint import load_checkpoint
    from fpga_flow.train.network import load_network

    state = load_checkpoint(path)
    quant = {**state["quant"], **{key: state[key] for key in ("weight_bits", "act_bits", "input_bits")}}
    table: dict[str, Any] = {
        "name": "cost",
        "model": {
            key: state[entry]
            for key, entry in (("name", "model"), ("width", "width"), ("dense", "dense"), ("parts", "parts"))
        },
        "data": {"length": state["length"]},
        "quant": quant,
    }
    recipe = make_recipe(table, origin=str(path))
    channels = state["channels"]
    return to_integers(
        export_module(load_network(recipe, path), SHAPES.get(channels, (channels, state["length"])))
    )
