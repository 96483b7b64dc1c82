"""Channel counts that fold well.

A folded layer works on PE outputs and SIMD inputs at once, and both must divide its numbers of channels: a
layer of 61 channels can be folded by 61 or not at all, one of 64 by 1, 2, 4, 8, 16, 32 and 64, so that its
rate comes near to what the slowest layer needs, at no cost. The same goes for the training kernels, which
work on channels by 16. So more channels than must stay can be the smaller network.
"""

from typing import Literal

SLACK = 8
"""`divisors` keeps at most one channel more for so many that must stay."""
Multiple = int | Literal["divisors"]


def fold_friendly(wanted: int, there: int, multiple: Multiple) -> int:
    """Return how many of `there` channels stay where `wanted` must, one at least.

    With a number, the next multiple of it; with `divisors`, of the counts up to an eighth larger the one that
    most numbers divide, the smallest of several. No layer becomes wider than it is.
    """
    wanted = min(max(1, wanted), there)
    if multiple == "divisors":
        candidates = range(wanted, min(there, wanted + -(-wanted // SLACK)) + 1)
        return max(candidates, key=lambda count: (divisors(count), -count))
    return min(there, -(-wanted // multiple) * multiple)


def divisors(count: int) -> int:
    """Return how many numbers divide `count`."""
    return sum(count % number == 0 for number in range(1, count + 1))
