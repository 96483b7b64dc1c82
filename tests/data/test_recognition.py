"""Networks that were trained elsewhere, on the real recordings and on MNIST, know the data that stands in."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from fpga_flow.core.recipe import ROOT
from fpga_flow.data import digits, signals
from fpga_flow.data.constellations import CLASSES
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden

ZOO = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
UNKNOWN = ("128APSK", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "OQPSK")
"""What their frames look like in the real set is not known; see `signals`."""
ALIKE = ("64QAM", "128QAM", "256QAM", "64APSK", "AM-SSB-WC")
"""Which this network of four bits often takes for one another."""


def classify(name: str, folder: Path, frames: list[NDArray[np.float32]]) -> list[NDArray[np.int64]]:
    """Return the classes that the network in the zoo's file `name` finds in each batch of frames."""
    if not (ZOO / name).is_file():
        pytest.skip(f"{ZOO / name} is absent (set FPGA_FLOW_ZOO to the folder that holds it)")
    network = to_integers(read(ZOO / name))
    onnx.save(write_golden(network), folder / "golden.onnx")
    golden = Golden(folder / "golden.onnx")
    spec = host.describe(network.host, network.input)
    shaped = [batch.reshape(len(batch), *spec["frame_shape"]) for batch in frames]
    return [golden.run(host.quantise(batch, spec))[1].ravel() for batch in shaped]


def test_a_network_trained_on_recordings_recognises_most_classes(tmp_path: Path) -> None:
    frames = [signals.block(label, 30, 32, 1024, 1).transpose(0, 2, 1) for label in range(24)]
    found = classify("amc_vgg10_w4a4_pruned.onnx", tmp_path, frames)
    right = {name: float(np.mean(found[label] == label)) for label, name in enumerate(CLASSES)}
    easy = [right[name] for name in CLASSES if name not in (*UNKNOWN, *ALIKE)]
    assert np.mean(easy) > 0.9, right
    assert min(easy) > 0.5, right
    assert np.mean([right[name] for name in ALIKE]) > 0.35, right


def test_a_network_trained_on_mnist_recognises_digits(tmp_path: Path) -> None:
    images, labels = digits.pictures()
    (found,) = classify("tfc_w2a2.onnx", tmp_path, [images])
    assert np.mean(found == labels) > 0.6
