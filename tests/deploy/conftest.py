"""Small networks that are ready for a board: one by its stages, one through the flow with real digits."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.artifact import write_json
from fpga_flow.deploy.package import describe, vectors, write_package
from fpga_flow.deploy.virtual.build import virtual_board
from fpga_flow.design import Design, load_design
from fpga_flow.flow import RUNS, Context
from fpga_flow.golden import top_k
from fpga_flow.hardware import stage as hardware
from fpga_flow.recipe import make_recipe
from fpga_flow.rtl import stage as rtl
from tests import networks

FRAMES = 240
DIGEST = "5eed" * 16


@dataclass(frozen=True)
class Package:
    zip: Path
    design: Design


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    run = tmp_path_factory.mktemp("board")
    for stage in ("export", "hardware", "rtl"):
        (run / stage).mkdir()
    network = networks.vgg(bits=3)
    network.save(str(run / "export" / "network.onnx"))
    x = np.random.default_rng(8).integers(-128, 128, (FRAMES, 2, 16, 1))
    logits = networks.layers(network, x)[network.graph.output[0].name]
    label = (top_k(logits, 1)[:, 0] + (np.arange(FRAMES) % 3 == 0)) % 5
    np.savez(run / "export" / "vectors.npz", x=x.astype(np.int8), logits=logits, label=label)
    recipe = make_recipe({"name": "small", "hardware": {"fps": 250_000}})
    inputs = {stage: run / stage for stage in ("export", "hardware")}
    write_json(
        run / "hardware" / "result.json",
        hardware.run(Context(recipe, run / "hardware", inputs, run / "cache")),
    )
    rtl.run(Context(recipe, run / "rtl", inputs, run / "cache"))
    design = load_design(run / "rtl")
    program = virtual_board(design, run / "rtl", DIGEST, run, RUNS / ".cache" / "verilator")
    files = {"accelerator.bit": program.read_bytes()}
    files |= {f"data/{path.name}": path.read_bytes() for path in (run / "rtl" / "data").iterdir()}
    description = describe(design, DIGEST, 1000, {})
    write_package(run / "package.zip", description, vectors(run / "export" / "vectors.npz", 1, FRAMES), files)
    return Package(run / "package.zip", design)


FLOW = Path(sys.executable).with_name("flow")


def flow(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([FLOW, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, verified, of a network that knows digits."""
    folder = tmp_path_factory.mktemp("digits")
    _digits_network(folder / "digits.onnx")
    done = flow(
        "build", "--model", str(folder / "digits.onnx"), "--until", "verify", "--fps", "50000",
        "--set", f"export.vectors={FRAMES}", "--set", "verify.frames=24", "--out", str(folder / "run"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run"


def _digits_network(path: Path) -> None:
    """Train a network of one hidden layer on scikit-learn's digits for a moment, and write it as QONNX."""
    import torch
    from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
    from brevitas.quant import Int8WeightPerTensorFloat, Uint8ActPerTensorFloat

    from fpga_flow import data
    from fpga_flow.export.brevitas_export import export_module
    from fpga_flow.recipe import DataRecipe

    class Weights(Int8WeightPerTensorFloat):  # type: ignore[misc]
        bit_width = 3
        narrow_range = True

    class Activations(Uint8ActPerTensorFloat):  # type: ignore[misc]
        bit_width = 3

    torch.manual_seed(1)
    source = data.load(DataRecipe(name="digits"), "train", path.parent)
    x = torch.from_numpy(source.read(np.arange(len(source)))).float().reshape(len(source), -1)
    labels = torch.from_numpy(source.labels).long()
    net = torch.nn.Sequential(
        QuantIdentity(act_quant=Activations),
        QuantLinear(784, 16, bias=False, weight_quant=Weights),
        torch.nn.BatchNorm1d(16),
        QuantReLU(act_quant=Activations),
        QuantLinear(16, 10, bias=False, weight_quant=Weights),
    )
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(3):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), labels[batch]).backward()
            optimiser.step()
    export_module(net.eval(), (784,)).save(str(path))
