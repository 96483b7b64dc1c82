"""What stands between an integer accumulator and the next quantiser: a monotone function per channel.

A `Chain` is kept in float64 and in a normal form (affine, clip, affine, ...), so that the golden model
and the threshold search evaluate the same operations in the same order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def per_channel(values: Floats, rank: int) -> Floats:
    """Shape `values` (scalar or one per channel) so that it broadcasts against (N, C, ...) of `rank`."""
    return values if values.ndim == 0 else values.reshape((1, -1) + (1,) * (rank - 2))


@dataclass(frozen=True)
class Affine:
    """`x * mul + add`; each is a scalar array or one value per channel."""

    mul: Floats
    add: Floats

    def apply(self, x: Floats) -> Floats:
        """Evaluate on `x` of shape (N, C, ...)."""
        return x * per_channel(self.mul, x.ndim) + per_channel(self.add, x.ndim)

    def then(self, after: "Affine") -> "Affine":
        """Return the composition, `after` applied last."""
        return Affine(self.mul * after.mul, self.add * after.mul + after.add)

    @property
    def is_scale(self) -> bool:
        """Whether it only multiplies by one positive number."""
        return self.mul.ndim == 0 and bool(self.mul > 0) and not self.add.any()


@dataclass(frozen=True)
class Clip:
    """Limits to [low, high]; a ReLU is [0, inf]."""

    low: float
    high: float

    def apply(self, x: Floats) -> Floats:
        """Evaluate on `x` of any shape."""
        return np.minimum(np.maximum(x, self.low), self.high)

    def then(self, after: "Clip") -> "Clip":
        """Return the composition, `after` applied last."""
        low, high = after.apply(np.array([self.low, self.high]))
        return Clip(float(low), float(high))

    def scaled(self, factor: float) -> "Clip":
        """Return the clip that does after a multiplication by `factor` > 0 what this one does before."""
        return Clip(self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Leaky:
    """`x` where positive, `slope * x` elsewhere; slope >= 0."""

    slope: float

    def apply(self, x: Floats) -> Floats:
        """Evaluate on `x` of any shape."""
        return np.maximum(x, 0.0) + np.minimum(x, 0.0) * self.slope


Step = Affine | Clip | Leaky


def affine(mul: object = 1.0, add: object = 0.0) -> Affine:
    """Return an `Affine`; arrays that hold one value become scalars."""

    def shaped(value: object) -> Floats:
        flat = np.asarray(value, dtype=np.float64).reshape(-1)
        return flat[0].reshape(()) if flat.size and np.all(flat == flat[0]) else flat

    return Affine(shaped(mul), shaped(add))


@dataclass(frozen=True)
class Chain:
    """A monotone function per channel, from integers (as float64) to real numbers."""

    steps: tuple[Step, ...] = field(default_factory=tuple)

    def then(self, step: Step) -> "Chain":
        """Append `step` and bring the chain into its normal form."""
        if not isinstance(step, Affine):
            if isinstance(step, Clip) and self.steps and isinstance(self.steps[-1], Clip):
                return Chain((*self.steps[:-1], self.steps[-1].then(step)))
            return Chain((*self.steps, step))
        if not self.steps:
            return Chain((step,))
        *before, last = self.steps
        if isinstance(last, Affine):
            return Chain((*before, last.then(step)))
        if step.is_scale:
            factor = float(step.mul)
            moved = last.scaled(factor) if isinstance(last, Clip) else last
            return Chain((*Chain(tuple(before)).then(step).steps, moved))
        return Chain((*self.steps, step))

    def divided(self, scale: float | Floats) -> "Chain":
        """Return the chain divided by `scale` > 0, one or one per channel.

        It is a division, so that equal scales cancel exactly.
        """
        if not self.steps:
            return Chain((affine(1.0 / np.asarray(scale)),))
        *before, last = self.steps
        if isinstance(last, Affine):
            return Chain((*before, affine(last.mul / scale, last.add / scale)))
        if isinstance(last, Clip):
            if isinstance(scale, float):
                last = Clip(last.low / scale, last.high / scale)
            elif not {last.low, last.high} <= {-np.inf, 0.0, np.inf}:  # else any scale leaves them
                return Chain((*self.steps, affine(1.0 / scale)))
        return Chain((*Chain(tuple(before)).divided(scale).steps, last))

    def apply(self, x: Floats) -> Floats:
        """Evaluate in float64 on `x` of shape (N, C, ...)."""
        for step in self.steps:
            x = step.apply(x)
        return x

    @property
    def scale(self) -> float | None:
        """The factor where the chain is one positive scalar factor and nothing else, else None."""
        if not self.steps:
            return 1.0
        first = self.steps[0]
        if len(self.steps) == 1 and isinstance(first, Affine) and first.is_scale:
            return float(first.mul)
        return None

    def fits(self, channels: int) -> bool:
        """Whether all numbers are finite, limits aside, and stand for one or for each of `channels`."""
        return all(
            bool(np.isfinite(values).all()) and values.size in (1, channels)
            for step in self.steps
            for values in ((step.mul, step.add) if isinstance(step, Affine) else ())
        )

    def signs(self, channels: int) -> Integers:
        """Return per channel 1 (increasing), -1 (decreasing) or 0 (constant)."""
        total = np.ones(channels, dtype=np.int64)
        for step in self.steps:
            if isinstance(step, Affine):
                total = total * np.sign(step.mul).astype(np.int64)
        return total

    def flipped(self, flip: NDArray[np.bool_]) -> "Chain":
        """Return the chain for an accumulator whose channels in `flip` were negated."""
        sign = np.where(flip, -1.0, 1.0)
        first, *rest = self.steps
        if not isinstance(first, Affine):
            return Chain((affine(sign), *self.steps))
        return Chain((affine(first.mul * sign, first.add), *rest))

    @property
    def line(self) -> Affine | None:
        """The one affine function per channel that the chain is, None where it is more."""
        if not self.steps:
            return affine()
        first = self.steps[0]
        return first if len(self.steps) == 1 and isinstance(first, Affine) else None

    def repeated(self, times: int) -> "Chain":
        """Return the chain for channels that were flattened with `times` positions each."""
        return self._each(lambda values: np.repeat(values, times))

    def sliced(self, channels: slice) -> "Chain":
        """Return the chain of some of the channels."""
        return self._each(lambda values: values[channels])

    def _each(self, change: Callable[[Floats], Floats]) -> "Chain":
        def changed(step: Step) -> Step:
            if not isinstance(step, Affine):
                return step
            return affine(*(v if v.ndim == 0 else change(v) for v in (step.mul, step.add)))

        return Chain(tuple(changed(step) for step in self.steps))


def joined(chains: list[tuple[Chain, int]]) -> Chain | None:
    """Return the chain of channels put one after the other; each chain comes with its number of channels.

    None where the chains differ in more than their affine functions.
    """
    steps: list[Step] = []
    for group in zip_longest(*(chain.steps or (affine(),) for chain, _ in chains)):
        lines = [step for step in group if isinstance(step, Affine)]
        if len(lines) == len(chains):
            parts = [
                [np.broadcast_to(value, (channels,)) for value in (line.mul, line.add)]
                for line, (_, channels) in zip(lines, chains, strict=True)
            ]
            steps.append(affine(*(np.concatenate(values) for values in zip(*parts, strict=True))))
            continue
        first = group[0]
        if first is None or isinstance(first, Affine) or any(step != first for step in group[1:]):
            return None
        steps.append(first)
    return Chain(tuple(steps))
