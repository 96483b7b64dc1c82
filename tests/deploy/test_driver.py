"""The board's driver, unmodified, on the virtual board."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fpga_flow.deploy.virtual.build import STAND_IN
from tests.deploy.conftest import DIGEST, FRAMES, Package


@pytest.fixture
def board(package: Package, tmp_path: Path) -> Path:
    with zipfile.ZipFile(package.zip) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def run(board: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the package's test as a board's user would."""
    return subprocess.run(
        [sys.executable, "-m", "accelerator", "--test", *arguments],
        cwd=board,
        env={**os.environ, "PYTHONPATH": str(STAND_IN)},
        capture_output=True,
        text=True,
    )


def change(board: Path, **values: object) -> None:
    file = board / "accelerator" / "accelerator.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_every_output_is_the_golden_one(board: Path) -> None:
    done = run(board, "--timeout", "100", "--json", "result.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((board / "result.json").read_text())
    assert (result["samples"], result["mismatches"], result["agreement"]) == (FRAMES, 0, 1.0)
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["digest"] == DIGEST
    assert result["cycles_per_frame"] > 0 and result["latency_cycles"] > 0


def test_the_rate_on_the_board_is_that_of_the_accelerator_alone(package: Package, board: Path) -> None:
    run(board, "--timeout", "100", "--json", "result.json")
    result = json.loads((board / "result.json").read_text())
    predicted = package.design.cycles_per_frame
    # the first frame's latency is in it once
    assert result["cycles_per_frame"] - result["latency_cycles"] / FRAMES == pytest.approx(
        predicted, rel=0.03
    )


def test_a_bitstream_of_another_network_is_refused(board: Path) -> None:
    change(board, digest="0bad" * 16)
    done = run(board)
    assert done.returncode == 1
    assert "the bitstream is of another network" in done.stderr


def test_frames_of_another_size_are_refused(board: Path) -> None:
    change(board, input={"values": 33, "bits": 8, "signed": True})
    done = run(board)
    assert (done.returncode, "in_bytes reads 32, this package's is 33" in done.stderr) == (1, True)


def test_a_run_that_does_not_end_is_given_up_and_reset(board: Path) -> None:
    done = run(board, "--timeout", "0")
    assert done.returncode == 1
    assert f"of {FRAMES} frames came out; it was reset" in done.stderr


def test_wrong_golden_outputs_are_found_frame_by_frame(board: Path) -> None:
    import numpy as np

    file = board / "accelerator" / "vectors.npz"
    arrays = dict(np.load(file))
    arrays["y"][17] += 1
    np.savez(file, **arrays)
    done = run(board, "--timeout", "100")
    assert done.returncode == 3
    assert "frame 17: expected" in done.stdout
