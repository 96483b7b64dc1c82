"""What Vivado's hierarchical utilisation report says of each instance: text or XML.

`report_utilization -hierarchical -file FILE` writes text, `-format xml` the same table as XML. Columns are
found by their heads, since Vivado's versions and families have different ones.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from fpga_flow.core.errors import InputError
from fpga_flow.target.resources import Resources

INSTANCE = "Instance"
HEADS = {
    "lut": ("Total LUTs",),
    "ff": ("FFs",),
    "bram36": ("RAMB36",),
    "bram18": ("RAMB18",),
    "dsp": ("DSP Blocks", "DSP48 Blocks", "DSPs"),
}
"""Resource -> what its column is called, in one version or another."""


def instances(path: Path) -> dict[str, Resources]:
    """Return what each instance in the report `path` takes, by its own name without those above it.

    Where several have one name, the first. Raises `InputError` where there is no such table.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = _xml_rows(text, path) if text.lstrip().startswith("<") else _text_rows(text)
    places: dict[str, int] = {}
    found: dict[str, Resources] = {}
    for row in rows:
        if INSTANCE in row and not places:
            places = _places(row, path)
        elif places and len(row) > max(places.values()):
            name = row[places[INSTANCE]].strip()
            values = {key: _number(row[place]) for key, place in places.items() if key != INSTANCE}
            if name and None not in values.values():
                amounts = {key: value or 0.0 for key, value in values.items()}
                amounts["bram18"] += 2 * amounts.pop("bram36")
                found.setdefault(name, Resources(**amounts))
    if not found:
        raise InputError(
            f"{path}: must be a utilisation report by instance, as text or XML "
            "(report_utilization -hierarchical)"
        )
    return found


def _places(heads: list[str], path: Path) -> dict[str, int]:
    found = {INSTANCE: heads.index(INSTANCE)}
    for key, names in HEADS.items():
        place = next((heads.index(name) for name in names if name in heads), None)
        if place is None:
            raise InputError(
                f"{path}: no column {' or '.join(names)}; it has {', '.join(filter(None, heads))}"
            )
        found[key] = place
    return found


def _text_rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def _xml_rows(text: str, path: Path) -> Iterator[list[str]]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path}: XML with a document type or entities of its own is not read")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  (entities are refused above)
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: {error}") from None
    for row in root.iter():
        cells = [child.attrib["contents"].strip() for child in row if "contents" in child.attrib]
        if cells:
            yield cells


def _number(text: str) -> float | None:
    """Return the amount in a cell, which may have a share in brackets behind it."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:\s*\([\d.<%\s]+\))?", text.strip())
    return float(match[1]) if match else None
