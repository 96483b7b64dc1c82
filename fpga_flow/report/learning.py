"""What the artifacts keep of learning beside their results: curves of training, and classes mixed up."""

import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.results import Record, Share
from fpga_flow.results.run import RunResults

CURVE = "curve.json"
OF_A_ROUND = re.compile(r"curve-(\w+)\.json")
VECTORS = "vectors.npz"
MOST_CLASSES = 64
"""That a matrix is drawn of."""


class Epoch(Record):
    """One epoch of training."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: Share


class Phase(Record):
    """Epochs that follow one another: of a network before it is pruned, or of a round of pruning."""

    name: str
    epochs: tuple[Epoch, ...]


class Confusion(Record):
    """Which classes the golden model takes for which."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Frames, by their class, then by the class that was found."""

    @property
    def samples(self) -> int:
        """How many frames there are."""
        return sum(map(sum, self.counts))

    def mistakes(self, most: int) -> list[str]:
        """Return the `most` frequent mistakes in words."""
        pairs = [
            (count, sum(row), true, found)
            for true, row in enumerate(self.counts)
            for found, count in enumerate(row)
            if count and true != found
        ]
        pairs.sort(key=lambda pair: (-pair[0], pair[2], pair[3]))
        names = self.classes
        return [f"{names[t]} as {names[f]} ({count} of {of})" for count, of, t, f in pairs[:most]]


class Learning(Record):
    """What a page shows of it."""

    training: tuple[Phase, ...]
    confusion: Confusion | None
    """Of the golden vectors; None where their classes are not known, or are too many to be drawn."""


def learning(run: Run, found: RunResults) -> Learning:
    """Return what the artifacts of `run`, whose results are `found`, keep of learning."""
    folders = current(run)
    phases: list[Phase] = []
    if "train" in folders:
        table = _json(folders["train"] / CURVE)
        phases += [_phase(name, curve) for name, curve in (table if isinstance(table, dict) else {}).items()]
    if "prune" in folders:
        names = [OF_A_ROUND.fullmatch(path.name) for path in folders["prune"].iterdir()]
        rounds = sorted((match[1] for match in names if match), key=_in_order)
        curves = {name: _json(folders["prune"] / f"curve-{name}.json") for name in rounds}
        phases += [_phase(f"round {name}" if name.isdigit() else name, curves[name]) for name in rounds]
    confusion = None
    if "export" in folders and found.export:
        confusion = _confusion(folders["export"] / VECTORS, found.export.classes)
    return Learning(training=tuple(phase for phase in phases if phase.epochs), confusion=confusion)


def _in_order(name: str) -> tuple[bool, int, str]:
    """Return what puts rounds in their order, and what is trained after all of them behind."""
    return (False, int(name), "") if name.isdigit() else (True, 0, name)


def _json(path: Path) -> Any:
    try:
        return artifact.read_json(path)
    except InputError:  # of a version that kept no curve
        return None


def _phase(name: str, curve: Any) -> Phase:
    try:
        epochs = TypeAdapter(tuple[Epoch, ...]).validate_python(curve)
    except ValidationError:  # of another version
        epochs = ()
    return Phase(name=name, epochs=epochs)


def _confusion(path: Path, classes: tuple[str, ...]) -> Confusion | None:
    if not (2 <= len(classes) <= MOST_CLASSES and path.is_file()):
        return None
    import numpy as np  # only here: listings and errors are to come at once

    with np.load(path, allow_pickle=False) as arrays:
        true, found = (arrays.get(name, np.empty(0, dtype=np.int64)) for name in ("label", "y"))
    if true.shape != found.shape:
        return None
    known = (true >= 0) & (true < len(classes)) & (found >= 0) & (found < len(classes))
    if not known.any():
        return None
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (true[known], found[known]), 1)
    return Confusion(classes=classes, counts=tuple(tuple(row) for row in counts.tolist()))
