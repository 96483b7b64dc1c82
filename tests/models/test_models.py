"""The architectures: weights as in their papers, shapes, and activations that use their codes."""

import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from torch import nn

from fpga_flow.core.errors import InputError
from fpga_flow.data.frames import Values
from fpga_flow.train.spec import load_model
from tests.models.networks import NAMES, calibrated, recipe_of, untrained

COUNT = 8
WEIGHTED = (qnn.QuantConv1d, qnn.QuantConv2d, qnn.QuantLinear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ACTIVATIONS = (qnn.QuantReLU, qnn.QuantIdentity)

WEIGHTS = {
    "bacalhaunet-w6": 9_318,  # as its authors count
    "bacalhaunet-signals-w6": 9_318,
    "densenet-a-w4": 969_288,
    "densenet-b-w4": 316_232,
    "densenet-b-fashion": 316_232,
    "densenet-b-cifar10": 316_232,
    "cnv-w1": 1_542_848,  # as FINN's
    "cnv-w2": 1_542_848,
    "tfc-w1": 59_008,
    "tfc-w2": 59_008,
    "sfc-w1": 334_336,
    "sfc-w2": 334_336,
    "lfc-w1": 2_910_208,
    "lfc-w2": 2_910_208,
    "vgg10-32-w4": 70_848,
    "mnist-mlp-w4": 784 * 300 + 300 * 100 + 100 * 10,
    "jets-w6": 16 * 64 + 64 * 32 + 32 * 32 + 32 * 5,
    "densenet-small-w4": 44_012,
    "densenet-fashion": 44_012,
    "sardine-w4": 7_416,
    "sardine-training": 7_416,
}
LAYERS = {
    "bacalhaunet-w6": 11,
    "bacalhaunet-signals-w6": 11,
    "densenet-a-w4": 121,
    "densenet-b-w4": 101,
    "densenet-b-fashion": 101,
    "densenet-b-cifar10": 101,
    "densenet-small-w4": 28,  # 2 * 12 in blocks, first, 2 transitions, last
    "densenet-fashion": 28,
    "sardine-w4": 10,
    "sardine-training": 10,
    "cnv-w1": 9,
    "cnv-w2": 9,
    "mnist-mlp-w4": 3,
    "vgg10-32-w4": 10,
}

CALIBRATED = [name for name in NAMES if not name.startswith(("lfc", "densenet-a"))]
"""All that do not take long; the others have a smaller one of the same kind here."""


def weighted(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, WEIGHTED)]


def test_every_recipe_of_a_model_is_counted_here() -> None:
    assert set(WEIGHTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_and_layers_are_those_of_the_architecture(name: str) -> None:
    network, _ = untrained(name)
    layers = weighted(network)
    assert sum(layer.weight.numel() for layer in layers) == WEIGHTS[name]
    assert len(layers) == LAYERS.get(name, 4)


def test_densenet_a_has_as_many_parameters_as_the_one_for_cifar_that_everybody_uses() -> None:
    # 1,000,618 with its ten biases: weights, and two numbers for each channel of a batch norm
    network, _ = untrained("densenet-a-w4")
    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    assert WEIGHTS["densenet-a-w4"] + sum(2 * norm.num_features for norm in norms) + 10 == 1_000_618


def test_vgg10_of_the_published_size_has_its_weights() -> None:
    recipe = recipe_of("vgg10-32-w4")
    table = recipe.model.model_copy(update={"width": 64})
    network = load_model("vgg10").build(recipe.model_copy(update={"model": table}), 24, 2)
    assert sum(layer.weight.numel() for layer in weighted(network)) == 159_104


def test_bacalhaunets_strides_halve_the_length_three_times() -> None:
    network, frames = untrained("bacalhaunet-w6")
    lengths = []
    for block in network.blocks:  # type: ignore[union-attr]
        block.register_forward_hook(lambda _m, _i, out: lengths.append(tuple(out.shape[1:])))
    with torch.no_grad():
        network(torch.from_numpy(frames[:1]))
    assert lengths == [(24, 512), (24, 512), (48, 256), (48, 256), (48, 128)]
    assert [block.residual for block in network.blocks] == [False, True, False, True, False]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("vgg10")])  # trained ones
def test_weights_have_the_bits_of_the_recipe_and_one_scale(name: str) -> None:
    quant = recipe_of(name).quant
    # Scales that are learned start where calibration puts them; the others follow the weights.
    network, _ = calibrated(name) if quant.scales == "learned" else untrained(name)
    bits = quant.weight_bits
    largest = max(1, (1 << (bits - 1)) - 1)
    for layer in weighted(network):
        quantised = layer.quant_weight()
        assert quantised.scale.numel() == 1
        codes = torch.unique(torch.round(quantised.value / quantised.scale))
        assert codes.abs().max() == largest
        assert codes.tolist() == [-1, 1] if bits == 1 else len(codes) > largest


def shares(network: nn.Module, frames: Values) -> dict[str, torch.Tensor]:
    """Return, for every activation quantiser, how often each of its codes is used."""
    found: dict[str, torch.Tensor] = {}

    def keep(name: str, module: nn.Module, out: torch.Tensor) -> None:
        bits = int(module.act_quant.bit_width())  # type: ignore[operator, union-attr]
        scale = module.act_quant.scale()  # type: ignore[operator, union-attr]
        codes = torch.round(getattr(out, "value", out) / scale).long()
        low = int(codes.min()) if int(codes.min()) < 0 else 0
        counts = torch.bincount((codes - low).flatten(), minlength=1 << bits).double()
        found[name] = counts / counts.sum()

    handles = [
        module.register_forward_hook(lambda m, _i, out, name=name: keep(name, m, out))
        for name, module in network.named_modules()
        if isinstance(module, ACTIVATIONS)
    ]
    with torch.no_grad():
        network(torch.from_numpy(frames))
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("name", CALIBRATED)
def test_calibrated_activations_are_neither_all_zero_nor_saturated(name: str) -> None:
    network, frames = calibrated(name)
    used = shares(network, frames[:COUNT])
    bits = recipe_of(name).quant.act_bits
    assert used
    for place, share in used.items():
        codes = int((share > 0).sum())
        assert share.max() < 0.97, f"{place}: one code has {share.max():.1%} of the values"
        if bits == 1 and place != next(iter(used)):
            assert codes == 2
            assert share[share > 0].min() > 0.1, place
        else:
            assert codes >= min(0.75 * (1 << bits), 20), f"{place}: {codes} codes are used"


@pytest.mark.parametrize("name", CALIBRATED)
def test_logits_tell_frames_apart(name: str) -> None:
    network, frames = calibrated(name)
    with torch.no_grad():
        logits = np.asarray(network(torch.from_numpy(frames[:COUNT])))
    assert logits.shape[0] == COUNT
    assert len(np.unique(logits, axis=0)) > COUNT - 3
    # Untrained, one class may have the largest bias of all: less what each class has in common.
    assert len(np.unique((logits - logits.mean(0)).argmax(1))) > 1
    assert (logits.std(axis=0) > 0).all()


def test_calibration_depends_on_the_frames_alone() -> None:
    once, frames = calibrated("tfc-w2")
    again, _ = untrained("tfc-w2")
    from fpga_flow.train.calibrate import calibrate

    calibrate(again, frames)
    calibrate(again, frames)  # what an earlier calibration left does not count
    states = zip(once.state_dict().items(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for (name, a), b in states if not name.endswith("num_batches_tracked"))


def test_wrong_growth_of_densenet() -> None:
    recipe = recipe_of("densenet-b-w4")
    table = recipe.model.model_copy(update={"width": 9})
    with pytest.raises(InputError, match="model.width: is the growth of model densenet and must be 8 or 12"):
        load_model("densenet").build(recipe.model_copy(update={"model": table}), 10, 3)


def test_densenet_of_free_blocks_takes_any_growth() -> None:
    recipe = recipe_of("densenet-b-w4")
    table = recipe.model.model_copy(update={"width": 4, "parts": (1, 2)})
    network = load_model("densenet").build(recipe.model_copy(update={"model": table}), 10, 3)
    # first; a layer on 8 channels; transition of 12 to 6; layers on 6 and 10; 14 channels to 10 classes
    pairs = [8 * 3 * 9, 8 * 16, 16 * 4 * 9, 12 * 6, 6 * 16, 16 * 4 * 9, 10 * 16, 16 * 4 * 9, 14 * 10]
    assert [layer.weight.numel() for layer in weighted(network)] == pairs


def test_hidden_layers_of_the_perceptron_are_those_of_the_recipe() -> None:
    recipe = recipe_of("mnist-mlp-w4")
    table = recipe.model.model_copy(update={"parts": (7, 5, 3)})
    network = load_model("mlp").build(recipe.model_copy(update={"model": table}), 10, 1)
    shapes = [tuple(layer.weight.shape) for layer in weighted(network)]
    assert shapes == [(7, 784), (5, 7), (3, 5), (10, 3)]


def test_parts_of_a_model_are_in_its_checkpoint() -> None:
    from fpga_flow.train.checkpoint import header

    assert header(recipe_of("densenet-small-w4"), ["a", "b"], 3)["parts"] == [3, 4, 5]
