from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli.listing import description
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import Change, find_recipe, load_recipe, make_recipe, parse_setting, recipe_names
from fpga_flow.core.recipe_parts import Recipe


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def message(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def test_recipe_takes_its_name_from_the_file(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, "")).name == "mine"
    assert load_recipe(write(tmp_path, 'name = "other"')).name == "other"


def test_changes_are_applied_on_top_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "[quant]\nweight_bits = 3\n")
    assert load_recipe(path).quant.weight_bits == 3
    changes = [("quant.weight_bits", 2), Change("quant.weight_bits", 5)]
    assert load_recipe(path, changes).quant.weight_bits == 5


def test_json_of_a_recipe_is_the_recipe_again() -> None:
    recipe = make_recipe({"name": "x", "data": {"snr_db": [0, 10]}, "hardware": {"clock_mhz": 50}})
    assert make_recipe(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_the_project_is_valid(name: str) -> None:
    assert load_recipe(find_recipe(name)).name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[quant]\nweight_bits = 9\n", "quant.weight_bits must be less than or equal to 8, not 9"),
        ("[quant]\nweight_bits = true\n", "quant.weight_bits must be a valid integer, not True"),
        ('[hardware]\nfps = "fast"\n', "hardware.fps must be a valid number, not 'fast'"),
        ("[hardware]\nfps = inf\n", "hardware.fps must be a finite number, not inf"),
        ("[hardware]\nclock_mhz = 0\n", "hardware.clock_mhz must be greater than or equal to 1, not 0"),
        ("[data]\nsnr_db = [0, 1.5]\n", "data.snr_db.1 must be a valid integer, not 1.5"),
        ('name = "../x"\n', "name must match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$', not '../x'"),
        (
            "[prune]\nrate = 2\nmethod = 3\n",
            "prune.method must be 'none', 'imp', 'fmp', 'lr-rewinding', 'l1', 'one-shot', 'polynomial', "
            "'constant' or 'thresholds', not 3 (and 1 more)",
        ),
        ("[verify]\nframe = 2\n", "verify.frame is no key of a recipe; it must be one of "),
        ("bits = 4\n", "bits is no key of a recipe; it must be one of name, board, seed, data, model, quant"),
    ],
)
def test_wrong_value_names_file_key_and_value(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    assert message(lambda: load_recipe(path)).startswith(f"{path}: {expected}")


def test_wrong_toml_names_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "[quant\n")
    assert message(lambda: load_recipe(path)).startswith(f"{path}: Expected ']' at the end of a table")
    path.write_bytes(b"\xff\xfe")
    assert message(lambda: load_recipe(path)).startswith(f"{path}: 'utf-8' codec can't decode")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed = " + "9" * 5000, "a number must have at most 4300 digits"),
        ("seed = 0x" + "f" * 5000, "holds a number of too many digits, or too deep a list"),
        ("a = " + "[" * 3000 + "]" * 3000, "holds tables or lists that are nested too deep"),
    ],
)
def test_wrong_numbers_without_end_and_lists_without_bottom(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    assert message(lambda: load_recipe(path)).startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("setting", "must"),
    [
        ("export.seed=-1", "must be greater than or equal to 0, not -1"),
        ("export.vectors=99999999999", "must be less than or equal to 1000000, not 99999999999"),
        ("verify.frames=99999999999", "must be less than or equal to 1000000, not 99999999999"),
        ("verify.seed=99999999999", "must be less than 4294967296, not 99999999999"),
        ("train.batch=99999999999", "must be less than or equal to 1000000000, not 99999999999"),
        ("seed=" + "9" * 5000, "holds a number of too many digits, or too deep a list"),
    ],
)
def test_wrong_absurd_numbers(tmp_path: Path, setting: str, must: str) -> None:
    path = write(tmp_path, "")
    found = message(lambda: load_recipe(path, [parse_setting(setting)]))
    assert found.startswith(f"--set {setting.partition('=')[0]}: {must}")


def test_wrong_option_is_named_instead_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    bits = [Change(key, 9, "--bits") for key in ("quant.weight_bits", "quant.act_bits")]
    assert message(lambda: load_recipe(path, bits)) == "--bits must be less than or equal to 8, not 9"
    setting = parse_setting("prune.rate=2")
    assert message(lambda: load_recipe(path, [setting])) == "--set prune.rate: must be less than 1, not 2"


def test_wrong_section_of_a_setting(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    expected = "--set name.x: 'name' is a value, not a section"
    assert message(lambda: load_recipe(path, [parse_setting("name.x=1")])) == expected
    expected = "--set data: must be an object, not 1"
    assert message(lambda: load_recipe(path, [parse_setting("data=1")])) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=1", 1),
        ("a.b=1.5", 1.5),
        ("a.b=true", True),
        ("a.b=[1, 2]", [1, 2]),
        ("a.b='x'", "x"),
        ("a.b=plain words", "plain words"),
        ("a.b=null", None),
        ("a.b=x=y", "x=y"),
        ("a.b=", ""),
    ],
)
def test_setting_is_toml_or_null_or_text(text: str, value: Any) -> None:
    assert parse_setting(text) == Change("a.b", value)


@pytest.mark.parametrize("text", ["", "=1", "a", "a..b=1", ".a=1", "a b=1"])
def test_wrong_setting(text: str) -> None:
    assert message(lambda: parse_setting(text)) == (
        f"--set must be key=value, as in --set prune.rate=0.1, not {text!r}"
    )


def test_wrong_recipe_name() -> None:
    assert message(lambda: find_recipe("nix.toml")) == "recipe: no file 'nix.toml'"
    assert message(lambda: find_recipe("nix")) == (
        f"recipe: must be a .toml file or one of {', '.join(recipe_names())}, not 'nix'"
    )


def test_defaults_are_valid_values() -> None:
    defaults = Recipe(name="x")
    assert make_recipe(defaults.model_dump(mode="json")) == defaults


def test_files_that_a_recipe_names_are_found_from_its_folder_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far" / "nets").mkdir(parents=True)
    for name in ("mine.npz", "nets/net.py"):
        (tmp_path / "far" / name).write_text("x")
    text = '[data]\nname = "own"\nfile = "mine.npz"\n[model]\nfile = "nets/net.py"\n'
    text += '[hardware]\nfolding = "folding.json"\n[train]\ncheckpoint = "models/vgg10/signals-w4a4.pt"\n'
    path = write(tmp_path / "far", text)
    monkeypatch.chdir(tmp_path)
    made = load_recipe(Path("far") / path.name)
    assert made.data.file == str(tmp_path / "far" / "mine.npz")
    assert made.model.file == str(tmp_path / "far" / "nets" / "net.py")
    assert made.hardware.folding == str(tmp_path / "far" / "folding.json"), "what is missing is told as there"
    assert made.train.checkpoint == "models/vgg10/signals-w4a4.pt", "comes with the project"
    absolute = load_recipe(write(tmp_path, f'[data]\nname = "own"\nfile = "{tmp_path / "x.npz"}"\n'))
    assert absolute.data.file == str(tmp_path / "x.npz")


def test_files_that_recipes_of_the_project_name_keep_their_names() -> None:
    assert load_recipe(find_recipe("signals")).train.checkpoint == "models/vgg10/signals-w4a4.pt"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_begins_with_what_it_is(name: str) -> None:
    assert len(description(find_recipe(name))) > 20
