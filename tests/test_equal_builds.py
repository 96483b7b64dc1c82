"""Equal inputs give equal artifacts, digest for digest, whatever the command and the number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fpga_flow.core import artifact
from fpga_flow.pipeline.order import STAGES

FLOW = Path(sys.executable).with_name("flow")
SMALL = ("train.epochs=2", "prune.method=fmp", "prune.rounds=1", "prune.epochs=1")
RECIPES = {
    # Dense layers, whose sums torch splits between threads; all stages.
    "jets-w6": ("synth", "data.frames_per_block=200", "model.parts=[16,8]", "hardware.fps=100000",
                "export.vectors=24", "export.compared=24", "verify.frames=24"),
    # Convolutions in the compiled kernels.
    "signals-quick": ("prune", "data.frames_per_block=20"),
}  # fmt: skip
pytestmark = pytest.mark.timeout(1500)


def flow(*words: str, threads: int, hash_seed: int) -> None:
    """Run `flow` in a process of its own, whose sets have another order and whose libraries other threads."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run([FLOW, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def contents(run: Path) -> dict[str, str]:
    """The digest of what each stage of `run` has made."""
    found = {stage.name: artifact.read_manifest(run / stage.name) for stage in STAGES}
    return {name: manifest.content for name, manifest in found.items() if manifest}


@pytest.mark.parametrize("name", RECIPES)
def test_two_builds_and_a_sweep_make_the_same(name: str, tmp_path: Path) -> None:
    until, *settings = RECIPES[name]
    words = [name, "--until", until, *(word for text in (*SMALL, *settings) for word in ("--set", text))]
    flow("build", *words, "--out", str(tmp_path / "one"), threads=1, hash_seed=1)
    flow("build", *words, "--out", str(tmp_path / "two"), threads=2, hash_seed=2)
    flow("sweep", *words, "--out", str(tmp_path / "sweep"), threads=2, hash_seed=3)
    (swept,) = (folder for folder in (tmp_path / "sweep").iterdir() if folder.is_dir())
    first = contents(tmp_path / "one")
    names = [stage.name for stage in STAGES]
    assert list(first) == names[: names.index(until) + 1]
    assert contents(tmp_path / "two") == first
    assert contents(swept) == first
