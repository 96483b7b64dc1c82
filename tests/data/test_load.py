import os
from pathlib import Path

import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts.data import DataRecipe, Impairments
from fpga_flow.data import fashion, generate, radioml_file, signals
from tests.data.files import layout, write

SMALL = DataRecipe(length=32, frames_per_block=10, snr_db=(0, 20))


def made(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*.h5*"))


def test_signals_are_generated_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data.prepare(SMALL, tmp_path / "cache" / "data")
    assert path is not None
    assert path.is_file()
    monkeypatch.setattr(generate, "write", lambda *_: pytest.fail("it was generated again"))
    assert data.prepare(SMALL, path.parent) == path
    frames = data.load(SMALL, "train", path.parent)
    assert (len(frames), frames.shape, frames.generated) == (24 * 2 * 8, (2, 32), True)
    found = radioml_file.inspect(path)
    assert (found.block, found.snr_db) == (10, (0, 20))
    expected = (
        f"generated radio signals (version {signals.VERSION}, seed 2018); train: 384 frames at 0 to 20 dB"
    )
    assert frames.source == expected


def test_every_parameter_of_the_generator_makes_a_file_of_its_own(tmp_path: Path) -> None:
    changes = (
        {"length": 33},
        {"frames_per_block": 11},
        {"snr_db": (0, 21)},
        {"seed": 1},
        {"impairments": Impairments(cfo_std=0)},
    )
    for change in changes:
        data.prepare(SMALL.model_copy(update=change), tmp_path)
    assert len(made(tmp_path)) == 5
    same = ({"validation_share": 0.2}, {"train_per_block": 2}, {"snr_db": (20, 0, 20)})
    names = {data.prepare(SMALL.model_copy(update=change), tmp_path) for change in same}
    assert names == {data.prepare(SMALL, tmp_path)}
    assert len(made(tmp_path)) == 6


def test_a_kept_file_that_was_damaged_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data.prepare(SMALL, tmp_path)
    assert path is not None
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert data.prepare(SMALL, tmp_path) == path
    assert len(path.read_bytes()) == len(whole)
    assert "is truncated" in capsys.readouterr().err


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    path = data.prepare(SMALL, tmp_path)
    assert path is not None
    path.unlink()
    left = tmp_path / f"{path.name}.123.partial"
    left.write_bytes(b"half")
    data.prepare(SMALL, tmp_path)
    assert made(tmp_path) == [path.name]


def test_splits_are_disjoint_and_complete(tmp_path: Path) -> None:
    sizes: dict[data.Split, int] = {"train": 384, "validation": 48, "test": 48}
    rows = [data.load(SMALL, split, tmp_path).read(np.arange(size)) for split, size in sizes.items()]
    everything = np.concatenate(rows)[:, 0, 0]
    assert len(np.unique(everything)) == 480


def test_the_users_file_is_read_where_it_lies(tmp_path: Path) -> None:
    path = write(tmp_path / "GOLD_XYZ_OSC.0001_1024.hdf5", layout(length=32))
    recipe = DataRecipe(name="radioml2018", file=str(path), length=32, snr_db=(-20, 30))
    assert data.prepare(recipe, tmp_path / "cache") == path
    frames = data.load(recipe, "test", tmp_path / "cache")
    assert not frames.generated
    assert frames.source == "RadioML 2018.01A, recorded; test: 48 frames at -20 to 30 dB"
    assert not (tmp_path / "cache").exists()


def test_a_generated_file_named_by_the_user_is_not_taken_for_recorded(tmp_path: Path) -> None:
    path = data.prepare(SMALL, tmp_path)
    recipe = DataRecipe(name="radioml2018", file=str(path), length=32, snr_db=(0,))
    assert data.load(recipe, "test", tmp_path).generated


def test_wrong_file_and_length(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", layout(length=32))
    cases = (
        (DataRecipe(name="radioml2018"), r"data.file: must name RadioML 2018.01A .*, which you bring"),
        (
            DataRecipe(name="radioml2018", file="/nowhere/a.h5"),
            "/nowhere/a.h5: no such file; data.file must name",
        ),
        (DataRecipe(name="radioml2018", file=str(path)), "data.length: must be 32, as in .*a.h5, not 1024"),
        (DataRecipe(file=str(path)), "data.file: signals takes no file; set data.name to radioml2018"),
        (DataRecipe(name="digits", file=str(path)), "data.file: digits takes no file"),
    )
    for recipe, message in cases:
        with pytest.raises(InputError, match=message):
            data.load(recipe, "train", tmp_path)


def test_digits_need_no_file(tmp_path: Path) -> None:
    assert data.prepare(DataRecipe(name="digits"), tmp_path) is None
    frames = data.load(DataRecipe(name="digits"), "test", tmp_path)
    assert frames.read(np.array([3])).shape == (1, 1, 28, 28)
    assert os.listdir(tmp_path) == []


def test_training_pictures_are_limited_by_class_and_the_rest_stays(tmp_path: Path) -> None:
    few = DataRecipe(name="digits", train_per_block=20)
    train, all_of_it = (
        data.load(few, "train", tmp_path),
        data.load(DataRecipe(name="digits"), "train", tmp_path),
    )
    assert np.bincount(train.labels).tolist() == [20] * 10
    assert len(all_of_it) > 1000
    own, every = train.read(np.arange(len(train))), all_of_it.read(np.arange(len(all_of_it)))
    places = [int(np.flatnonzero((every == frame).all(axis=(1, 2, 3)))[0]) for frame in own]
    assert (all_of_it.labels[places] == train.labels).all()
    for split in ("validation", "test"):
        assert len(data.load(few, split, tmp_path)) == len(
            data.load(DataRecipe(name="digits"), split, tmp_path)
        )


@pytest.mark.parametrize(
    ("shape", "name", "length"),
    [
        ((2, 1024), "signals", 1024),
        ((2, 128), "signals", 128),
        ((1, 28, 28), "digits", None),
        ((784,), "digits", None),
    ],
)
def test_networks_from_outside_get_the_data_that_fits(
    shape: tuple[int, ...], name: str, length: int | None
) -> None:
    recipe = data.for_shape(shape)
    assert recipe is not None
    assert recipe.name == name
    assert length is None or recipe.length == length


@pytest.mark.parametrize("installed", [True, False])
def test_pictures_in_the_shape_of_cifar_are_digits_whatever_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fashion, "installed", lambda: installed)
    recipe = data.for_shape((3, 32, 32))
    assert recipe is not None
    assert recipe.name == "digits-32"
    frames = data.load(recipe, "test", tmp_path)
    grey = data.load(DataRecipe(name="digits"), "test", tmp_path)
    assert frames.shape == (3, 32, 32)
    assert "digits" in frames.source
    shown, before = (part.read(np.array([5, 2])) for part in (frames, grey))
    assert np.array_equal(shown[:, :, 2:-2, 2:-2], np.repeat(before, 3, axis=1))
    assert np.count_nonzero(shown) == 3 * np.count_nonzero(before)


@pytest.mark.parametrize("shape", [(3, 28, 28), (16,), (1, 1024), (2, 8), (2, 10**6), ()])
def test_networks_that_nothing_fits_get_none(shape: tuple[int, ...]) -> None:
    assert data.for_shape(shape) is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("length", 8, "recipe: data.length must be greater than or equal to 16, not 8"),
        ("frames_per_block", 2, "recipe: data.frames_per_block must be greater than or equal to 3, not 2"),
        ("seed", -1, "recipe: data.seed must be greater than or equal to 0, not -1"),
        ("snr_db", [], "recipe: data.snr_db"),
        ("snr_db", [200], "recipe: data.snr_db.0 must be less than or equal to 100, not 200"),
        ("impairments", {"rolloff": [0.4, 0.3]}, "recipe: data.impairments.rolloff must be"),
        ("impairments", {"rolloff": [0, 0.3]}, "recipe: data.impairments.rolloff must be"),
        (
            "impairments",
            {"cfo": 1},
            "recipe: data.impairments.cfo is no key of a recipe; it must be one of rolloff,",
        ),
    ],
)
def test_wrong_values_in_a_recipe(key: str, value: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make_recipe({"name": "a", "data": {key: value}})
    assert str(caught.value).startswith(message)
