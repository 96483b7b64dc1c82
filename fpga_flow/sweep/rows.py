"""The table of a sweep: one row a point, as JSON (with the layers) and as CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fpga_flow.core import artifact
from fpga_flow.report.columns import COLUMNS, Value
from fpga_flow.scores.sparsity import sparsity
from fpga_flow.target.resources import LIMITED

JSON = "sweep.json"
CSV = "sweep.csv"
SCHEMA = 1

FIGURES = (
    "accuracy_float",
    "accuracy_unpruned",
    "accuracy_pruned",
    "accuracy_golden",
    "accuracy_rtl",
    "samples",
    "weights",
    "nonzero",
    "sparsity",
    "macs",
    "nonzero_macs",
    "bit_ops",
    "weight_bits",
    "itu_score",
    "fps",
    "fps_rtl",
    "latency_us",
    "mismatches",
    "verdict",
    "fits",
    *LIMITED,
    *(f"{key}_estimate" for key in LIMITED),
)
"""Keys of the columns of a report that are written."""
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
    """What is known of one point; None where nothing is."""

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
    left: int | None = None
    """Weights that no mask has taken."""
    figures: dict[str, Value] = {}
    """By key of `report.columns`, those that are known."""
    seconds: float = 0.0
    """Of all its stages, when they were made; a stage that points share counts for each."""
    layers: list[LayerCount] = []

    def figure(self, key: str) -> Any:
        """Return the figure called `key`, None where it is not known."""
        return self.figures.get(key)

    def text(self, key: str) -> str:
        """Return it as text, nothing where it is not known."""
        return COLUMNS[key].shown(self.figure(key))

    def table(self) -> dict[str, Any]:
        """Return the row as it is written: a figure stands among the other keys."""
        known = {key: self.figure(key) for key in FIGURES}
        found: dict[str, Any] = {}
        for key, value in self.model_dump(mode="json").items():
            found |= known if key == "figures" else {key: value}
        return found


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write both forms of the table into `folder`, whole or as they were before."""
    folder.mkdir(parents=True, exist_ok=True)
    artifact.write_json(folder / JSON, {"schema": SCHEMA, "points": [row.table() for row in rows]})
    artifact.write_text(folder / CSV, as_csv(rows))


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV, with a column for every key of `settings` and without the layers."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    fields = [name for name in Row(point="", state="done").table() if name not in ("settings", "layers")]
    place = fields.index("dense_criterion") + 1
    columns = [*fields[:place], *keys, *fields[place:]]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        settings = {key: cell(value) for key, value in row.settings.items()}
        writer.writerow({key: value for key, value in row.table().items() if key in fields} | settings)
    return stream.getvalue()


def cell(value: object) -> object:
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
