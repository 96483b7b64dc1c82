"""`flow build`, the whole way to the proof in RTL, as a user runs it; then again, changed, and broken."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.train.checkpoint import load_checkpoint
from tests.compressed_run import MATRIX_UNITS, weight_memories
from tests.made_otherwise import made_otherwise

FLOW = Path(sys.executable).with_name("flow")
# Two SNRs, short frames: the way is the default's, the accuracy means nothing.
DENSE = ("--set", "hardware.implementation=dense")
"""Its weights stand in memories, which these tests look at."""
BUILD = ("build", "signals-quick", "--until", "verify", "--fps", "30000", *DENSE)
pytestmark = [pytest.mark.timeout(1500), pytest.mark.xdist_group("whole_flow")]
"""The first test trains and compiles, which on a loaded machine takes minutes: once, on one worker."""


def flow(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([FLOW, *arguments], capture_output=True, text=True, check=False)


def report(run: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((run / "report.json").read_text())
    return table


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow") / "run"
    done = flow(*BUILD, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def test_the_rtl_equals_the_golden_model_on_real_test_frames(run: Path) -> None:
    verify = report(run)["verify"]
    assert (verify["samples"], verify["mismatches"], verify["first_difference"]) == (16, 0, None)
    assert verify["stalls"]


def test_predicted_and_measured_cycles_agree(run: Path) -> None:
    table = report(run)
    predicted, measured = table["hardware"]["cycles_per_frame"], table["verify"]["measured_cycles_per_frame"]
    assert measured == pytest.approx(predicted, rel=0.02)
    assert 1e6 * table["hardware"]["clock_mhz"] / measured >= 0.98 * 30_000


def test_pruned_weights_are_zero_up_to_the_hardware_layers(run: Path) -> None:
    table = report(run)
    nonzero = sum(layer["nonzero"] or 0 for layer in table["hardware"]["layers"])
    assert nonzero == table["cost"]["nonzero"] < 0.8 * table["cost"]["weights"]


def test_a_mask_reaches_the_weight_memories_of_the_rtl_in_its_place(run: Path) -> None:
    layers = load_checkpoint(run / "prune" / "checkpoint.pt")["layers"]
    pruned = json.loads((run / "prune" / "result.json").read_text())
    nonzero = {layer["name"]: layer["nonzero"] for layer in pruned["layers"]}
    for (name, kept), codes in zip(layers.items(), weight_memories(run), strict=True):
        mask = kept["mask"].movedim(1, -1).flatten(1).numpy()  # columns are channels within a tap
        assert not mask.all()
        assert not codes[~mask].any(), name
        assert np.count_nonzero(codes) == nonzero[name] > 0


def test_nothing_is_made_twice(run: Path) -> None:
    assert flow(*BUILD, "--out", str(run)).returncode == 0
    assert all(stage["cached"] for stage in report(run)["stages"])


def test_export_with_finn_writes_its_files_and_makes_nothing_again(run: Path) -> None:
    done = flow("export", str(run), "--finn")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(run / "finn")
    assert {path.name for path in (run / "finn").iterdir()} == {
        "streamlined.onnx", "dataflow.onnx", "folding.json",
    }  # fmt: skip
    assert all(stage["cached"] for stage in report(run)["stages"])


def test_another_frame_rate_trains_and_exports_nothing_again(run: Path) -> None:
    done = flow("build", "signals-quick", "--until", "rtl", "--fps", "9000", "--out", str(run))
    assert done.returncode == 0, done.stderr
    cached = {stage["name"]: stage["cached"] for stage in report(run)["stages"]}
    assert cached == {
        "train": True, "prune": True, "export": True, "hardware": False, "estimate": False, "rtl": False,
    }  # fmt: skip
    assert flow(*BUILD, "--out", str(run)).returncode == 0  # as the other tests expect it


def test_a_wrong_weight_in_a_memory_ends_with_exit_code_3_and_its_layer(run: Path) -> None:
    design = json.loads((run / "rtl" / "design.json").read_text())
    layer = [layer for layer in design["layers"] if layer["op"] in MATRIX_UNITS][4]
    memory = layer["data"][0]
    first, *rest = (run / "rtl" / memory).read_text().split()
    words = "\n".join([f"{int(first, 16) ^ 3:0{len(first)}x}", *rest]) + "\n"
    with made_otherwise(run / "rtl", memory, words):
        done = flow("verify", str(run))
    assert done.returncode == 3
    assert layer["name"] in done.stderr
    assert "Traceback" not in done.stderr
    difference = report(run)["verify"]["first_difference"]
    assert difference["layer"] == layer["name"]
    assert difference["expected"] != difference["found"]
