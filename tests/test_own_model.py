"""`model.file`: a network in the user's own Python file, and the errors he makes there."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, places
from fpga_flow.core.own_code import load, sources
from fpga_flow.pipeline.flow import open_run
from tests import own

BUILD = """
import torch
from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
from torch import nn


def build(recipe, classes, channels):
    bits = recipe.quant.weight_bits
    return nn.Sequential(
        QuantIdentity(bit_width=8),
        QuantLinear(channels, recipe.model.width, bias=False, weight_bit_width=bits),
        nn.BatchNorm1d(recipe.model.width),
        QuantReLU(bit_width=recipe.quant.act_bits),
        {more}
        QuantLinear(recipe.model.width, classes, bias=False, weight_bit_width=bits),
    )
"""


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    own.write_frames(tmp_path / "mine.npz", (12,), scale=5)


def build(
    capfd: pytest.CaptureFixture[str], net: str, *words: str, until: str = "train"
) -> tuple[int, str, Path]:
    recipe = own.write_recipe(Path.cwd(), net=net)
    code = cli.main(["build", str(recipe), "--until", until, "--out", "run", "--again", *words])
    return code, capfd.readouterr().err, Path("run")


def test_a_class_is_trained_pruned_and_exported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prune = ["method='one-shot'", "sparsity=0.5", "epochs=2"]
    words = [word for each in prune for word in ("--set", f"prune.{each}")]
    code, said, run = build(capfd, own.NET, *words, until="export")
    assert code == 0, said
    assert f"{tmp_path / 'net.py'}: can be mapped to hardware" in said
    assert open_run(run).recipe.model.file == str(tmp_path / "net.py")
    pruned = artifact.read_result(run / "prune")
    assert pruned["left"] == pytest.approx(pruned["weights"] / 2, abs=1)
    result = artifact.read_result(run / "export")
    assert result["accuracy"]["golden"] > 0.8
    compared = result["checks"]["float"]
    assert (compared["frames"], compared["differences"], compared["class_unexplained"]) == (own.TEST, 0, 0)
    tied = compared["class_ties"] / own.TEST
    assert result["accuracy"]["golden"] == pytest.approx(pruned["accuracy"]["pruned"], abs=tied + 1e-6)
    assert not [step for step in result["input"]["steps"] if step[0] == "div"], "frames are taken as they are"


def test_a_function_takes_the_recipe_and_its_float_network_is_trained(
    capfd: pytest.CaptureFixture[str],
) -> None:
    net = BUILD.format(more="")
    words = ("--bits", "3", "--set", "model.width=6", "--set", "train.float_epochs=3")
    code, said, run = build(capfd, net, *words, until="export")
    assert code == 0, said
    assert artifact.read_result(run / "train")["accuracy"]["float"] > 0.8
    result = artifact.read_result(run / "export")
    assert (result["cost"]["weights"], result["bits"]) == (6 * (12 + 4), 3)
    assert result["accuracy"]["golden"] > 0.8


def test_channels_are_taken_out_where_weights_have_one_scale(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    surgery = ("--set", "surgery.channels=l1-filters", "--set", "surgery.share=0.5")
    code, said, run = build(capfd, own.NET, *surgery, "--set", "train.epochs=2", until="export")
    assert code == 0, said
    assert artifact.read_result(run / "export")["cost"]["weights"] == 4 * (12 + 4)
    net = own.NET.replace(
        "8, bias=False, weight_bit_width=3", "8, bias=False, weight_bit_width=3, weight_quant=PerChannel"
    )
    net = "from brevitas.quant import Int8WeightPerChannelFloat as PerChannel\n" + net
    code, said, _ = build(capfd, net, *surgery, "--set", "train.epochs=1", until="prune")
    assert code == 2
    assert "error: surgery: hidden has a scale for each of its filters; give its weights one" in said


def test_input_without_a_quantiser_is_declared_by_the_recipe(capfd: pytest.CaptureFixture[str]) -> None:
    net = own.NET.replace("self.input(x)", "x").replace(
        "        self.input = QuantIdentity(bit_width=8)\n", ""
    )
    assert "input" not in net
    words = ("--set", "train.epochs=1")
    code, said, _ = build(capfd, net, *words)
    assert code == 2 and "export.input" in said, said
    code, said, run = build(capfd, net, *words, "--set", "export.input={bits=8, signed=true}", until="export")
    assert code == 0, said
    assert artifact.read_result(run / "export")["checks"]["float"]["class_unexplained"] == 0


def test_changing_the_file_or_what_it_imports_trains_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    net = own.NET.replace("from torch import nn", "from torch import nn\nimport sizes").replace(
        "8,", "sizes.N,"
    )
    (tmp_path / "sizes.py").write_text("N = 8\n")
    net = net.replace("bit_width=sizes.N,", "bit_width=8,").replace("BatchNorm1d(8)", "BatchNorm1d(sizes.N)")
    words = ("--set", "train.epochs=1")
    assert build(capfd, net, *words)[0] == 0
    assert "train     kept" in build(capfd, net, *words)[1]
    (tmp_path / "sizes.py").write_text("N = 9\n")
    assert sources(tmp_path / "net.py") == [tmp_path / "net.py", tmp_path / "sizes.py"]
    code, said, run = build(capfd, net, *words)
    assert code == 0 and "train     ..." in said
    assert load(tmp_path / "net.py").sizes.N == 9


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("nn.Softmax(dim=1),", "operator Softmax cannot be mapped"),
        ("nn.Linear(recipe.model.width, recipe.model.width),", "its weights are not quantised"),
    ],
)
def test_wrong_network_is_refused_before_training_by_its_path(
    capfd: pytest.CaptureFixture[str], more: str, reason: str
) -> None:
    code, said, run = build(capfd, BUILD.format(more=more))
    assert code == 2
    assert "error: node '4" in said and reason in said and "fault" not in said
    assert not run.exists(), "a new run disappears"


def test_wrong_python_is_told_by_file_and_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for old, new, message in (
        ("super().__init__()", "super().__init__(", "line 8: SyntaxError: '(' was never closed"),
        ("QuantReLU(bit_width=3)", "QuantRelu(bit_width=3)", "line 12: NameError: name 'QuantRelu' is not"),
        ("shape[0], 8", "shape[1], 8", "line 10: IndexError: tuple index out of range"),
        ("return self.classes(x)", "return self.classes(x.nix)", "line 17: AttributeError: "),
        ("from torch import nn", "from torch import nix", "line 3: ImportError: cannot import name 'nix'"),
    ):
        assert old in own.NET
        code, said, _ = build(capfd, own.NET.replace(old, new))
        assert code == 2, said
        assert f"error: model.file: {tmp_path / 'net.py'}, {message}" in said, said
        assert "fault in flow" not in said


def test_an_edit_of_the_same_second_and_size_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for number in (1, 2):
        for name, text in (
            ("net.py", f"from part import y\n\nx = {number}\n"),
            ("part.py", f"y = {number}\n"),
        ):
            (tmp_path / name).write_text(text)
            os.utime(tmp_path / name, (1, 1))
        module = load(tmp_path / "net.py")
        assert (module.x, module.y) == (number, number)
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            "x = 1\n",
            "must have a function build(recipe, classes, channels), (classes, shape) or (classes), one",
        ),
        (own.NET + own.NET.replace("Net", "Other").replace("class Other", "class Other2"), None),
        (own.NET.replace("Net", "A") + own.NET.replace("Net", "B"), "or one called Net; it has A, B"),
        (
            own.NET.replace("classes, shape)", "a, b, c, d)"),
            "Net must take (recipe, classes, channels), (cla",
        ),
        (
            "import brevitas.nn as q\n\n\ndef build(classes):\n    return q.QuantIdentity(bit_width=8)\n",
            "must have a layer with weights",
        ),
        ("def build(classes, shape):\n    return 7\n", "build must return a torch.nn.Module, not int"),
        (
            own.NET.replace("QuantLinear(8, classes", "QuantLinear(8, 3"),
            "must give one number for each class in",
        ),
        (BUILD.format(more="").replace("channels,", "7,"), "does not take frames of the shape (12,), as in "),
    ],
)
def test_wrong_file_is_told_what_it_must_have(
    capfd: pytest.CaptureFixture[str], net: str, message: str | None
) -> None:
    code, said, _ = build(capfd, net, "--set", "train.epochs=1")
    if message is None:
        assert code == 0, said
    else:
        assert code == 2 and "error: model.file: " in said and message in said, said


def test_bits_that_the_file_does_not_take_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    code, said, _ = build(capfd, own.NET, "--bits", "3")
    assert code == 2
    assert "does not take quant.weight_bits: its build or class says that itself" in said


def test_a_file_that_is_not_there(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said, _ = build(capfd, own.NET, "--set", "model.file=other.py")
    assert code == 2
    assert f"error: model.file: must be a file, not '{tmp_path / 'other.py'}'" in said


def test_statistics_that_quantisers_collect_are_those_of_the_checkpoint(tmp_path: Path) -> None:
    import torch

    from fpga_flow.core.recipe import make_recipe
    from fpga_flow.core.recipe_parts.quant import CalibrationRecipe
    from fpga_flow.train.general import GeneralNetwork, first_state

    (tmp_path / "net.py").write_text(own.NET)
    recipe: Any = make_recipe({"name": "mine", "model": {"file": str(tmp_path / "net.py")}})
    network = GeneralNetwork(recipe, first_state(recipe, ["a", "b"], 12, (12,)))
    frames = torch.from_numpy(np.random.default_rng(1).normal(0, 3, (64, 12)).astype(np.float32))
    network.calibrate(frames, CalibrationRecipe())
    again = GeneralNetwork(recipe, network.state()).eval()
    with torch.no_grad():
        assert torch.equal(network(frames), again(frames))
        assert network(frames).unique().numel() > 20
    scale = network.network.get_submodule("input.act_quant").scale()
    assert float(scale.detach()) == pytest.approx(float(frames.abs().max()) / 127, rel=0.2)
