"""What a run was made with: the command that the report tells makes the same recipe again."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli.building import outside_recipe
from fpga_flow.core.recipe import find_recipe, load_recipe, make_recipe, parse_setting, recipe_names
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.settings import changes_of
from fpga_flow.pipeline import flow
from fpga_flow.report.origin import as_toml, command, literal, origin, settings_of
from tests import fakes


def sets_in(words: list[str]) -> list[str]:
    return [value for option, value in zip(words, words[1:], strict=False) if option == "--set"]


def made_by(told: str) -> Recipe:
    """The recipe that the command `told` builds, of one that is the project's."""
    words = shlex.split(told)
    assert words[:2] == ["flow", "build"]
    return load_recipe(find_recipe(words[2]), [parse_setting(text) for text in sets_in(words)])


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_the_project_is_made_again_by_its_command_and_by_its_toml(name: str) -> None:
    recipe = load_recipe(find_recipe(name))
    assert command(recipe, outside=False) == f"flow build {name}"
    assert make_recipe(tomllib.loads(as_toml(settings_of(recipe, outside=False)))) == recipe


@pytest.mark.parametrize(
    "settings",
    [
        ["quant.weight_bits=3", "prune.method=none"],
        ["train.checkpoint=null"],
        ["data.snr_db=[0, 2]", "hardware.fps=1.5e5"],
        ["prune.sparsity=0.25", "hardware.fps=12"],
    ],
)
def test_a_changed_recipe_is_made_again_by_its_command(settings: list[str]) -> None:
    recipe = load_recipe(find_recipe("signals"), changes_of(settings))
    told = command(recipe, outside=False)
    assert {text.partition("=")[0] for text in sets_in(shlex.split(told))} == {
        text.partition("=")[0] for text in settings
    }
    assert made_by(told) == recipe


def test_a_recipe_of_the_user_s_own_is_a_file_of_its_settings() -> None:
    recipe = fakes.recipe(name="mine", quant={"weight_bits": 5})
    assert command(recipe, outside=False) == "flow build mine.toml"
    assert as_toml(settings_of(recipe, outside=False)).splitlines()[0] == 'name = "mine"'
    assert make_recipe(tomllib.loads(as_toml(settings_of(recipe, outside=False)))) == recipe


def test_a_network_from_outside_is_made_again_by_its_command(tmp_path: Path) -> None:
    net = tmp_path / "tfc.onnx"
    net.write_bytes(b"x")
    recipe = outside_recipe(net, changes_of(["verify.frames=256", "hardware.fps=99"]))
    words = shlex.split(command(recipe, outside=True))
    assert words[2:4] == ["--model", "tfc.onnx"]
    assert outside_recipe(net, changes_of(sets_in(words))) == recipe


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), ('a"b\n', '"a\\"b\\n"'), ([1, 2.5], "[1, 2.5]"), ({"a.b": [None, 1][1]}, '{"a.b" = 1}')],
)
def test_values_are_told_as_toml(value: Any, text: str) -> None:
    assert literal(value) == text
    assert tomllib.loads(f"x = {text}") == {"x": value}


def test_a_run_has_a_date_and_the_versions_of_its_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [fakes.replace(stage, tools=("numpy",)) for stage in fakes.stages()]
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", tuple(stages))
    run = fakes.run_of(tmp_path / "r")
    assert origin(run).made == ""
    flow.execute(run)
    made = origin(flow.open_run(tmp_path / "r"))
    assert made.made.endswith("+00:00")
    assert {"flow", "Python", "numpy"} == set(made.versions)
