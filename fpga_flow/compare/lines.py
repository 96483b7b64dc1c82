"""What the table of a comparison says: sections of lines with a cell a run, and notes below."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fpga_flow.compare.runs import SECTIONS, Compared
from fpga_flow.report.columns import COLUMNS, EXPECTED, MARK, best_text
from fpga_flow.sweep.rows import cell

NONE = "–"
"""Where nothing is known, or a recipe says nothing."""
RECIPE = "Recipe, where it differs"
MARKED = f"{MARK} predicted or estimated: not yet simulated or synthesised."


class Line(NamedTuple):
    """One line of the table."""

    title: str
    cells: tuple[str, ...]
    """One a run."""


def sections(runs: Sequence[Compared]) -> dict[str, list[Line]]:
    """Return the lines of the table by the title of their section; one without lines is left out."""
    rows = [one.row for one in runs]
    found = {
        "Network": [
            Line("network", tuple(row.model or NONE for row in rows)),
            Line("bits", tuple(_value(row.bits) for row in rows)),
        ],
        RECIPE: [Line(key, tuple(_value(row.settings[key]) for row in rows)) for key in rows[0].settings],
    }
    for title, keys in SECTIONS.items():
        found[title] = [
            Line(_title(key), tuple(best_text(row.figures, key) or NONE for row in rows)) for key in keys
        ]
    return {title: lines for title, lines in found.items() if lines}


def _title(key: str) -> str:
    """Return the name of a figure: of frames a second, simulated or expected, that of both."""
    return COLUMNS[EXPECTED[key]].title if key == "fps_rtl" else COLUMNS[key].title


def _value(value: object) -> str:
    """Return a value of a recipe as text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(cell(value))


def notes(runs: Sequence[Compared]) -> list[str]:
    """Return what there is to say of dashes and marks, and of figures that do not compare."""
    return list(_notes(runs))


def _notes(runs: Sequence[Compared]) -> Iterator[str]:
    if any(one.figure(key)[1] for one in runs for keys in SECTIONS.values() for key in keys):
        yield MARKED
    for one in runs:
        row = one.row
        if row.message:
            yield f"{row.point}: {row.state}: {row.message}"
        elif row.state == "outdated":
            yield f"{row.point}: its recipe has been changed since some of it was made; build it again."
        if one.commands:
            yield f"{row.point}: what is missing comes with {' and '.join(one.commands)}."
        elif row.figure("accuracy") is None and not row.message:
            yield f"{row.point}: no accuracy: it was built without frames and labels of its own (--data)."
    data = {one.row.point: one.row.data for one in runs if one.row.figure("accuracy") is not None}
    if len(set(data.values())) > 1:
        told = "; ".join(f"{name}: {words}" for name, words in data.items())
        yield f"Accuracies are of different frames and do not compare. {told}."
