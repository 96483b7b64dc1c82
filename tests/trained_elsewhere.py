"""Networks that were trained elsewhere, as judges of the data that stands in for theirs."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fpga_flow.core.recipe import ROOT
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden

ZOO = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
RADIO = "amc_vgg10_w4a4_pruned.onnx"
"""The A(MC) team's pruned 4-bit VGG10, trained on RadioML 2018.01A."""
ABSENT = f"is absent from {ZOO} (set FPGA_FLOW_ZOO to the folder that holds it)"


def judge(name: str) -> Callable[[NDArray[Any]], NDArray[np.int64]]:
    """Return a function from frames (N, ...) to the classes (N,) that the network in the file `name` finds.

    The network runs as integers in onnxruntime, as `golden.onnx` of a build does.
    """
    network = to_integers(read(ZOO / name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "golden.onnx"
        onnx.save(write_golden(network), path)
        golden = Golden(path)
    spec = host.describe(network.host, network.input)

    def classes(frames: NDArray[Any]) -> NDArray[np.int64]:
        found = golden.run(host.quantise(frames.reshape(len(frames), *spec["frame_shape"]), spec))[1]
        assert found is not None
        return found.ravel()

    return classes
