"""The fast training graph is the Brevitas network."""

import pytest
import torch

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import fast
from fpga_flow.train.blocks import Chain
from fpga_flow.train.dataset import Codes, chain_grid, quantise
from fpga_flow.train.fast import FastNetwork, WeightCodes
from fpga_flow.train.loop import Settings, fit
from fpga_flow.train.network import build_network, fill
from fpga_flow.train.spec import chain, quant_of
from fpga_flow.train.state import new_state
from tests.train.frames import LENGTH, small_recipe

CLASSES = [f"tone{k}" for k in range(4)]


def make(recipe: Recipe, rounded: bool = True) -> FastNetwork:
    state = new_state(recipe, CLASSES, 2)
    return FastNetwork(chain(recipe, len(CLASSES), 2), quant_of(recipe), state, rounded)


def few_steps(network: FastNetwork, frames: Codes, steps: int = 6) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    network.train()
    for step in range(steps):
        part = slice(64 * step, 64 * step + 64)
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(frames.codes[part]), frames.labels[part])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        network.constrain()


@pytest.mark.parametrize("bits", range(2, 9))
def test_trained_network_equals_brevitas_bit_for_bit(bits: int, frames: dict[str, Codes]) -> None:
    recipe = small_recipe(quant={"weight_bits": bits, "act_bits": bits})
    network = make(recipe)
    few_steps(network, frames["train"])
    brevitas = build_network(recipe, len(CLASSES), 2)
    assert isinstance(brevitas, Chain)
    fill(brevitas, network.state())
    codes = frames["test"].codes
    real = codes.transpose(1, 2).float() * quant_of(recipe).input_scale
    network.eval()
    with torch.no_grad():
        found = network(codes)
        assert torch.equal(found, brevitas(real))
        # The same numbers in double precision: float32 has rounded nothing.
        assert torch.equal(found.double(), brevitas.double()(real.double()))
    assert found.std() > 0


def test_logits_are_integers_on_one_scale(frames: dict[str, Codes], recipe: Recipe) -> None:
    network = make(recipe)
    few_steps(network, frames["train"])
    last = network.layers[-1]
    scale = last.input_scale * last.scale
    network.eval()
    with torch.no_grad():
        codes = network(frames["test"].codes) / scale
    assert torch.equal(codes, codes.round())


def test_torch_fallback_gives_the_same_network(
    frames: dict[str, Codes], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make(recipe)
    few_steps(network, frames["train"])
    codes, labels = frames["test"].codes, frames["test"].labels

    def outcome() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        network.load(state)
        network.eval()
        with torch.no_grad():
            logits = network(codes)
        network.train()
        network.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(codes), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        first, last = network.layers[0].weight.grad, network.layers[-1].weight.grad
        assert first is not None and last is not None
        return logits, first.clone(), last.clone()

    state = network.state()
    compiled = outcome()
    monkeypatch.setattr(fast, "kernels", lambda: None)
    plain = outcome()
    assert torch.equal(compiled[0], plain[0])
    for a, b in zip(compiled[1:], plain[1:], strict=True):
        # Gradients are sums of float32 in another order; a code on an edge may also round the other way.
        assert float((a - b).norm() / b.norm()) < 0.05


def test_pooling_before_the_norm_is_pooling_after_it(frames: dict[str, Codes], recipe: Recipe) -> None:
    """The Brevitas network pools activations, the fast one sums: gains must stay positive for that."""
    network = make(recipe)
    with torch.no_grad():
        for layer in network.layers[:-1]:
            layer.gamma.fill_(-1.0)
    network.constrain()
    assert all(float(layer.gamma.detach().min()) > 0 for layer in network.layers[:-1])


def test_weight_gradient_passes_straight_through_but_not_outwards() -> None:
    weight = torch.tensor([0.3, 2.0, 2.0, -2.0, -2.0], requires_grad=True)
    codes = WeightCodes.apply(weight, 0.25, 7, True)  # type: ignore[no-untyped-call]
    assert codes.tolist() == [1, 7, 7, -7, -7]
    # A positive gradient lowers the weight when a step is taken, a negative one raises it.
    codes.backward(torch.tensor([1.0, 1.0, -1.0, 1.0, -1.0]))
    assert weight.grad is not None
    assert weight.grad.tolist() == [4, 4, 0, 0, -4]


def test_masked_weights_stay_zero_through_training_and_reload(
    frames: dict[str, Codes], recipe: Recipe
) -> None:
    network = make(recipe)
    state = network.state()
    kept = state["layers"]["conv3"]
    mask = torch.rand(kept["weight"].shape, generator=torch.Generator().manual_seed(1)) < 0.3
    kept["mask"] = mask
    network.load(state)
    few_steps(network, frames["train"])
    after = network.state()["layers"]["conv3"]
    assert torch.equal(after["mask"], mask)
    assert bool((after["weight"][~mask] == 0).all())
    assert bool((after["weight"][mask] != 0).all())


def test_float_network_is_the_quantised_one_without_rounding(frames: dict[str, Codes]) -> None:
    recipe = small_recipe(quant={"weight_bits": 8, "act_bits": 8})
    network = make(recipe)
    few_steps(network, frames["train"])
    codes = frames["test"].codes
    unrounded = FastNetwork(chain(recipe, len(CLASSES), 2), quant_of(recipe), network.state(), rounded=False)
    network.eval()
    unrounded.eval()
    with torch.no_grad():
        difference = (network(codes) - unrounded(codes)).abs().mean() / unrounded(codes).std()
    assert 0 < float(difference) < 0.2


def test_width_that_is_no_multiple_of_the_lanes_trains_too(frames: dict[str, Codes]) -> None:
    recipe = small_recipe(model={"width": 12, "dense": 10})
    network = make(recipe)
    few_steps(network, frames["train"], steps=2)
    network.eval()
    with torch.no_grad():
        assert network(frames["test"].codes).shape == (128, 4)


def test_input_quantiser_rounds_and_saturates(recipe: Recipe) -> None:
    frames = torch.tensor([[[-3.0, -2.0, 0.0078125, 0.0234375, 1.99, 5.0]] * 2])
    codes = quantise(frames, chain_grid(quant_of(recipe)))
    assert codes.shape == (1, 6, 2)
    assert codes[0, :, 0].tolist() == [-128, -128, 0, 2, 127, 127]


def test_four_bits_learn_the_tones(frames: dict[str, Codes], recipe: Recipe, tmp_path) -> None:  # type: ignore[no-untyped-def]
    network = make(recipe)
    outcome = fit(
        network,
        frames["train"],
        frames["validation"],
        Settings(epochs=4, batch=32, learning_rate=0.01, factor=0.3, patience=1),
        tmp_path / "training.pt",
        seed=1,
        description="tones",
    )
    assert outcome.accuracy > 0.9
    assert frames["train"].codes.shape[1] == LENGTH
