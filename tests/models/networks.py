"""The models' recipes, their networks, and a few frames of the data each is for."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fpga_flow import data
from fpga_flow.core.recipe import find_recipe, load_recipe, recipe_names
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.data import signals
from fpga_flow.data.frames import Values
from fpga_flow.train.calibrate import calibrate
from fpga_flow.train.network import build_network

NAMES = tuple(name for name in recipe_names() if not name.startswith("signals"))
FRAMES = 48
STAND_INS = {"fashion-mnist": "digits", "fashion-mnist-32": "digits-32", "cifar10": "digits-32"}
"""Sets of the same shape and number of classes that are always there."""
FEW = 8
"""Frames for a network as deep as DenseNet: many positions a frame, and hundreds of layers."""


def recipe_of(name: str) -> Recipe:
    return load_recipe(find_recipe(name))


@lru_cache
def _modulations() -> Values:
    """Frames of every third class at 10 dB, (48, 2, 1024)."""
    blocks = [signals.block(label, 10, FRAMES // 8, 1024, 1) for label in range(0, 24, 3)]
    return np.ascontiguousarray(np.concatenate(blocks).transpose(0, 2, 1))


def frames_of(recipe: Recipe) -> tuple[Values, int]:
    """Return frames of the recipe's data, as anyone has them, and its number of classes."""
    if recipe.data.name == "signals":
        return _modulations(), 24
    other = {"name": STAND_INS.get(recipe.data.name, recipe.data.name), "file": None}
    source = data.load(recipe.data.model_copy(update=other), "train", Path("unused"))
    return source.prepared(source.sample(FRAMES, 1)), len(source.classes)


def untrained(name: str) -> tuple[nn.Module, Values]:
    """Return the network of a recipe, not calibrated, and frames for it."""
    recipe = recipe_of(name)
    frames, classes = frames_of(recipe)
    torch.manual_seed(recipe.seed)
    return build_network(recipe, classes, frames.shape[1]), frames


@lru_cache
def calibrated(name: str) -> tuple[nn.Module, Values]:
    """Return the calibrated network of a recipe and the frames it was calibrated on."""
    network, frames = untrained(name)
    if recipe_of(name).model.name == "densenet":
        frames = frames[:FEW]
    calibrate(network, frames)
    return network, frames
