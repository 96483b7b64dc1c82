"""Every stage in a process of its own, on inputs that an earlier process made, and after a kill within it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fpga_flow.core.artifact import MANIFEST, PARTIAL
from tests.fakes import BUILT

pytestmark = [pytest.mark.timeout(1500), pytest.mark.xdist_group("stages_alone")]

RECIPE = """
[data]
name = "digits"
[model]
name = "mlp"
parts = [16]
[quant]
weight_bits = 4
act_bits = 4
[train]
epochs = 1
batch = 64
[prune]
method = "one-shot"
sparsity = 0.5
epochs = 1
[export]
vectors = 16
compared = 16
[hardware]
fps = 100000.0
fifos.seconds = 0.5
[verify]
frames = 4
layer_frames = 2
"""
KILLED = """
import os, signal, sys, threading
from fpga_flow.cli import main as cli
from fpga_flow.core import stage

name, seconds, *words = sys.argv[1:]
run = stage.Stage.run

def killed(self, context):
    if self.name != name:
        return run(self, context)
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
    threading.Timer(float(seconds), kill).start()
    run(self, context)
    kill()

stage.Stage.run = killed
sys.exit(cli.main(words))
"""


def flow(*words: str | Path, code: int = 0) -> str:
    """Run `flow` in a new process; returns what it said."""
    command = [sys.executable, "-m", "fpga_flow.cli.main", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    flow("build", recipe, "--out", run)
    return run


def contents(run: Path) -> dict[str, dict[str, str]]:
    """The digest of every file that each stage has made."""
    return {stage: json.loads((run / stage / MANIFEST).read_text())["files"] for stage in BUILT}


def seconds(run: Path, stage: str) -> float:
    return float(json.loads((run / stage / MANIFEST).read_text())["seconds"])


@pytest.mark.parametrize("stage", BUILT)
def test_stage_runs_alone_on_kept_inputs(undisturbed: Path, tmp_path: Path, stage: str) -> None:
    run = shutil.copytree(undisturbed, tmp_path / "run")
    said = flow(stage, run)
    assert [line.split()[0] for line in said.splitlines() if " done in " in line] == [stage]
    assert contents(run) == contents(undisturbed)


@pytest.mark.parametrize("stage", BUILT)
def test_build_that_was_killed_within_a_stage_ends_as_an_undisturbed_one(
    undisturbed: Path, recipe: Path, tmp_path: Path, stage: str
) -> None:
    later = BUILT[BUILT.index(stage) :]
    run = shutil.copytree(undisturbed, tmp_path / "run", ignore=shutil.ignore_patterns(*later))
    half = seconds(undisturbed, stage) / 2
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, stage, str(half), "build", str(recipe), "--out", str(run)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (run / f"{stage}{PARTIAL}").is_dir() and not (run / stage).exists()
    said = flow("build", recipe, "--out", run)
    assert [line.split()[0] for line in said.splitlines() if " done in " in line] == list(later)
    assert contents(run) == contents(undisturbed)
    assert not list(run.glob(f"*{PARTIAL}"))
