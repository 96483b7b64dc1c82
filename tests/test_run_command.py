"""`flow build --model --data` up to the verification, and `flow run` on frames of the user's."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.cli import main as cli
from fpga_flow.cli.run_frames import channels_first
from fpga_flow.core import artifact
from tests import own

pytestmark = [pytest.mark.timeout(1500), pytest.mark.xdist_group("own_run")]
SHAPE = (12,)
FEW = ("--fps", "1000000", "--set", "verify.frames=6", "--set", "verify.layer_frames=2")
FEW += ("--set", "hardware.fifos.seconds=0.5")


def call(*words: object) -> int:
    return cli.main([str(word) for word in words])


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network from outside that knows the four patterns."""
    import torch

    from fpga_flow.export.brevitas_export import export_module

    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(own.NET)
    from fpga_flow.core.own_code import load

    torch.manual_seed(1)
    network: Any = load(folder / "net.py").Net(own.CLASSES, SHAPE)
    x, labels = (torch.from_numpy(values) for values in own.patterns(SHAPE, own.TRAIN, 0, 5.0))
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x.float()), labels).backward()
        optimiser.step()
    export_module(network.eval(), SHAPE).save(str(folder / "net.onnx"))
    own.write_frames(folder / "mine.npz", SHAPE, scale=5.0)
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def run(net: Path) -> Path:
    """Its run, verified, with classes as what comes out."""
    folder = net.parent / "run"
    frames = net.parent / "mine.npz"
    assert call("build", "--model", net, "--data", frames, "--until", "verify", "--out", folder, *FEW) == 0
    return folder


def written(run: Path, frames: Path, on: str, folder: Path) -> dict[str, Any]:
    assert call("run", run, frames, "--on", on, "--out", folder / f"{on}.npz") == 0
    with np.load(folder / f"{on}.npz") as found:
        return dict(found)


def test_a_network_from_outside_is_verified_and_scored_on_own_frames(run: Path) -> None:
    exported = artifact.read_result(run / "export")
    assert exported["accuracy"]["golden"] > 0.8 and exported["samples"] == own.TEST
    assert exported["stand_in"] is None and exported["data"].startswith("mine.npz; test: 40 frames")
    assert exported["classes"] == ["0", "1", "2", "3"]
    with np.load(run / "export" / "vectors.npz") as vectors, np.load(run.parent / "mine.npz") as held:
        assert np.array_equal(vectors["label"], held["y_test"][vectors["index"]])
    verified = artifact.read_result(run / "verify")
    assert (verified["samples"], verified["mismatches"]) == (6, 0)
    assert verified["accuracy"]["rtl"] > 0.6


def test_classes_are_the_same_on_all_three(run: Path, tmp_path: Path) -> None:
    x, labels = own.patterns(SHAPE, 12, 9, 5.0)
    np.savez(tmp_path / "x.npz", x=x.astype(np.float32))
    found = {on: written(run, tmp_path / "x.npz", on, tmp_path) for on in ("golden", "rtl", "virtual")}
    for values in found.values():
        assert values.keys() == {"y"} and values["y"].shape == (12,)
        assert np.array_equal(values["y"], found["golden"]["y"])
    assert (found["golden"]["y"] == labels).mean() > 0.7


def test_numbers_are_those_of_the_network(net: Path, run: Path, tmp_path: Path) -> None:
    import qonnx.core.onnx_exec as onnx_exec
    from qonnx.core.modelwrapper import ModelWrapper

    shutil.copytree(run, tmp_path / "numbers")
    words = ("--data", net.parent / "mine.npz", "--set", "hardware.top_k=0", "--until", "verify")
    assert call("build", "--model", net, "--out", tmp_path / "numbers", *FEW, *words) == 0
    x, _ = own.patterns(SHAPE, 5, 9, 5.0)
    np.savez(tmp_path / "x.npz", x=x[:, None])
    found = {
        on: written(tmp_path / "numbers", tmp_path / "x.npz", on, tmp_path)
        for on in ("golden", "rtl", "virtual")
    }
    model = ModelWrapper(str(net))
    source, result = model.graph.input[0].name, model.graph.output[0].name
    wanted = [
        onnx_exec.execute_onnx(model, {source: frame[None].astype(np.float32)})[result][0] for frame in x
    ]
    for values in found.values():
        assert np.array_equal(values["integers"], found["golden"]["integers"])
        assert values["y"].dtype == np.float32 and np.array_equal(values["y"], found["golden"]["y"])
    assert found["golden"]["y"] == pytest.approx(np.stack(wanted), abs=1e-4)


def test_numbers_of_a_map_have_their_channels_first() -> None:
    numbers = np.arange(24).reshape(2, 3, 2, 2)
    flat = np.moveaxis(numbers, 1, -1).reshape(2, -1)
    assert np.array_equal(channels_first(flat, (3, 2, 2)), numbers)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((3, 11))},
            "x.npz: frames must have the shape (12,), as the network's input, not (11,)",
        ),
        ({"x": np.zeros((0, 12))}, "x.npz: x: must hold 1 to "),
        ({"z": np.zeros((3, 12))}, "x.npz: must hold x_train, y_train, x_test, y_test, or x (and y)"),
        ({"x": np.full((3, 12), np.nan)}, "x.npz: x must be finite numbers; at (0, 0) it is nan"),
    ],
)
def test_wrong_frames(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    assert call("run", run, tmp_path / "x.npz", "--out", tmp_path / "y.npz") == 2
    assert f"error: {tmp_path}/{message}" in capfd.readouterr().err
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.npz", "--on", "board"), "--on: must be one of golden, rtl, virtual, not 'board'"),
        (("nix.npz",), "FILE: must be an .npz file, not 'nix.npz', which does not exist"),
        (("x.npz", "--out", "y.csv"), "--out: must end in .npz, not 'y.csv'"),
        (("x.npz", "--out", "x.npz"), "--out: must be another file than the frames"),
    ],
)
def test_wrong_options(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=np.zeros((2, 12)))
    assert call("run", run, *words) == 2
    assert f"error: {message}" in capfd.readouterr().err
    assert call("run", run, "x.npz") == 0
    assert (tmp_path / "x-out.npz").is_file()


def test_a_damaged_run_is_refused(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(run, tmp_path / "damaged")
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 12)))
    golden = tmp_path / "damaged" / "export" / "golden.onnx"
    golden.write_bytes(golden.read_bytes() + b"\0")
    assert call("run", tmp_path / "damaged", tmp_path / "x.npz", "--out", tmp_path / "y.npz") == 2
    assert f"{golden}: has been changed since the stage export made it" in capfd.readouterr().err
    shutil.rmtree(tmp_path / "damaged" / "export")
    assert call("run", tmp_path / "damaged", tmp_path / "x.npz", "--out", tmp_path / "y.npz") == 2
    assert "export missing or out of date; build it up to export first" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((8, 3, 5))}, "mine.npz: frames must have the shape (12,), as the network's input"),
        (
            {"x": np.zeros((8, 12)), "y": np.arange(8)},
            "mine.npz: labels must be below 4, the network's outputs, ",
        ),
        (
            {"x": np.zeros((8, 12)), "y": np.arange(7)},
            "mine.npz: y must hold 8 labels, one a frame, not (7,)",
        ),
    ],
)
def test_wrong_own_frames_for_a_network_from_outside(
    net: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    words = ("--data", tmp_path / "mine.npz", "--until", "export", "--out", tmp_path / "run")
    assert call("build", "--model", net, *words) == 2
    assert message in capfd.readouterr().err
