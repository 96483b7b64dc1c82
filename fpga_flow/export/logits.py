"""The end of a network: float logits as integers of one scale.

Where one scale and whole biases do, the logits are the accumulators plus integers, exactly. Where
the scale differs from class to class, or a bias is no whole number, every class is multiplied by an
integer and gets an integer added, chosen so that all come to one scale within a stated bound.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.progress import say
from fpga_flow.export.chain import Affine, Floats, Integers
from fpga_flow.export.grid import whole_multiples
from fpga_flow.export.operations import AddConstant, MulConstant
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import WIDE_LIMIT, Tensor, bounded
from fpga_flow.export.values import Value
from fpga_flow.integer.output import decides, left_out

GRID_TOLERANCE = 1e-6
"""Relative; what float32 scales and their product may be off the accumulator's grid."""

WHOLE = 0.25
"""Steps; what a bias, however large, may be off a whole number of them and still be one."""

WANTED_ERROR = 2.0**-24
"""Of the largest logit: one rounding of the float network."""


@dataclass(frozen=True)
class Logits:
    """The network's output: a float logit is `scale * integer + offset`, but for `error` at most."""

    tensor: Tensor
    scale: float
    offset: float
    error: float


@dataclass(frozen=True)
class _Integers:
    """`multiples * accumulator + biases`, one of each per channel, as `Logits` has them."""

    multiples: Integers
    biases: Integers
    scale: float
    offset: float
    error: float


def finish(walk: Walk, node: onnx.NodeProto, name: str, value: Value) -> Logits:
    """Append what makes the output `name`, which `node` writes, of `value`."""
    value = walk.align(node, value)
    x, line = value.tensor, value.chain.line
    if line is None:
        instead = (
            "leave it out (the largest stays the largest)"
            if decides(x.shape[1:], left_out(walk.model).operators)
            else "leave it out and apply it to what comes out,"
        )
        raise UnsupportedError(node.name, "an activation behind the last layer", f"{instead} or quantise it")
    found = _on_grid(line, x) or _within_bound(node, line, x)
    tensor = x
    if np.any(found.multiples != 1) or found.biases.any():
        for before in (y for operation in walk.operations for y in operation.ys if y.name == name):
            before.name = walk.fresh(f"{name}_acc")
    if np.any(found.multiples != 1):
        low, high = (np.sort([found.multiples * x.low, found.multiples * x.high], axis=0)[i] for i in (0, 1))
        y = bounded(walk.fresh(f"{name}_scaled") if found.biases.any() else name, x.shape, low, high)
        multiply = MulConstant(walk.fresh(f"{node.name}_scale"), (tensor,), (y,), found.multiples)
        tensor = walk.add(multiply, WIDE_LIMIT)
    if found.biases.any():
        y = bounded(name, x.shape, tensor.low + found.biases, tensor.high + found.biases)
        tensor = walk.add(
            AddConstant(walk.fresh(f"{node.name}_bias"), (tensor,), (y,), found.biases), WIDE_LIMIT
        )
    return Logits(tensor, found.scale, found.offset, found.error)


def _on_grid(line: Affine, x: Tensor) -> _Integers | None:
    """Return small integers that give the logits as exactly as float32 scales say, None where none do."""
    found = whole_multiples(line.mul.reshape(-1))
    if found is None:
        return None
    step, multiples = found
    biases = _whole_biases(np.broadcast_to(line.add / step, (x.channels,)))
    if biases is None:
        return None
    integers, offset = biases
    error = float((np.abs(line.mul - step * multiples) * _reach(x)).max())
    return _Integers(np.broadcast_to(multiples, (x.channels,)), integers, step, offset * step, error)


def _reach(x: Tensor) -> Floats:
    """Return the largest magnitude of each channel."""
    return np.maximum(np.abs(x.low), np.abs(x.high)).astype(np.float64)


def _whole_biases(bias: Floats) -> tuple[Integers, float] | None:
    """Split `bias`, in steps of the accumulator, into integers per class and a rest common to all."""
    if np.all(bias == bias[0]):  # moves all logits alike
        return np.zeros(bias.shape, dtype=np.int64), float(bias[0])
    tolerance = np.minimum(GRID_TOLERANCE * np.maximum(1.0, np.abs(bias)), WHOLE)
    for offset in (0.0, float(bias[0] - np.rint(bias[0]))):
        integers = np.rint(bias - offset)
        if np.all(np.abs(bias - offset - integers) <= tolerance):
            return integers.astype(np.int64), offset
    return None


def _within_bound(node: onnx.NodeProto, line: Affine, x: Tensor) -> _Integers:
    """Return integers that give the logits within float32's own rounding, or as near as 48 bits allow."""
    mul, add = (np.broadcast_to(values, (x.channels,)) for values in (line.mul, line.add))
    reach = _reach(x)
    offset = float(add[0]) if np.all(add == add[0]) else 0.0
    largest = float((reach * mul + np.abs(add - offset)).max())
    best: _Integers | None = None
    for bits in range(48):
        scale = float(mul.max()) / 2**bits
        # network.onnx has its constants in float32: integers of 24 significant bits
        multiples, biases = (np.float32(np.rint(v / scale)).astype(np.float64) for v in (mul, add - offset))
        if float((reach * multiples + np.abs(biases)).max()) >= WIDE_LIMIT:
            break
        error = scale * float(
            (np.abs(mul / scale - multiples) * reach + np.abs((add - offset) / scale - biases)).max()
        )
        if best is None or error < best.error:
            factors, terms = (np.asarray(v, dtype=np.int64) for v in (multiples, biases))
            best = _Integers(factors, terms, scale, offset, error)
        if best.error <= WANTED_ERROR * largest:
            break
    if best is None:
        raise UnsupportedError(
            node.name,
            f"its biases are up to {float(np.abs(add / mul.max()).max()):.3g} steps of the accumulator",
            "train with smaller biases, or leave them out",
        )
    bits = int(best.multiples.max()).bit_length()
    say(
        f"  {node.name}: logits to integers of one scale by factors of up to {bits} bits; "
        f"each is right within {best.error:.3g}, of {largest:.3g} at most"
    )
    return best
