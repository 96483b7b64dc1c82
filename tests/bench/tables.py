"""What the benchmarks' tables have in common: the machine's name, and rows as CSV."""

import csv
import platform
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, get_args, get_type_hints

from fpga_flow.target.resources import Resources

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row")


def processor() -> str:
    """Return the name of this machine's processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cost(of: Resources) -> float:
    """Return what `of` costs in LUTs: LUT + 242 DSP + 190 BRAM18, the ratios of an xc7z020."""
    return of.lut + 242 * of.dsp + 190 * of.bram18


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Return what `write_rows` wrote, fields as texts; nothing where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [kind(**row) for row in csv.DictReader(file)]


def read_typed(path: Path, kind: type[Row]) -> list[Row]:
    """Return what `write_rows` wrote, fields as `kind` has them; an empty text stays one where it may be."""
    hints = get_type_hints(kind)
    return [
        kind(**{key: _typed(text, hints[key]) for key, text in vars(row).items()})
        for row in read_rows(path, kind)
    ]


def _typed(text: str, hint: Any) -> Any:
    if hint is bool:
        return text == "True"
    kinds = get_args(hint) or (hint,)
    return text if text == "" and str in kinds else kinds[0](text)


def write_rows(file: TextIO, rows: "Sequence[DataclassInstance]") -> None:
    """Write `rows`, dataclasses of one kind and at least one, with their fields' names as the head."""
    writer = csv.DictWriter(file, [field.name for field in fields(rows[0])], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
