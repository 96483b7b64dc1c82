"""What the walk knows about a tensor of the float network while it turns it into integers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnx.helper
from numpy.typing import NDArray
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Floats, Integers, Step, affine
from fpga_flow.export.layout import Layout
from fpga_flow.export.operations import Side
from fpga_flow.export.rounding import ROUNDINGS, SYNONYMS, Edges, edge_columns
from fpga_flow.export.tensors import Quantiser, Tensor, integer_type

FLOAT32 = float(np.finfo(np.float32).eps)
"""How far a number in a file may be from the one that is meant, in units of that."""


@dataclass(frozen=True)
class Constant:
    """A number array that stands in the file."""

    array: NDArray[np.generic]


@dataclass(frozen=True)
class QuantisedConstant:
    """A quantised constant (weights or bias): `integers * scale`."""

    integers: Integers
    scale: Floats
    """Broadcasts against `integers`."""
    datatype: str

    @property
    def array(self) -> Floats:
        """The values, in float64."""
        return self.integers * self.scale


@dataclass(frozen=True)
class HostValue:
    """A float tensor in front of the input quantiser: the host computes it."""

    shape: tuple[int, ...]
    """Without the batch."""
    steps: tuple[tuple[str, list[float]], ...] = ()
    """See `fpga_flow.integer.quantise.carry_out`."""

    def then(self, step: str, values: NDArray[Any]) -> "HostValue":
        """Return the tensor behind one more step that leaves its shape."""
        return replace(self, steps=(*self.steps, (step, [float(value) for value in values])))

    def transposed(self, order: Sequence[int]) -> "HostValue":
        """Return the tensor with its axes, batch first, in another order."""
        shape = tuple(self.shape[axis - 1] for axis in order[1:])
        return HostValue(shape, (*self.steps, ("transpose", [float(axis) for axis in order])))

    def reshaped(self, shape: tuple[int, ...]) -> "HostValue":
        """Return the tensor in another shape, without the batch."""
        return HostValue(shape, (*self.steps, ("reshape", [float(size) for size in shape])))

    def padded(self, begins: Sequence[int], ends: Sequence[int]) -> "HostValue":
        """Return the tensor with so many zeros before and behind each axis but the batch."""
        shape = tuple(n + a + b for n, a, b in zip(self.shape, begins, ends, strict=True))
        return HostValue(shape, (*self.steps, ("pad", [float(size) for size in (*begins, *ends)])))


@dataclass(frozen=True)
class OpenSum:
    """A sum of real numbers whose integers the quantiser behind it decides; see `readers.open_sum`."""

    node: str
    sides: tuple[Side, ...]
    reason: str
    """Why it has no integers of its own."""

    def negated(self, flip: NDArray[np.bool_]) -> "OpenSum":
        """Return the sum with the opposite sign in the channels that `flip` says."""
        sign = affine(np.where(flip, -1.0, 1.0))
        return replace(self, sides=tuple(Side(side.tensor, side.line.then(sign)) for side in self.sides))


@dataclass(frozen=True)
class Value:
    """A float tensor that is `chain(tensor)`; `shared` where more than one node reads it on the way."""

    tensor: Tensor
    chain: Chain
    shared: bool = False
    layout: Layout | None = None
    """How the file's tensor lies; None: channels first, less the unit axis of a 1-D network."""
    open: OpenSum | None = None
    """The tensor has no integers yet, and stands for the real numbers of this sum."""

    def then(self, step: Step) -> "Value":
        """Return the value with one more step applied."""
        return replace(self, chain=self.chain.then(step))


@dataclass(frozen=True)
class Refused:
    """What a node that cannot be mapped would give, or a node behind it."""


Known = Constant | QuantisedConstant | HostValue | Value | Refused


@dataclass(frozen=True)
class QuantSpec:
    """The parameters of one `Quant`, `BipolarQuant` or `MultiThreshold` node."""

    scale: NDArray[np.float32]
    bits: int
    signed: bool
    narrow: bool
    rounding: str
    low: int = 0
    """The smallest code, and `edges` of the steps up from it in codes: of a `MultiThreshold`."""
    edges: Edges = ()
    channel_axis: int = 1
    """Along which its thresholds differ."""
    zero: int = 0
    """The zero point: a code is worth `scale * (code - zero)`."""

    @property
    def quantiser(self) -> Quantiser:
        """The rounding and the limits."""
        if self.rounding == "BIPOLAR":
            return Quantiser(-1, 1, "BIPOLAR", "BIPOLAR")
        if self.rounding == "EDGES":
            high = self.low + len(self.edges[0])
            return Quantiser(self.low, high, integer_type(self.low, high), "EDGES", self.edges)
        if self.signed:
            low, high = -(2 ** (self.bits - 1)) + self.narrow, 2 ** (self.bits - 1) - 1
        else:
            low, high = 0, 2**self.bits - 1 - self.narrow
        return Quantiser(low, high, integer_type(-1 if self.signed else 0, high, self.bits), self.rounding)

    def columns(self, rank: int) -> list[NDArray[np.float64]]:
        """Return the `edges` to compare the file's tensor of `rank` axes with; see `edge_columns`."""
        return edge_columns(self.edges, rank, self.channel_axis)


QUANTISERS = ("Quant", "IntQuant", "BipolarQuant", "MultiThreshold")
"""Operators that `quant_spec` reads."""

MAX_CODE = 2**31
"""Magnitude of the smallest code of a `MultiThreshold`."""
LAYOUTS = {b"": 1, b"NCHW": 1, b"NCW": 1, b"NC": 1, b"NHWC": -1, b"NWC": -1}
"""Where a `MultiThreshold` has its channels."""
PARAMETERS = ("scale", "zero point", "bit width")


def quant_spec(quant: onnx.NodeProto, constant: Callable[[str], NDArray[Any] | None]) -> QuantSpec:
    """Return the parameters of a quantiser; `constant` gives the value of a tensor, None where computed.

    Raises `UnsupportedError` naming the node.
    """
    if quant.op_type == "MultiThreshold":
        return _threshold_spec(quant, constant)
    node = quant.name
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in quant.attribute}
    values = [constant(name) for name in quant.input[1:4]]
    for label, value in zip(PARAMETERS, values, strict=False):
        if value is None:
            raise UnsupportedError(node, f"its {label} is computed in the network", "export it as a constant")
    if quant.op_type == "BipolarQuant":
        attributes, values = {"signed": 1}, [values[0], np.zeros(()), np.ones(())]
    scale, zero, bits = values
    signed, narrow = attributes.get("signed", 1), attributes.get("narrow", 0)
    rounding = attributes.get("rounding_mode", b"ROUND").decode(errors="replace")
    scales = np.asarray(scale, dtype=np.float32)
    zeros, widths = np.asarray(zero, dtype=np.float64), np.asarray(bits, dtype=np.float64)
    if not np.all(np.isfinite(scales)) or not np.all(scales > 0):
        raise UnsupportedError(
            node, f"its scale must be positive, not {_extreme(scales)!r}", "export it with positive scales"
        )
    if np.any(np.abs(zeros) > MAX_CODE):
        raise UnsupportedError(
            node, f"its zero point must be a code, not {_extreme(zeros):g}", "export it again"
        )
    if zeros.size and (np.any(zeros != zeros.reshape(-1)[0]) or np.any(zeros != np.rint(zeros))):
        raise UnsupportedError(
            node, f"its zero point must be one whole number, not {_extreme(zeros)!r}", "use one per tensor"
        )
    if widths.size != 1 or widths.reshape(-1)[0] not in range(1, 33):
        raise UnsupportedError(
            node,
            f"its bit width must be one whole number of 1 to 32, not {widths.tolist()!r}",
            "use one bit width per tensor",
        )
    width = int(widths.reshape(-1)[0])
    mode = SYNONYMS.get(rounding.upper(), rounding.upper())
    if width == 1 and signed:
        mode = "BIPOLAR"
    elif mode not in ROUNDINGS:
        raise UnsupportedError(
            node, f"rounding mode {rounding!r} is not carried out", f"use one of {', '.join(ROUNDINGS)}"
        )
    if narrow and not signed and width == 1:
        raise UnsupportedError(
            node, "a narrow unsigned quantiser of 1 bit holds only 0", "use 2 bits or narrow=0"
        )
    zero_point = int(zeros.reshape(-1)[0]) if zeros.size else 0
    return QuantSpec(scales, width, bool(signed), bool(narrow), mode, zero=zero_point)


def _threshold_spec(node: onnx.NodeProto, constant: Callable[[str], NDArray[Any] | None]) -> QuantSpec:
    """Return the parameters of a `MultiThreshold`."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    scale, bias = (
        float(attributes.get(name, default)) for name, default in (("out_scale", 1), ("out_bias", 0))
    )
    thresholds = constant(node.input[1])
    if thresholds is None:
        raise UnsupportedError(node.name, "its thresholds are computed", "export them as constants")
    rows = np.atleast_2d(np.asarray(thresholds, dtype=np.float64))
    if rows.ndim != 2 or not rows.size or np.any(np.diff(rows) < 0):
        raise UnsupportedError(
            node.name,
            f"its thresholds, of shape {list(rows.shape)}, are no ascending rows",
            "use one ascending row of thresholds, or one for each channel",
        )
    if np.all(rows == rows[0]):
        rows = rows[:1]
    low = round(bias / scale) if scale > 0 and abs(bias) <= MAX_CODE * scale else None
    if low is None or abs(low * scale - bias) > FLOAT32 * abs(bias):
        raise UnsupportedError(
            node.name,
            f"its outputs are {scale:g} apart, from {bias:g} on, which are no integers times a scale",
            "use a positive out_scale, and a multiple of it as out_bias",
        )
    layout = attributes.get("data_layout", b"NCHW")
    if layout not in LAYOUTS:
        raise UnsupportedError(node.name, f"data_layout {layout.decode()!r}", "use NCHW or NHWC")
    bits = int(DataType[integer_type(low, low + rows.shape[1])].bitwidth())
    edges = tuple(tuple(row) for row in (rows / scale).tolist())
    scales = np.array([scale], dtype=np.float32)
    return QuantSpec(scales, bits, low < 0, False, "EDGES", low, edges, LAYOUTS[layout])


def annotated(model: ModelWrapper, name: str, values: NDArray[Any]) -> Known:
    """Return the constant `name`: quantised where the file says that it holds integers, and it does."""
    datatype = model.get_tensor_datatype(name)
    if datatype.is_integer() and values.dtype.kind == "f" and np.array_equal(values, np.rint(values)):
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        if datatype.min() <= low and high <= datatype.max():
            return QuantisedConstant(values.astype(np.int64), np.array(1.0), datatype.name)
    return Constant(values)


def annotated_input(model: ModelWrapper, name: str) -> QuantSpec | None:
    """Return how the input `name` is quantised where the file's annotation says so: integers of scale 1."""
    datatype = model.get_tensor_datatype(name)
    if not datatype.is_integer() or datatype.bitwidth() > 32 or datatype.name == "TERNARY":
        return None
    rounding = "BIPOLAR" if datatype.name == "BIPOLAR" else "ROUND"
    one = np.ones((), dtype=np.float32)
    return QuantSpec(one, int(datatype.bitwidth()), bool(datatype.signed()), False, rounding)


def _extreme(values: NDArray[np.generic]) -> float:
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    bad = flat[~np.isfinite(flat)]
    if bad.size:
        return float(bad[0])
    return float(flat[np.argmax(np.abs(flat))] if flat.min() >= 0 and flat.max() > 0 else flat.min())


def quantise_constant(array: NDArray[np.generic], spec: QuantSpec) -> QuantisedConstant:
    """Quantise a constant as Brevitas does: float32 division, rounding, limits."""
    quantiser, datatype = spec.quantiser, spec.quantiser.datatype
    divided = np.asarray(array, dtype=np.float32) / spec.scale + np.float32(spec.zero)
    integers = quantiser.apply(divided.astype(np.float64)).astype(np.int64) - spec.zero
    if spec.zero:
        datatype = integer_type(min(-1, int(integers.min())), int(integers.max()))
    return QuantisedConstant(integers, spec.scale.astype(np.float64), datatype)


@dataclass(frozen=True)
class TruncSpec:
    """The parameters of one `Trunc` node: integers of `scale` are divided by `divisor` and rounded."""

    scale: float
    out_scale: float
    divisor: float
    """A power of two."""
    rounding: str
    limits: tuple[int, int] | None
    """Of the results; None where the node (of version 1) sets none."""


def trunc_spec(node: onnx.NodeProto, constant: Callable[[str], NDArray[Any] | None]) -> TruncSpec:
    """Return the parameters of a `Trunc`, of version 1 (five inputs) or 2; `constant` as in `quant_spec`.

    Raises `UnsupportedError` naming the node.
    """
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    numbers = []
    for name in node.input[1:]:
        value = constant(name)
        if value is None or value.size != 1:
            raise UnsupportedError(
                node.name, "its parameters must be constants, one per tensor", "export it as Brevitas does"
            )
        numbers.append(float(value.reshape(-1)[0]))
    given = attributes.get("rounding_mode", b"FLOOR").decode(errors="replace")
    rounding = SYNONYMS.get(given.upper(), given.upper())
    if rounding not in ROUNDINGS:
        raise UnsupportedError(
            node.name, f"rounding mode {given!r} is not carried out", f"use one of {', '.join(ROUNDINGS)}"
        )
    scale, zero, bits, *rest = numbers
    out_scale, out_bits = rest if len(rest) == 2 else (scale, *rest)
    if zero:
        raise UnsupportedError(node.name, f"its zero point must be 0, not {zero:g}", "quantise symmetrically")
    if scale <= 0 or out_scale <= 0 or not 1 <= out_scale / scale <= MAX_CODE:
        raise UnsupportedError(
            node.name,
            f"its scales must be positive and not fall, not {scale!r} and {out_scale!r}",
            "export it again",
        )
    if any(width not in range(1, 33) for width in (bits, out_bits)):
        raise UnsupportedError(
            node.name, f"its bit widths must be 1 to 32, not {bits:g} and {out_bits:g}", "export it again"
        )
    if len(rest) == 1:
        return TruncSpec(scale, scale, 2.0 ** (bits - out_bits), rounding, None)
    signed, narrow = bool(attributes.get("signed", 1)), bool(attributes.get("narrow", 0))
    quantiser = QuantSpec(np.ones(1, dtype=np.float32), int(out_bits), signed, narrow, rounding).quantiser
    divisor = 2.0 ** float(np.rint(np.log2(out_scale / scale)))
    return TruncSpec(scale, out_scale, divisor, rounding, (quantiser.low, quantiser.high))
