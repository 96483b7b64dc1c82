"""A part of a data set as the training graph wants it: input codes in memory, labels, SNRs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from fpga_flow.progress import bar
from fpga_flow.recipe import Recipe
from fpga_flow.train.spec import Quant, quant_of

READ_FRAMES = 4096


class FrameSource(Protocol):
    """What is used of `fpga_flow.data.Frames`."""

    labels: np.ndarray
    snr_db: np.ndarray
    classes: tuple[str, ...]
    shape: tuple[int, int]

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return float32 (n, channels, length)."""


@dataclass(frozen=True)
class Codes:
    """Frames after the input quantiser."""

    codes: Tensor
    """int8 (N, length, channels)."""
    labels: Tensor
    """int64 (N,)."""
    snr_db: np.ndarray
    """int (N,)."""
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def channels(self) -> int:
        """Rows of a frame: 2, I and Q."""
        return int(self.codes.shape[2])


def quantise(frames: Tensor, quant: Quant) -> Tensor:
    """Return the input quantiser's codes, int8 (N, length, channels), of float (N, channels, length)."""
    half = 2 ** (quant.input_bits - 1)
    codes = torch.round(frames / quant.input_scale).clamp(-half, half - 1)
    return codes.to(torch.int8).transpose(1, 2).contiguous()


def read_codes(source: FrameSource, quant: Quant, description: str) -> Codes:
    """Read all frames of `source` through the input quantiser."""
    channels, length = source.shape
    codes = torch.empty(len(source), length, channels, dtype=torch.int8)
    with bar(f"{description} frames", len(source)) as advance:
        for start in range(0, len(source), READ_FRAMES):
            indices = np.arange(start, min(start + READ_FRAMES, len(source)))
            frames = torch.from_numpy(np.ascontiguousarray(source.read(indices)))
            codes[start : start + len(indices)] = quantise(frames, quant)
            advance(len(indices))
    return Codes(
        codes,
        torch.from_numpy(np.asarray(source.labels, dtype=np.int64)),
        np.asarray(source.snr_db).astype(int),
        list(source.classes),
    )


def describe(recipe: Recipe, frames: Codes) -> dict[str, Any]:
    """Return what a result says about the frames it was measured on."""
    return {
        "name": recipe.data.name,
        "generated": recipe.data.name == "signals",
        "classes": len(frames.classes),
        "snr_db": sorted({int(snr) for snr in frames.snr_db}),
        "length": recipe.data.length,
    }


def load_codes(recipe: Recipe, split: str, cache: Path) -> Codes:
    """Return split `train`, `validation` or `test` of the recipe's data."""
    from fpga_flow import data

    return read_codes(data.load(recipe.data, split, cache), quant_of(recipe), split)
