"""Every network that ever failed passes, or is expected to fail until that is mended."""

from pathlib import Path

import pytest

from fpga_flow.core import places
from tests.search import corpus
from tests.search.run import run_network


def _parameter(failure: corpus.Failure) -> object:
    marks = () if failure.mended else pytest.mark.xfail(reason=failure.showed, strict=True)
    return pytest.param(failure, id=failure.name, marks=marks)


@pytest.mark.parametrize("failure", [_parameter(failure) for failure in corpus.load()])
def test_networks_that_failed_once_pass(failure: corpus.Failure, tmp_path: Path) -> None:
    outcome = run_network(failure.network, tmp_path / "run", places.cache())
    assert outcome.verdict != "failed", f"{failure.showed}\n{outcome.reason}\n{outcome.details}"
