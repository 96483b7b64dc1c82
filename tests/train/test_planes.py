"""Layers in the compiled kernels, channel by channel: torch's own operations, values and gradients."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga_flow.train.planes import Conv, Levels, NormQuant, QuantRelu, Sizes, norm_quant_fixed

Gradients = tuple[torch.Tensor, ...]


def integers(low: int, high: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed)).float()


def convolved(x: torch.Tensor, w: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    y: torch.Tensor = Conv.apply(x, w, sizes)  # type: ignore[no-untyped-call]
    return y


def gradients(y: torch.Tensor, inputs: Gradients, seed: int) -> Gradients:
    g = integers(-3, 4, tuple(y.shape), seed)
    return torch.autograd.grad(y, inputs, g)


@settings(deadline=None, max_examples=40)
@given(
    frames=st.integers(1, 40),
    length=st.integers(1, 70),
    groups=st.sampled_from([1, 2, 5]),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    kernel=st.integers(1, 11),
    stride=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_convolution_equals_torch(
    frames: int, length: int, groups: int, inputs: int, outputs: int, kernel: int, stride: int, seed: int
) -> None:
    x = integers(-8, 9, (frames, groups * inputs, length), seed).requires_grad_()
    w = integers(-7, 8, (groups * outputs, inputs, kernel), seed + 1).requires_grad_()
    padding = kernel // 2 + (kernel > length)
    wanted = F.conv1d(x, w, stride=stride, padding=padding, groups=groups)
    found = convolved(x, w, Sizes(groups, stride, padding))
    # All sums are integers that float32 holds, so there is no tolerance.
    assert torch.equal(found, wanted)
    for ours, theirs in zip(gradients(found, (x, w), seed), gradients(wanted, (x, w), seed), strict=True):
        assert torch.equal(ours, theirs)


def test_convolution_of_the_first_layer_asks_for_no_gradient_of_frames() -> None:
    x, w = integers(-8, 9, (3, 2, 64), 1), integers(-7, 8, (4, 2, 15), 2).requires_grad_()
    sizes = Sizes(1, 4, 7)
    (ours,) = gradients(convolved(x, w, sizes), (w,), 3)
    (theirs,) = gradients(F.conv1d(x, w, stride=4, padding=7), (w,), 3)
    assert torch.equal(ours, theirs)


def quantised(x: torch.Tensor, step: torch.Tensor, levels: Levels) -> torch.Tensor:
    """What a quantised ReLU does, in torch's operations, rounding passed straight through."""
    x = F.relu(x)
    if not levels.rounded:
        return x
    ratio = x / step
    codes = ratio + (torch.round(ratio) - ratio).detach()
    return torch.where(codes > levels.top, torch.full_like(codes, levels.top), codes) * step


@pytest.mark.parametrize("shape", [(40, 5, 33), (3, 24, 8, 8), (17, 1, 16), (2, 3, 1), (30, 20)])
@pytest.mark.parametrize("rounded", [True, False])
def test_batch_norm_and_quantised_relu_equal_torch(shape: tuple[int, ...], rounded: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator, dtype=torch.float64).mul(3).add(1).requires_grad_()
    channels = shape[1]
    gamma = torch.linspace(-0.5, 1.5, channels, dtype=torch.float64).requires_grad_()
    beta = torch.linspace(0.7, -0.2, channels, dtype=torch.float64).requires_grad_()
    step = torch.tensor(0.2 if rounded else 1.0, dtype=torch.float64, requires_grad=True)
    levels = Levels(float(step.detach()), 7, rounded)
    g = torch.randn(shape, generator=generator, dtype=torch.float64)
    inputs = (x, gamma, beta, step) if rounded else (x, gamma, beta)
    y = quantised(F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-4), step, levels)
    wanted = torch.autograd.grad(y, inputs, g)
    narrow = [value.detach().float().requires_grad_() for value in (x, gamma, beta, step)]
    found, mean, var = NormQuant.apply(*narrow, 1e-4, levels)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found.double(), y, rtol=1e-5, atol=1e-5)
    others = [axis for axis in range(len(shape)) if axis != 1]
    torch.testing.assert_close(mean.double(), x.mean(others), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(var.double(), x.var(others, unbiased=False), rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(found, narrow[: len(inputs)], g.float())
    for one, other in zip(ours, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=2e-4, atol=2e-4)


def test_quantised_relu_by_hand() -> None:
    x = torch.tensor([[[-1.0, 0.0, 0.1, 0.3, 0.74, 0.76, 9.0]]], requires_grad=True)
    step = torch.tensor(0.5, requires_grad=True)
    y = QuantRelu.apply(x, step, Levels(0.5, 2, True))  # type: ignore[no-untyped-call]
    assert y.flatten().tolist() == [0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    y.backward(torch.tensor([[[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]]]))
    assert x.grad is not None and step.grad is not None
    assert x.grad.flatten().tolist() == [0.0, 0.0, 4.0, 8.0, 16.0, 32.0, 0.0]
    # Rounded less exact ratio where the gradient passes, the top where it is clipped.
    by_hand = 4 * (0 - 0.2) + 8 * (1 - 0.6) + 16 * (1 - 1.48) + 32 * (2 - 1.52) + 64 * 2
    assert float(step.grad) == pytest.approx(by_hand, rel=1e-6)


def test_fixed_norm_by_hand() -> None:
    x = torch.tensor([[[1.0, 2.0], [-1.0, 4.0]]])
    a, b = torch.tensor([2.0, -1.0]), torch.tensor([0.4, 0.0])
    y = norm_quant_fixed(x, a, b, Levels(1.0, 3, True))
    assert y.tolist() == [[[2.0, 3.0], [1.0, 0.0]]]
