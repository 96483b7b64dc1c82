"""A model with random weights, calibrated on real frames, as QONNX: enough to try its hardware.

    python -m fpga_flow.untrained densenet-b-w4 densenet-b.onnx

It goes through the flow as any other: `flow build --model densenet-b.onnx`.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import nn

from fpga_flow import data
from fpga_flow.core import places
from fpga_flow.core.errors import FlowError, InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe import find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.data.frames import Frames
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.train.calibrate import calibrate
from fpga_flow.train.network import build_network
from fpga_flow.train.threads import torch_threads

FRAMES = 256
"""Training frames that are calibrated on."""


def untrained(recipe: Recipe, cache: Path) -> tuple[nn.Module, Frames]:
    """Return the recipe's network, initialised by its seed and calibrated, in eval mode, and the test frames.

    `cache` is the folder of generated data. Raises `InputError` where recipe and model do not fit.
    """
    source = data.load(recipe.data, "train", cache)
    torch.manual_seed(recipe.seed)
    network = build_network(recipe, len(source.classes), source.shape[0], shape=source.shape)
    calibrate(network, source.prepared(source.sample(FRAMES, recipe.seed)))
    return network, data.load(recipe.data, "test", cache)


@torch_threads()
def export(recipe: Recipe, path: Path, cache: Path) -> None:
    """Write the QONNX of the recipe's network, untrained, to `path`."""
    network, frames = untrained(recipe, cache)
    say(f"  {recipe.model.label}: calibrated on {FRAMES} frames of {recipe.data.name}")
    model = export_module(network, frames.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(str(path))
    say(f"  {path}: {len(model.graph.node)} nodes")


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write a recipe's network, untrained, as QONNX.")
    parser.add_argument("recipe", help="a recipe: a TOML file, or its name in build/")
    parser.add_argument("file", type=Path, help="the ONNX file to write")
    arguments = parser.parse_args()
    try:
        if arguments.file.suffix != ".onnx":
            raise InputError(f"file: must end in .onnx, not {arguments.file.name!r}")
        export(load_recipe(find_recipe(arguments.recipe)), arguments.file, places.cache() / "data")
    except FlowError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
