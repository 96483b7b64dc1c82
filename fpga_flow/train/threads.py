"""The number of threads that torch computes with: fixed, since its sums are others with another number."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

TORCH_THREADS = 2
"""Of torch's own operations, on any machine and whatever `OMP_NUM_THREADS` says: dense layers, gradients of
weights and sums split their terms between the threads. The compiled kernels, whose sums do not depend on
that, take all processors."""


@contextmanager
def torch_threads(count: int | None = None) -> Iterator[None]:
    """Let torch compute with `count` threads (None: `TORCH_THREADS`); afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(TORCH_THREADS if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
