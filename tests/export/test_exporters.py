"""Files that other people's exporters wrote (`files/`): our integers against the framework's own outputs.

docs/exporters.md says what was tried, and what each file is.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden
from tests.export.files.exported import FOLDER, frames

READ = (
    "brevitas-qcdq-dynamo",
    "brevitas-qcdq-torchscript",
    "brevitas-qonnx-dynamo",
    "brevitas-qonnx-torchscript",
    "pquant-conv-qdq",
    "pquant-conv-qonnx",
    "pquant-dense-qonnx",
    "pquant-residual-qonnx",
    "qkeras-dense-relu",
)
REFUSED = {
    # qonnx' converter has dropped the QActivation of quantized_bits at the input.
    "qkeras-dense": "node 'MatMul_0': MatMul works on the network's input before it is quantised",
    "qkeras-conv": "node 'Conv_0': Conv works on the network's input before it is quantised",
    # Its weights are plain floats.
    "pquant-dense-qdq": "2 nodes cannot be mapped to hardware:\n  node 'Gemm_3': its weights are ",
    # The quantisers are some hundred plain operators on computed shapes.
    "hgq2-dense": "node 'Cast': Cast works on the network's input before it is quantised",
}
"""What is rightly refused, and the message."""


@pytest.mark.parametrize("name", READ)
def test_integers_are_those_of_the_framework(name: str, tmp_path: Path) -> None:
    network = to_integers(read(FOLDER / f"{name}.onnx"))
    onnx.save(write_golden(network), tmp_path / "golden.onnx")
    spec = host.describe(network.host, network.input)
    integers, _ = Golden(tmp_path / "golden.onnx").run(host.quantise(frames(network.host.frame_shape), spec))
    wanted = np.array(json.loads((FOLDER / f"{name}.json").read_text())["outputs"])
    assert np.ptp(wanted, axis=0).min() > 0  # every output tells the frames apart
    found = integers * network.logit_scale + network.logit_offset
    np.testing.assert_allclose(found, wanted, rtol=0, atol=network.logit_error + 1e-6)


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_file_without_quantisers_that_can_be_read_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        to_integers(read(FOLDER / f"{name}.onnx"))
    assert str(caught.value).startswith(message)


def test_every_file_is_tried() -> None:
    files = {path.stem for path in FOLDER.glob("*.onnx")}
    assert files == {*READ, *REFUSED}
    assert {path.stem for path in FOLDER.glob("*.json")} == files
