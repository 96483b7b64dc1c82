"""A network that knows digits, built as a user builds it, for tests of what comes after the verification."""

import subprocess
import sys
from pathlib import Path

import numpy as np

FRAMES = 240
FLOW = Path(sys.executable).with_name("flow")


def flow(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([FLOW, *arguments], capture_output=True, text=True, check=False)


def build(folder: Path, *options: str, zeros: float = 0.0) -> Path:
    """Train it for a moment, build it up to the verification on test digits, and return the run.

    The share `zeros` of the first layer's weights, whichever they are, is made 0.
    """
    _train(folder / "digits.onnx", zeros)
    _write_digits(folder / "digits.npz")
    done = flow(
        "build", "--model", str(folder / "digits.onnx"), "--data", str(folder / "digits.npz"),
        "--until", "verify", "--fps", "50000",
        "--set", f"export.vectors={FRAMES}", "--set", "verify.frames=24", *options,
        "--out", str(folder / "run"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run"


def _write_digits(path: Path) -> None:
    from fpga_flow import data
    from fpga_flow.core.recipe_parts.data import DataRecipe

    source = data.load(DataRecipe(name="digits"), "test", path.parent)
    x = source.read(np.arange(len(source))).astype(np.float32)
    np.savez(path, x=x.reshape(len(x), -1), y=source.labels)


def _train(path: Path, zeros: float) -> None:
    """Train a network of one hidden layer on scikit-learn's digits for a moment, and write it as QONNX."""
    import torch
    from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
    from brevitas.quant import Int8WeightPerTensorFloat, Uint8ActPerTensorFloat

    from fpga_flow import data
    from fpga_flow.core.recipe_parts.data import DataRecipe
    from fpga_flow.export.brevitas_export import export_module

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
    with torch.no_grad():
        net[1].weight[torch.rand_like(net[1].weight) < zeros] = 0
    export_module(net.eval(), (784,)).save(str(path))
