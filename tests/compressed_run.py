"""Tiny networks from training to simulated RTL in this process, and what stands in their weight memories."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow import data
from fpga_flow.core import artifact
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.stage import Context, only
from fpga_flow.data.frames import Frames
from fpga_flow.pipeline.order import STAGES
from fpga_flow.sim import tuning
from fpga_flow.train import spec
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from fpga_flow.train.general import network_of
from fpga_flow.train.requantise import final

STAGE_OF = {stage.name: stage for stage in STAGES}
WAY = ("train", "prune", "export", "hardware", "rtl", "verify")
MODELS = Path(__file__).with_name("tiny_models")
"""Two models of three and four layers: `short`, a chain for I and Q, and `picture`."""
LENGTHS = {"short": 16, "picture": 64}
"""Values of a channel, by model; `data.length` says so, by which the frames' shape is known."""
SHAPES_BY_LENGTH = {16: (2, 16), 64: (2, 8, 8)}
CLASSES = 4
MATRIX_UNITS = ("MVAU_rtl", "MatrixVector_rtl")
"""FINN's, and ours, which takes one bit."""
COUNTS = {"train": 256, "validation": 64, "test": 64}


def recipe_of(model: str, **parts: dict[str, Any]) -> Recipe:
    """Return the recipe of a network of `model`; of `parts`, what is not the same for all of them."""
    table: dict[str, Any] = {
        "name": "tiny",
        "data": {"length": LENGTHS[model]},
        "model": {"name": model, "width": 8},
        "train": {"epochs": 3, "batch": 32, "learning_rate": 0.01},
        "prune": {"method": "none", "epochs": 1},
        "export": {"vectors": 12, "compared": 64},
        "hardware": {"fps": 150_000.0, "implementation": "dense", "fifos": {"seconds": 0.5}},
        "verify": {"frames": 8, "layer_frames": 2},
    }
    for part, values in parts.items():
        table[part] = {**table[part], **values} if part in table else values
    return make_recipe(table)


def frames_of(shape: tuple[int, ...], split: str) -> Frames:
    """Return frames of four patterns in noise."""
    patterns = np.random.default_rng(7).normal(0, 0.5, (CLASSES, *shape))
    rng = np.random.default_rng(COUNTS[split])
    labels = np.arange(COUNTS[split]) % CLASSES
    values = np.clip(patterns[labels] + rng.normal(0, 0.4, (len(labels), *shape)), -1, 1)
    if len(shape) == 3:
        values = values / 2 + 0.5
    names = tuple(f"pattern{k}" for k in range(CLASSES))
    kept = values.astype(np.float32)
    return Frames(names, labels, None, shape, True, "patterns in noise", lambda at: kept[at])


@pytest.fixture(scope="module", autouse=True)
def _tiny_networks() -> Iterator[None]:
    """Let models and data be those of here, in the module that has this fixture."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec, "model_folder", lambda name: MODELS / name)
        patch.setattr(
            data, "load", lambda part, split, _cache: frames_of(SHAPES_BY_LENGTH[part.length], split)
        )
        patch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)  # all tensors are small here
        # Compiling takes longer than running.
        patch.setitem(tuning.TUNING, "fast", tuning.TUNING["quick"])
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(threads)


def make(recipe: Recipe, run: Path, cache: Path) -> Path:
    """Take the network of `recipe` through the stages of `WAY` in the folder `run`, and return that."""
    for name in WAY:
        stage = STAGE_OF[name]
        (run / name).mkdir(parents=True)
        inputs = {source: run / source for source in stage.inputs}
        result = stage.run(Context(only(recipe, stage.parts), run / name, inputs, cache))
        artifact.write_result(run / name, result)
    return run


def weight_memories(run: Path) -> list[NDArray[np.int64]]:
    """Return what stands in the weight memory of each matrix unit, in their order: codes (outputs, columns).

    The columns of a convolution are channels within a tap.
    """
    memories = {
        layer["name"]: run / "rtl" / layer["data"][0]
        for layer in artifact.read_json(run / "rtl" / "design.json")["layers"]
        if layer["op"] in MATRIX_UNITS
    }
    graph = ModelWrapper(str(run / "hardware" / "hardware.onnx")).graph
    nodes = {node.name: getCustomOp(node) for node in graph.node if node.name in memories}
    found = []
    for name, file in memories.items():
        kind = DataType[nodes[name].get_nodeattr("weightDataType")]
        rows, columns, pe, simd = (nodes[name].get_nodeattr(key) for key in ("MH", "MW", "PE", "SIMD"))
        bits = kind.bitwidth()
        words = [int(word, 16) for word in file.read_text().split()]
        lanes = [[word >> bits * lane & ((1 << bits) - 1) for lane in range(pe * simd)] for word in words]
        codes = np.array(lanes, dtype=np.int64)
        codes = 2 * codes - 1 if kind.name == "BIPOLAR" else codes - (codes >> (bits - 1) << bits)
        # A line is what `pe` rows need of `simd` columns, the first one lowest.
        codes = codes.reshape(rows // pe, columns // simd, pe, simd).transpose(0, 2, 1, 3)
        found.append(codes.reshape(rows, columns))
    return found


def checkpoint_codes(recipe: Recipe, run: Path) -> dict[str, NDArray[np.int64]]:
    """Return the integer weights of the pruned checkpoint by layer, as the memories hold them."""
    network = network_of(final(recipe), load_checkpoint(run / "prune" / CHECKPOINT)).eval()
    return {name: in_columns(codes, recipe) for name, codes in network.codes().items()}


def in_columns(weight: torch.Tensor, recipe: Recipe) -> NDArray[np.int64]:
    """Return a layer's weights, or mask, as its memory holds them: (outputs, columns), channels last."""
    if weight.dim() == 2 and weight.shape[1] > recipe.model.width:  # the first dense one, on what was flat
        weight = weight.reshape(len(weight), recipe.model.width, -1)
    return weight.movedim(1, -1).flatten(1).numpy().astype(np.int64)
