"""A network that surgery made thinner goes to the simulated RTL as any other."""

from pathlib import Path

import pytest

from fpga_flow.core.artifact import read_result
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from tests.compressed_run import (
    _tiny_networks,  # noqa: F401  a fixture of this module
    make,
    recipe_of,
    weight_memories,
)

pytestmark = pytest.mark.timeout(900)


def test_thin_network_has_thin_memories_and_no_differences(tmp_path: Path) -> None:
    recipe = recipe_of(
        "short",
        train={"epochs": 1},
        prune={"method": "one-shot", "criterion": "l1-filters", "sparsity": 0.2},
        surgery={"channels": "l1-filters", "share": 0.25, "multiple": 2, "keep": {"hidden": 4}, "epochs": 1},
    )
    run = make(recipe, tmp_path / "run", tmp_path / "cache")
    layers = load_checkpoint(run / "prune" / CHECKPOINT)["layers"]
    shapes = {name: tuple(kept["weight"].shape) for name, kept in layers.items()}
    wide = shapes["conv1"][0], shapes["conv2"][0]
    assert all(width in (4, 6) for width in wide)
    assert shapes["hidden"] == (4, 4 * wide[1]) and shapes["classes"] == (4, 4)
    # Each tap of a convolution has the channels that are left.
    columns = [(rows, inputs * (rest[0] if rest else 1)) for rows, inputs, *rest in shapes.values()]
    assert [memory.shape for memory in weight_memories(run)] == columns
    verified = read_result(run / "verify")
    assert verified["mismatches"] == 0 and verified["samples"] > 0
