"""What stands between an integer accumulator and the next quantiser: a function per channel.

A `Chain` is kept in float64. A monotone one is in a normal form (affine, clip, affine, ...), so that the
golden model and the threshold search evaluate the same operations in the same order. Any other is a
`Pointwise` operator on chains of the same integers, evaluated as the file has it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from typing import Any

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


@dataclass(frozen=True, eq=False)
class Pointwise:
    """An operator of the file on functions of the same integers; as a step of a chain it is the first one,
    but for a change of sign.
    """

    function: Callable[..., Floats]
    """Of one array an operand; computes every value from those at its own place."""
    operands: "tuple[Chain | NDArray[Any], ...]"
    """Functions of the integers, and constants: scalar or one value per channel."""

    def apply(self, x: Floats, done: "dict[Pointwise, Floats]") -> Floats:
        """Evaluate on `x` of shape (N, C, ...); `done` has what was evaluated on it already."""
        if self not in done:
            given = (
                operand.apply(x, done) if isinstance(operand, Chain) else per_channel(operand, x.ndim)
                for operand in self.operands
            )
            with np.errstate(all="ignore"):
                done[self] = self.function(*given)
        return done[self]

    @cached_property
    def depth(self) -> int:
        """How many operators stand one behind the other."""
        return 1 + max((operand.depth for operand in self.operands if isinstance(operand, Chain)), default=0)

    def changed(self, change: Callable[[Floats], Floats], done: "dict[Pointwise, Pointwise]") -> "Pointwise":
        """Return the operator with every constant that has channels changed."""
        if self not in done:
            operands = tuple(
                operand.each(change, done)
                if isinstance(operand, Chain)
                else operand
                if operand.ndim == 0
                else change(operand)
                for operand in self.operands
            )
            done[self] = Pointwise(self.function, operands)
        return done[self]


Step = Affine | Clip | Leaky | Pointwise


def affine(mul: object = 1.0, add: object = 0.0) -> Affine:
    """Return an `Affine`; arrays that hold one value become scalars."""

    def shaped(value: object) -> Floats:
        flat = np.asarray(value, dtype=np.float64).reshape(-1)
        return flat[0].reshape(()) if flat.size and np.all(flat == flat[0]) else flat

    return Affine(shaped(mul), shaped(add))


@dataclass(frozen=True)
class Chain:
    """A function per channel, from integers (as float64) to real numbers; monotone unless it is `general`."""

    steps: tuple[Step, ...] = field(default_factory=tuple)

    def then(self, step: Step) -> "Chain":
        """Append `step` and bring the chain into its normal form, where it has one."""
        if self.general:
            return Chain((*self.steps, step))
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
        if self.general:
            return Chain((Pointwise(np.divide, (self, np.asarray(scale, dtype=np.float64))),))
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

    def apply(self, x: Floats, done: dict[Pointwise, Floats] | None = None) -> Floats:
        """Evaluate in float64 on `x` of shape (N, C, ...); `done` as in `Pointwise.apply`."""
        done = {} if done is None else done
        for step in self.steps:
            x = step.apply(x, done) if isinstance(step, Pointwise) else step.apply(x)
        return x

    @cached_property
    def general(self) -> bool:
        """Whether it is no monotone function in its normal form but has operators of the file in it."""
        return any(isinstance(step, Pointwise) for step in self.steps)

    @cached_property
    def depth(self) -> int:
        """How many functions stand one behind the other."""
        return sum(step.depth if isinstance(step, Pointwise) else 1 for step in self.steps)

    @property
    def shared(self) -> bool:
        """Whether it is the same function for every channel."""
        return all(values.ndim == 0 for values in self._constants())

    def _all_steps(self) -> Iterator[Step]:
        """Yield every step, those of operands too, once."""
        seen: set[Step] = set()
        waiting = list(self.steps)
        while waiting:
            step = waiting.pop()
            if isinstance(step, Pointwise):
                if step in seen:
                    continue
                seen.add(step)
                for operand in step.operands:
                    waiting += operand.steps if isinstance(operand, Chain) else ()
            yield step

    def lines(self) -> Iterator[Affine]:
        """Yield every affine function in it."""
        return (step for step in self._all_steps() if isinstance(step, Affine))

    def _constants(self) -> Iterator[NDArray[Any]]:
        for step in self._all_steps():
            if isinstance(step, Affine):
                yield from (step.mul, step.add)
            elif isinstance(step, Pointwise):
                yield from (operand for operand in step.operands if not isinstance(operand, Chain))

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
            bool(np.isfinite(values).all()) and values.size in (1, channels) for values in self._constants()
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
        return self.each(lambda values: np.repeat(values, times))

    def sliced(self, channels: slice) -> "Chain":
        """Return the chain of some of the channels."""
        return self.each(lambda values: values[channels])

    def each(
        self, change: Callable[[Floats], Floats], done: dict[Pointwise, Pointwise] | None = None
    ) -> "Chain":
        """Return the chain with every constant that has channels changed; `done` has operators that are."""
        done = {} if done is None else done

        def changed(step: Step) -> Step:
            if isinstance(step, Pointwise):
                return step.changed(change, done)
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
