"""Small frames and recipes: classes that a tiny network can tell apart."""

from typing import Any

import numpy as np
import torch

from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.dataset import Codes

LENGTH = 128


def small_recipe(**parts: dict[str, Any]) -> Recipe:
    table: dict[str, Any] = {
        "name": "small",
        "data": {"length": LENGTH},
        "model": {"width": 16, "dense": 16},
        "train": {"epochs": 3, "batch": 64},
    }
    for part, values in parts.items():
        table[part] = {**table.get(part, {}), **values}
    return make_recipe(table)


def tones(frames: int, seed: int, classes: int = 4, noise: float = 0.3) -> Codes:
    """Frames of complex tones, a frequency per class, in noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(frames) % classes
    time = np.arange(LENGTH)
    phase = 2 * np.pi * (labels[:, None] + 1) / 16 * time + rng.uniform(0, 2 * np.pi, (frames, 1))
    signal = np.stack([np.cos(phase), np.sin(phase)], -1) + rng.normal(0, noise, (frames, LENGTH, 2))
    codes = np.clip(np.rint(signal * 64), -128, 127).astype(np.int8)
    snr = np.where(np.arange(frames) % 8 < 4, 0, 10)
    names = [f"tone{k}" for k in range(classes)]
    return Codes(torch.from_numpy(codes), torch.from_numpy(labels), snr, names, True, "tones in noise")
