"""Torch's threads are a fixed number, so that what it computes is always the same."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fpga_flow.train.threads import TORCH_THREADS, torch_threads


@torch_threads()
def trained_a_step() -> list[Tensor]:
    """A dense layer and a batch norm, whose sums torch splits between its threads, with their gradients."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 784, generator=generator)
    weight = torch.randn(300, 784, generator=generator).requires_grad_()
    gain = torch.ones(300).requires_grad_()
    y = F.batch_norm(F.linear(x, weight), None, None, gain, None, True)
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None and gain.grad is not None
    return [y.detach(), weight.grad, gain.grad, x.std()]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_computed_does_not_depend_on_the_threads_allowed(threads: int) -> None:
    expected = trained_a_step()
    with torch_threads(threads):
        found = trained_a_step()
        assert torch.get_num_threads() == threads
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_threads_are_as_before_also_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="wrong"), torch_threads():
        assert torch.get_num_threads() == TORCH_THREADS
        raise ValueError("wrong")
    assert torch.get_num_threads() == before
