"""What a user brings: frames as arrays, a recipe, a network in a Python file."""

from pathlib import Path
from typing import Any

import numpy as np

CLASSES = 4
TRAIN, TEST = 160, 40

NET = """
from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
from torch import nn


class Net(nn.Module):
    def __init__(self, classes, shape):
        super().__init__()
        self.input = QuantIdentity(bit_width=8)
        self.hidden = QuantLinear(shape[0], 8, bias=False, weight_bit_width=3)
        self.norm = nn.BatchNorm1d(8)
        self.act = QuantReLU(bit_width=3)
        self.classes = QuantLinear(8, classes, bias=False, weight_bit_width=3)

    def forward(self, x):
        x = self.act(self.norm(self.hidden(self.input(x))))
        return self.classes(x)
"""
RECIPE = """
[data]
name = "own"
file = "mine.npz"
[model]
{model}
[train]
epochs = 4
batch = 16
learning_rate = 0.02
[prune]
method = "none"
[hardware]
fps = 100000.0
[hardware.fifos]
seconds = 0.5
[verify]
frames = 8
layer_frames = 2
"""


def patterns(
    shape: tuple[int, ...], count: int, seed: int, scale: float = 1.0, offset: float = 0.0
) -> tuple[Any, Any]:
    """Return frames of four patterns in noise, within `offset` +- `scale`, and their labels."""
    labels = np.arange(count) % CLASSES
    clean = np.random.default_rng(5).uniform(-0.6, 0.6, (CLASSES, *shape))
    noisy = clean[labels] + np.random.default_rng(seed).normal(0, 0.2, (count, *shape))
    return offset + scale * np.clip(noisy, -1, 1), labels


def write_frames(
    path: Path, shape: tuple[int, ...], dtype: Any = np.float32, scale: float = 1.0, offset: float = 0.0
) -> Path:
    """Write training and test frames, and return the file."""
    arrays: dict[str, Any] = {}
    for seed, (part, count) in enumerate((("train", TRAIN), ("test", TEST))):
        x, arrays[f"y_{part}"] = patterns(shape, count, seed, scale, offset)
        arrays[f"x_{part}"] = (np.rint(x) if np.dtype(dtype).kind in "iu" else x).astype(dtype)
    np.savez(path, **arrays)
    return path


def write_recipe(folder: Path, model: str = 'file = "net.py"', net: str | None = NET) -> Path:
    """Write `mine.toml`, and the user's network where there is one, and return the recipe."""
    if net is not None:
        (folder / "net.py").write_text(net, encoding="utf-8")
    (folder / "mine.toml").write_text(RECIPE.format(model=model), encoding="utf-8")
    return folder / "mine.toml"
