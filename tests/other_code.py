"""A copy of the project's code whose files a test may change, in place of the real one in digests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fpga_flow.core import closure, digests, places
from fpga_flow.core.recipe import ROOT


@contextmanager
def copied_code(folder: Path) -> Iterator[Path]:
    """Copy the package below `folder`; for a while digests of code see the copy, which is returned."""
    package = folder / closure.PACKAGE
    shutil.copytree(ROOT / closure.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    known = (closure._file, closure.imports, closure._beside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "CODE", folder)
        patch.setattr(digests, "ROOT", folder)
        for cached in known:
            cached.cache_clear()
        try:
            yield package
        finally:
            for cached in known:
                cached.cache_clear()
