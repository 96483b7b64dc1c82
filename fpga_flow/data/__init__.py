"""Data sets: where frames come from, and how they are split.

`load` gives one split of the data set a recipe names, `prepare` makes or checks its file before that.
"""

import hashlib
import json
from pathlib import Path

from filelock import FileLock

from fpga_flow.data.frames import Frames
from fpga_flow.data.radioml import Layout, Split
from fpga_flow.errors import InputError
from fpga_flow.progress import say
from fpga_flow.recipe import ROOT
from fpga_flow.recipe_parts import LENGTHS, DataRecipe

__all__ = ["Frames", "Split", "for_shape", "load", "prepare"]

MNIST = ("mnist", "mnist-32")
OUTSIDE_FRAMES = 16
"""Frames per class and SNR of the data made for a network from outside: enough to verify and to score it."""


def prepare(recipe: DataRecipe, cache: Path) -> Path | None:
    """Make or check the data set's file and return it; None where the data set needs none.

    Generated signals are kept in the folder `cache`. Raises `InputError` where the recipe and the user's
    file do not agree.
    """
    layout = _layout(recipe, cache)
    return layout.path if layout else None


def load(recipe: DataRecipe, split: Split, cache: Path) -> Frames:
    """Return `split` of the data set that `recipe` names; see `prepare` for `cache` and errors."""
    layout = _layout(recipe, cache)
    if layout is None:
        return _pictures(recipe, split)
    from fpga_flow.data import radioml

    return radioml.frames(
        layout, split, recipe.snr_db, recipe.validation_share, recipe.seed, recipe.train_per_block
    )


def for_shape(shape: tuple[int, ...], classes: int | None = None) -> DataRecipe | None:
    """Return the data set whose frames have `shape` (less a batch axis), or None.

    Two channels are radio signals, 28 x 28 pixels (flat or not) are digits, 3 x 32 x 32 are pictures in
    CIFAR's shape: Fashion-MNIST where it is installed, else digits. The network's number of `classes` does
    not decide: frames of its shape exercise it in any case, and whoever scores it compares that number with
    `Frames.classes`.
    """
    if shape in ((1, 28, 28), (28, 28), (784,)):
        return DataRecipe(name="digits")
    if shape == (3, 32, 32):
        from fpga_flow.data import fashion

        return DataRecipe(name="fashion-mnist-32" if fashion.installed() else "digits-32")
    if len(shape) == 2 and shape[0] == 2 and LENGTHS[0] <= shape[1] <= LENGTHS[1]:
        return DataRecipe(name="signals", length=shape[1], frames_per_block=OUTSIDE_FRAMES)
    return None


def _pictures(recipe: DataRecipe, split: Split) -> Frames:
    from fpga_flow.data import cifar, colour, digits, fashion, mnist

    if recipe.name in cifar.KINDS:
        archive = cifar.archive(recipe.name, recipe.file)
        return cifar.frames(recipe.name, archive, split, recipe.validation_share, recipe.seed)
    if recipe.name in MNIST:
        frames = mnist.frames(recipe.file, split, recipe.validation_share, recipe.seed)
    else:
        source = fashion if recipe.name.startswith("fashion-mnist") else digits
        frames = source.frames(split, recipe.validation_share, recipe.seed)
    return colour.as_colour(frames) if recipe.name.endswith("-32") else frames


def _layout(recipe: DataRecipe, cache: Path) -> Layout | None:
    from fpga_flow.data import cifar, radioml

    if recipe.name in cifar.KINDS or recipe.name in MNIST:
        return None
    if recipe.name == "radioml2018":
        if recipe.file is None:
            raise InputError(
                f"data.file: must name {radioml.NAME}, which you bring; {recipe.name} has no default"
            )
        layout = radioml.inspect(ROOT / recipe.file)
        if layout.length != recipe.length:
            raise InputError(
                f"data.length: must be {layout.length}, as in {layout.path}, not {recipe.length}"
            )
        return layout
    if recipe.file is not None:
        raise InputError(
            f"data.file: {recipe.name} takes no file; set data.name to radioml2018, or leave it out"
        )
    return _generated(recipe, cache) if recipe.name == "signals" else None


def _generated(recipe: DataRecipe, cache: Path) -> Layout:
    from fpga_flow.data import generate, radioml, signals

    snr_db = tuple(sorted(set(recipe.snr_db)))
    parameters = signals.parameters(recipe.length, recipe.seed, recipe.impairments)
    text = json.dumps([parameters, snr_db, recipe.frames_per_block], sort_keys=True)
    path = cache / f"{recipe.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.h5"
    generate.make_folder(cache)
    with FileLock(path.with_suffix(".lock")):  # another flow may be making the same file
        if path.is_file():
            try:
                return radioml.inspect(path)
            except InputError as error:
                say(f"  {error}: making it again")
        for left in cache.glob(f"{path.name}.*.partial"):
            left.unlink()
        generate.write(path, snr_db, recipe.frames_per_block, recipe.length, recipe.seed, recipe.impairments)
    return radioml.inspect(path)
