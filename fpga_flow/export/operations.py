"""The integer network: its operations.

It is the one description that `network` (for FINN) and `golden` (for onnxruntime) are written from.
A new operator is one class here, one reader in `readers`, and one entry in `standard`, or a writer in each
of those two where they differ.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.chain import Affine, Chain, Integers
from fpga_flow.export.layout import Layout
from fpga_flow.export.tensors import Quantiser, Tensor, integer_type
from fpga_flow.integer.output import LeftOut, decides


@dataclass
class Operation:
    """Base: one operation from integer tensors `xs` to integer tensors `ys`."""

    name: str
    xs: tuple[Tensor, ...]
    ys: tuple[Tensor, ...]

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.xs[0]

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.ys[0]


@dataclass
class Matrix(Operation):
    """A convolution or dense layer: exact integer sums of products."""

    kind: str
    """Conv (weights O, I/group, KH, KW) or MatMul (weights I, O)."""
    weights: Integers
    weight_type: str
    attributes: dict[str, Any] = field(default_factory=dict)
    groups: int = 1
    """Groups of the float network that this one convolution carries out, with zero weights between them."""

    @property
    def output_axis(self) -> int:
        """Axis of `weights` that runs over the output channels."""
        return 0 if self.kind == "Conv" else 1

    def flip(self, channels: NDArray[np.bool_]) -> None:
        """Negate the weights of these output channels, and the bounds of `y` with them."""
        shape = [1] * self.weights.ndim
        shape[self.output_axis] = -1
        sign = np.where(channels, -1, 1)
        self.weights = self.weights * sign.reshape(shape)
        if self.weight_type != "BIPOLAR":
            bits = int(self.weight_type.removeprefix("U").removeprefix("INT"))
            self.weight_type = integer_type(min(-1, int(self.weights.min())), int(self.weights.max()), bits)
        low, high = self.y.low, self.y.high
        self.y.low = np.where(channels, -high, low)
        self.y.high = np.where(channels, -low, high)
        self.y.datatype = integer_type(int(self.y.low.min()), int(self.y.high.max()))


@dataclass
class Activation(Operation):
    """`quantiser(chain(x))`: thresholds in hardware, arithmetic in the golden model."""

    chain: Chain
    quantiser: Quantiser


@dataclass(frozen=True)
class Side:
    """A side of a sum: the real number `line(tensor)`."""

    tensor: Tensor
    line: Affine

    def sliced(self, channels: slice) -> "Side":
        """Return some of the channels."""
        x, (line,) = self.tensor, Chain((self.line,)).sliced(channels).steps
        low, high = x.low[channels], x.high[channels]
        assert isinstance(line, Affine)
        return Side(Tensor(x.name, (1, len(low), *x.shape[2:]), x.datatype, low, high), line)


@dataclass
class JoinedActivation(Activation):
    """`quantiser(chain(sum of the sides))`; `x` is a sum of integers that the thresholds are proven for.

    See `multipliers`; the golden model evaluates the sides.
    """

    sides: tuple[Side, ...]
    thresholds: Integers
    """(channels, levels), of `x`; see `thresholds.find_thresholds`."""


@dataclass
class AddConstant(Operation):
    """Adds one integer per channel."""

    values: Integers


@dataclass
class MulConstant(Operation):
    """Multiplies by one integer per channel."""

    values: Integers


@dataclass
class MulPositions(Operation):
    """Multiplies the position at row i, column j by the positive `rows[i] * columns[j]`."""

    rows: Integers
    columns: Integers


@dataclass
class Add(Operation):
    """The sum of two tensors of one shape."""


@dataclass
class Multiply(Operation):
    """The product of two tensors of one shape, value by value."""


@dataclass
class Concat(Operation):
    """All channels of the first input, then all of the next."""


@dataclass
class Split(Operation):
    """The first channels to the first output, the next to the next."""


@dataclass
class MaxPool(Operation):
    """Maximum over windows; attributes as in ONNX, two spatial axes."""

    attributes: dict[str, Any]


@dataclass
class SumPool(Operation):
    """Sum over windows, zeros around; attributes as in ONNX, two spatial axes."""

    attributes: dict[str, Any]


@dataclass
class GlobalMax(Operation):
    """Maximum over all positions: (N, C, H, W) to (N, C, 1, 1)."""


@dataclass
class GlobalSum(Operation):
    """Sum over all positions: (N, C, H, W) to (N, C, 1, 1)."""


@dataclass
class Upsample(Operation):
    """Repeats every position `factors` times along height and width."""

    factors: tuple[int, int]


@dataclass
class InsertZeros(Operation):
    """Puts zeros between positions, which come to stand `factors` rows and columns apart."""

    factors: tuple[int, int]


@dataclass
class Move(Operation):
    """Puts values (N, C, H, W) into another order: `operator` of ONNX, see `integer.moves.moved`."""

    operator: str
    attributes: dict[str, Any]
    indices: Integers | None = None
    """Of a Gather: which channel of the input each channel of the output is."""


@dataclass
class Flatten(Operation):
    """(N, C, H, W) to (N, C*H*W), channel slowest."""


@dataclass
class Unflatten(Operation):
    """(N, C) to (N, C, 1, 1)."""


@dataclass
class HostInput:
    """What the host does to a frame before it enters: steps, divide by the scale, round, clip."""

    frame_shape: tuple[int, ...]
    """Of one frame as the network's file takes it, without the batch."""
    steps: list[tuple[str, list[float]]]
    """In order, as `fpga_flow.integer.quantise.carry_out` has them."""
    scale: float
    quantiser: Quantiser
    zero: int = 0
    """Added before rounding: the file's zero point."""
    shift: int = 0
    """Subtracted from the codes."""
    declared: bool = False
    """The file has no quantiser there: a frame must hold multiples of the scale."""


class Observed(NamedTuple):
    """An activation quantiser of the float network, and the integers that are its codes."""

    node: str
    tensor: Tensor
    layout: Layout | None = None
    """How the file's tensor lies; None: as the integers."""
    shift: int = 0
    """The integers are the file's multiples of its scale plus this."""
    function: Activation | None = None
    """What the file computes there, where operations on enumerated integers stand for it."""


@dataclass
class IntegerNetwork:
    """The whole network in integers, operations in order."""

    host: HostInput
    input: Tensor
    operations: list[Operation]
    output: Tensor
    logit_scale: float
    """A logit of the float network is `logit_scale * integer + logit_offset`."""
    logit_offset: float
    logit_error: float
    """The most that a logit so computed can be off, beside float32's own rounding; 0 where it is exact."""
    quantisers: list[Observed]
    """Every activation quantiser of the float network, in its order."""
    layout: Layout | None = None
    """How the file's output lies; None: as the integers."""
    left_out: LeftOut = LeftOut()
    """The end of the float network's file."""
    file_shape: tuple[int, ...] | None = None
    """Of the file's output in front of that, with the batch; None: as the integers."""

    def tensors(self) -> list[Tensor]:
        """Return every tensor once, the input first."""
        return [self.input, *(y for operation in self.operations for y in operation.ys)]

    @property
    def decides(self) -> bool:
        """Whether the output is one number per class, of which the largest is taken (see `output`)."""
        return decides(self.output.shape[1:], self.left_out.operators)
