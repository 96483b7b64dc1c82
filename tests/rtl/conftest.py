"""One cache of compiled simulators for all tests of single modules."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where compiled simulators go."""
    return tmp_path_factory.mktemp("simulators")
