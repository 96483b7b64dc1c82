"""Additive powers of two, against cases computed by hand."""

import brevitas.nn as qnn
import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.train.apot import (
    ApotActivations,
    ApotActQuant,
    ApotWeightQuant,
    ApotWeights,
    check_bits,
    edges,
    hardware_bits,
    levels,
    moments,
    nearest,
    weight_levels,
)


def test_levels_of_four_bit_weights_are_those_of_the_paper() -> None:
    assert weight_levels(4) == (-10, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 10)
    assert edges(weight_levels(4)[7:]) == (0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 9.0)


@pytest.mark.parametrize(
    ("bits", "sets"),
    [
        # Equation (5) with two bits a summand: p_i is 0 or 2^-i, 2^-(i+n), 2^-(i+2n), here times 2^3n.
        (2, [(0, 4, 2, 1)]),
        (4, [(0, 32, 8, 2), (0, 16, 4, 1)]),
        (6, [(0, 256, 32, 4), (0, 128, 16, 2), (0, 64, 8, 1)]),
        # An odd bit more is one summand of one bit.
        (1, [(0, 1)]),
        (3, [(0, 8, 4, 1), (0, 2)]),
        (5, [(0, 64, 16, 2), (0, 32, 8, 1), (0, 4)]),
    ],
)
def test_levels_are_all_sums_of_one_of_each_set(bits: int, sets: list[tuple[int, ...]]) -> None:
    sums = {0}
    for each in sets:
        sums = {a + b for a in sums for b in each}
    assert levels(bits) == tuple(sorted(sums))
    assert len(levels(bits)) == 2**bits


def test_bits_that_the_integers_need() -> None:
    assert [hardware_bits(bits, True) for bits in range(2, 7)] == [2, 4, 5, 7, 8]
    assert [hardware_bits(bits, False) for bits in range(2, 6)] == [3, 4, 6, 7]


def test_nearest_takes_the_higher_of_two_as_near() -> None:
    x = torch.tensor([-30.0, -9.0, -8.9, 0.5, 0.49, 5.0, 4.9, 30.0])
    assert nearest(x, weight_levels(4)).tolist() == [-10, -8, -8, 1, 0, 6, 4, 10]


def test_moments_are_those_of_the_weights_that_are_left() -> None:
    mean, deviation = moments(torch.tensor([0.0, 1.0, 3.0, 0.0, 5.0, 0.0]))
    assert (float(mean), float(deviation)) == (3.0, 2.0)
    assert [float(value) for value in moments(torch.zeros(4))] == [0.0, 1.0]


def test_weights_by_hand_and_pruned_ones_stay_zero() -> None:
    quantiser = ApotWeights(4).eval()
    with torch.no_grad():
        quantiser.alpha.fill_(1.25)
        # Left: 1, 3, 5 of mean 3 and deviation 2: normalised -1, 0, 1; in tenths of alpha -8, 0, 8.
        values, scale, zero, bits = quantiser(torch.tensor([0.0, 1.0, 3.0, 0.0, 5.0, 0.0]))
    assert float(scale) == 0.25
    assert (values / scale).tolist() == [0, -8, 0, 0, 8, 0]
    assert (float(zero), float(bits)) == (0, 5)


def test_with_statistics_over_all_weights_pruned_ones_would_move() -> None:
    """What the mask-aware statistics are for: the same weights, the zeros nearly zero and so not pruned."""
    quantiser = ApotWeights(4).eval()
    with torch.no_grad():
        codes = quantiser(torch.tensor([1e-9, 1.0, 3.0, 1e-9, 5.0, 1e-9]))[0]
    assert bool((codes != 0).all())


def test_gradient_of_alpha_is_that_of_the_paper() -> None:
    quantiser = ApotWeights(4)
    with torch.no_grad():
        quantiser.alpha.fill_(0.5)
    weight = torch.tensor([1.0, 3.2, 3.8, 5.0, 2.0], requires_grad=True)
    mean, deviation = moments(weight)
    ratio = (weight.detach() - mean) / deviation / 0.5
    values, *_ = quantiser(weight)
    gradient = torch.tensor([1.0, 10.0, 100.0, 1000.0, 10_000.0])
    values.backward(gradient)
    # Beyond alpha the sign, within it the error of the projection; all in units of the deviation.
    clipped = ratio.clamp(-1, 1)
    error = nearest(clipped * 10, weight_levels(4)) / 10 - clipped
    expected = torch.where(ratio.abs() > 1, ratio.sign(), error) * deviation
    assert quantiser.alpha.grad is not None and weight.grad is not None
    assert float(quantiser.alpha.grad) == pytest.approx(float((expected * gradient).sum()), rel=1e-4)
    assert weight.grad.tolist() == pytest.approx(torch.where(ratio.abs() > 1, 0, gradient).tolist())


def test_activations_by_hand() -> None:
    quantiser = ApotActivations(3, signed=False).eval()
    with torch.no_grad():
        quantiser.alpha.fill_(5.0)
        values, scale, _, bits = quantiser(torch.tensor([-1.0, 0.24, 0.25, 1.1, 2.4, 2.5, 4.6, 9.0]))
    assert (float(scale), float(bits)) == (0.5, 4)
    assert values.tolist() == [0, 0, 0.5, 1.0, 2.0, 3.0, 5.0, 5.0]


def test_signed_activations_by_hand() -> None:
    quantiser = ApotActivations(4, signed=True).eval()
    with torch.no_grad():
        quantiser.alpha.fill_(5.0)
        values, scale, _, bits = quantiser(torch.tensor([-9.0, -1.3, -0.24, 0.25, 1.1, 2.4, 9.0]))
    assert (float(scale), float(bits)) == (0.5, 5)
    assert values.tolist() == [-5.0, -1.5, 0, 0.5, 1.0, 2.0, 5.0]


def test_brevitas_layers_take_them() -> None:
    torch.manual_seed(0)
    layer = qnn.QuantConv1d(2, 8, 3, bias=False, weight_quant=ApotWeightQuant, weight_apot_bits=4)
    weight = layer.quant_weight()
    assert set((weight.value / weight.scale).round().flatten().tolist()) <= set(weight_levels(4))
    assert (float(weight.bit_width), weight.signed) == (5, True)
    act = qnn.QuantReLU(act_quant=ApotActQuant, apot_bits=3, return_quant_tensor=True)
    out = act(torch.randn(4, 2, 9) * 3)
    assert set((out.value / out.scale).round().flatten().tolist()) == set(levels(3))
    assert float(out.bit_width) == 4
    layer(out).sum().backward()
    assert layer.weight_quant.tensor_quant.alpha.grad is not None


def test_wrong_bits_are_refused_with_their_place() -> None:
    with pytest.raises(InputError, match=r"^quant.weight_bits: must be 2 to 6 with apot, not 8"):
        check_bits("quant.weight_bits", 8, signed=True)
    with pytest.raises(InputError, match=r"^x: must be 2 to 5 with apot, not 1"):
        check_bits("x", 1, signed=False)
