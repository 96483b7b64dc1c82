"""`flow build` on a run of another recipe makes a finished training or pruning anew only with `--again`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, places, toolchain
from fpga_flow.core.recipe import find_recipe, load_recipe
from fpga_flow.pipeline import flow, order
from fpga_flow.pipeline.replaced import check_nothing_lost
from tests import fakes


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the stages that are made."""
    names: list[str] = []

    def noting(name: str) -> Any:
        def work(_: flow.Context) -> Any:
            names.append(name)
            return fakes.results()[name]

        return work

    monkeypatch.setattr(
        "fpga_flow.pipeline.order.STAGES", fakes.stages(**{name: noting(name) for name in fakes.BUILT})
    )
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    return names


@pytest.fixture
def build(made: list[str], capfd: pytest.CaptureFixture[str]) -> Any:
    def call(*options: str) -> tuple[int, list[str], str]:
        """Return the exit code, the stages that were made and what was said."""
        made.clear()
        capfd.readouterr()
        code = cli.main(["build", "signals", "--until", "prune", "--out", "run", *options])
        return code, list(made), capfd.readouterr().err

    return call


EPOCHS = ("--set", "train.epochs=2", "--set", "prune.rate=0.3")


def test_a_forgotten_setting_is_told_and_the_run_stays(build: Any) -> None:
    assert build(*EPOCHS)[:2] == (0, ["train", "prune"])
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    code, made, said = build()
    assert (code, made) == (2, [])
    shipped = load_recipe(find_recipe("signals"))
    assert said.splitlines() == [
        "error: run: this would repeat train (0 s the last time) and prune (0 s the last time), because the "
        "recipe changed:",
        f"  train.epochs: 2 -> {shipped.train.epochs}",
        f"  prune.rate: 0.3 -> {shipped.prune.rate}",
        "  name another folder with --out DIR, or have it replaced with --again",
    ]
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_again_and_another_folder_both_go_on(build: Any) -> None:
    build(*EPOCHS)
    assert build("--out", "other")[:2] == (0, ["train", "prune"])
    assert build("--again")[:2] == (0, ["train", "prune"])
    assert build()[:2] == (0, [])


def test_only_pruning_is_named_where_only_that_would_be_made_anew(build: Any) -> None:
    build()
    code, made, said = build("--set", "prune.rate=0.3", "--set", "prune.method=imp")
    assert (code, made) == (2, [])
    assert "run: this would repeat prune (0 s the last time)" in said and "train (" not in said
    assert 'prune.method: "' in said and '-> "imp"' in said


@pytest.mark.parametrize(
    "options",
    [
        ("--fps", "777"),
        ("--board", "zcu104"),
        ("--clock", "80"),
        ("--set", "verify.frames=9"),
        ("--set", "export.seed=3"),
    ],
)
def test_what_training_and_pruning_do_not_depend_on_is_no_question(
    build: Any, options: tuple[str, ...]
) -> None:
    build()
    assert build(*options)[:2] == (0, [])


def test_unfinished_training_is_no_question(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: flow.Context) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(train=interrupted))
        assert build(*EPOCHS)[0] == 130
    assert build()[:2] == (0, ["train", "prune"])


def test_a_replacement_that_was_interrupted_goes_on_without_a_question(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: flow.Context) -> Any:
        raise KeyboardInterrupt

    build(*EPOCHS)
    with monkeypatch.context() as patch:
        patch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(train=interrupted))
        assert build("--again")[0] == 130
    assert build()[:2] == (0, ["train", "prune"])


def test_the_first_recipe_may_come_back_while_its_training_stands(build: Any) -> None:
    build(*EPOCHS)
    assert build(*EPOCHS, "--fps", "777")[:2] == (0, [])
    assert build(*EPOCHS)[:2] == (0, [])


def test_the_rate_asks_where_pruning_depends_on_it(build: Any) -> None:
    build("--accuracy", "50")
    code, made, said = build("--accuracy", "50", "--fps", "777")
    assert (code, made) == (2, [])
    assert "repeat prune (" in said and "hardware.fps: " in said and "-> 777.0" in said


def test_other_stages_of_a_broken_recipe_are_not_lost_either(build: Any) -> None:
    build(*EPOCHS)
    recipe = Path("run", flow.RECIPE)
    recipe.write_text(json.dumps({"name": "x", "nix": 1}))
    code, made, said = build()
    assert (code, made) == (2, [])
    assert "nix" in said and "name another folder with --out DIR, or have it replaced with --again" in said
    assert build("--again")[:2] == (0, ["train", "prune"])


def test_a_network_from_outside_replaces_no_training(tmp_path: Path) -> None:
    flow.execute(fakes.run_of(tmp_path / "run", train={"epochs": 2}), "prune")
    net = tmp_path / "net.onnx"
    net.write_bytes(b"graph")
    check_nothing_lost(flow.new_run(tmp_path / "run", fakes.recipe(), net))


def made_otherwise(stage: str, **changes: Any) -> None:
    """Let the stage of the run be one that something else has made."""
    file = Path("run", stage, artifact.MANIFEST)
    file.write_text(json.dumps({**json.loads(file.read_text()), "digest": "another", **changes}))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"code": "another"}, "flow's code changed"),
        ({"tools": {}, "code": "another"}, "pytorch 2.0 is in use and flow's code changed"),
        ({"tools": {"pytorch": "1.0"}}, "pytorch 1.0 became 2.0"),
    ],
)
def test_a_training_that_other_code_or_tools_would_repeat_is_a_question_too(
    build: Any, changes: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = toolchain.Tool("pytorch", ("x",), "2.0", {}, "here")
    monkeypatch.setitem(toolchain.FINDERS, "pytorch", lambda: tool)
    stages = [replace(one, tools=("pytorch",)) if one.name == "train" else one for one in order.STAGES]
    monkeypatch.setattr(order, "STAGES", tuple(stages))
    build()
    made_otherwise("train", **changes)
    code, made, said = build()
    assert (code, made) == (2, [])
    assert said.splitlines() == [
        "error: run: this would repeat train (0 s the last time) and prune (0 s the last time), because "
        f"{why}",
        "  name another folder with --out DIR, or have it replaced with --again",
    ]
    code, made, said = build("--again")
    assert (code, made) == (0, ["train"])  # of which the same comes out, so that the pruned network stands
    assert f"train     runs again: {why.replace(' and ', ', ')}" in said.splitlines()
    assert build()[:2] == (0, [])


def test_a_stage_says_which_input_was_made_again(build: Any) -> None:
    build("--until", "export")
    made_otherwise("export", inputs={"prune": "another"})
    said = build("--until", "export")[2].splitlines()
    assert "export    runs again: prune was made again" in said


def test_a_long_list_of_keys_is_cut(build: Any) -> None:
    build()
    layers = [f"quant.layers.conv{number}.weight_bits=3" for number in range(20)]
    code, _, said = build(*(word for layer in layers for word in ("--set", layer)))
    assert code == 2
    assert "quant.layers.conv0" in said and "conv19" not in said
    assert " more\n" in said
