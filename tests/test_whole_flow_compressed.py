"""Every way of compressing a network, from training to the RTL: no differences, and its weights there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fpga_flow import results
from fpga_flow.core.artifact import read_result
from fpga_flow.integer.golden import Golden
from fpga_flow.results.run import KINDS
from fpga_flow.train.apot import levels, weight_levels
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from fpga_flow.train.general import network_of
from tests.compressed_run import (
    _tiny_networks,  # noqa: F401  a fixture of this module
    checkpoint_codes,
    in_columns,
    make,
    recipe_of,
    weight_memories,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("whole_flow_compressed")]

APOT = {"weights": "apot", "activations": "apot"}
PTQ = {"epochs": 0, "float_epochs": 3}
MIXED = {
    "conv1": {"weight_bits": 6, "act_bits": 3},
    "conv2": {"weight_bits": 2, "act_bits": 5},
    "hidden": {"weight_bits": 3, "act_bits": 8},
    "classes": {"weight_bits": 8},
}
RECIPES = {
    "apot, learned, svd": recipe_of(
        "short",
        quant={**APOT, "scales": "learned"},
        train={
            "float_epochs": 3,
            "epochs": 1,
            "factorise": {"method": "svd", "layers": ["conv2"], "ranks": {"conv2": 4}},
        },
    ),
    "mixed bits, not trained again": recipe_of("short", quant={"layers": MIXED}, train=PTQ),
    "one bit": recipe_of(
        "short",
        quant={"weight_bits": 1, "layers": {"conv2": {"act_bits": 1}, "hidden": {"act_bits": 1}}},
    ),
    "pruned, then apot": recipe_of(
        "short", prune={"method": "one-shot", "sparsity": 0.5, "quantise": {**APOT, "epochs": 1}}
    ),
    "spatial, fixed": recipe_of(
        "picture",
        quant={"scales": "fixed"},
        train={"float_epochs": 3, "epochs": 1, "factorise": {"method": "spatial", "ranks": {"4": 5, "9": 2}}},
    ),
    "tucker, learned": recipe_of(
        "picture",
        quant={"scales": "learned"},
        train={"float_epochs": 3, "epochs": 1, "factorise": {"method": "tucker", "ranks": {"4": 4, "9": 2}}},
    ),
}
Build = Callable[[str], Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Make a run of `RECIPES` once, by its name."""
    folder, made = tmp_path_factory.mktemp("compressed"), dict[str, Path]()

    def run(name: str) -> Path:
        if name not in made:
            made[name] = make(RECIPES[name], folder / name.replace(", ", "-"), folder / "cache")
        return made[name]

    return run


@pytest.mark.parametrize("stage", ["train", "prune"])
def test_results_read_back_as_they_were_written(stage: str, build: Build) -> None:
    folder = build("pruned, then apot") / stage
    assert results.read(KINDS[stage], folder).model_dump(mode="json") == read_result(folder)


@pytest.mark.parametrize("name", RECIPES)
def test_rtl_equals_the_network_on_every_frame(name: str, build: Build) -> None:
    run, recipe = build(name), RECIPES[name]
    float_check = read_result(run / "export")["checks"]["float"]
    assert (float_check["frames"], float_check["unexplained"], float_check["class_unexplained"]) == (64, 0, 0)
    verify = read_result(run / "verify")
    assert (verify["samples"], verify["mismatches"], verify["first_difference"]) == (8, 0, None)
    assert verify["stalls"] and len(verify["layers_compared"]) >= 6
    codes, memories = checkpoint_codes(recipe, run), weight_memories(run)
    for (layer, wanted), found in zip(codes.items(), memories, strict=True):
        np.testing.assert_array_equal(found, wanted, layer)
        assert len(np.unique(found)) > 1, layer


def test_apot_weights_are_their_integers_in_the_memories(build: Build) -> None:
    run = build("apot, learned, svd")
    memories = weight_memories(run)
    assert len(memories) == 5  # conv2 is two
    assert {int(code) for codes in memories for code in np.unique(codes)} == set(weight_levels(4))


def test_apot_activations_are_their_integers_in_the_streams(build: Build) -> None:
    run = build("apot, learned, svd")
    golden = Golden(*(run / "export" / name for name in ("golden.onnx", "golden_layers.onnx")))
    found = golden.layers(np.load(run / "export" / "vectors.npz")["x"])
    # The RTL's streams were compared with these; three behind a ReLU, one between the factors.
    compared = read_result(run / "verify")["layers_compared"]
    assert sum(name.endswith((".act", ".linear.1")) for name in compared) == 4
    acts = [values for name, values in found.items() if ".act_out" in name or ".linear.1" in name]
    seen = [set(np.unique(values).tolist()) for values in acts]
    assert len(seen) == 4, list(found)
    for values in seen:
        assert len(values) > 4
        assert values <= set(weight_levels(4) if min(values) < 0 else levels(4))


def test_bits_of_every_layer_are_those_of_the_recipe(build: Build) -> None:
    memories = dict(zip(MIXED, weight_memories(build("mixed bits, not trained again")), strict=True))
    for name, codes in memories.items():
        largest = (1 << (MIXED[name]["weight_bits"] - 1)) - 1
        # The scale is a power of two near the best one: at least half of the range is used.
        assert largest / 2 <= np.abs(codes).max() <= largest, name


def test_one_bit_weights_are_two_numbers(build: Build) -> None:
    memories = weight_memories(build("one bit"))
    assert len(memories) == 4
    for codes in memories:
        assert np.unique(codes).tolist() == [-1, 1]


def test_zeros_of_a_pruned_network_stay_in_its_apot_memories(build: Build) -> None:
    name = "pruned, then apot"
    layers = load_checkpoint(build(name) / "prune" / CHECKPOINT)["layers"]
    masks = [in_columns(kept["mask"], RECIPES[name]).astype(bool) for kept in layers.values()]
    memories = weight_memories(build(name))
    for mask, codes in zip(masks, memories, strict=True):
        assert not codes[~mask].any()
        assert set(np.unique(codes).tolist()) <= set(weight_levels(4))
    assert sum(int((~mask).sum()) for mask in masks) == sum(mask.size for mask in masks) // 2
    # By statistics of the weights that are left, about as many of these are positive as negative.
    kept = np.concatenate([codes[mask] for mask, codes in zip(masks, memories, strict=True)])
    assert (kept != 0).mean() > 0.8


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("spatial, fixed", [(8, 18), (5, 24), (8, 15), (2, 32), (4, 2)]),
        ("tucker, learned", [(8, 18), (4, 8), (4, 36), (8, 4), (2, 32), (4, 2)]),
    ],
)
def test_factors_are_layers_of_the_hardware(name: str, shapes: list[tuple[int, int]], build: Build) -> None:
    assert [codes.shape for codes in weight_memories(build(name))] == shapes


def test_scales_are_trained_or_stay_as_calibrated(build: Build) -> None:
    for name, trained in (("spatial, fixed", False), ("tucker, learned", True)):
        state = load_checkpoint(build(name) / "prune" / CHECKPOINT)
        network = network_of(RECIPES[name], state)
        scales = [p for key, p in network.named_parameters() if key.endswith("scaling_impl.value")]
        assert len(scales) > 6
        assert [p.requires_grad for p in scales[1:]] == [trained] * (len(scales) - 1)  # the first: input
