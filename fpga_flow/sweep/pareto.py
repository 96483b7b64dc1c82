"""Which points no other point beats."""

from collections.abc import Sequence


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (cost, gain) that no other reaches at the same or a lower cost, by cost.

    Of equal points the first one counts.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1], index))
    found: list[int] = []
    for index in order:
        if not found or points[index][1] > points[found[-1]][1]:
            found.append(index)
    return found
