"""The table of a sweep: one row a point, as JSON (with the layers) and as CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fpga_flow.core import artifact
from fpga_flow.scores.sparsity import sparsity

JSON = "sweep.json"
CSV = "sweep.csv"
SCHEMA = 1

State = Literal["done", "unfinished", "failed", "outdated"]
"""`unfinished`: stages are missing or half made; `outdated`: its recipe has been changed since, or another
version of this project has made it."""


class LayerCount(BaseModel):
    """Weights of one layer, counted."""

    model_config = ConfigDict(frozen=True)

    name: str
    weights: int
    nonzero: int

    @property
    def sparsity(self) -> float:
        """Share of the weights that is zero."""
        return sparsity(self.weights, self.nonzero)


class Row(BaseModel):
    """What is known of one point; None where nothing is. Accuracies are shares of 1 on test frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: str
    state: State
    stage: str | None = None
    """The last stage that stands."""
    message: str | None = None
    """Why the point failed, or is outdated by the version that made it."""
    recipe: str | None = None
    model: str | None = None
    data: str = ""
    """Of the test frames, in words."""
    generated: bool | None = None
    """Whether these are generated frames, no recorded ones."""
    bits: int | None = None
    act_bits: int | None = None
    method: str | None = None
    criterion: str | None = None
    dense_criterion: str | None = None
    settings: dict[str, Any] = {}
    """Other keys of the recipe in which the points of the table differ."""
    accuracy_float: float | None = None
    accuracy_unpruned: float | None = None
    accuracy_pruned: float | None = None
    accuracy_golden: float | None = None
    """Of the integer network that is made hardware of."""
    accuracy_rtl: float | None = None
    samples: int | None = None
    """Test frames behind all accuracies but that of the RTL."""
    weights: int | None = None
    left: int | None = None
    """Weights that no mask has taken."""
    nonzero: int | None = None
    """Weights whose integer is not zero."""
    sparsity: float | None = None
    """Counted: share of the weights whose integer is zero."""
    macs: int | None = None
    nonzero_macs: int | None = None
    bit_ops: int | None = None
    weight_bits: int | None = None
    itu_score: float | None = None
    fps: float | None = None
    """Frames per second that the folded hardware is predicted to take."""
    mismatches: int | None = None
    """Simulated frames on which RTL and onnxruntime differ."""
    lut: float | None = None
    ff: float | None = None
    bram18: float | None = None
    dsp: float | None = None
    """Of synthesis, as `lut`, `ff` and `bram18`."""
    seconds: float = 0.0
    """Of all its stages, when they were made; a stage that points share counts for each."""
    layers: list[LayerCount] = []

    @property
    def accuracy(self) -> float | None:
        """The accuracy of what the point has come to."""
        for value in (self.accuracy_golden, self.accuracy_pruned, self.accuracy_unpruned):
            if value is not None:
                return value
        return None


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write both forms of the table into `folder`, whole or as they were before."""
    folder.mkdir(parents=True, exist_ok=True)
    table = [row.model_dump(mode="json") for row in rows]
    artifact.write_json(folder / JSON, {"schema": SCHEMA, "points": table})
    artifact.write_text(folder / CSV, as_csv(rows))


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV, with a column for every key of `settings` and without the layers."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    fields = [name for name in Row.model_fields if name not in ("settings", "layers")]
    place = fields.index("dense_criterion") + 1
    columns = [*fields[:place], *keys, *fields[place:]]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        settings = {key: _cell(value) for key, value in row.settings.items()}
        writer.writerow(row.model_dump(mode="json", include=set(fields)) | settings)
    return stream.getvalue()


def _cell(value: object) -> object:
    """Return what a table or a list of a recipe is in one cell: JSON, without what is not set."""
    if isinstance(value, Mapping):
        value = {
            name: {key: own for key, own in entry.items() if own is not None}
            if isinstance(entry, Mapping)
            else entry
            for name, entry in value.items()
        }
    return (
        json.dumps(value) if isinstance(value, Mapping | Sequence) and not isinstance(value, str) else value
    )
