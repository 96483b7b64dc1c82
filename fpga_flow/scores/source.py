"""The integer network in a file: QONNX, or a checkpoint of this project."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpga_flow.core.errors import InputError, UnsupportedError
from fpga_flow.data.jet_features import FEATURES
from fpga_flow.export.operations import IntegerNetwork, Matrix, Operation
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import read
from fpga_flow.export.walk import countable, to_integers
from fpga_flow.integer.output import Output

SHAPES: dict[int, tuple[int, ...]] = {1: (1, 28, 28), 3: (3, 32, 32), len(FEATURES): (len(FEATURES),)}
"""Of frames that are no signals, by their channels: pictures, and the features of a jet."""


@dataclass(frozen=True)
class Counted:
    """What can be counted of the network in a file."""

    operations: list[Operation]
    left_out: list[str]
    """What cannot be mapped to hardware, and is counted as far as it can be, in words."""
    output: Output | None
    """What comes out; None where something was left out."""


def counted_in(path: Path) -> Counted:
    """Return what can be counted of the network in `path` (.onnx, or .pt of `flow build`).

    Raises `InputError` where nothing can.
    """
    if path.suffix == ".onnx":
        model = read(path)
        try:
            network = to_integers(model)
        except UnsupportedError as error:
            operations = countable(model)
            if not any(isinstance(operation, Matrix) for operation in operations):
                raise
            return Counted(operations, [str(one) for one in error.each], None)
        return Counted(network.operations, [], describe_output(network))
    if path.suffix == ".pt":
        from fpga_flow.train.checkpoint import load_checkpoint

        network = network_in(path)
        return Counted(
            network.operations, [], describe_output(network, len(load_checkpoint(path)["classes"]))
        )
    raise InputError(f"FILE: must be a network (.onnx) or a checkpoint (.pt), not {path.name!r}")


def network_in(path: Path) -> IntegerNetwork:
    """Return the network of a checkpoint as integers."""
    from fpga_flow.core.recipe import make_recipe
    from fpga_flow.export.brevitas_export import export_module  # torch is heavy
    from fpga_flow.train.checkpoint import load_checkpoint
    from fpga_flow.train.network import load_network

    state = load_checkpoint(path)
    quant = {**state["quant"], **{key: state[key] for key in ("weight_bits", "act_bits", "input_bits")}}
    table: dict[str, Any] = {
        "name": "cost",
        "model": {
            **({"file": state["file"]} if "file" in state else {"name": state["model"]}),
            **{key: state[key] for key in ("width", "dense", "parts")},
        },
        "data": {"length": state["length"]},
        "quant": quant,
    }
    recipe = make_recipe(table, origin=str(path))
    channels = state["channels"]
    return to_integers(
        export_module(
            load_network(recipe, path),
            tuple(state.get("shape", SHAPES.get(channels, (channels, state["length"])))),
        )
    )
