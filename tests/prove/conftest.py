"""The cache of the proofs' tests."""

from pathlib import Path

import pytest

from fpga_flow.core import places


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache without proofs, with the simulators of all tests, which stay."""
    simulators = places.cache() / "verilator"
    simulators.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "verilator").symlink_to(simulators)
    return tmp_path / "cache"
