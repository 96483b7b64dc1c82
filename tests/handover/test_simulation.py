"""What is exported simulates as the golden model does, from any folder, and differences are noticed."""

import shutil
from pathlib import Path

import pytest

from tests.handover.conftest import Make

SIMULATORS = [
    "verilator",
    pytest.param(
        "icarus", marks=pytest.mark.skipif(shutil.which("iverilog") is None, reason="no Icarus Verilog here")
    ),
]


def flipped(vectors: Path, target: Path) -> Path:
    """Copy the golden vectors with one bit of one word of the output changed."""
    shutil.copytree(vectors, target)
    words = (target / "output.hex").read_text().split()
    words[3] = f"{int(words[3], 16) ^ 1:0{len(words[3])}x}"
    (target / "output.hex").write_text("\n".join(words) + "\n")
    return target


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_golden_frames_pass_with_and_without_stalls(copied: Path, make: Make, simulator: str) -> None:
    done = make(copied, simulator)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line in ("PASS", "FAIL")] == ["PASS", "PASS"]
    assert "5 frames, stalls in 0 % of the cycles" in done.stdout
    assert "5 frames, stalls in 30 % of the cycles" in done.stdout


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_flipped_golden_value_fails(copied: Path, make: Make, simulator: str, tmp_path: Path) -> None:
    vectors = flipped(copied / "tb" / "vectors", tmp_path / "flipped")
    done = make(copied, simulator, VECTORS=f"{vectors}/")
    assert done.returncode != 0
    assert "frame 3, word 0: expected" in done.stdout
    assert "FAIL 1 differences in 5 words" in done.stdout + done.stderr
    assert "PASS" not in done.stdout


def test_vectors_that_are_missing_fail(copied: Path, make: Make, tmp_path: Path) -> None:
    done = make(copied, "verilator", VECTORS=f"{tmp_path}/")
    assert done.returncode != 0
    assert f"FAIL cannot read {tmp_path}/input.hex" in done.stdout + done.stderr


def test_verilator_has_no_warnings(exported: Path, make: Make) -> None:
    done = make(exported, "lint")
    assert done.returncode == 0, done.stderr
    assert "%Warning" not in done.stdout + done.stderr
