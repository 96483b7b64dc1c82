"""What the `make_*.py` beside this file share: frames, and the exporter's own outputs for them as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
FRAMES = 4


def frames(shape: Sequence[int]) -> Any:
    """Return `FRAMES` float32 frames of `shape`, of values -1 to 1 in steps of 0.01."""
    count = FRAMES * int(np.prod(shape))
    values = (37 * np.arange(count) % 201 - 100) / 100
    return values.reshape(FRAMES, *shape).astype(np.float32)


def training_frames(shape: Sequence[int]) -> tuple[Any, Any]:
    """Return 256 frames and their classes, of five: the largest of the first five values."""
    x = np.random.default_rng(1).uniform(-1, 1, (256, *shape)).astype(np.float32)
    return x, x.reshape(256, -1)[:, :5].argmax(1)


def save_outputs(name: str, made_with: str, outputs: Any) -> None:
    """Write what the framework gives for `frames`, beside the file of that `name`."""
    found = {"made_with": made_with, "outputs": np.asarray(outputs).astype(float).tolist()}
    (FOLDER / f"{name}.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
