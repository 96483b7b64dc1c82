"""Artifacts that were changed since they were made, and those that are out of date."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpga_flow import report
from fpga_flow.cli import listing
from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, toolchain
from fpga_flow.core.errors import InputError, ToolError
from fpga_flow.pipeline import flow, standing
from tests import fakes

ALL = list(fakes.BUILT)
FILE = "weights.dat"


def stages(**work: Any) -> tuple[fakes.FakeStage, ...]:
    """Stand-in stages that write a file beside their result; that of hardware has the frame rate."""

    def writing(name: str) -> Callable[[flow.Context], Any]:
        def make(context: flow.Context) -> Any:
            (context.folder / "data").mkdir(exist_ok=True)
            (context.folder / "data" / FILE).write_text(name)
            result = fakes.results()[name]
            return {**result, "fps": context.recipe.hardware.fps} if name == "hardware" else result

        return make

    return fakes.stages(**{**{name: writing(name) for name in ALL}, **work})


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", stages())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    flow.execute(fakes.run_of(tmp_path / "r"))
    return tmp_path / "r"


def again(run: Path, **how: Any) -> list[str]:
    opened = fakes.run_of(run)
    flow.execute(opened, **how)
    return opened.made


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = {
    "has been changed since the stage {stage} made it": cut_off,
    "is missing; the stage {stage} made it": Path.unlink,
}


@pytest.mark.parametrize("words", DAMAGES)
@pytest.mark.parametrize("stage", ALL)
def test_build_names_a_changed_file_and_makes_its_stage_again(
    run: Path, stage: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = run / stage / "data" / FILE
    DAMAGES[words](file)
    assert again(run) == [stage]
    assert f"{stage:9} runs again: {file}: {words.format(stage=stage)}\n" in capfd.readouterr().err
    assert file.read_text() == stage
    assert again(run) == []


@pytest.mark.parametrize("name", [artifact.RESULT, artifact.MANIFEST])
def test_build_makes_a_stage_again_whose_result_or_manifest_was_changed(run: Path, name: str) -> None:
    for content in ("", "{}", (run / "verify" / name).read_text().replace("1", "2")):
        (run / "verify" / name).write_text(content)
        assert again(run) == ["verify"]


def test_changed_manifest_is_not_believed(run: Path) -> None:
    (run / "rtl" / "data" / FILE).write_text("other")
    path = run / "rtl" / artifact.MANIFEST
    table = json.loads(path.read_text())
    table["files"][f"data/{FILE}"] = artifact.digest_file(run / "rtl" / "data" / FILE)
    path.write_text(json.dumps(table))
    assert artifact.damage(run / "rtl") == f"{path}: is missing, damaged or of an older version"


def test_files_beside_an_artifact_s_own_are_nobody_s_business(run: Path) -> None:
    (run / "rtl" / "notes.txt").write_text("mine")
    assert again(run) == []


@pytest.mark.parametrize(
    "words", [["verify"], ["synth"], ["report"], ["package", "--virtual"], ["deploy", "--host", "virtual"]]
)
@pytest.mark.parametrize("stage", ["train", "export", "rtl"])
def test_other_commands_refuse_a_run_with_a_changed_file(
    run: Path, words: list[str], stage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = run / stage / "data" / FILE
    file.write_text("other")
    assert cli.main([words[0], str(run), *words[1:]]) == 2
    assert (
        f"error: {file}: has been changed since the stage {stage} made it; the 'flow build' that made this "
        "run makes it again\n"
    ) in capfd.readouterr().err
    assert file.read_text() == "other"


def test_stage_that_runs_again_need_not_be_whole(run: Path) -> None:
    (run / "verify" / "data" / FILE).unlink()
    assert again(run, until="verify", force="verify", mend=False) == ["verify"]


def test_sweep_takes_no_changed_artifact_of_another_run(run: Path, tmp_path: Path) -> None:
    (run / "prune" / "data" / FILE).write_text("other")
    other = fakes.run_of(tmp_path / "s")
    flow.execute(other, "export", relatives=[run])
    assert other.made == ["prune"]


def test_network_of_a_run_that_was_changed_is_refused_and_can_be_given_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "net.onnx"
    net.write_bytes(b"graph 1")
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net))
    kept = tmp_path / "r" / flow.MODEL
    kept.write_bytes(b"graph 2")
    for words in (["verify"], ["report"]):
        assert cli.main([*words, str(tmp_path / "r")]) == 2
        assert f"error: {kept}: has been changed since the run was built; " in capfd.readouterr().err
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net))
    assert standing.intact(flow.open_run(tmp_path / "r")).keys() == set(ALL[2:])


LATER = ["estimate", "rtl", "verify", "synth"]


@pytest.fixture
def faster(run: Path) -> flow.Run:
    """The run, made anew for another frame rate, but not to its end."""
    made = fakes.run_of(run, hardware={"fps": 50_000})
    flow.execute(made, "hardware")
    return made


def test_what_was_made_of_replaced_inputs_is_marked_in_its_folder(faster: flow.Run) -> None:
    assert standing.outdated(faster) == LATER
    marked = [name for name in ALL if (faster.folder / name / artifact.OUTDATED).is_file()]
    assert marked == LATER
    text = (faster.folder / "rtl" / artifact.OUTDATED).read_text()
    assert text.startswith("Out of date: ") and "'flow rtl'" in text


def test_what_is_out_of_date_stands_in_list_and_report(
    faster: flow.Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    names = ", ".join(LATER)
    monkeypatch.setattr("fpga_flow.core.places.RUNS", faster.folder.parent)
    assert cli.main(["list"]) == 0
    assert f"out of date: {names}" in " ".join(capfd.readouterr().out.split())
    report.write(faster)
    assert report.assemble(faster).outdated == LATER
    assert f"Out of date, not in this report: {names} " in (faster.folder / "report.html").read_text()
    report.show(faster)
    assert f"Out of date, not in this report: {names} " in capfd.readouterr().out


def test_a_run_by_another_version_of_the_code_is_told_in_the_list(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(listing.registry, "here", lambda: [run])
    monkeypatch.setattr(listing.registry, "elsewhere", lambda: [])
    monkeypatch.setenv("COLUMNS", "200")
    listing.show()
    assert "by other code of flow" not in capsys.readouterr().out
    for name in ("hardware", "rtl"):
        file = run / name / artifact.MANIFEST
        file.write_text(json.dumps({**json.loads(file.read_text()), "code": "another"}))
    listing.show()
    assert "by other code of flow: hardware, rtl" in capsys.readouterr().out


def test_marks_go_when_the_stages_are_made_again(faster: flow.Run) -> None:
    flow.execute(faster, "rtl")
    assert standing.outdated(faster) == ["synth"]  # the stand-in's RTL is the same for every rate
    assert not (faster.folder / "verify" / artifact.OUTDATED).exists()
    flow.execute(faster)
    assert standing.outdated(faster) == []
    assert not list(faster.folder.glob(f"*/{artifact.OUTDATED}"))


def test_marks_go_when_the_old_recipe_comes_back(run: Path, faster: flow.Run) -> None:
    assert again(run) == ["hardware"]
    assert standing.outdated(fakes.run_of(run)) == []
    assert not list(run.glob(f"*/{artifact.OUTDATED}"))


def test_stages_of_training_are_out_of_date_beside_a_network_from_outside(run: Path, tmp_path: Path) -> None:
    net = tmp_path / "net.onnx"
    net.write_bytes(b"graph")
    outside = flow.new_run(run, fakes.recipe(), net)
    flow.execute(outside)
    assert standing.outdated(outside) == ["train", "prune"]


def test_interrupted_build_marks_what_is_out_of_date(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: flow.Context) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", stages(rtl=interrupted))
    with pytest.raises(KeyboardInterrupt):
        flow.execute(fakes.run_of(run, hardware={"fps": 50_000}))
    assert (run / "verify" / artifact.OUTDATED).is_file()


def test_a_damaged_file_is_told_before_a_missing_tool(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing() -> toolchain.Tool:
        raise ToolError("verilator: gone")

    monkeypatch.setitem(toolchain.FINDERS, "verilator", missing)
    wanting = [s if s.name != "verify" else fakes.replace(s, tools=("verilator",)) for s in stages()]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(wanting))
    assert cli.main(["verify", str(run)]) == 4
    cut_off(run / "rtl" / "data" / FILE)
    assert cli.main(["verify", str(run)]) == 2
    assert f"{FILE}: has been changed since the stage rtl made it" in capfd.readouterr().err


def test_damaged_manifest_is_refused_by_the_report(run: Path) -> None:
    (run / "rtl" / artifact.MANIFEST).write_text("{")
    with pytest.raises(InputError, match=r"rtl/manifest.json: is missing, damaged or of an older version; "):
        report.assemble(flow.open_run(run))
