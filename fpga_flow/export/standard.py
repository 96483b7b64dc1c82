"""Operations that are one standard ONNX operator, the same in `network.onnx` and in the golden model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.operations import (
    Add,
    AddConstant,
    Concat,
    Flatten,
    GlobalMax,
    GlobalSum,
    InsertZeros,
    Matrix,
    MaxPool,
    Move,
    MulConstant,
    MulPositions,
    Multiply,
    Operation,
    Split,
    SumPool,
    Unflatten,
    Upsample,
)
from fpga_flow.export.tensors import Tensor, integer_type

NO_INPUT = ""
"""An optional input that is left out."""


@dataclass(frozen=True)
class Parameter:
    """A constant input of an operator."""

    name: str
    values: NDArray[Any]
    """float32 where it is of the tensors' type, int64 where the operator asks for that."""
    datatype: str


@dataclass(frozen=True)
class Standard:
    """One operator: the tensors come first, then the parameters."""

    operator: str
    parameters: tuple[Parameter, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    omitted: int = 0
    """Optional inputs left out between the tensors and the parameters."""


def _numbers(name: str, values: NDArray[Any], datatype: str | None = None) -> Parameter:
    datatype = datatype or integer_type(min(-1, int(values.min())), int(values.max()))
    return Parameter(name, values.astype(np.float32), datatype)


def _sizes(name: str, values: list[int]) -> Parameter:
    return Parameter(name, np.array(values, dtype=np.int64), integer_type(0, max(values)))


def _per_channel(values: NDArray[Any], x: Tensor) -> NDArray[Any]:
    return values.reshape((1, -1) + (1,) * (len(x.shape) - 2))


def _matrix(operation: Matrix) -> Standard:
    weights = _numbers("weights", operation.weights, operation.weight_type)
    return Standard(operation.kind, (weights,), operation.attributes)


def _constants(operator: str) -> Callable[[Any], Standard]:
    def made(operation: AddConstant | MulConstant) -> Standard:
        return Standard(operator, (_numbers("values", _per_channel(operation.values, operation.x)),))

    return made


def _positions(operation: MulPositions) -> Standard:
    factors = np.outer(operation.rows, operation.columns)
    datatype = integer_type(0, int(factors.max()))
    return Standard("Mul", (_numbers("values", factors[None, None], datatype),))


def _split(operation: Split) -> Standard:
    return Standard("Split", (_sizes("sizes", [y.channels for y in operation.ys]),), {"axis": 1})


def _sum_pool(operation: SumPool) -> Standard:
    channels = operation.x.channels
    ones = np.ones((channels, 1, *operation.attributes["kernel_shape"]))
    attributes = {**operation.attributes, "dilations": [1, 1], "group": channels}
    return Standard("Conv", (_numbers("ones", ones, "BINARY"),), attributes)


def _upsample(operation: Upsample) -> Standard:
    scales = np.array([1, 1, *operation.factors])
    attributes = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    return Standard(
        "Resize", (_numbers("scales", scales, integer_type(0, int(scales.max()))),), attributes, omitted=1
    )


def _insert_zeros(operation: InsertZeros) -> Standard:
    """A transposed convolution of each channel with a kernel of one 1."""
    channels = operation.x.channels
    ones = _numbers("ones", np.ones((channels, 1, 1, 1)), "BINARY")
    attributes = {"kernel_shape": [1, 1], "strides": list(operation.factors), "group": channels}
    return Standard("ConvTranspose", (ones,), attributes)


def _move(operation: Move) -> Standard:
    if operation.indices is None:
        return Standard(operation.operator, attributes=operation.attributes)
    return Standard("Gather", (_sizes("indices", operation.indices.tolist()),), {"axis": 1})


STANDARD: dict[type[Operation], Callable[[Any], Standard]] = {
    Matrix: _matrix,
    AddConstant: _constants("Add"),
    MulConstant: _constants("Mul"),
    MulPositions: _positions,
    Add: lambda _: Standard("Add"),
    Multiply: lambda _: Standard("Mul"),
    Concat: lambda _: Standard("Concat", attributes={"axis": 1}),
    Split: _split,
    MaxPool: lambda operation: Standard("MaxPool", attributes=operation.attributes),
    SumPool: _sum_pool,
    GlobalMax: lambda _: Standard("GlobalMaxPool"),
    GlobalSum: lambda _: Standard("ReduceSum", (_sizes("axes", [2, 3]),), {"keepdims": 1}),
    Upsample: _upsample,
    InsertZeros: _insert_zeros,
    Move: _move,
    Flatten: lambda _: Standard("Flatten", attributes={"axis": 1}),
    Unflatten: lambda operation: Standard("Reshape", (_sizes("shape", [0, *operation.y.shape[1:]]),)),
}
"""Operation -> its operator. Of the others each writer has its own."""
