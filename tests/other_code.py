"""A copy of the project's code whose files a test may change, in place of the real one in digests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fpga_flow.core import closure, digests
from fpga_flow.core.recipe import ROOT


@contextmanager
def copied_code(folder: Path) -> Iterator[Path]:
    """Copy the package below `folder`; for a while digests of code see the copy, which is returned."""
    package = folder / closure.PACKAGE
    shutil.copytree(ROOT / closure.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "ROOT", folder)
        yield package
