"""A small network's RTL with golden vectors, and its package for the virtual board."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core import places
from fpga_flow.core.artifact import write_result
from fpga_flow.core.recipe import make_recipe
from fpga_flow.deploy.package import describe, vectors, write_package
from fpga_flow.deploy.virtual.build import virtual_board
from fpga_flow.design.design import Design, load_design
from fpga_flow.integer.golden import top_k
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import hardware as hardware
from fpga_flow.stages import rtl as rtl
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
    result = hardware.run(Context(recipe, run / "hardware", inputs, run / "cache"))
    write_result(run / "hardware", result)
    rtl.run(Context(recipe, run / "rtl", inputs, run / "cache"))
    design = load_design(run / "rtl")
    program = virtual_board(design, run / "rtl", DIGEST, run, places.cache() / "verilator")
    files = {"accelerator.bit": program.read_bytes()}
    files |= {f"data/{path.name}": path.read_bytes() for path in (run / "rtl" / "data").iterdir()}
    description = describe(design, DIGEST, 1000, {}, {})
    write_package(run / "package.zip", description, vectors(run / "export" / "vectors.npz", 1, FRAMES), files)
    return Package(run / "package.zip", design)
