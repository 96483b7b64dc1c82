"""A part of a data set as the training graph wants it: input codes in memory, labels, SNRs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fpga_flow import data
from fpga_flow.data import Frames, Split
from fpga_flow.errors import InputError
from fpga_flow.progress import bar
from fpga_flow.recipe import Recipe
from fpga_flow.train.spec import Quant, quant_of

READ_FRAMES = 4096


@dataclass(frozen=True)
class Codes:
    """Frames after the input quantiser."""

    codes: Tensor
    """int8 (N, length, channels)."""
    labels: Tensor
    """int64 (N,)."""
    snr_db: NDArray[np.int64] | None
    """Signal-to-noise ratio of each frame, (N,); None for data that has none."""
    classes: list[str]
    generated: bool
    source: str
    """One line: where the frames come from."""

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


def read_codes(source: Frames, quant: Quant, description: str) -> Codes:
    """Read all frames of `source`, of shape (channels, length), through the input quantiser."""
    if len(source.shape) != 2:
        raise InputError(
            f"model.name: the chain takes frames of channels x length, those of {source.source} "
            f"are {' x '.join(str(n) for n in source.shape)}; choose another data.name"
        )
    channels, length = source.shape
    codes = torch.empty(len(source), length, channels, dtype=torch.int8)
    with bar(f"{description} frames", len(source)) as advance:
        for start in range(0, len(source), READ_FRAMES):
            indices = np.arange(start, min(start + READ_FRAMES, len(source)))
            codes[start : start + len(indices)] = quantise(torch.from_numpy(source.read(indices)), quant)
            advance(len(indices))
    return Codes(
        codes,
        torch.from_numpy(source.labels),
        source.snr_db,
        list(source.classes),
        source.generated,
        source.source,
    )


def describe(recipe: Recipe, frames: Codes) -> dict[str, Any]:
    """Return what a result says about the frames it was measured on."""
    return {
        "name": recipe.data.name,
        "source": frames.source,
        "generated": frames.generated,
        "classes": len(frames.classes),
        "snr_db": None if frames.snr_db is None else np.unique(frames.snr_db).tolist(),
        "length": frames.codes.shape[1],
    }


def load_codes(recipe: Recipe, split: Split, cache: Path) -> Codes:
    """Return one split of the recipe's data; `cache` is the flow's."""
    return read_codes(data.load(recipe.data, split, cache / "data"), quant_of(recipe), split)
