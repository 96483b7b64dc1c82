"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 colour pictures of 32 x 32, from their archives.

`cifar-10-python.tar.gz`, `cifar-10-binary.tar.gz` and those of CIFAR-100 are read without being unpacked. The
archives for Python hold pickles; `fpga_flow.data.pickled` reads them without running them. Nothing is
downloaded here: users bring the archive and name it in `data.file`.
"""

import tarfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.data import pickled
from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.held_out import held_out

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
"""Bytes of a picture: rows of red, then of green, then of blue."""
MAX_BYTES = 1 << 28
"""A member of an archive that claims to be larger is refused; the largest real one has 155 MB."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Kind:
    """One of the data sets, and what its files are called."""

    title: str
    classes: int
    archives: tuple[str, str]
    """For Python, and binary."""
    folders: tuple[str, str]
    """Folder of the files in each archive."""
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: tuple[str, str]
    """File of the classes' names in each archive."""
    labels_key: str
    names_key: str
    label_bytes: int
    """In front of each picture in binary files; the last one is the class."""


KINDS = {
    "cifar10": Kind(
        title="CIFAR-10",
        classes=10,
        archives=("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"),
        folders=("cifar-10-batches-py", "cifar-10-batches-bin"),
        train=tuple(f"data_batch_{n}" for n in range(1, 6)),
        test=("test_batch",),
        names=("batches.meta", "batches.meta.txt"),
        labels_key="labels",
        names_key="label_names",
        label_bytes=1,
    ),
    "cifar100": Kind(
        title="CIFAR-100",
        classes=100,
        archives=("cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"),
        folders=("cifar-100-python", "cifar-100-binary"),
        train=("train",),
        test=("test",),
        names=("meta", "fine_label_names.txt"),
        labels_key="fine_labels",
        names_key="fine_label_names",
        label_bytes=2,
    ),
}


def frames(name: str, path: Path, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split of "cifar10" or "cifar100" in the archive `path`, values from 0 to 1.

    The test pictures are those of the set; validation is a part of each class's others. Raises `InputError`
    naming the archive, and the file in it, where it is not what it should be.
    """
    kind = KINDS[name]
    try:
        status = path.stat()
    except OSError:
        raise InputError(f"{path}: no such file; data.file must name {wanted(kind)}") from None
    images, labels, classes = _part(name, path, split == "test", status.st_size, status.st_mtime_ns)
    rows = held_out(labels, split, validation_share, seed)

    def fetch(indices: Indices) -> Values:
        values: Values = images[rows[indices]].astype(np.float32) / np.float32(255)
        return values

    return Frames(
        classes=classes,
        labels=labels[rows],
        snr_db=None,
        shape=SHAPE,
        generated=False,
        source=f"{kind.title}; {split}: {len(rows):,} pictures",
        fetch=fetch,
    )


def wanted(kind: Kind) -> str:
    """Return what `data.file` must name, in words."""
    return " or ".join(kind.archives) + ", as downloaded"


@lru_cache(maxsize=4)
def _part(
    name: str, path: Path, test: bool, _size: int, _modified: int
) -> tuple[Bytes, Indices, tuple[str, ...]]:
    """Return pictures, uint8 (N, 3, 32, 32), their labels, int64 (N,), and the classes' names."""
    kind = KINDS[name]
    batches = kind.test if test else kind.train
    binary, members = _members(path, kind, batches)
    names = _names(path, kind, members[kind.names[binary]], binary)
    read = _binary if binary else _python
    pictures, labels = [], []
    for batch in batches:
        where = f"{path}: {batch}"
        of_batch, its_labels = read(where, kind, members[batch])
        if not len(its_labels) or not 0 <= its_labels.min() <= its_labels.max() < kind.classes:
            what = f"go from {its_labels.min()} to {its_labels.max()}" if len(its_labels) else "are missing"
            raise InputError(f"{where}: labels must be 0 to {kind.classes - 1}, but {what}")
        pictures.append(of_batch)
        labels.append(its_labels)
    return np.concatenate(pictures), np.concatenate(labels), names


def _members(path: Path, kind: Kind, batches: tuple[str, ...]) -> tuple[bool, dict[str, bytes]]:
    """Return whether the archive is the binary one, and the content of `batches` and of the names' file."""
    found: dict[str, dict[str, bytes]] = {folder: {} for folder in kind.folders}
    sought = {
        folder: {
            name: name if name == kind.names[k] else f"{name}{suffix}" for name in (*batches, kind.names[k])
        }
        for k, (folder, suffix) in enumerate(zip(kind.folders, ("", ".bin"), strict=True))
    }
    seen: set[str] = set()
    try:
        with (
            bar(f"reading {path.name}", len(batches) + 1, "files") as advance,
            tarfile.open(path, "r|*") as archive,
        ):
            for member in archive:
                if member.size > MAX_BYTES:
                    raise InputError(
                        f"{path}: {member.name[:100]!r} claims {member.size:,} bytes, "
                        f"more than any file of {kind.title}"
                    )
                place = PurePosixPath(member.name)
                folder = place.parent.name
                seen.add(folder or place.name)
                keys = [key for key, file in sought.get(folder, {}).items() if file == place.name]
                if not keys or not member.isreg():
                    continue
                stream = archive.extractfile(member)
                content = stream.read() if stream else b""
                found[folder][keys[0]] = content
                advance()
                if len(found[folder]) == len(sought[folder]):
                    return folder == kind.folders[1], found[folder]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); it must be {wanted(kind)}, whole: download it again"
        ) from None
    folder = max(found, key=lambda name: len(found[name]))
    if not found[folder]:
        raise InputError(
            f"{path}: must be {wanted(kind)}; it has no folder {' or '.join(kind.folders)}"
            f" (it has {', '.join(sorted(seen))[:200] or 'nothing'})"
        )
    missing = ", ".join(sought[folder][name] for name in sought[folder] if name not in found[folder])
    raise InputError(f"{path}: {folder} has no file {missing}; download the archive again")


def _names(path: Path, kind: Kind, content: bytes, binary: bool) -> tuple[str, ...]:
    file = kind.names[binary]
    if binary:
        lines = content.decode("latin-1").split("\n")
        names = [line.strip() for line in lines if line.strip()]
    else:
        names = [
            _text(name)
            for name in _list(f"{path}: {file}", _unpickled(f"{path}: {file}", content), kind.names_key)
        ]
    if len(names) != kind.classes:
        raise InputError(f"{path}: {file}: must hold {kind.classes} names of classes, not {len(names)}")
    return tuple("".join(letter for letter in name if letter.isprintable())[:40] for name in names)


def _binary(where: str, kind: Kind, content: bytes) -> tuple[Bytes, Indices]:
    record = kind.label_bytes + PIXELS
    if not content or len(content) % record:
        raise InputError(
            f"{where}.bin: must hold pictures of {record:,} bytes each, but has {len(content):,} bytes; "
            "download the archive again"
        )
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, record)
    labels = rows[:, kind.label_bytes - 1].astype(np.int64)
    return rows[:, kind.label_bytes :].reshape(-1, *SHAPE), labels


def _python(where: str, kind: Kind, content: bytes) -> tuple[Bytes, Indices]:
    held = _unpickled(where, content)
    pictures = held.get("data")
    if not isinstance(pictures, np.ndarray) or pictures.ndim != 2 or pictures.shape[1] != PIXELS:
        shape = f"an array of shape {pictures.shape}" if isinstance(pictures, np.ndarray) else "none"
        raise InputError(f"{where}: data must be an array of (N, {PIXELS:,}) bytes, but is {shape}")
    labels = _list(where, held, kind.labels_key)
    if not all(isinstance(label, int) for label in labels) or max(map(abs, labels), default=0) > 1 << 31:
        raise InputError(f"{where}: {kind.labels_key} must be whole numbers")
    if len(labels) != len(pictures):
        raise InputError(f"{where}: holds {len(labels):,} labels for {len(pictures):,} pictures")
    return pictures.reshape(-1, *SHAPE), np.array(labels, dtype=np.int64)


def _unpickled(where: str, content: bytes) -> dict[str, Any]:
    try:
        held = pickled.read(content)
    except ValueError as error:
        raise InputError(f"{where}: {error}; download the archive again") from None
    if not isinstance(held, dict):
        raise InputError(f"{where}: must hold a dict, not a {type(held).__name__}")
    return {_text(key): value for key, value in held.items() if isinstance(key, str | bytes)}


def _list(where: str, held: dict[str, Any], key: str) -> list[Any]:
    value = held.get(key)
    if not isinstance(value, list):
        raise InputError(
            f"{where}: must hold {key}, a list; it has {', '.join(map(repr, held)) or 'nothing'}"
        )
    return value


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
