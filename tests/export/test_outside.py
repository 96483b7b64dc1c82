"""The two networks from outside; skipped where their folder is absent."""

import os
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core.recipe import ROOT
from fpga_flow.export import host
from fpga_flow.export.checks import check_float, check_network
from fpga_flow.export.cost import cost
from fpga_flow.export.frames import random_frames
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import Matrix
from fpga_flow.export.reader import read
from fpga_flow.export.reference import FileReference
from fpga_flow.export.walk import to_integers
from tests.export.graphs import opened

ZOO = Path(os.environ.get("FPGA_FLOW_ZOO", ROOT.parent / "shared" / "data"))
AMC, TFC = "amc_vgg10_w4a4_pruned.onnx", "tfc_w2a2.onnx"


def zoo(name: str) -> Path:
    path = ZOO / name
    if not path.is_file():
        pytest.skip(f"{path} is absent (set FPGA_FLOW_ZOO to the folder with {name})")
    return path


def test_amc_cost_is_the_published_one() -> None:
    found = cost(to_integers(read(zoo(AMC))).operations).model_dump()
    assert found.pop("itu_score") == pytest.approx(0.0424668, abs=5e-8)
    assert found == {
        "weights": 159_104,
        "nonzero": 17_018,
        "macs": 12_864_512,
        "nonzero_macs": 1_527_286,
        "bit_ops": 24_436_576,
        "weight_bits": 68_072,
    }


def test_amc_nonzero_weights_per_layer() -> None:
    net = to_integers(read(zoo(AMC)))
    nonzero = [int(np.count_nonzero(o.weights)) for o in net.operations if isinstance(o, Matrix)]
    assert nonzero == [194, 1290, 1419, 1278, 1141, 1217, 1257, 6267, 1854, 1101]


@pytest.mark.parametrize(("name", "frames"), [(AMC, 64), (TFC, 512)])
def test_integers_and_classes_equal_those_of_the_file(name: str, frames: int, tmp_path: Path) -> None:
    model = read(zoo(name))
    net = to_integers(model)
    golden = opened(net, tmp_path)
    spec = host.describe(net.host, net.input)
    source = random_frames(spec, frames, 1)
    indices = np.arange(frames)
    codes = host.quantise(source.read(indices), spec)
    assert check_network(write_network(net), golden, codes, 32).differences == 0
    found = check_float(net, golden, FileReference(model), source, indices, spec, "the file")
    assert (found.unexplained, found.class_unexplained) == (0, 0)
    assert found.differences <= 1e-4 * found.values


def test_tfc_is_brought_up_to_date() -> None:
    net = to_integers(read(zoo(TFC)))
    assert [o.weights.shape for o in net.operations if isinstance(o, Matrix)] == [
        (784, 64), (64, 64), (64, 64), (64, 10),
    ]  # fmt: skip
    assert net.host.frame_shape == (1, 28, 28)
    assert [step[0] for step in net.host.steps] == ["reshape", "mul", "sub"]
    assert (net.input.datatype, net.input.shape) == ("INT2", (1, 784))
