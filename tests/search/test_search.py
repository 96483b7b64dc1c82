"""Random networks go from QONNX to simulated RTL, and every stream is that of onnxruntime."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from fpga_flow.core import places
from tests.search import corpus
from tests.search.describe import Network, from_json, summary, to_json
from tests.search.run import run_network
from tests.search.shapes import final
from tests.search.strategy import networks, networks_choice_by_choice

GROUPS, NETWORKS = 3, 3
OPEN = {failure.signature for failure in corpus.load() if not failure.mended}
"""Of failures that are known and not mended yet."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_networks_keep_every_integer_on_the_way_to_rtl(group: int) -> None:
    verdicts: list[str] = []

    @seed(group)
    @settings(
        max_examples=NETWORKS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def search(network: Network) -> None:
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_network(network, Path(folder) / "run", places.cache())
        verdicts.append(outcome.verdict)
        if outcome.signature in OPEN:  # its own test expects it, strictly
            return
        assert outcome.verdict != "failed", (
            f"{summary(network)}: {outcome.reason}\n{outcome.details}\n"
            f"python -m tests.search --network '{to_json(network)}'"
        )

    search()
    assert len(verdicts) == NETWORKS
    assert verdicts.count("passed") > NETWORKS // 2, "too many were refused to say anything"


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(networks_choice_by_choice())
def test_a_description_is_legal_and_survives_json(network: Network) -> None:
    final(network)
    assert from_json(to_json(network)) == network
