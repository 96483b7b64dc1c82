"""Compares the golden model with the float network it was made from, quantiser by quantiser.

Both are the same function in real arithmetic. The float network rounds every operation to 24 bits, so
a sum that lies on the tie of two codes, to within that error, may fall to the other side. Such a
difference is *explained*; it and what follows from it in the same frame are counted. Anything else
is an error of the export.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.chain import Affine, Floats, Integers, per_channel
from fpga_flow.export.operations import Activation, IntegerNetwork, Quantiser
from fpga_flow.export.reference import Observation
from fpga_flow.export.rounding import HALVES
from fpga_flow.golden import Golden

FLOAT32_EPSILON = 2.0**-24
TIE_NOISE = 4.0
"""What the float network may be off, in last places of the largest sum it can meet on the way. (Of K
roundings at random each is a last place of a partial sum, which is about the largest sum / sqrt(K).)"""


class Reference(Protocol):
    """A float network whose quantisers can be observed."""

    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Run float frames (N, ...)."""


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
    differing_frames: int = 0
    largest_step: int = 0
    class_differences: int = 0
    """Frames whose class differs, integer logits against the float network's."""
    class_ties: int = 0
    """Of them frames where the two classes' integer logits are equal (top-1 takes the lower index), or
    nearer than the bound of their error."""
    class_unexplained: int = 0
    """Of them frames where neither a tie of the logits nor an explained difference is the reason."""
    logit_error: float = 0.0
    """The stated bound of the integer logits, in the float logits' unit; 0 where they are exact."""
    first: dict[str, Any] | None = None
    """The first unexplained difference."""
    layers: dict[str, int] = field(default_factory=dict)
    """Differences by quantiser."""

    @property
    def unexplained(self) -> int:
        """Frames that differ for no reason that float32 arithmetic gives."""
        return self.differing_frames - self.explained

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the result."""
        return {**vars(self), "unexplained": self.unexplained}


def compare(
    network: IntegerNetwork,
    golden: Golden,
    reference: Reference,
    frames: Callable[[slice], tuple[NDArray[np.float32], NDArray[Any]]],
    slices: list[slice],
    advance: Callable[[int], None],
) -> Comparison:
    """Run `golden` and `reference` on the same frames; `frames` gives (float frames, their codes)."""
    total = Comparison()
    for part in slices:
        floats, codes = frames(part)
        _compare_batch(network, golden.layers(codes), reference.run(floats), total)
        advance(len(codes))
    return total


def _compare_batch(
    network: IntegerNetwork, layers: dict[str, Integers], seen: Observation, total: Comparison
) -> None:
    if len(seen.codes) != len(network.quantisers):
        raise RuntimeError(f"{len(network.quantisers)} quantisers exported, {len(seen.codes)} observed")
    count = len(seen.logits)
    pending = np.ones(count, dtype=bool)  # frames that have been equal so far
    for (node, tensor), codes in zip(network.quantisers, seen.codes, strict=True):
        ours = layers[tensor.name].reshape(count, -1)
        theirs = codes.reshape(count, -1)
        unequal = ours != theirs
        total.values += unequal.size
        if not unequal.any():
            continue
        total.differences += int(unequal.sum())
        total.layers[node] = total.layers.get(node, 0) + int(unequal.sum())
        total.largest_step = max(total.largest_step, int(np.abs(ours - theirs).max()))
        fresh = pending & unequal.any(axis=1)
        pending &= ~unequal.any(axis=1)
        operation = next(
            (o for o in network.operations if isinstance(o, Activation) and o.name == node), None
        )
        # the input has none: both sides quantise it in float32
        at_tie = None if operation is None else at_ties(operation, layers)
        for frame in np.flatnonzero(fresh):
            places = np.flatnonzero(unequal[frame])
            total.differing_frames += 1
            if (
                operation is not None
                and at_tie is not None
                and _one_step(operation.quantiser, ours[frame, places], theirs[frame, places])
                and np.all(at_tie[frame, places])
            ):
                total.explained += 1
            elif total.first is None:
                place = int(places[0])
                total.first = {
                    "frame": total.frames + int(frame),
                    "quantiser": node,
                    "index": place,
                    "golden": int(ours[frame, place]),
                    "reference": int(theirs[frame, place]),
                }
    _compare_logits(network, layers, seen, total, pending)
    total.frames += count


def _compare_logits(
    network: IntegerNetwork, layers: dict[str, Integers], seen: Observation, total: Comparison, pending: Any
) -> None:
    ours = layers[network.output.name]
    logits = seen.logits.reshape(ours.shape)
    theirs = np.rint((logits - network.logit_offset) / network.logit_scale).astype(np.int64)
    slack = _slack(network)
    unequal = (np.abs(ours - theirs) > slack).reshape(len(ours), -1)
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(ours), -1)
    total.logit_error = network.logit_error
    total.values += unequal.size
    if unequal.any():
        total.differences += int(unequal.sum())
        total.layers["logits"] = total.layers.get("logits", 0) + int(unequal.sum())
        fresh = np.flatnonzero(pending & unequal.any(axis=1))
        total.differing_frames += len(fresh)
        if len(fresh) and total.first is None:
            place = int(np.flatnonzero(unequal[fresh[0]])[0])
            total.first = {
                "frame": total.frames + int(fresh[0]),
                "quantiser": "logits",
                "index": place,
                "golden": int(ours[fresh[0], place]),
                "reference": int(theirs[fresh[0], place]),
            }
    if not network.decides:
        return
    their_class = logits.argmax(axis=1)
    other = ours.argmax(axis=1) != their_class
    tied = ours.max(axis=1) - ours[np.arange(len(ours)), their_class] <= 2 * slack
    total.class_differences += int(other.sum())
    total.class_ties += int((other & tied).sum())
    total.class_unexplained += int((other & ~tied & pending).sum())


def _slack(network: IntegerNetwork) -> int:
    """Return how many steps a float logit may lie off the integer; 0 where those are exact and not large."""
    noise = FLOAT32_EPSILON * TIE_NOISE * network.output.magnitude
    if not network.logit_error:
        return math.floor(noise)
    return math.ceil(network.logit_error / network.logit_scale + noise)


def _one_step(quantiser: Quantiser, ours: Integers, theirs: Integers) -> bool:
    """Whether every two codes are neighbours among those that `quantiser` gives."""
    return bool(np.all(np.abs(quantiser.steps(ours) - quantiser.steps(theirs)) == 1))


def at_ties(operation: Activation, layers: dict[str, Integers]) -> NDArray[np.bool_]:
    """Return for every output of a quantiser whether float32 may round it either way."""
    x = layers[operation.x.name].astype(np.float64)
    exact = operation.chain.apply(x)
    noise = FLOAT32_EPSILON * TIE_NOISE * _largest_sum(operation, x, exact)
    rounding = operation.quantiser.rounding
    if rounding == "BIPOLAR":
        distance = np.abs(exact)
    elif rounding == "EDGES":
        distance = np.min([np.abs(exact - edge) for edge in set(operation.quantiser.edges)], axis=0)
    elif rounding in HALVES:
        distance = np.abs(exact - np.floor(exact) - 0.5)
    else:
        distance = np.abs(exact - np.rint(exact))
    return np.asarray(distance <= noise).reshape(len(x), -1)


def _largest_sum(activation: Activation, x: Floats, exact: Floats) -> Floats:
    """Return the magnitude of the largest intermediate result, in steps of the output."""
    largest = np.abs(exact) + 1.0
    reach = np.maximum(np.abs(activation.x.low), np.abs(activation.x.high)).astype(np.float64)
    for step in activation.chain.steps:
        if isinstance(step, Affine):
            terms = per_channel(reach, x.ndim) * np.abs(per_channel(step.mul, x.ndim))
            largest = largest + terms + np.abs(per_channel(step.add, x.ndim))
    return largest
