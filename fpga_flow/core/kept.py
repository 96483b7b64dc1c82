"""Entries of a cache that know their own content, so that a damaged one is noticed and made again.

A file's name holds the digest of its content beside its key; a table of JSON holds its own digest.
"""

import json
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Any

from fpga_flow.core.artifact import digest_file, digest_json, write_json

DIGITS = 16
"""Hexadecimal digits of the content's digest in a name."""
_logger = logging.getLogger(__name__)


def find_file(folder: Path, key: str, suffix: str) -> Path | None:
    """Return the file kept in `folder` under `key`, None where there is none; a damaged one is removed."""
    for path in sorted(folder.glob(f"{key}-*{suffix}")):
        if _name(key, path, suffix) == path.name:
            return path
        _logger.warning("%s is damaged and is made again", path)
        path.unlink(missing_ok=True)
    return None


def keep_file(source: Path, folder: Path, key: str, suffix: str) -> Path:
    """Put a copy of `source` into `folder` under `key` and return it; it is whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{key}.{os.getpid()}.new"
    shutil.copy(source, scratch)
    target = folder / _name(key, scratch, suffix)
    scratch.replace(target)
    return target


def _name(key: str, path: Path, suffix: str) -> str:
    return f"{key}-{digest_file(path)[:DIGITS]}{suffix}"


def read_table(path: Path) -> Any:
    """Return the value kept in `path`, None where there is none or it is damaged."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        value, digest = table["value"], table["sha256"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        value, digest = None, ""
    if digest == digest_json(value):
        return value
    _logger.warning("%s is damaged and is made again", path)
    return None


def write_table(path: Path, value: Any) -> None:
    """Keep `value`, which JSON can hold, in `path`; others may write the same entry at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    write_json(own, {"value": value, "sha256": digest_json(value)})
    own.replace(path)
