"""How a tensor of the file lies against the integer tensor that carries it.

The integer tensor is channels first, (1, C, H, W) or (1, F). The file may have its axes in another order
(channels last), unit axes more or fewer, or a flattened tensor in another order of the features. Nothing of
that moves a value: it is remembered here, and whoever reads the tensor takes it into account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEW = -1
"""An axis of the file that the integer tensor does not have; its length is 1."""
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """The file's tensor, from the integer tensor."""

    axes: tuple[int, ...]
    """For every axis of the file's tensor, batch first, the integer tensor's axis, or `NEW`."""
    order: NDArray[np.int64] | None = None
    """Of a flattened tensor: the place of each of the file's features among the integers; None: the same."""

    def shape(self, integers: Shape) -> Shape:
        """Return the shape of the file's tensor."""
        return tuple(1 if axis == NEW else integers[axis] for axis in self.axes)

    @property
    def channel_axis(self) -> int | None:
        """The axis of the file's tensor along which the channels are, None where it has none."""
        return self.axes.index(1) if 1 in self.axes else None

    def moved(self, integers: Shape) -> tuple[int, ...]:
        """Return the integer tensor's axes longer than 1 in the order of the file."""
        return tuple(axis for axis in self.axes if axis != NEW and integers[axis] > 1)

    def is_plain(self, integers: Shape) -> bool:
        """Whether the file has the integers channels first, but for the unit axis of a 1-D network."""
        wanted = tuple(size for size in integers[2:])
        found = self.shape(integers)
        if self.order is not None or len(found) < 2 or found[1] != integers[1]:
            return False
        spatial = found[2:]
        in_order = self.moved(integers) == tuple(sorted(self.moved(integers)))
        return in_order and (spatial == wanted or (*spatial, 1) == wanted)

    def permutation(self, integers: Shape) -> tuple[int, ...] | None:
        """Return the order of the integer tensor's four axes that the file has, None where it has other axes.

        A unit axis of either may be missing or stand anywhere.
        """
        found = self.shape(integers)
        wanted = (*found, 1) if len(found) == 3 else found
        if self.order is not None or len(integers) != 4 or len(wanted) != 4:
            return None
        units = [axis for axis in range(4) if integers[axis] == 1]
        moved = [axis for axis in self.axes if axis != NEW and integers[axis] > 1]
        return tuple(units.pop(0) if size == 1 else moved.pop(0) for size in wanted)

    def transposed(self, permutation: Sequence[int]) -> "Layout":
        """Return the layout of the file's tensor with its axes in another order."""
        return Layout(tuple(self.axes[axis] for axis in permutation), self.order)

    def reshaped(self, integers: Shape, wanted: Shape) -> "Layout | None":
        """Return the layout of the file's tensor of shape `wanted`, None where more than unit axes differ."""
        rest = list(self.moved(integers))
        if [integers[axis] for axis in rest] != [size for size in wanted if size > 1]:
            return None
        units = [axis for axis in range(len(integers)) if integers[axis] == 1]
        axes = []
        for place, size in enumerate(wanted):
            if size > 1:
                axes.append(rest.pop(0))
            elif place < len(integers) and place in units:  # where it stood
                units.remove(place)
                axes.append(place)
            else:
                axes.append(NEW)
        return Layout(tuple(axes), self.order)

    def same(self, other: "Layout") -> bool:
        """Whether the file's tensors lie alike."""
        if self.order is None or other.order is None:
            return self.axes == other.axes and self.order is other.order
        return self.axes == other.axes and np.array_equal(self.order, other.order)

    def flat_order(self, integers: Shape) -> NDArray[np.int64] | None:
        """Return the order of the features of the file's tensor flattened; None where it is the integers'."""
        if self.order is not None:
            return self.order
        index = np.arange(prod(integers)).reshape(integers)
        moved = [axis for axis in self.axes if axis != NEW]
        left = (axis for axis in range(len(integers)) if axis not in moved)
        found = index.transpose(*moved, *left).reshape(-1)
        return None if np.array_equal(found, np.arange(len(found))) else found

    def integers(self, values: NDArray[Any], integers: Shape) -> NDArray[Any]:
        """Return file's tensors (N, ...) as the integer tensor lies, (N, *integers[1:])."""
        if self.order is not None:
            return self.in_order(values.reshape(len(values), -1).T).T.reshape(len(values), *integers[1:])
        moved = self.moved((2, *integers[1:]))  # the batch may have any length
        at = [moved.index(axis) for axis in sorted(moved)]
        sizes = [len(values) if axis == 0 else integers[axis] for axis in moved]
        return values.reshape(sizes).transpose(at).reshape(len(values), *integers[1:])

    def per_channel(self, constant: NDArray[Any], integers: Shape) -> NDArray[Any] | None:
        """Return a constant that meets the file's tensor as (1,) or (C,), None where it is neither."""
        if constant.size == 1:
            return constant.reshape(-1)
        rank, place = len(self.axes), self.channel_axis
        aligned = constant.reshape((1,) * max(0, rank - constant.ndim) + constant.shape)
        if place is None or aligned.ndim != rank or not aligned.size == aligned.shape[place] == integers[1]:
            return None
        return self.in_order(aligned.reshape(-1))

    def in_order(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return `values`, whose first axis runs over the file's features, in the order of the integers."""
        if self.order is None:
            return values
        placed = np.empty_like(values)
        placed[self.order] = values
        return placed
