"""Readers of the jet-tagging set's tables; columns are found by name.

Each returns features, float32 (N, 16), and classes, int64 (N,), in the file's order, and raises `InputError`.
"""

import csv as separated
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.data.frames import Indices
from fpga_flow.data.jet_features import CLASSES, FEATURES, Jets

LINES = 1 << 16
"""That are read at once."""
MAX_HEAD = 1000
"""Lines in front of the data of an ARFF file."""
NAME_LETTERS = 16
"""Of a class's name at most, so that a wrong column does not fill memory."""
PREFIX = "j_"
"""Of the names of columns in the authors' file."""


def arff(path: Path) -> Jets:
    """Read OpenML's ARFF file (`@attribute` NAME TYPE, then comma-separated lines behind `@data`).

    SciPy's reader takes a minute for the real file and cannot read columns of texts, which the class may be.
    """
    with _text(path) as stream:
        names, head = [], 0
        for line in islice(stream, MAX_HEAD):
            head += 1
            words = line.split(None, 2)
            keyword = words[0].lower() if words else "%"
            if keyword == "@data":
                break
            if keyword == "@attribute" and len(words) > 1:
                found = re.match(r"\s*(?:'([^']*)'|\"([^\"]*)\"|(\S+))", line[len(words[0]) :])
                names.append(next(filter(None, found.groups()), "") if found else "")
            elif not keyword.startswith(("%", "@relation")):
                raise InputError(f"{path}: line {head}: must be a line of an ARFF head, not {line[:40]!r}")
        else:
            raise InputError(f"{path}: is no ARFF file: it has no @data in its first {head:,} lines")
        return _lines(path, stream, names, head)


def csv(path: Path) -> Jets:
    """Read a CSV file with a line of names."""
    with _text(path) as stream:
        first = stream.readline(1 << 16)
        names = next(iter(separated.reader([first])), [])
        return _lines(path, stream, [name.strip() for name in names], 1)


def parquet(path: Path) -> Jets:
    """Read a Parquet file; needs pyarrow, which the extra `parquet` of this package brings."""
    try:
        import pyarrow
        from pyarrow import parquet as reader
    except ImportError:
        raise InputError(
            f"{path}: needs pyarrow, which is not installed; install it with pip install 'fpga-flow[parquet]'"
        ) from None
    try:
        with reader.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            column = class_column(str(path), names)
            table = file.read(columns=[*FEATURES, column])
            values = np.column_stack([table[name].to_numpy().astype(np.float32) for name in FEATURES])
            return values, from_names(str(path), table[column].to_pylist())
    except (pyarrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None


def class_column(where: str, names: Sequence[str]) -> str:
    """Return the name of the column of classes: `class`, or the only one that is no feature."""
    missing = [name for name in FEATURES if name not in names]
    if missing:
        raise InputError(
            f"{where}: must have columns {', '.join(FEATURES)}; {', '.join(missing)} is missing "
            f"(it has {', '.join(map(repr, names[:8]))[:200] or 'none'})"
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{where}: must have each column once, has {twice!r} {names.count(twice)} times")
    others = [name for name in names if name not in FEATURES]
    if "class" in others:
        return "class"
    if len(others) != 1:
        raise InputError(f"{where}: must have a column 'class' beside the features, not {others[:8]}")
    return others[0]


def from_names(where: str, names: Sequence[Any] | NDArray[Any]) -> Indices:
    """Return classes by their names; numbers are refused, as nothing says in which order they were given."""
    found, place = np.unique(
        np.array([str(name) for name in names], dtype=f"U{NAME_LETTERS}"), return_inverse=True
    )
    plain = [name.strip().strip("'\"").removeprefix(PREFIX) for name in found.tolist()]
    wrong = [k for k, name in enumerate(plain) if name not in CLASSES]
    if wrong:
        row = int(np.flatnonzero(place == wrong[0])[0])
        raise InputError(
            f"{where}: classes must be {', '.join(CLASSES)}, by name, "
            f"not {found[wrong[0]].item()!r} as of jet {row}"
        )
    labels: Indices = np.array([CLASSES.index(name) for name in plain], dtype=np.int64)[place]
    return labels


def from_one_hot(where: str, rows: NDArray[Any]) -> Indices:
    """Return the place of the single 1 in each of `rows`, (N, 5)."""
    wrong = (np.count_nonzero(rows, axis=1) != 1) | (rows.max(axis=1, initial=0) != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{where}: classes must be one-hot, a single 1 in each row; row {row} is {rows[row].tolist()}"
        )
    labels: Indices = rows.argmax(axis=1).astype(np.int64)
    return labels


def _text(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _lines(path: Path, stream: TextIO, names: Sequence[str], head: int) -> Jets:
    """Read the lines behind a head of so many lines."""
    column = class_column(str(path), names)
    kinds = [(f"column {k}", f"U{NAME_LETTERS}" if name == column else "f8") for k, name in enumerate(names)]
    order = [names.index(name) for name in FEATURES]
    values, classes = [], []
    with bar(f"reading {path.name}", path.stat().st_size, "bytes") as advance:
        for lines in _pieces(stream):
            rows = _parsed(path, lines, kinds, head)
            values.append(np.column_stack([rows[f"column {k}"] for k in order]).astype(np.float32))
            classes.append(rows[f"column {names.index(column)}"])
            head += len(lines)
            advance(sum(map(len, lines)))
    if not values:
        raise InputError(f"{path}: holds no jets")
    return np.concatenate(values), from_names(str(path), np.concatenate(classes))


def _pieces(stream: TextIO) -> Iterator[list[str]]:
    while lines := list(islice(stream, LINES)):
        if any(not line.isspace() for line in lines):
            yield lines


def _parsed(path: Path, lines: list[str], kinds: list[tuple[str, str]], head: int) -> NDArray[Any]:
    try:
        return _rows(lines, kinds)
    except ValueError:
        pass
    for number, line in enumerate(lines, head + 1):  # NumPy counts rows from 0 or from 1, as it comes
        try:
            _rows([line], kinds)
        except ValueError as error:
            reason = re.sub(r" at row \d+", "", str(error).splitlines()[0]).partition(";")[0]
            raise InputError(
                f"{path}: line {number}: must be {len(kinds)} values, numbers but for the class ({reason})"
            ) from None
    raise InputError(
        f"{path}: lines {head + 1:,} to {head + len(lines):,}: must be {len(kinds)} values each, not quoted "
        "over several lines"
    )


def _rows(lines: list[str], kinds: list[tuple[str, str]]) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a line that is empty
        return np.loadtxt(lines, dtype=kinds, delimiter=",", quotechar='"', comments="%", ndmin=1)
