"""Proofs of layers of thresholds: all values that can come, in every channel."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.prove import thresholds
from tests.layers.one_layer import OneLayer
from tests.prove.designs import Built


def layer(act: str, out: str, channels: int, steps: int, lowest: int = 0) -> OneLayer:
    """Return a layer with random thresholds, which folds over two channels."""
    bits = int(act.removeprefix("U").removeprefix("INT"))
    low = 0 if act.startswith("U") else -(1 << bits - 1)
    found = np.random.default_rng(2).integers(low, low + (1 << bits), (channels, steps))
    settings = {
        "NumChannels": channels,
        "PE": 2,
        "numSteps": steps,
        "inputDataType": act,
        "weightDataType": f"INT{bits + 1}",
        "outputDataType": out,
        "ActVal": lowest,
        "numInputVectors": [1, 4],
        "deep_pipeline": 0,
    }
    return OneLayer(
        "Thresholding_rtl", [act], settings, constants=[(np.sort(found, axis=1), f"INT{bits + 1}")]
    )


@pytest.mark.parametrize(
    ("act", "out", "channels", "steps", "lowest"),
    [("INT8", "UINT3", 6, 7, 0), ("UINT5", "INT2", 4, 3, -2), ("INT6", "BIPOLAR", 4, 1, 0)],
)
def test_all_values_are_tried(
    act: str,
    out: str,
    channels: int,
    steps: int,
    lowest: int,
    tmp_path: Path,
    cache: Path,
) -> None:
    proof = Built.of(layer(act, out, channels, steps, lowest), tmp_path, cache).proof()
    bits = int(act.removeprefix("U").removeprefix("INT"))
    assert (proof.how, proof.reason, proof.values) == ("enumeration", "", channels << bits)


def test_a_threshold_that_is_one_off_is_found_with_its_value(tmp_path: Path, cache: Path) -> None:
    case = layer("INT8", "UINT3", 6, 7)
    built = Built.of(case, tmp_path, cache)
    memory = sorted(built.folder.glob("data/*.dat"))[-1]
    first, *rest = memory.read_text().split()
    memory.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *rest]) + "\n")
    proof = built.proof()
    assert proof.counterexample is not None and not proof.proved
    assert abs(proof.counterexample.expected - proof.counterexample.found) == 1
    assert list(proof.counterexample.inputs) == [proof.counterexample.output]


def test_a_layer_of_too_many_values_is_not_proved(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thresholds, "MOST", 6 * 256 - 1)
    built = Built.of(layer("INT8", "UINT3", 6, 7), tmp_path, cache)
    assert built.prover.prove_all(lambda step, name: None) == ()
