import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from fpga_flow import results
from fpga_flow.core import artifact, digests, toolchain
from fpga_flow.core.errors import DifferenceError, FitError, InputError, ToolError
from fpga_flow.core.recipe import ROOT, model_names
from fpga_flow.pipeline import flow
from fpga_flow.results.hardware import HardwareResult
from tests import fakes

REAL = flow.STAGES
ALL = list(fakes.BUILT)
AFTER_EXPORT = ALL[ALL.index("hardware") :]


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())


def use(monkeypatch: pytest.MonkeyPatch, **work: Any) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**work))


def execute(folder: Path, until: str | None = None, force: str | None = None, **parts: Any) -> flow.Run:
    run = fakes.run_of(folder, **parts)
    flow.execute(run, until, force)
    return run


def test_stages_run_in_order_and_once(tmp_path: Path) -> None:
    assert execute(tmp_path / "r").made == ALL
    again = execute(tmp_path / "r")
    assert again.made == []
    assert [outcome.name for outcome in again.outcomes] == ALL


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"hardware": {"fps": 20000}}, ["hardware"]),
        ({"board": "zcu104"}, ["hardware", "estimate", "synth"]),
        ({"verify": {"frames": 300}}, ["verify"]),
        ({"prune": {"rate": 0.3}}, ["prune"]),
        ({"export": {"vectors": 512}}, ["export"]),
        ({"train": {"epochs": 7}}, ["train"]),
        ({"quant": {"weight_bits": 3}}, ["train", "prune", "export"]),
    ],
)
def test_a_change_runs_again_just_what_depends_on_it(tmp_path: Path, parts: Any, expected: list[str]) -> None:
    """The fakes' artifacts have the same content, so what follows an unchanged artifact stands."""
    execute(tmp_path / "r")
    assert execute(tmp_path / "r", **parts).made == expected


def test_changed_fps_retrains_nothing_and_makes_all_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = fakes.results()

    def hardware(context: flow.Context) -> Any:
        return {**table["hardware"], "fps": context.recipe.hardware.fps}

    def rtl(context: flow.Context) -> Any:
        hardware = results.read(HardwareResult, context.inputs["hardware"])
        return {**table["rtl"], "distinct": round(hardware.fps)}

    use(monkeypatch, hardware=hardware, rtl=rtl)
    execute(tmp_path / "r")
    assert execute(tmp_path / "r", hardware={"fps": 1234}).made == AFTER_EXPORT


def test_pruning_depends_on_the_board_where_it_ends_there_and_keeps_its_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def prune(context: flow.Context) -> Any:
        asked = context.recipe.prune.asks_hardware
        kept.append(context.kept)
        assert (asked, asked) == (hasattr(context.recipe, "board"), hasattr(context.recipe, "hardware"))
        return fakes.results()["prune"]

    use(monkeypatch, prune=prune)
    for prune_parts in ({"until": "fits"}, {"criterion": "hardware"}):
        folder = tmp_path / next(iter(prune_parts))
        execute(folder, prune=prune_parts)
        assert execute(folder, prune=prune_parts).made == []
        assert execute(folder, prune=prune_parts, hardware={"fps": 20000}).made == ["prune", "hardware"]
        assert execute(folder, prune=prune_parts, board="zcu104").made[0] == "prune"
        assert execute(folder, prune=prune_parts, hardware={"fifos": {"seconds": 1}}).made[0] == "prune"
        more = {"fifos": {"seconds": 2}}
        assert execute(folder, prune=prune_parts, hardware=more).made == ["hardware"]
    assert kept[0] is not None and kept[:4] == [kept[0]] * 4
    assert kept[4] != kept[0] and kept[4:] == [kept[4]] * 4
    execute(tmp_path / "plain")
    assert kept[-1] is None


def test_network_that_is_accurate_enough_but_fits_at_no_density(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"fps": 9000.0, "words": "60,000 LUT (113 %)", "fits": False}
    instead = {"fps": 4000.0, "accuracy": 0.5, "density": 0.1, "board": "zcu104"}
    result = {**fakes.results()["prune"], "taken": taken, "instead": instead}
    use(monkeypatch, prune=lambda _: result)
    for made in (True, False):
        run = fakes.run_of(tmp_path / "r", prune={"until": "fits"})
        with pytest.raises(FitError, match="--fps: 4,000 frames/s fit; --accuracy: 50.00% fits, with 10.0%"):
            flow.execute(run)
        assert ("prune" in run.made) == made
        assert "export" not in [outcome.name for outcome in run.outcomes]


def test_until_stops_after_the_stage(tmp_path: Path) -> None:
    assert execute(tmp_path / "r", until="export").made == ["train", "prune", "export"]
    assert execute(tmp_path / "r").made == AFTER_EXPORT


def test_force_runs_one_stage_again(tmp_path: Path) -> None:
    execute(tmp_path / "r")
    assert execute(tmp_path / "r", until="verify", force="verify").made == ["verify"]


def test_wrong_stage_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^stage: must be one of train, prune, .*, not 'nix'$"):
        execute(tmp_path / "r", until="nix")
    assert not (tmp_path / "r").exists()


def test_killed_stage_finds_its_work_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(context: flow.Context) -> Any:
        (context.folder / "epoch1").write_text("done")
        raise KeyboardInterrupt

    def resumed(context: flow.Context) -> Any:
        found = (context.folder / "epoch1").read_text()
        return {**fakes.results()["train"], "origin": found}

    use(monkeypatch, train=killed)
    with pytest.raises(KeyboardInterrupt):
        execute(tmp_path / "r")
    assert not (tmp_path / "r" / "train").exists()
    use(monkeypatch, train=resumed)
    execute(tmp_path / "r", until="train")
    assert artifact.read_result(tmp_path / "r" / "train")["origin"] == "done"


def test_artifact_killed_before_its_rename_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(artifact, "_put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            execute(tmp_path / "r")
    assert execute(tmp_path / "r").made == ALL[1:]


def test_two_flows_in_one_run(tmp_path: Path) -> None:
    execute(tmp_path / "r")
    before = (tmp_path / "r" / flow.RECIPE).read_text()
    lock = FileLock(tmp_path / "r" / ".lock")
    with lock, pytest.raises(InputError, match="another flow is working on this run"):
        execute(tmp_path / "r", hardware={"fps": 1})
    assert (tmp_path / "r" / flow.RECIPE).read_text() == before
    execute(tmp_path / "r")


def test_missing_tool_is_found_before_the_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> toolchain.Tool:
        raise ToolError("verilator: gone")

    monkeypatch.setitem(toolchain.FINDERS, "verilator", missing)
    stages = [s if s.name != "verify" else fakes.replace(s, tools=("verilator",)) for s in fakes.stages()]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    with pytest.raises(ToolError, match="^verilator: gone$"):
        execute(tmp_path / "r")
    assert not (tmp_path / "r").exists()
    assert execute(tmp_path / "r", until="rtl").made == list(ALL[: ALL.index("rtl") + 1])


def test_training_knows_the_kind_of_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {stage.name for stage in REAL if "processor" in stage.tools} == {"train", "prune", "export"}
    stages = [s if s.name != "train" else fakes.replace(s, tools=("processor",)) for s in fakes.stages()]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    first = execute(tmp_path / "first", until="prune")

    def taken(name: str) -> list[str]:
        run = fakes.run_of(tmp_path / name)
        flow.execute(run, "prune", relatives=[first.folder])
        return [stage for stage in ("train", "prune") if stage not in run.made]

    assert taken("same") == ["train", "prune"]
    other = toolchain.Tool("processor", (), "another one", {}, "")
    monkeypatch.setitem(toolchain.FINDERS, "processor", lambda: other)
    assert taken("other") == ["prune"]  # the fakes' artifacts have the same content


def test_log_has_records_prints_and_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(context: flow.Context) -> Any:
        print("stray print")
        logging.getLogger("finn").info("a record")
        raise RuntimeError("boom")

    use(monkeypatch, train=fails)
    with pytest.raises(RuntimeError) as caught:
        execute(tmp_path / "r")
    log = tmp_path / "r" / "train.partial" / artifact.LOG
    assert caught.value.__notes__ == [f"log: {log}"]
    text = log.read_text()
    assert all(part in text for part in ("stray print", "INFO finn: a record", "RuntimeError: boom"))
    assert capsys.readouterr().out == ""


def test_stage_cannot_read_what_it_does_not_declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prune(context: flow.Context) -> Any:
        assert context.recipe.train.batch == 256
        for read in (lambda: context.recipe.hardware, lambda: context.recipe.train.epochs):
            with pytest.raises(AttributeError):
                read()
        return fakes.results()["prune"]

    use(monkeypatch, prune=prune)
    assert "prune" in execute(tmp_path / "r", until="prune").made


def test_difference_stops_the_build_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fakes.difference("conv3")
    result = {**fakes.results()["verify"], "mismatches": 2, "first_difference": first}
    use(monkeypatch, verify=lambda _: result)
    for made_again in (True, False):
        run = fakes.run_of(tmp_path / "r")
        with pytest.raises(DifferenceError) as caught:
            flow.execute(run)
        assert str(caught.value) == (
            "verify: 2 of 256 frames differ between RTL and onnxruntime; "
            "first difference: layer conv3, tensor act3, frame 9, index [7], expected 1, found 2"
        )
        assert ("verify" in run.made) == made_again
        assert "synth" not in [outcome.name for outcome in run.outcomes]


def test_design_larger_than_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = {**fakes.results()["synth"], "lut": 60_000, "dsp": 220}
    use(monkeypatch, synth=lambda _: result)
    with pytest.raises(FitError) as caught:
        execute(tmp_path / "r")
    assert str(caught.value) == (
        "synth: the design does not fit the board pynq-z1: 60,000 LUT of 53,200; "
        "lower --fps, prune more, or take a larger --board"
    )
    execute(tmp_path / "r", board="zcu104")


def test_current_leaves_out_what_was_made_from_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = execute(tmp_path / "r")
    assert list(flow.current(run)) == ALL
    use(monkeypatch, hardware=lambda _: {**fakes.results()["hardware"], "fps": 1.0})
    run = execute(tmp_path / "r", until="hardware", hardware={"fps": 1})
    assert list(flow.current(run)) == ["train", "prune", "export", "hardware"]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"graph 1")
    return path


def test_network_from_outside_enters_at_export(tmp_path: Path, net: Path) -> None:
    run = flow.new_run(tmp_path / "r", fakes.recipe(), net)
    flow.execute(run)
    assert run.made == ALL[2:]
    assert (tmp_path / "r" / flow.MODEL).read_bytes() == b"graph 1"
    net.unlink()
    opened = flow.open_run(tmp_path / "r")
    flow.execute(opened)
    assert opened.made == []
    assert list(flow.current(opened)) == ALL[2:]


def test_other_network_from_outside_is_built(tmp_path: Path, net: Path) -> None:
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net))
    net.write_bytes(b"graph 2")
    run = flow.new_run(tmp_path / "r", fakes.recipe(), net)
    flow.execute(run)
    assert run.made[0] == "export"


def test_training_is_no_stage_of_a_network_from_outside(tmp_path: Path, net: Path) -> None:
    run = flow.new_run(tmp_path / "r", fakes.recipe(), net)
    with pytest.raises(InputError, match="^stage: must be one of export, .* in this run, not 'train'$"):
        flow.execute(run, until="train")
    assert not (tmp_path / "r").exists()


def test_recipe_in_the_folder_of_an_outside_network(tmp_path: Path, net: Path) -> None:
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net))
    execute(tmp_path / "r")
    assert flow.open_run(tmp_path / "r").model_file is None


def test_changed_checkpoint_retrains(tmp_path: Path) -> None:
    checkpoint = tmp_path / "start.npz"
    checkpoint.write_text("one")
    parts = {"train": {"checkpoint": str(checkpoint)}}
    execute(tmp_path / "r", **parts)
    assert execute(tmp_path / "r", **parts).made == []
    checkpoint.write_text("two")
    assert execute(tmp_path / "r", **parts).made == ["train"]


def test_changed_code_runs_its_stage_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "code" / "prune"
    code.mkdir(parents=True)
    (code / "fmp.py").write_text("rate = 1")
    (code / "notes.md").write_text("x")
    stages = [s if s.name != "prune" else fakes.replace(s, folders=(str(code),)) for s in fakes.stages()]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    execute(tmp_path / "r")
    (code / "notes.md").write_text("y")
    assert execute(tmp_path / "r").made == []
    (code / "fmp.py").write_text("rate = 2")
    assert execute(tmp_path / "r").made == ["prune"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"board": "nix"}, "board: must be one of pynq-z1, pynq-z2, zcu104, or a TOML file, not 'nix'"),
        ({"model": {"name": "nix"}}, "model.name: must be one of .*vgg10.*, not 'nix'"),
        ({"train": {"checkpoint": "nix.npz"}}, "train.checkpoint: must be a file, not '.*nix.npz'"),
        ({"data": {"file": "/nix.h5"}}, "data.file: must be a file, not '/nix.h5'"),
    ],
)
def test_wrong_names_in_a_recipe(tmp_path: Path, parts: Any, expected: str) -> None:
    with pytest.raises(InputError, match=f"^{expected}$"):
        execute(tmp_path / "r", **parts)
    assert not (tmp_path / "r").exists()


def test_wrong_input_found_by_a_stage_leaves_the_run_as_it_was(
    tmp_path: Path, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net))

    def refuses(_: flow.Context) -> Any:
        raise InputError("no network")

    use(monkeypatch, export=refuses)
    net.write_bytes(b"broken")
    with pytest.raises(InputError, match="^no network$"):
        flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(board="zcu104"), net))
    opened = flow.open_run(tmp_path / "r")
    assert opened.recipe.board == "pynq-z1"
    assert list(flow.current(opened)) == ALL[2:]


def test_wrong_input_found_by_a_stage_leaves_no_new_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: flow.Context) -> Any:
        raise InputError("no network")

    use(monkeypatch, train=refuses)
    for folder in (tmp_path / "r", tmp_path / "r"):
        with pytest.raises(InputError, match="^no network$"):
            execute(folder)
        assert list(tmp_path.iterdir()) == []


def test_network_from_outside_is_read_where_the_user_has_it(
    tmp_path: Path, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path | None] = []

    def export(context: flow.Context) -> Any:
        read.append(context.model_file)
        return fakes.results()["export"]

    use(monkeypatch, export=export)
    flow.execute(flow.new_run(tmp_path / "r", fakes.recipe(), net), until="export")
    flow.execute(flow.open_run(tmp_path / "r"), until="export", force="export")
    assert read == [net, tmp_path / "r" / flow.MODEL]


def test_run_opens_without_the_files_it_was_made_from(tmp_path: Path) -> None:
    checkpoint = tmp_path / "start.npz"
    checkpoint.write_text("one")
    execute(tmp_path / "r", train={"checkpoint": str(checkpoint)})
    checkpoint.unlink()
    assert list(flow.current(flow.open_run(tmp_path / "r"))) == ALL


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write anywhere")
def test_wrong_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="^--out: .* must be a folder that can be written: "):
        execute(tmp_path / "r")


def test_wrong_folders(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="full is not empty and is no run of fpga_flow"):
        fakes.run_of(tmp_path / "full")
    with pytest.raises(InputError, match="thesis.tex is a file; name a folder"):
        fakes.run_of(tmp_path / "full" / "thesis.tex")
    with pytest.raises(InputError, match="full is no run of fpga_flow"):
        flow.open_run(tmp_path / "full")


def test_recipe_of_a_run_that_is_wrong_now(tmp_path: Path) -> None:
    execute(tmp_path / "r", until="train")
    path = tmp_path / "r" / flow.RECIPE
    path.write_text(json.dumps({"name": "signals", "colour": "red"}))
    with pytest.raises(InputError, match=f"^{path}: colour is no key of a recipe"):
        flow.open_run(tmp_path / "r")


def test_model_names_are_those_in_models() -> None:
    assert "vgg10" in model_names()
    assert all((ROOT / "models" / name / "model.py").is_file() for name in model_names())
