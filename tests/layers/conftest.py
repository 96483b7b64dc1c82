"""The cache of compiled simulators, shared with the flow's own."""

from pathlib import Path

import pytest

from fpga_flow.core import places


@pytest.fixture(scope="session")
def simulators() -> Path:
    """Where compiled simulators go; it stays, so that a second run of the tests compiles nothing."""
    return places.cache() / "verilator"
