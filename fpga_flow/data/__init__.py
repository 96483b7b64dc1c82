"""Data sets: where frames come from, and how they are split.

`load` gives one split of the data set a recipe names, `prepare` makes or checks its file before that, `files`
names what is read.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from filelock import FileLock

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts.data import LENGTHS, OWN, DataRecipe
from fpga_flow.data import (
    arrays,
    cifar,
    colour,
    digits,
    fashion,
    jets,
    jets_generated,
    mnist,
    radioml,
    radioml_file,
)
from fpga_flow.data.frames import Frames, Split
from fpga_flow.data.radioml_file import Layout

__all__ = ["Frames", "Split", "files", "for_shape", "load", "prepare"]

IN_COLOUR = "-32"
"""End of the name of a set of 28 x 28 pictures that is asked for in CIFAR's shape."""
OUTSIDE_FRAMES = 16
"""Frames per class and SNR of the data made for a network from outside: enough to verify and to score it."""
BROUGHT = {
    "radioml2018": radioml_file.NAME,
    "mnist": "a file of MNIST",
    **{name: cifar.wanted(kind) for name, kind in cifar.KINDS.items()},
    "jets": f"the jets' data ({jets.WANTED})",
    OWN: f"an .npz file with {arrays.WANTED}",
}
"""What `data.file` must name, for the sets that users bring."""

Loader = Callable[[DataRecipe, Path, Split], Frames]
_LOADERS: dict[str, Loader] = {
    "digits": lambda of, _, split: digits.frames(split, of.validation_share, of.seed),
    "fashion-mnist": lambda of, _, split: fashion.frames(split, of.validation_share, of.seed),
    "mnist": lambda of, file, split: mnist.frames(file, split, of.validation_share, of.seed),
    "cifar10": lambda of, file, split: cifar.frames("cifar10", file, split, of.validation_share, of.seed),
    "cifar100": lambda of, file, split: cifar.frames("cifar100", file, split, of.validation_share, of.seed),
    "jets": lambda of, file, split: jets.frames(file, split, of.validation_share, of.seed),
    OWN: lambda of, file, split: arrays.frames(file, split, of.validation_share, of.seed),
    "jets-generated": lambda of, _, split: jets_generated.frames(
        of.frames_per_block, split, of.validation_share, of.seed
    ),
}
"""Of the sets that need no file in the cache; the path is that of `data.file`, where one is brought."""


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
        name = _plain(recipe)
        frames = _LOADERS[name](recipe, _brought(recipe) or Path(), split)
        if split == "train" and recipe.train_per_block is not None:
            frames = frames.only(
                np.sort(frames.sample(recipe.train_per_block * len(frames.classes), recipe.seed))
            )
        return colour.as_colour(frames) if name != recipe.name else frames
    return radioml.frames(
        layout, split, recipe.snr_db, recipe.validation_share, recipe.seed, recipe.train_per_block
    )


def files(recipe: DataRecipe) -> list[Path]:
    """Return all files that the data set is read from, those of them that are there.

    Not those that come with a package, or are made from the recipe alone.
    """
    name = _plain(recipe)
    if name == "fashion-mnist":
        return fashion.files()
    if recipe.file is None:
        return []
    path = places.named(recipe.file)
    several = {"mnist": mnist.files, "jets": jets.files}.get(name)
    return several(path) if several else [path]


def for_shape(shape: tuple[int, ...], classes: int | None = None) -> DataRecipe | None:
    """Return the data set whose frames have `shape` (less a batch axis), or None.

    Two channels are radio signals, 28 x 28 pixels (flat or not) are digits, 3 x 32 x 32 are digits in CIFAR's
    shape. What is installed does not decide, so that the same network gets the same frames everywhere; nor
    does the network's number of `classes`: frames of its shape exercise it in any case, and whoever scores it
    compares that number with `Frames.classes`.
    """
    if shape in ((1, 28, 28), (28, 28), (784,)):
        return DataRecipe(name="digits")
    if shape == (3, 32, 32):
        return DataRecipe(name="digits-32")
    if len(shape) == 2 and shape[0] == 2 and LENGTHS[0] <= shape[1] <= LENGTHS[1]:
        return DataRecipe(name="signals", length=shape[1], frames_per_block=OUTSIDE_FRAMES)
    return None


def _plain(recipe: DataRecipe) -> str:
    return recipe.name.removesuffix(IN_COLOUR)


def _brought(recipe: DataRecipe) -> Path | None:
    """Return the file that the user brings; raises `InputError` where it must be named, or must not be."""
    wanted = BROUGHT.get(_plain(recipe))
    if wanted is None and recipe.file is not None:
        raise InputError(
            f"data.file: {recipe.name} takes no file; set data.name to {', '.join(BROUGHT)}, or leave it out"
        )
    if wanted is not None and recipe.file is None:
        raise InputError(f"data.file: must name {wanted}, which you bring; {recipe.name} has no default")
    return None if recipe.file is None else places.named(recipe.file)


def _layout(recipe: DataRecipe, cache: Path) -> Layout | None:
    path = _brought(recipe)
    if recipe.name == "signals":
        return _generated(recipe, cache)
    if recipe.name != "radioml2018" or path is None:
        return None
    layout = radioml_file.inspect(path)
    if layout.length != recipe.length:
        raise InputError(f"data.length: must be {layout.length}, as in {layout.path}, not {recipe.length}")
    return layout


def _generated(recipe: DataRecipe, cache: Path) -> Layout:
    from fpga_flow.data import generate, signals  # SciPy takes a while to import

    snr_db = tuple(sorted(set(recipe.snr_db)))
    parameters = signals.parameters(recipe.length, recipe.seed, recipe.impairments)
    text = json.dumps([parameters, snr_db, recipe.frames_per_block], sort_keys=True)
    path = cache / f"{recipe.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.h5"
    generate.make_folder(cache)
    with FileLock(path.with_suffix(".lock")):  # another flow may be making the same file
        if path.is_file():
            try:
                return radioml_file.inspect(path)
            except InputError as error:
                say(f"  {error}: making it again")
        for left in cache.glob(f"{path.name}.*.partial"):
            left.unlink()
        generate.write(path, snr_db, recipe.frames_per_block, recipe.length, recipe.seed, recipe.impairments)
    return radioml_file.inspect(path)
