"""What a layer must do with every input, as a file of constants beside its RTL: where its proof begins.

They are those of the hardware graph, read there and not from the RTL or from what that is made of.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
FOLDER = "claims"


@dataclass(frozen=True)
class Product:
    """Each vector that comes is multiplied with a matrix."""

    matrix: Integers
    """(outputs, inputs)"""


@dataclass(frozen=True)
class Steps:
    """Of each value that comes: how many thresholds of its channel it reaches, and `lowest` more."""

    thresholds: Integers
    """(channels, steps)"""
    lowest: int


Claim = Product | Steps


def save(claim: Claim, path: Path) -> None:
    """Write `claim` to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(claim, Product):
        np.savez(path, matrix=claim.matrix)
    else:
        np.savez(path, thresholds=claim.thresholds, lowest=claim.lowest)


def load(path: Path) -> Claim:
    """Read what `save` wrote."""
    with np.load(path) as table:
        if "matrix" in table:
            return Product(table["matrix"])
        return Steps(table["thresholds"], int(table["lowest"]))
