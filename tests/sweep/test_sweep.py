"""Sweeps on real Dask workers with stages that do no work, and what becomes of them after a kill."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import LocalCluster

from fpga_flow.cli import main as cli
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import ROOT
from fpga_flow.sweep import cluster
from tests.sweep.workers import Fakes, sweep, wait_for, work_of


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text("[train]\nepochs = 6\n[prune]\nepochs = 3\n")
    return str(path)


def points(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["point"]: row for row in json.loads((folder / "sweep.json").read_text())["points"]}


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.sweep.workers", *words]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def test_points_share_the_training_and_a_failed_one_does_not_stop_the_others(
    recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    code = sweep([recipe, "--prune", "none,imp", "--over", "prune.rate=0.2,0.95", "--out", str(folder)])
    found = points(folder)
    assert code == 2
    assert {name: row["state"] for name, row in found.items()} == {
        "tiny-w4-none-rate_0.2": "done",
        "tiny-w4-none-rate_0.95": "failed",
        "tiny-w4-imp-rate_0.2": "done",
        "tiny-w4-imp-rate_0.95": "failed",
    }
    assert found["tiny-w4-imp-rate_0.95"]["message"] == "prune.rate: must be at most 0.9 here, not 0.95"
    assert found["tiny-w4-imp-rate_0.2"]["settings"] == {"prune.rate": 0.2}
    first, other = (folder / f"tiny-w4-{name}-rate_0.2" for name in ("none", "imp"))
    assert len(work_of(first / "train")) == 6
    assert (first / "train" / "steps.txt").samefile(other / "train" / "steps.txt")
    assert len(work_of(other / "prune")) == 3
    shown = capfd.readouterr()
    assert "4 points, 5 jobs" in shown.err
    assert "2 of 4 points failed: tiny-w4-imp-rate_0.95, tiny-w4-none-rate_0.95" in shown.err
    assert (folder / "accuracy-score.svg").is_file()
    assert "prune.rate: must be at most" in (folder / "tiny-w4-imp-rate_0.95.log").read_text()


def test_an_outside_network_is_swept_over_frame_rates(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    net, folder = tmp_path / "net.onnx", tmp_path / "out"
    net.write_bytes(b"graph")
    words = ["--model", str(net), "--over", "hardware.fps=1000,2000", "--until", "synth"]
    assert sweep([*words, "--workers", "1", "--out", str(folder)]) == 0
    found = points(folder)
    assert {name: (row["method"], row["model"], row["settings"]) for name, row in found.items()} == {
        f"net-fps_{fps}": (None, "net.onnx", {"hardware.fps": fps}) for fps in (1000, 2000)
    }
    assert (folder / "net-fps_2000" / "model.onnx").read_bytes() == b"graph"
    assert (folder / "fps-lut.png").is_file()
    assert "fmp" not in (folder / "fps-lut.svg").read_text()
    shown = capfd.readouterr()
    assert "2 points, 3 jobs" in shown.err
    assert "fmp" not in shown.out and "10,000" in shown.out


def test_killed_worker_s_point_goes_on_where_it_was(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    stage = folder / "tiny-w4" / "train"

    def kill() -> None:
        wait_for(lambda: len(work_of(stage)) >= 2)
        os.kill(work_of(stage)[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    code = sweep([recipe, "--workers", "1", "--out", str(folder)])
    killer.join()
    assert code == 0
    done = work_of(stage)
    assert (len(done), len(set(done))) == (6, 2)
    assert points(folder)["tiny-w4"]["state"] == "done"


def test_killed_sweep_leaves_no_process_and_the_same_command_goes_on(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    words = [recipe, "--prune", "none,imp", "--set", "train.epochs=20", "--out", str(folder)]
    stage = folder / "tiny-w4-none" / "train"
    parent = start(words)
    wait_for(lambda: len(work_of(stage)) >= 2)
    started = psutil.Process(parent.pid).children(recursive=True)
    assert "sleep" in {process.name() for process in started}
    parent.kill()
    parent.communicate()
    assert psutil.wait_procs(started, timeout=20)[1] == []
    assert {row["state"] for row in points(folder).values()} == {"unfinished"}
    before = work_of(stage)
    assert sweep(words) == 0
    assert work_of(stage)[: len(before)] == before
    assert len(work_of(stage)) == 20
    assert {row["state"] for row in points(folder).values()} == {"done"}


def test_interrupted_sweep_ends_its_workers(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    parent = start([recipe, "--set", "train.epochs=600", "--workers", "1", "--out", str(folder)])
    wait_for(lambda: work_of(folder / "tiny-w4" / "train"))
    started = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(signal.SIGINT)
    said = parent.communicate(timeout=60)[1]
    assert parent.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted; the same command goes on where it stopped"
    assert "Traceback" not in said
    assert psutil.wait_procs(started, timeout=20)[1] == []


def test_sweep_runs_on_a_cluster_of_the_user(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as own:
        with cluster.remote(own.scheduler_address, folder) as client:
            client.register_plugin(Fakes())
        assert cli.main(["sweep", recipe, "--scheduler", own.scheduler_address, "--out", str(folder)]) == 0
        assert points(folder)["tiny-w4"]["state"] == "done"


def test_workers_of_two_kinds_of_processors_are_refused() -> None:
    cluster._check_processors({"a": "EPYC (1)", "b": "EPYC (1)"})
    message = "must have processors of one kind.*; b has EPYC .1., c has Xeon .2.; sweep with each kind"
    with pytest.raises(InputError, match=message):
        cluster._check_processors({"a": "EPYC (1)", "b": "EPYC (1)", "c": "Xeon (2)"})


def test_wrong_cluster(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    assert cli.main(["sweep", recipe, "--scheduler", "tcp://127.0.0.1:1", "--out", str(tmp_path / "a")]) == 4
    assert "error: --scheduler: none answers at tcp://127.0.0.1:1" in capsys.readouterr().err
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as own:
        words = ["sweep", recipe, "--scheduler", own.scheduler_address, "--out", str(tmp_path / "b")]
        assert cli.main(words) == 2
    assert "does 2 jobs at a time in one process; start it with --nthreads 1" in capsys.readouterr().err
