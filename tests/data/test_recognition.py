"""A network that was trained elsewhere, on the real recordings, knows the generated signals."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from fpga_flow.data import signals
from fpga_flow.data.constellations import CLASSES
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.golden import Golden
from fpga_flow.recipe import ROOT

MODEL = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data")) / "amc_vgg10_w4a4_pruned.onnx"
UNKNOWN = ("128APSK", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "OQPSK")
"""What their frames look like in the real set is not known; see `signals`."""
ALIKE = ("64QAM", "128QAM", "256QAM", "64APSK", "AM-SSB-WC")
"""Which this network of four bits often takes for one another."""


def test_a_network_trained_on_recordings_recognises_most_classes(tmp_path: Path) -> None:
    if not MODEL.is_file():
        pytest.skip(f"{MODEL} is absent (set FPGA_FLOW_ZOO to the folder that holds it)")
    network = to_integers(read(MODEL))
    onnx.save(write_golden(network), tmp_path / "golden.onnx")
    golden = Golden(tmp_path / "golden.onnx")
    spec = host.describe(network.host, network.input)
    right = {}
    for label, name in enumerate(CLASSES):
        frames = signals.block(label, 30, 32, 1024, 1).transpose(0, 2, 1)
        codes = host.quantise(frames.reshape(32, *spec["frame_shape"]), spec)
        right[name] = float(np.mean(golden.run(codes)[1].ravel() == label))
    easy = [right[name] for name in CLASSES if name not in (*UNKNOWN, *ALIKE)]
    assert np.mean(easy) > 0.9, right
    assert min(easy) > 0.5, right
    assert np.mean([right[name] for name in ALIKE]) > 0.35, right
