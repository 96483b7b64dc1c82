"""`data.name = "own"`: recipes trained on arrays that the user brings, and networks tried on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, places
from fpga_flow.core.recipe import ROOT
from fpga_flow.train.checkpoint import load_checkpoint
from tests import own


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.chdir(tmp_path)


def build(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Build up to the export; returns the exit code and what was said."""
    code = cli.main(["build", *words, "--until", "export", "--out", "run", "--again"])
    return code, capfd.readouterr().err


def exported() -> dict[str, Any]:
    return artifact.read_result(Path("run") / "export")


@pytest.mark.parametrize(
    ("model", "shape", "kind", "scale", "offset", "steps"),
    [
        ('name = "mlp"\nparts = [12]', (20,), np.uint8, 127, 127, [["div", [254.0]]]),
        ('name = "mlp"\nparts = [12]', (2, 3, 5), np.float32, 1, 0, [["sub", [-1.0]], ["div", [2.0]]]),
        ('name = "vgg10"\nwidth = 8\ndense = 8', (2, 128), np.int16, 300, 0, [["div", [300 / (127 / 64)]]]),
    ],
)
def test_a_recipe_is_trained_and_exported_on_own_frames(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    model: str,
    shape: tuple[int, ...],
    kind: Any,
    scale: float,
    offset: float,
    steps: Any,
) -> None:
    own.write_frames(tmp_path / "mine.npz", shape, kind, scale, offset)
    recipe = own.write_recipe(tmp_path, model, net=None)
    code, said = build(capfd, str(recipe), "--set", "data.length=128", "--set", "train.epochs=6")
    assert code == 0, said
    assert "own frames: " in said and "so that those of training fill the input's range" in said
    result = exported()
    found = [kept for kept in result["input"]["steps"] if kept[0] in ("sub", "div")]
    assert [kind for kind, _ in found] == [kind for kind, _ in steps]
    for (_, values), (_, wanted) in zip(found, steps, strict=True):
        assert values == pytest.approx(wanted, rel=1e-6)
    assert result["accuracy"]["golden"] > 0.5 and result["samples"] == own.TEST
    assert result["classes"] == ["0", "1", "2", "3"]
    assert result["checks"]["float"]["differences"] == 0


def test_own_frames_are_taken_as_they_are_by_the_network_of_a_checkpoint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    classes = load_checkpoint(ROOT / "models" / "vgg10" / "signals-w4a4.pt")["classes"]
    x = np.random.default_rng(1).normal(0, 3, (24, 2, 1024)).astype(np.float32)
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(24), classes=classes)
    code, said = build(capfd, "signals", "--data", "mine.npz", "--set", "prune.method=none")
    assert code == 0, said
    result = exported()
    assert not [kind for kind, _ in result["input"]["steps"] if kind == "div"]
    assert (result["samples"], result["classes"]) == (24, classes)
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(24))
    code, said = build(capfd, "signals", "--data", "mine.npz")
    assert code == 2 and "classes is " in said and "train from scratch (--from-scratch)" in said


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (
            'name = "cnv"',
            (20,),
            "model.name: cnv takes pictures (channels, height, width) of 32 x 32 and larger",
        ),
        ('name = "sardine"', (20,), "model.name: sardine does not take frames of the shape (20,), as in "),
        ('name = "vgg10"', (3, 8, 8), "model.name: the chain takes frames of channels x length"),
        ('name = "vgg10"', (2, 128), "data.length: must be 128, as of the frames (2 x 128) in "),
    ],
)
def test_wrong_shape_for_the_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], model: str, shape: tuple[int, ...], message: str
) -> None:
    own.write_frames(tmp_path / "mine.npz", shape)
    code, said = build(capfd, str(own.write_recipe(tmp_path, model, net=None)))
    assert code == 2
    assert f"error: {message}" in said
