"""A small network of ours, its recipe, and frames for it."""

from pathlib import Path

import numpy as np
import torch

from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.data.frames import Frames

LENGTH, CLASSES = 128, 5


def noise(shape: tuple[int, ...], count: int, seed: int) -> Frames:
    """Frames of noise, with labels that mean nothing."""
    rng = np.random.default_rng(seed)
    frames = (rng.normal(size=(count, *shape)) * 0.7).astype(np.float32)
    return Frames(
        classes=tuple(f"class{i}" for i in range(CLASSES)),
        labels=rng.integers(0, CLASSES, count),
        snr_db=rng.integers(0, 3, count) * 10,
        shape=shape,
        generated=True,
        source="noise",
        fetch=lambda indices: frames[indices],
    )


def recipe(bits: int = 4) -> Recipe:
    return make_recipe(
        {
            "name": "small",
            "data": {"length": LENGTH},
            "model": {"width": 8, "dense": 8},
            "quant": {"weight_bits": bits, "act_bits": bits},
            "export": {"vectors": 48, "compared": 64},
        }
    )


def save_checkpoint(recipe: Recipe, path: Path) -> None:
    """Save a network with the batch norms of one that was trained, by the look of them."""
    from fpga_flow.train.checkpoint import save_state
    from fpga_flow.train.state import new_state

    save_state(path, new_state(recipe, [f"class{i}" for i in range(CLASSES)], 2))
    state = torch.load(path, weights_only=True)
    generator = torch.Generator().manual_seed(1)
    for layer in state["layers"].values():
        for name, low, high in (("gamma", 0.5, 2), ("beta", -1, 1), ("mean", -1, 1), ("var", 0.5, 2)):
            if name in layer:
                layer[name] = low + (high - low) * torch.rand(layer[name].shape, generator=generator)
    state["layers"][next(reversed(state["layers"]))]["bias"] = torch.linspace(-0.5, 0.5, CLASSES)
    torch.save(state, path)
