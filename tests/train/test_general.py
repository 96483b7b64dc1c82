"""Training of Brevitas modules: masks, resumption, APoT and learned scales through the stages."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages import train as train_stage
from fpga_flow.train import loop
from fpga_flow.train.apot import weight_levels
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import GeneralNetwork, convert, first_state, network_of
from fpga_flow.train.layers import act_bits, activations, weight_bits, weighted
from fpga_flow.train.network import load_network
from fpga_flow.train.requantise import final
from tests.train.frames import small_recipe
from tests.train.test_fast import CLASSES, few_steps, make
from tests.train.test_stage import accuracy_of, run, trained_recipe


@pytest.fixture(autouse=True)
def _tones(frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)  # all tensors are small here
    for stage in (train_stage, prune_stage):
        monkeypatch.setattr(stage, "load_codes", lambda recipe, split, cache: frames[split])


def apot_recipe(**parts: Any) -> Recipe:
    quant = {"weights": "apot", "weight_bits": 4, "act_bits": 4, **parts.pop("quant", {})}
    train = {"epochs": 4, "batch": 32, "learning_rate": 0.01, **parts.pop("train", {})}
    prune = {"method": "imp", "rate": 0.4, "epochs": 2, "rounds": 1, "target": 8.0, "learning_rate": 0.005}
    return small_recipe(quant=quant, train=train, prune=prune, **parts)


def test_state_is_the_network_and_masks_stay_in_force(frames: dict[str, Codes]) -> None:
    recipe = apot_recipe()
    state = first_state(recipe, CLASSES, 2)
    mask = torch.rand(state["layers"]["conv3"]["weight"].shape) < 0.5
    state["layers"]["conv3"]["mask"] = mask
    network = network_of(recipe, state)
    assert isinstance(network, GeneralNetwork)
    network.calibrate(frames["train"].codes[:64], recipe.train.calibration)
    few_steps(network, frames["train"], steps=3)
    after = network.state()
    kept = after["layers"]["conv3"]
    assert torch.equal(kept["mask"], mask)
    assert bool((kept["weight"][~mask] == 0).all()) and bool((kept["weight"][mask] != 0).all())
    assert not network.codes()["conv3"][~mask].any()
    assert set(network.codes()["conv1"].unique().tolist()) <= set(weight_levels(4))
    other = network_of(recipe, first_state(recipe, CLASSES, 2))
    other.load(after)
    network.eval(), other.eval()
    with torch.no_grad():
        assert torch.equal(network(frames["test"].codes), other(frames["test"].codes))


def test_apot_with_learned_scales_from_training_to_a_pruned_checkpoint(
    frames: dict[str, Codes], tmp_path: Path
) -> None:
    recipe = apot_recipe(quant={"activations": "apot", "scales": "learned"})
    trained = run(train_stage, recipe, tmp_path / "train")
    assert trained["accuracy"]["quantised"] > 0.8
    result = run(prune_stage, recipe, tmp_path / "prune", train=tmp_path / "train")
    assert result["left"] == round(0.6 * result["weights"])
    assert result["nonzero"] <= result["left"]
    network = load_network(recipe, tmp_path / "prune" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["pruned"], abs=1e-6)
    masks = load_checkpoint(tmp_path / "prune" / CHECKPOINT)["layers"]
    for path, layer in weighted(network).items():
        mask = masks[path.removeprefix("blocks.").removesuffix(".linear")]["mask"]
        assert not layer.quant_weight().value[~mask].any()


def test_untrained_network_depends_on_the_seed_alone() -> None:
    once = first_state(apot_recipe(), CLASSES, 2)
    torch.rand(3)
    again = first_state(apot_recipe(), CLASSES, 2)
    assert once["rest"].keys() == again["rest"].keys()
    assert all(torch.equal(value, again["rest"][name]) for name, value in once["rest"].items())
    module = network_of(apot_recipe(), once).state()
    assert torch.equal(
        module["rest"]["blocks.classes.linear.bias"], once["rest"]["blocks.classes.linear.bias"]
    )
    assert module["rest"].keys() == once["rest"].keys()


def test_wrong_pruning_of_weights_that_have_no_zero() -> None:
    recipe = small_recipe(quant={"layers": {"dense1": {"weight_bits": 1}}})
    state = first_state(recipe, CLASSES, 2)
    state["layers"]["dense1"]["mask"] = torch.zeros(16, 16, dtype=torch.bool)
    with pytest.raises(InputError, match=r"prune.method: must be none .* one bit \(dense1\)"):
        network_of(recipe, state)


def test_a_pruned_network_is_quantised_to_apot_with_its_masks(
    frames: dict[str, Codes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = make(small_recipe())
    few_steps(chain, frames["train"])
    state = chain.state()
    state["layers"]["conv3"]["mask"] = state["layers"]["conv3"]["weight"].abs() > 0.1
    chain.load(state)
    chain.constrain()
    (tmp_path / "models").mkdir()
    save_state(tmp_path / "models" / "net.pt", chain.state())
    monkeypatch.setattr(places, "HOME", tmp_path)
    recipe = apot_recipe(train={"checkpoint": "models/net.pt", "epochs": 1})
    run(train_stage, recipe, tmp_path / "train")
    after = load_checkpoint(tmp_path / "train" / CHECKPOINT)
    network = network_of(recipe, after)
    mask = after["layers"]["conv3"]["mask"]
    assert torch.equal(mask, state["layers"]["conv3"]["mask"]) and not mask.all()
    assert not network.codes()["conv3"][~mask].any()
    assert set(network.codes()["conv3"].unique().tolist()) <= set(weight_levels(4))


def test_pruned_network_is_brought_to_apot_and_trained_again(
    tmp_path: Path, frames: dict[str, Codes]
) -> None:
    quantise = {"weights": "apot", "layers": {"conv1": {"weights": "uniform"}}, "epochs": 2}
    recipe = trained_recipe(
        prune={"method": "imp", "rounds": 1, "rate": 0.4, "target": 6.0, "quantise": quantise}
    )
    run(train_stage, recipe, tmp_path / "train")
    result = run(prune_stage, recipe, tmp_path / "prune", train=tmp_path / "train")
    assert result["accuracy"]["pruned"] > 0.85
    assert result["left"] == round(0.6 * result["weights"])
    kept = load_checkpoint(tmp_path / "prune" / CHECKPOINT)
    assert kept["quant"]["weights"] == "apot"
    network = load_network(final(recipe), tmp_path / "prune" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["pruned"], abs=1e-6)
    for path, layer in weighted(network).items():
        name = path.removeprefix("blocks.").removesuffix(".linear")
        quantised = layer.quant_weight()
        codes = torch.round(quantised.value / quantised.scale)
        assert not codes[~kept["layers"][name]["mask"]].any()
        if name != "conv1":
            assert set(codes.flatten().tolist()) <= set(weight_levels(4))
    curve = json.loads((tmp_path / "prune" / "curve-quantising.json").read_text())
    assert len(curve) == 2


def test_killed_training_of_a_module_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = apot_recipe(train={"epochs": 2, "float_epochs": 1})
    whole = run(train_stage, recipe, tmp_path / "whole")
    save, calls = loop.save_state, 0

    def killed(path: Path, state: Any) -> None:
        nonlocal calls
        save(path, state)
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "save_state", killed)
        run(train_stage, recipe, tmp_path / "killed")
    again = run(train_stage, recipe, tmp_path / "killed")
    assert again["accuracy"] == whole["accuracy"]
    curve = json.loads((tmp_path / "killed" / "curve.json").read_text())
    assert {phase: len(lines) for phase, lines in curve.items()} == {"float": 1, "quantised": 2}


def test_a_chains_checkpoint_goes_on_as_a_module(frames: dict[str, Codes]) -> None:
    plain = small_recipe(train={"epochs": 1})
    network = make(plain)
    few_steps(network, frames["train"])
    recipe = apot_recipe(quant={"weight_bits": 6})
    state = convert(recipe, network.state())
    module = network_of(recipe, state)
    assert isinstance(module, GeneralNetwork)
    for name, kept in network.state()["layers"].items():
        assert torch.equal(module.state()["layers"][name]["weight"], kept["weight"])
    gamma = network.state()["layers"]["conv2"]["gamma"]
    assert torch.equal(module.state()["rest"]["blocks.conv2.norm.weight"], gamma)
    with pytest.raises(InputError, match=r"train.checkpoint: was trained as a module"):
        convert(plain, state)


def test_float_phase_of_a_module_rounds_nothing(frames: dict[str, Codes]) -> None:
    floats = make(small_recipe(), rounded=False)
    few_steps(floats, frames["train"], steps=2)
    with torch.no_grad():
        for layer in floats.layers[:-1]:
            layer.gamma.mul_(0.2)
            layer.beta.mul_(0.2)
    recipe = apot_recipe()
    module = network_of(recipe, convert(recipe, floats.state()), rounded=False).eval()
    floats.eval()
    with torch.no_grad():
        # With activations far from 4, where the chain clamps and the module does not.
        ours, theirs = module(frames["test"].codes[:32]), floats(frames["test"].codes[:32])
    assert float((ours - theirs).abs().max()) < 1e-3 * float(theirs.std())


def test_bits_are_the_recipes_whatever_the_checkpoint_was_trained_with() -> None:
    model = {"name": "bacalhaunet", "width": 4}
    state = first_state(small_recipe(model=model, quant={"weight_bits": 8, "act_bits": 8}), CLASSES, 2)
    recipe = small_recipe(model=model, quant={"weight_bits": 3, "act_bits": 2})
    network = network_of(recipe, state)
    assert isinstance(network, GeneralNetwork)
    assert {weight_bits(layer) for layer in network.weights.values()} == {3}
    assert {act_bits(act) for act in activations(network.network).values()} == {2}
    assert {int(codes.abs().max()) for codes in network.codes().values()} == {3}
    assert not any("bit_width" in name for name in network.state()["rest"])
