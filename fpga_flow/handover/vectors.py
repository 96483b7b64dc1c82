"""Golden vectors of an export: frames, and what the golden model gives for them, as words of streams."""

from pathlib import Path

import numpy as np

from fpga_flow.design.design import Design
from fpga_flow.sim.packing import Words, channels_last, pack, wanted

FOLDER = "tb/vectors"
INPUT, OUTPUT = "input.hex", "output.hex"
"""A word a line, in the order in which they travel."""


def write_vectors(design: Design, export: Path, folder: Path, frames: int) -> int:
    """Write the first `frames` golden frames of the artifact `export` into `folder`; return how many."""
    with np.load(export / "vectors.npz") as stored:
        x, logits = stored["x"][:frames], stored["logits"][:frames]
    target = folder / FOLDER
    target.mkdir(parents=True)
    (target / INPUT).write_text(_lines(pack(channels_last(x), design.input)), encoding="ascii")
    (target / OUTPUT).write_text(_lines(pack(wanted(logits, design.top_k), design.output)), encoding="ascii")
    return len(x)


def _lines(words: Words) -> str:
    """Return the words (words, bytes) as hexadecimal numbers, a line each."""
    return "".join(f"{bytes(word)[::-1].hex()}\n" for word in words)
