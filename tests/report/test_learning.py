"""What of training and of classes a page shows: read from the artifacts, left out where they have none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.pipeline import flow
from fpga_flow.report import plots
from fpga_flow.report.assemble import results
from fpga_flow.report.learning import Confusion, Learning, learning
from tests import fakes

EPOCH = {"learning_rate": 0.1, "train_loss": 2.0, "validation_loss": 1.5, "validation_accuracy": 0.5}
CURVE = [{"epoch": number, **EPOCH} for number in (1, 2)]
Work = Callable[[flow.Context], Any]


def leaves(stage: str, files: dict[str, Any]) -> dict[str, Work]:
    """A stage that leaves these JSON files, or arrays as an archive."""

    def work(context: flow.Context) -> Any:
        for name, content in files.items():
            if name.endswith(".npz"):
                np.savez_compressed(context.folder / name, **content)
            else:
                (context.folder / name).write_text(json.dumps(content))
        return fakes.results()[stage]

    return {stage: work}


def learned(folder: Path, monkeypatch: pytest.MonkeyPatch, **work: Work) -> Learning:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**work))
    run = fakes.run_of(folder / "r")
    flow.execute(run, "export")
    return learning(run, results(run))


def test_phases_stand_in_the_order_of_their_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = leaves("train", {"curve.json": {"float": CURVE, "quantised": CURVE[:1]}})
    rounds = {f"curve-{name}.json": CURVE for name in ("10", "9", "quantise")}
    found = learned(tmp_path, monkeypatch, **train, **leaves("prune", {**rounds, "history.json": {}}))
    assert [phase.name for phase in found.training] == [
        "float",
        "quantised",
        "round 9",
        "round 10",
        "quantise",
    ]
    assert [len(phase.epochs) for phase in found.training] == [2, 1, 2, 2, 2]


@pytest.mark.parametrize("curve", [{}, {"quantised": [{"epoch": 1}]}, {"quantised": 5}, [1], None])
def test_a_curve_of_another_version_is_left_out(
    curve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert learned(tmp_path, monkeypatch, **leaves("train", {"curve.json": curve})).training == ()


def test_classes_that_were_found_are_counted_by_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = {"label": np.array([0, 0, 1, 1, -1]), "y": np.array([0, 1, 1, 1, 0])}
    found = learned(tmp_path, monkeypatch, **leaves("export", {"vectors.npz": vectors})).confusion
    assert found == Confusion(classes=("OOK", "4ASK"), counts=((1, 1), (0, 2)))
    assert (found.samples, found.mistakes(3)) == (4, ["OOK as 4ASK (1 of 2)"])


@pytest.mark.parametrize(
    "vectors",
    [
        {"x": np.zeros(3)},
        {"label": np.full(3, -1), "y": np.zeros(3, dtype=int)},
        {"label": np.zeros(3, dtype=int), "y": np.zeros((3, 2), dtype=int)},
    ],
)
def test_there_is_no_matrix_where_classes_are_not_known_or_not_one_is_found(
    vectors: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert learned(tmp_path, monkeypatch, **leaves("export", {"vectors.npz": vectors})).confusion is None


def test_a_run_of_a_stage_s_results_alone_has_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert learned(tmp_path, monkeypatch) == Learning(training=(), confusion=None)


@pytest.mark.parametrize("epochs", [1, 3, 50])
def test_training_is_drawn_of_any_number_of_epochs(epochs: int) -> None:
    svg = plots.training([("first", [(2.0, 1.0, 0.5)] * epochs), ("second", [(1.0, 1.0, 0.6)])])
    assert "first" in svg and "validation accuracy in %" in svg


def test_pruning_is_drawn_of_rounds_that_all_failed() -> None:
    assert "failed" in plots.pruning([(0.5, 0.4, False)], 0.6)
    assert "passed" in plots.pruning([(0.5, 0.7, True), (0.2, 0.6, True)], None)
