"""The jet tagger's way to the board: features as in the file are standardised by the host."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fpga_flow import data
from fpga_flow.core.recipe import find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.data.frames import Frames
from fpga_flow.integer.quantise import quantise
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import export as stage
from fpga_flow.train.checkpoint import CHECKPOINT, save_state
from fpga_flow.train.dataset import load_codes
from fpga_flow.train.general import first_state

VECTORS = 96


def recipe() -> Recipe:
    changes = (
        ("data.frames_per_block", 300), ("export.vectors", VECTORS), ("export.compared", VECTORS),
    )  # fmt: skip
    return load_recipe(find_recipe("jets-w6"), changes)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Path]:
    root = tmp_path_factory.mktemp("jets")
    for name in ("prune", "export"):
        (root / name).mkdir()
    torch.manual_seed(1)
    save_state(root / "prune" / CHECKPOINT, first_state(recipe(), list("gqwzt"), 16))
    context = Context(recipe(), root / "export", {"prune": root / "prune"}, root / "cache")
    return stage.run(context).model_dump(mode="json"), root / "export"


def frames_of_test() -> Frames:
    return data.load(recipe().data, "test", Path("unused"))


def test_the_result_says_how_the_host_standardises(exported: tuple[dict[str, object], Path]) -> None:
    (_, mean), (_, deviation) = frames_of_test().steps
    spec = exported[0]["input"]
    assert isinstance(spec, dict)
    assert spec["steps"] == [["sub", list(mean)], ["div", list(deviation)]]
    assert (spec["frame_shape"], spec["low"], spec["high"], spec["scale"]) == ([16], -128, 127, 1 / 32)


def test_features_of_the_file_become_the_codes_that_were_trained_on(
    exported: tuple[dict[str, object], Path], tmp_path: Path
) -> None:
    result, folder = exported
    vectors, frames = np.load(folder / "vectors.npz"), frames_of_test()
    codes = load_codes(recipe(), "test", tmp_path).codes.numpy()
    assert np.array_equal(vectors["x"], codes[vectors["index"]].reshape(vectors["x"].shape))
    spec = result["input"]
    assert isinstance(spec, dict)
    assert np.array_equal(quantise(frames.read(vectors["index"]), spec), vectors["x"])
    assert np.array_equal(frames.labels[vectors["index"]], vectors["label"])
    assert len(np.unique(codes)) > 150


def test_integers_are_those_of_the_float_network(exported: tuple[dict[str, object], Path]) -> None:
    checks = exported[0]["checks"]
    assert isinstance(checks, dict)
    assert checks["float"]["frames"] == VECTORS
    assert checks["float"]["unexplained"] == checks["network"]["differences"] == 0
    assert exported[0]["classes"] == list("gqwzt")
