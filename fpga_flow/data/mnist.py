"""MNIST (LeCun, Cortes and Burges): 70,000 handwritten digits of 28 x 28, in the four files of its own page.

Nothing is downloaded here: users bring the files, plain or compressed by gzip, and name one of them in
`data.file`; the other three stand beside it. They are called and laid out as Fashion-MNIST's.
"""

from dataclasses import replace
from pathlib import Path

from fpga_flow.data import digits, fashion
from fpga_flow.data.frames import Frames
from fpga_flow.data.radioml import Split
from fpga_flow.errors import InputError
from fpga_flow.recipe import ROOT

FILES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"


def folder_of(file: str | None) -> Path:
    """Return the folder of the four files, of which `file` is one; raises `InputError` without."""
    if file is None:
        raise InputError("data.file: must name a file of MNIST, which you bring; or use data.name = digits")
    folder = (ROOT / file).parent
    if not fashion.installed(folder):
        raise InputError(
            f"data.file: {folder} must hold {FILES}, plain or with .gz, all four; get what is missing"
        )
    return folder


def frames(file: str | None, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split: test pictures are those of the set, validation is a part of each class's others."""
    found = fashion.frames(split, validation_share, seed, folder_of(file))
    return replace(
        found, classes=digits.CLASSES, source=f"MNIST as named by data.file; {split}: {len(found):,} pictures"
    )
