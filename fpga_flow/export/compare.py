"""Compares the golden model with the float network it was made from, quantiser by quantiser.

Both are the same function in real arithmetic. The float network rounds every operation to 24 bits, so
a sum that lies on the tie of two codes, to within that error, may fall to the other side. Such a
difference is *explained*; it and what follows from it in the same frame are counted. Where a frame differs
otherwise, the same float network in float64 decides: if it gives the golden integers, float32 *rounded*
(at a large offset its last place is larger than a step of the logits). Anything else is an error of the
export.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export import host
from fpga_flow.export.chain import Affine, Floats, Integers, Pointwise, per_channel
from fpga_flow.export.layout import Layout
from fpga_flow.export.operations import Activation, IntegerNetwork, JoinedActivation
from fpga_flow.export.reference import Observation
from fpga_flow.export.rounding import HALVES, edge_columns
from fpga_flow.export.tensors import Quantiser
from fpga_flow.integer.golden import Golden


class Precision(NamedTuple):
    """What a float network may be off, as a share of the largest sum that is known to be on the way."""

    logits: float
    """Beyond the stated bound of the integer logits."""
    ties: float
    """Where that decides between two codes."""


FLOAT32 = Precision(2.0**-22, 2.0**-22)
"""Four last places. (Of K roundings at random each is a last place of a partial sum, which is about the
largest sum / sqrt(K).)"""
FLOAT64 = Precision(2.0**-51, 2.0**-38)
"""Offsets that cancel make partial sums larger than any that is known, by what float32 resolves at most; an
error of the export is no smaller than a last place of float32."""
Flags = NDArray[np.bool_]


class Reference(Protocol):
    """A float network whose quantisers can be observed, in float32."""

    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Run float frames (N, ...)."""

    @property
    def double(self) -> "Reference":
        """The same network in float64 behind the input's quantiser, which is in float32 as on the host."""


@dataclass
class Comparison:
    """What came out, summed over frames."""

    frames: int = 0
    values: int = 0
    """Activations and logits that were compared."""
    differences: int = 0
    """Of them unequal."""
    explained: int = 0
    """Differing frames whose first difference is a tie within float32's error."""
    rounded: int = 0
    """Of the other differing frames those in which the network gives the golden integers in float64."""
    differing_frames: int = 0
    largest_step: int = 0
    class_differences: int = 0
    """Frames whose class differs, integer logits against the float network's."""
    class_ties: int = 0
    """Of them frames where the two classes' integer logits are equal (top-1 takes the lower index), or
    nearer than the bound of their error."""
    class_unexplained: int = 0
    """Of them frames where neither a tie of the logits, nor an explained difference, nor float32's rounding
    is the reason."""
    logit_error: float = 0.0
    """The stated bound of the integer logits, in the float logits' unit; 0 where they are exact."""
    first: dict[str, Any] | None = None
    """The first unexplained difference."""
    layers: dict[str, int] = field(default_factory=dict)
    """Differences by quantiser."""

    @property
    def unexplained(self) -> int:
        """Frames that differ for no reason that float32 arithmetic gives."""
        return self.differing_frames - self.explained - self.rounded


class Witness:
    """What one run of a float network says of the golden integers of a batch, frame by frame."""

    def __init__(self, frames: int) -> None:
        self.differs = np.zeros(frames, dtype=bool)
        self.explained = np.zeros(frames, dtype=bool)
        """Of those that differ: by a tie first."""
        self.class_differs = np.zeros(frames, dtype=bool)
        self.class_tied = np.zeros(frames, dtype=bool)
        self.class_unexplained = np.zeros(frames, dtype=bool)
        self.values = self.largest_step = 0
        self.first: dict[int, dict[str, Any]] = {}
        """Frame that differs for no reason -> its first difference."""
        self.layers = Counter[str]()

    @property
    def doubts(self) -> Flags:
        """Frames that differ, in an integer or in the class, for no reason that this arithmetic gives."""
        return (self.differs & ~self.explained) | self.class_unexplained


def compare(
    network: IntegerNetwork,
    golden: Golden,
    reference: Reference,
    frames: Callable[[slice], tuple[NDArray[np.float32], NDArray[Any]]],
    slices: list[slice],
    advance: Callable[[int], None],
) -> Comparison:
    """Run `golden` and `reference` on the same frames; `frames` gives (float frames, their codes)."""
    total = Comparison(logit_error=network.logit_error)
    for part in slices:
        floats, codes = frames(part)
        layers = golden.layers(codes)
        ties = host.at_ties(floats, network.host)
        seen = witness(network, layers, reference.run(floats), ties, FLOAT32)
        doubted = np.flatnonzero(seen.doubts)
        wrong, first = np.zeros(len(codes), dtype=bool), {}
        if len(doubted):
            some = {name: values[doubted] for name, values in layers.items()}
            double = reference.double.run(floats[doubted])
            exact = witness(network, some, double, ties[doubted], FLOAT64)
            wrong[doubted] = exact.doubts
            first = {int(doubted[frame]): found for frame, found in exact.first.items()}
        _add(total, seen, wrong, first)
        advance(len(codes))
    return total


def _add(total: Comparison, seen: Witness, wrong: Flags, first: dict[int, dict[str, Any]]) -> None:
    """Add a batch to `total`: what float32 saw, the frames that are `wrong`, and their first differences."""
    if first and total.first is None:
        frame = min(first)
        total.first = {"frame": total.frames + frame, **first[frame]}
    total.frames += len(wrong)
    total.values += seen.values
    total.differences += seen.layers.total()
    total.differing_frames += int(seen.differs.sum())
    total.explained += int(seen.explained.sum())
    total.rounded += int((seen.differs & ~seen.explained & ~wrong).sum())
    total.largest_step = max(total.largest_step, seen.largest_step)
    total.class_differences += int(seen.class_differs.sum())
    total.class_ties += int(seen.class_tied.sum())
    total.class_unexplained += int((seen.class_unexplained & wrong).sum())
    for node, count in seen.layers.items():
        total.layers[node] = total.layers.get(node, 0) + count


def witness(
    network: IntegerNetwork,
    layers: dict[str, Integers],
    seen: Observation,
    host_ties: Flags,
    precision: Precision,
) -> Witness:
    """Compare what a float network of `precision` gave with the golden integers.

    `host_ties` says of each code of the input whether the host may have rounded it either way.
    """
    if len(seen.codes) != len(network.quantisers):
        raise RuntimeError(f"{len(network.quantisers)} quantisers exported, {len(seen.codes)} observed")
    found = Witness(len(seen.logits))
    for (node, tensor, layout, shift, function), codes in zip(network.quantisers, seen.codes, strict=True):
        ours = layers[tensor.name].reshape(len(codes), -1)
        theirs = _as_integers(codes, layout, tensor.shape) + shift
        unequal = ours != theirs
        found.values += unequal.size
        if not unequal.any():
            continue
        found.layers[node] += int(unequal.sum())
        found.largest_step = max(found.largest_step, int(np.abs(ours - theirs).max()))
        operation = function or next(
            (o for o in network.operations if isinstance(o, Activation) and o.name == node), None
        )
        if operation is None:
            at_tie = np.broadcast_to(host_ties, ours.shape)
        else:
            at_tie = at_ties(operation, layers, precision)
        for frame in np.flatnonzero(~found.differs & unequal.any(axis=1)):
            places = np.flatnonzero(unequal[frame])
            quantiser = network.host.quantiser if operation is None else operation.quantiser
            one_step = _one_step(quantiser, ours[frame, places], theirs[frame, places])
            if one_step and np.all(at_tie[frame, places]):
                found.explained[frame] = True
            else:
                found.first[int(frame)] = _place(node, int(places[0]), ours[frame], theirs[frame])
        found.differs |= unequal.any(axis=1)
    _compare_logits(network, layers, seen, found, precision)
    return found


def _as_integers(values: NDArray[Any], layout: Layout | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return values of the file (N, ...) in the order of the integers of `shape`, flat (N, values)."""
    return (values if layout is None else layout.integers(values, shape)).reshape(len(values), -1)


def _place(node: str, index: int, ours: Integers, theirs: Integers) -> dict[str, Any]:
    return {"quantiser": node, "index": index, "golden": int(ours[index]), "reference": int(theirs[index])}


def _compare_logits(
    network: IntegerNetwork,
    layers: dict[str, Integers],
    seen: Observation,
    found: Witness,
    precision: Precision,
) -> None:
    ours = layers[network.output.name].reshape(len(seen.logits), -1)
    logits = _as_integers(seen.logits, network.layout, network.output.shape)
    theirs = np.rint((logits - network.logit_offset) / network.logit_scale).astype(np.int64)
    slack = _slack(network, precision)
    unequal = np.abs(ours - theirs) > slack
    equal_before = ~found.differs
    found.values += unequal.size
    if unequal.any():
        found.layers["logits"] += int(unequal.sum())
        for frame in np.flatnonzero(equal_before & unequal.any(axis=1)):
            place = int(np.flatnonzero(unequal[frame])[0])
            found.first[int(frame)] = _place("logits", place, ours[frame], theirs[frame])
        found.differs |= unequal.any(axis=1)
    if not network.decides:
        return
    their_class = logits.argmax(axis=1)
    other = ours.argmax(axis=1) != their_class
    tied = ours.max(axis=1) - ours[np.arange(len(ours)), their_class] <= 2 * slack
    found.class_differs |= other
    found.class_tied |= other & tied
    found.class_unexplained |= other & ~tied & equal_before


def _slack(network: IntegerNetwork, precision: Precision) -> int:
    """Return how many steps a float logit may lie off the integer; 0 where those are exact and not large."""
    noise = precision.logits * network.output.magnitude
    return math.floor(network.logit_error / network.logit_scale + noise + 0.5)  # they are rounded to integers


def _one_step(quantiser: Quantiser, ours: Integers, theirs: Integers) -> bool:
    """Whether every two codes are neighbours among those that `quantiser` gives."""
    return bool(np.all(np.abs(quantiser.steps(ours) - quantiser.steps(theirs)) == 1))


def at_ties(operation: Activation, layers: dict[str, Integers], precision: Precision) -> Flags:
    """Return for every output of a quantiser whether numbers of `precision` may round it either way."""
    x = _real(operation, layers)
    exact = operation.chain.apply(x)
    noise = precision.ties * _largest_sum(operation, x, exact)
    if operation.chain.general:
        noise = noise + _moved(operation, x, exact, precision)
    rounding = operation.quantiser.rounding
    if rounding == "BIPOLAR":
        distance = np.abs(exact)
    elif rounding == "EDGES":
        columns = edge_columns(operation.quantiser.edges, x.ndim)
        distance = np.min([np.abs(exact - edge) for edge in columns], axis=0)
    elif rounding in HALVES:
        distance = np.abs(exact - np.floor(exact) - 0.5)
    else:
        distance = np.abs(exact - np.rint(exact))
    return np.asarray(distance <= noise).reshape(len(x), -1)


def _real(operation: Activation, layers: dict[str, Integers]) -> Floats:
    """Return the numbers that the chain of `operation` starts from."""
    if not isinstance(operation, JoinedActivation):
        return layers[operation.x.name].astype(np.float64)
    terms = [side.line.apply(layers[side.tensor.name].astype(np.float64)) for side in operation.sides]
    return np.asarray(sum(terms[1:], start=terms[0]))


def _reach(operation: Activation) -> Floats:
    """Return the largest magnitude of these numbers, per channel, with that of all that is added for them."""
    if not isinstance(operation, JoinedActivation):
        return np.maximum(np.abs(operation.x.low), np.abs(operation.x.high)).astype(np.float64)
    reach = np.zeros(operation.x.channels)
    for side in operation.sides:
        ends = np.maximum(np.abs(side.tensor.low), np.abs(side.tensor.high))
        reach = reach + ends * np.abs(side.line.mul) + np.abs(side.line.add)
    return reach


def _largest_sum(activation: Activation, x: Floats, exact: Floats) -> Floats:
    """Return the magnitude of the largest intermediate result, in steps of the output."""
    largest = np.abs(exact) + 1.0
    reach = _reach(activation)
    if activation.chain.general:
        done: dict[Pointwise, Floats] = {}
        activation.chain.apply(x, done)
        last = next(step for step in reversed(activation.chain.steps) if isinstance(step, Pointwise))
        scale = last.operands[-1]  # of the quantiser, by which all before it is divided
        assert isinstance(scale, np.ndarray)
        inside = [np.abs(values.astype(np.float64)) for step, values in done.items() if step is not last]
        for values in inside:
            largest = largest + values / per_channel(scale, x.ndim)
    for step in activation.chain.steps:
        if isinstance(step, Affine):
            terms = per_channel(reach, x.ndim) * np.abs(per_channel(step.mul, x.ndim))
            largest = largest + terms + np.abs(per_channel(step.add, x.ndim))
    return largest


def _moved(activation: Activation, x: Floats, exact: Floats, precision: Precision) -> Floats:
    """Return how far a function of the file moves, in steps of the output, where `x` is off by its noise."""
    reach = np.maximum(np.abs(activation.x.low), np.abs(activation.x.high)).astype(np.float64)
    offsets = [np.abs(line.add / line.mul) for line in activation.chain.lines() if np.all(line.mul)]
    noise = precision.ties * (per_channel(reach, x.ndim) + sum(per_channel(o, x.ndim) for o in offsets))
    moved = [np.abs(activation.chain.apply(x + sign * noise) - exact) for sign in (-1.0, 1.0)]
    return np.maximum(*moved)
