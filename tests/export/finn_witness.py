"""FINN's own streamlining of a QONNX graph, as a second opinion on our integers.

FINN moves scales and biases through the graph in float32 and absorbs them into float thresholds; we take the
whole way from sum to code as one function in float64 and search its steps. Both must give the same integer
weights, and thresholds that differ only where float32 cannot tell, or FINN does not mind, on which side of a
step a sum lies: Quant rounds half to even, `x >= threshold` rounds half up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline import Streamline
from finn.transformation.streamline.absorb import (
    AbsorbConsecutiveTransposes,
    AbsorbScalarBiasIntoMultiThreshold,
    AbsorbTransposeIntoMultiThreshold,
)
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from numpy.typing import NDArray
from onnx import NodeProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.general import RemoveUnusedTensors
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.util.cleanup import cleanup_model

from fpga_flow.export import host
from fpga_flow.export.compare import FLOAT32, at_ties
from fpga_flow.export.operations import Activation, IntegerNetwork, Matrix
from fpga_flow.export.reference import Observation
from fpga_flow.export.thresholds import find_thresholds
from fpga_flow.integer.quantise import carry_out

STEPS = (
    ConvertQONNXtoFINN(),
    AbsorbScalarBiasIntoMultiThreshold(),
    Streamline(),
    LowerConvsToMatMul(),
    MakeMaxPoolNHWC(),
    AbsorbTransposeIntoMultiThreshold(),
    MakeMaxPoolNHWC(),
    AbsorbConsecutiveTransposes(),
    Streamline(),
    RoundAndClipThresholds(),
    InferDataLayouts(),
    RemoveUnusedTensors(),
)
EXACT = 1e-9
"""What our chain may be off, in steps: float64 has rounded it."""


def streamlined(model: ModelWrapper) -> ModelWrapper:
    """Return what FINN makes of a QONNX `model`: whole weights, and a MultiThreshold for each activation."""
    model = cleanup_model(with_unit_axis(model))
    for step in STEPS:
        model = model.transform(step)
    return model


def with_unit_axis(model: ModelWrapper) -> ModelWrapper:
    """Return a 1-D network as a 2-D one of width 1, which is all that FINN lowers; others as they are."""
    if len(model.get_tensor_shape(model.graph.input[0].name)) != 3:
        return model
    proto = helper.make_model(model.graph, opset_imports=model.model.opset_import)
    graph = proto.graph
    for tensor in graph.initializer:
        if len(tensor.dims) == 3:
            tensor.dims.append(1)
    for node in graph.node:
        for attribute in node.attribute:
            padding = {"kernel_shape": [1], "strides": [1], "dilations": [1]}.get(attribute.name)
            if attribute.name == "pads":
                begin, end = attribute.ints
                attribute.ints[:] = [begin, 0, end, 0]
            elif padding:
                attribute.ints.extend(padding)
    graph.input[0].type.tensor_type.shape.dim.add().dim_value = 1
    del graph.value_info[:]
    return ModelWrapper(proto)


@dataclass
class Inputs:
    """Codes of the input, which the host computes and FINN's first MultiThreshold."""

    values: int = 0
    half_to_even: int = 0
    """One off where the value lies on the middle of two codes."""
    float32: int = 0
    """One off where it lies nearer to the middle than float32 tells."""
    unexplained: int = 0


class FinnReference:
    """FINN's streamlined graph, as `fpga_flow.export.compare` observes a float network.

    It goes on from the codes of the host; where its own differ is counted in `inputs`.
    """

    def __init__(self, model: ModelWrapper, spec: dict[str, Any]) -> None:
        """Take the graph that `streamlined` made, and what the host does to a frame of the file."""
        self.model, self.spec = model, spec
        self.inputs = Inputs()
        self.activations = model.get_nodes_by_op_type("MultiThreshold")

    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Run float frames (N, ...)."""
        codes = host.quantise(frames, self.spec).astype(np.int64)
        runs = [self._run(frame, code) for frame, code in zip(frames, codes, strict=True)]
        observed = [codes]
        for node in self.activations[1:]:
            values = np.concatenate([run[node.output[0]] for run in runs])
            observed.append(np.rint(_channels_first(node, values)).astype(np.int64))
        return Observation(
            observed,
            np.concatenate([run[self.model.graph.output[0].name] for run in runs]).astype(np.float64),
        )

    def _run(self, frame: NDArray[np.float32], codes: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Return every tensor for one frame."""
        graph, first = self.model.graph, self.activations[0]
        source, quantised = graph.input[0].name, first.output[0]
        shape = self.model.get_tensor_shape(source)
        before = execute_onnx(self.model, {source: frame.reshape(shape)}, True, end_node=first)
        self._count(frame, codes, _channels_first(first, before[quantised]))
        given = codes.reshape(_channels_first(first, before[quantised]).shape).astype(np.float32)
        given = np.moveaxis(given, 1, -1) if _is_channels_last(first) else given
        start = graph.node[list(graph.node).index(first) + 1]
        return dict(execute_onnx(self.model, {quantised: given}, True, start_node=start))

    def _count(
        self, frame: NDArray[np.float32], ours: NDArray[np.int64], theirs: NDArray[np.float32]
    ) -> None:
        values = carry_out(self.spec["steps"], frame.reshape(1, *self.spec["frame_shape"]))
        exact = values.astype(np.float64).reshape(-1) / self.spec["scale"]
        difference = np.abs(theirs.reshape(-1) - ours.reshape(-1))
        distance = np.abs(exact - np.floor(exact) - 0.5)
        near = distance <= FLOAT32.ties * np.maximum(np.abs(exact), 1)
        middle = (difference == 1) & (distance < EXACT)
        rounded = (difference == 1) & ~middle & near
        self.inputs.values += exact.size
        self.inputs.half_to_even += int(middle.sum())
        self.inputs.float32 += int(rounded.sum())
        self.inputs.unexplained += int(((difference > 0) & ~middle & ~rounded).sum())


def _is_channels_last(node: NodeProto) -> bool:
    return any(a.name == "data_layout" and a.s == b"NHWC" for a in node.attribute)


def _channels_first(node: NodeProto, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the output of `node` as (N, C, ...)."""
    return np.moveaxis(values, -1, 1) if _is_channels_last(node) else values


@dataclass(frozen=True)
class Layer:
    """An activation in both, and the matrix unit before it."""

    name: str
    weights: int
    thresholds: int
    half_to_even: int
    """Thresholds one off where a sum lies on the middle of two codes, and the even one is above FINN's."""
    float32: int
    """Thresholds one off where a sum lies nearer to the middle than float32 tells."""
    unexplained: int


def compare_layers(network: IntegerNetwork, finn: ModelWrapper) -> list[Layer]:
    """Compare every weight and threshold; raises `AssertionError` where weights differ or layers are missing.

    The first of FINN's MultiThresholds quantises the input, which has no integers in front of it.
    """
    nodes = finn.get_nodes_by_op_type("MultiThreshold")
    assert len(nodes) == len(network.quantisers)
    units = [node for node in finn.graph.node if node.op_type == "MatMul"]
    matrices = [operation for operation in network.operations if isinstance(operation, Matrix)]
    assert len(units) == len(matrices)
    for unit, matrix in zip(units, matrices, strict=True):
        np.testing.assert_array_equal(finn.get_initializer(unit.input[1]), lowered(matrix), matrix.name)
    by_name = {o.name: o for o in network.operations if isinstance(o, Activation)}
    weights = {matrix.y.name: matrix.weights.size for matrix in matrices}
    layers = []
    for (name, *_), node in zip(network.quantisers[1:], nodes[1:], strict=True):
        theirs = finn.get_initializer(node.input[1])
        layers.append(_layer(by_name[name], theirs, weights.get(by_name[name].x.name, 0)))
    return layers


def lowered(matrix: Matrix) -> NDArray[np.int64]:
    """Return the weights as (inputs, outputs), those of a convolution by row, column and channel."""
    if matrix.kind == "MatMul":
        return matrix.weights
    return matrix.weights.transpose(2, 3, 1, 0).reshape(-1, len(matrix.weights))


def _layer(operation: Activation, theirs: NDArray[np.float32], weights: int) -> Layer:
    ours = find_thresholds(operation)
    low, high = operation.x.low[:, None], operation.x.high[:, None]
    theirs = np.clip(np.broadcast_to(theirs, ours.shape).astype(np.int64), low, high + 1)
    # Of two neighbours the lower is the one sum that is a code higher on one side than on the other.
    sums = np.minimum(ours, theirs)
    exact = distance_to_middle(operation, sums) < EXACT
    near = at_ties(operation, {operation.x.name: sums[None]}, FLOAT32).reshape(ours.shape)
    different = ours != theirs
    middle = (theirs == ours - 1) & exact
    rounded = (np.abs(ours - theirs) == 1) & near & ~exact
    return Layer(
        name=operation.name,
        weights=weights,
        thresholds=int(np.sum((ours > low) & (ours <= high))),
        half_to_even=int(middle.sum()),
        float32=int(rounded.sum()),
        unexplained=int((different & ~middle & ~rounded).sum()),
    )


def distance_to_middle(operation: Activation, sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far from the middle of two codes each of the `sums` (channels, any) comes, in codes."""
    exact = operation.chain.apply(sums[None].astype(np.float64))[0]
    if operation.quantiser.rounding == "BIPOLAR":
        return np.abs(exact)
    return np.abs(exact - np.floor(exact) - 0.5)
