from pathlib import Path

import pytest

from fpga_flow.core import places
from fpga_flow.pipeline import registry
from tests import fakes


@pytest.fixture(autouse=True)
def _own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs, cache and the notes of runs in the test's own folder; stages that do no work."""
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.delenv(places.CACHE, raising=False)
    monkeypatch.setattr(registry, "FOLDER", "runs")
