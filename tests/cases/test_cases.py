"""Small networks in the situations that public reports describe: each is read and right, or rightly refused.

`networks/` has the files, of random weights, and `expected.json` what qonnx makes of one frame of each.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import read
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden, top_k

FOLDER = Path(__file__).with_name("networks")
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
REFUSED = {
    "activation-scale-per-channel-dense": "node '3.Conv': its input's channels have different scales",
    "float-quant": "2 nodes cannot be mapped to hardware:\n  node 'input_quant.export_handler.FloatQuant'",
    "layer-norm": "node '2.LayerNormalization': operator LayerNormalization cannot be mapped",
    "lstm": "node 'lstm.layers.0.0.export_handler.QuantLSTMCell': operator QuantLSTMCell of domain",
    "no-input-quantiser": "node '0.Conv': Conv works on the network's input before it is quantised",
    "quantiser-of-half-bits": "node 'Quant_4': its bit width must be one whole number",
    "two-inputs": "must have one input, not 2 (a, b)",
    "two-outputs-yolo": "must have one output, not 2 (19, 22)",
    "unquantised-ir3": "node 'MatMul_0': its weights are not quantised",
    "upsample-bilinear": "node '3.Resize': upsampling of mode 'linear'",
}
"""Networks that cannot be mapped, and how the refusal begins."""
READ = sorted(path.stem for path in FOLDER.glob("*.onnx") if path.stem not in REFUSED)
IN_RTL = (
    "asymmetric-input",
    "input-16-bits",
    "linear-view-conv1d",
    "one-logit-sigmoid",
    "se-gate",
    "uint8-input-annotated",
)
"""Those that are taken to RTL here; `make cases` takes the others."""


def frame(shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    """The frame of expected.json, (1, *shape)."""
    values = ((37 * np.arange(np.prod(shape))) % 201 - 100) / 100
    if name == "uint8-input-annotated":
        values = np.abs(np.rint(255 * values))
    return values.reshape(1, *shape).astype(np.float32)


@pytest.mark.parametrize("name", READ)
def test_values_are_those_that_qonnx_gives(name: str, tmp_path: Path) -> None:
    network = to_integers(read(FOLDER / f"{name}.onnx"))
    onnx.save(write_golden(network), tmp_path / "golden.onnx")
    codes = host.quantise(frame(network.host.frame_shape, name), host.describe(network.host, network.input))
    integers = Golden(tmp_path / "golden.onnx").run(codes)[0]
    output = describe_output(network)
    wanted = EXPECTED[name]["output 0"]
    if name == "topk-at-the-end":
        found: NDArray[Any] = top_k(integers, output.top_k(None))
    else:
        found = output.values(integers, 0)
    assert found.shape[1:] == tuple(wanted["shape"][1:])
    # A file may have a batch of more than one frame: the first is the one that is compared.
    expected = wanted["first"][: found.size]
    # The file's own execution is in float32, at offsets of -205 for tensornorm-8-bits.
    np.testing.assert_allclose(found.reshape(-1)[: len(expected)], expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_nodes_reasons_and_what_would_work(name: str) -> None:
    with pytest.raises(InputError) as caught:
        to_integers(read(FOLDER / f"{name}.onnx"))
    message = str(caught.value).removeprefix(f"{FOLDER / name}.onnx: ")
    assert message.startswith(REFUSED[name])
    assert caught.value.exit_code == 2


def test_every_network_is_tried() -> None:
    files = {path.stem for path in FOLDER.glob("*.onnx")}
    assert files == {*READ, *REFUSED} == EXPECTED.keys() - {"frame"}
    assert set(IN_RTL) <= set(READ)


@pytest.mark.parametrize(
    "name", [name if name in IN_RTL else pytest.param(name, marks=pytest.mark.cases) for name in READ]
)
def test_rtl_is_equal_to_the_golden_model(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fpga_flow.cli.main", "build", "--model", str(FOLDER / f"{name}.onnx")]
    command += ["--until", "verify", "--set", "verify.frames=6", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    verify = json.loads((tmp_path / "run" / "report.json").read_text())["verify"]
    assert (verify["mismatches"], verify["stalls"]) == (0, True)


def test_the_page_lists_what_is_refused() -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    rows = page.partition("## What is still refused")[2].splitlines()
    names = [name for row in rows if row.startswith("| ") for name in row.split("|")[1].strip().split(", ")]
    assert sorted(name for name in names if name != "network") == sorted(REFUSED)
