"""Results read back as they were written, and those of another version are refused by run and stage."""

import json
from pathlib import Path

import pytest

from fpga_flow import results
from fpga_flow.cli import main as cli
from fpga_flow.core import artifact
from fpga_flow.core.closure import closure
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import ROOT
from fpga_flow.pipeline import flow
from fpga_flow.results.hardware import HardwareResult
from fpga_flow.results.run import KINDS, RunResults, read_all
from fpga_flow.results.verify import VerifyEffort
from fpga_flow.sweep.gather import gather
from tests import fakes
from tests.made_otherwise import made_otherwise

STAGES = tuple(stage.name for stage in flow.STAGES)


def test_every_stage_has_a_model_and_a_place_among_a_run_s_results() -> None:
    assert tuple(KINDS) == STAGES
    assert [name for name in RunResults.model_fields if name in KINDS] == list(KINDS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_made_anew_where_the_form_of_a_result_that_it_writes_or_reads_changes(stage: str) -> None:
    room = ROOT / "fpga_flow" / "results"
    found = {path.stem for path in closure([f"fpga_flow.stages.{stage}"]) if path.parent == room}
    assert {stage, "base"} <= found
    assert "run" not in found


@pytest.mark.parametrize("stage", ["export", "hardware", "estimate", "rtl", "verify"])
def test_the_result_of_a_real_run_reads_back_as_it_was_written(digits_run: Path, stage: str) -> None:
    folder = digits_run / stage
    found = results.read(KINDS[stage], folder)
    assert found.model_dump(mode="json") == artifact.read_result(folder)


def test_effort_of_a_real_run_reads_back(digits_run: Path) -> None:
    effort = results.read_effort(VerifyEffort, digits_run / "verify")
    assert effort.cycles_per_second == artifact.read_effort(digits_run / "verify")["cycles_per_second"] > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fps": None}, "fps: input should be a valid number"),
        ({"colour": "red"}, "colour: extra inputs are not permitted"),
        ({"layers": [{"name": "a"}]}, "layers.0.op: field required"),
    ],
)
def test_a_result_of_another_form_is_refused_by_run_and_stage(
    change: dict[str, object], reason: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mine" / "hardware"
    folder.mkdir(parents=True)
    artifact.write_json(folder / artifact.RESULT, fakes.results()["hardware"] | change)
    with pytest.raises(InputError) as refused:
        results.read(HardwareResult, folder)
    assert str(refused.value) == (
        f"{tmp_path / 'mine'}: the result of hardware is of another version of flow "
        f"(result.json: {reason}); 'flow build' makes it again"
    )


def test_a_stage_that_does_not_stand_has_no_result(tmp_path: Path) -> None:
    (tmp_path / "rtl").mkdir()
    artifact.write_json(tmp_path / "rtl" / artifact.RESULT, fakes.results()["rtl"])
    found = read_all({"rtl": tmp_path / "rtl"})
    assert found.rtl and found.rtl.top == "accelerator"
    assert (found.train, found.verify, found.verify_effort) == (None, None, None)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    flow.execute(fakes.run_of(tmp_path / "r"))
    return tmp_path / "r"


OLD = "the result of verify is of another version of flow (result.json: sets: field required)"


def of_an_older_version() -> str:
    table = fakes.results()["verify"]
    del table["sets"]
    return json.dumps(table)


@pytest.mark.parametrize("command", [("report",), ("deploy", "--host", "virtual"), ("package", "--virtual")])
def test_commands_on_a_run_of_an_older_version_say_that_build_makes_it_again(
    command: tuple[str, ...], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with made_otherwise(run / "verify", artifact.RESULT, of_an_older_version()):
        assert cli.main([command[0], str(run), *command[1:]]) == 2
    assert f"{run}: {OLD}; 'flow build' makes it again" in capsys.readouterr().err.replace("\n", " ")


def test_stages_of_an_older_version_are_made_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.dependencies.code_digest", lambda *_, **__: "another version")
    with made_otherwise(run / "verify", artifact.RESULT, of_an_older_version()):
        again = fakes.run_of(run)
        flow.execute(again)
    assert "verify" in again.made


def test_a_run_of_an_older_version_is_a_row_that_says_so(run: Path) -> None:
    with made_otherwise(run / "verify", artifact.RESULT, of_an_older_version()):
        (row,) = gather([run])
    assert (row.point, row.state, row.figures, row.bits) == ("r", "outdated", {}, 4)
    assert row.message == f"{run}: {OLD}; 'flow build' makes it again"


def test_the_board_s_figures_of_an_older_version_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fpga_flow.design.design import design_digest

    (run / "board").mkdir()
    artifact.write_json(run / "board" / artifact.RESULT, {"digest": design_digest(run / "rtl"), "fps": 1})
    assert cli.main(["report", str(run)]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"{run}: the result of board is of another version of flow (result.json: samples: " in said
    assert "'flow deploy' makes it again" in said
