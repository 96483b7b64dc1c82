"""A part of a data set as the training graph wants it: input codes in memory, labels, SNRs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.data import OWN
from fpga_flow.data import Frames, Split
from fpga_flow.results.train import FrameSet
from fpga_flow.train.layers import InputGrid, input_grid
from fpga_flow.train.network import build_network
from fpga_flow.train.ranges import into_range
from fpga_flow.train.spec import Quant, is_chain, model_of, quant_of

READ_FRAMES = 4096


@dataclass(frozen=True)
class Codes:
    """Frames after the input quantiser."""

    codes: Tensor
    """int8 or uint8, channels last: (N, length, channels) or (N, height, width, channels). Of a network that
    does not say which its input quantiser is, the frames themselves, float32."""
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

    def some(self, count: int, seed: int) -> "Codes":
        """Return `count` of the frames at random, or all where there are no more."""
        chosen = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:count]
        snr = None if self.snr_db is None else self.snr_db[chosen.numpy()]
        return replace(self, codes=self.codes[chosen], labels=self.labels[chosen], snr_db=snr)

    @property
    def channels(self) -> int:
        """Of a frame: 2, I and Q, or the colours of a picture."""
        return int(self.codes.shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a frame, channels first."""
        *size, channels = self.codes.shape[1:]
        return (channels, *size)


def quantise(frames: Tensor, grid: InputGrid | None) -> Tensor:
    """Return the input quantiser's codes (N, ..., channels) of float frames (N, channels, ...)."""
    if grid is None:
        return frames.movedim(1, -1).contiguous()
    codes = torch.round(frames / grid.scale).clamp(grid.low, grid.high)
    return codes.to(_dtype(grid)).movedim(1, -1).contiguous()


def _dtype(grid: InputGrid | None) -> torch.dtype:
    if grid is None:
        return torch.float32
    return torch.int8 if grid.low < 0 else torch.uint8


def chain_grid(quant: Quant) -> InputGrid:
    """Return the input codes of a chain."""
    half = 2 ** (quant.input_bits - 1)
    return InputGrid(quant.input_scale, -half, half - 1)


def read_codes(source: Frames, grid: InputGrid | None, description: str) -> Codes:
    """Read all frames of `source`, of shape (channels, ...), through the input quantiser."""
    channels, *size = source.shape
    codes = torch.empty(len(source), *size, channels, dtype=_dtype(grid))
    with bar(f"reading {description} frames", len(source), "frames") as advance:
        for start in range(0, len(source), READ_FRAMES):
            indices = np.arange(start, min(start + READ_FRAMES, len(source)))
            codes[start : start + len(indices)] = quantise(torch.from_numpy(source.prepared(indices)), grid)
            advance(len(indices))
    return Codes(
        codes,
        torch.from_numpy(source.labels),
        source.snr_db,
        list(source.classes),
        source.generated,
        source.source,
    )


def describe(recipe: Recipe, frames: Codes) -> FrameSet:
    """Return what a result says about the frames it was measured on."""
    return FrameSet(
        name=recipe.data.name,
        source=frames.source,
        generated=frames.generated,
        classes=len(frames.classes),
        snr_db=None if frames.snr_db is None else tuple(np.unique(frames.snr_db).tolist()),
        length=int(np.prod(frames.codes.shape[1:-1])),
    )


def load_codes(recipe: Recipe, split: Split, cache: Path) -> Codes:
    """Return one split of the recipe's data; `cache` is the flow's."""
    source = load_frames(recipe, split, cache)
    return read_codes(source, _grid(recipe, source), split)


def load_frames(recipe: Recipe, split: Split, cache: Path) -> Frames:
    """Return one split of the recipe's data as its network is trained on it; `cache` is the flow's.

    Frames that the user brings are brought into the range of the input quantiser, by the training frames;
    those that the network of a checkpoint takes are not.
    """
    source = data.load(recipe.data, split, cache / "data")
    if recipe.data.name != OWN or recipe.train.checkpoint is not None:
        return source
    grid = _grid(recipe, source)
    if grid is None:
        return source
    train = source if split == "train" else data.load(recipe.data, "train", cache / "data")
    return replace(source, steps=(*source.steps, *into_range(train, grid)))


def _grid(recipe: Recipe, source: Frames) -> InputGrid | None:
    """Return the codes of the input of the recipe's network, which takes the frames of `source`."""
    if not is_chain(model_of(recipe)):
        return input_grid(build_network(recipe, len(source.classes), source.shape[0], shape=source.shape))
    shape = " x ".join(str(size) for size in source.shape)
    if len(source.shape) != 2:
        raise InputError(
            f"model.name: the chain takes frames of channels x length, those of {source.source} "
            f"are {shape}; choose another data.name, or another model"
        )
    if recipe.data.name == OWN and source.shape[1] != recipe.data.length:
        raise InputError(
            f"data.length: must be {source.shape[1]}, as of the frames ({shape}) in {recipe.data.file}, "
            f"not {recipe.data.length}"
        )
    return chain_grid(quant_of(recipe))
