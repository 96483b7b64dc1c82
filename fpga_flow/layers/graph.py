"""A graph of FINN's dataflow layers under construction, channels last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from fpga_flow.integer.names import unused

DOMAIN = "finn.custom_op.fpgadataflow"


@dataclass(frozen=True)
class Stream:
    """A tensor of the integer network on its way through the hardware, one frame."""

    tensor: str
    shape: tuple[int, ...]
    """(1, H, W, C) or (1, C)."""
    datatype: str
    order: NDArray[np.int64] | None = None
    """Of a (1, C) stream: index in the network of each value as it comes; None where that is its position.
    A flattened tensor comes channels last, but the network flattens it channels first."""

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return self.shape[-1]

    @property
    def vectors(self) -> list[int]:
        """All axes but the last."""
        return list(self.shape[:-1])

    @property
    def bits(self) -> int:
        """Of one value."""
        return int(DataType[self.datatype].bitwidth())

    def reordered(self, values: NDArray[Any], axis: int = 0) -> NDArray[Any]:
        """Return `values` (channels of the network along `axis`) in the order of the stream."""
        return values if self.order is None else np.take(values, self.order, axis)


@dataclass
class LayerGraph:
    """Layers in topological order; every tensor has one reader."""

    network: ModelWrapper
    nodes: list[NodeProto] = field(default_factory=list)
    streams: dict[str, Stream] = field(default_factory=dict)
    """Every tensor on a wire, by name."""
    constants: dict[str, tuple[NDArray[Any], str]] = field(default_factory=dict)
    _known: dict[str, list[Stream]] = field(default_factory=dict)
    """Tensor of the network -> streams of it that nobody reads yet."""

    def read(self, tensor: str) -> Stream:
        """Return a stream of the network's `tensor` for one reader."""
        return self._known[tensor].pop()

    def wire(self, tensor: str, shape: Sequence[int], datatype: str, order: Any = None) -> Stream:
        """Declare a stream."""
        stream = Stream(tensor, tuple(shape), datatype, order)
        self.streams[tensor] = stream
        return stream

    def output(self, node: NodeProto, index: int = 0, order: Any = None) -> Stream:
        """Declare the stream of a node's output, shape and datatype as in the network, channels last.

        Where its values come in another order than the network's it gets another name too.
        """
        name = node.output[index]
        shape, datatype = self.network.get_tensor_shape(name), self.network.get_tensor_datatype(name).name
        return self.wire(
            name if order is None else f"{name}_reordered", channels_last(shape), datatype, order
        )

    def is_constant(self, node: NodeProto, index: int) -> bool:
        """Return whether input `index` of `node` is a constant of the network."""
        return self.network.get_initializer(node.input[index]) is not None

    def constant_of(self, node: NodeProto, index: int = 1) -> tuple[NDArray[Any], str]:
        """Return the constant at input `index` of `node` and its datatype."""
        name = node.input[index]
        return self.network.get_initializer(name), self.network.get_tensor_datatype(name).name

    def constant(self, name: str, values: NDArray[Any], datatype: str) -> str:
        """Add a constant and return its name."""
        self.constants[name] = (np.ascontiguousarray(values, dtype=np.float32), datatype)
        return name

    def layer(
        self,
        operator: str,
        name: str,
        inputs: Iterable[str],
        outputs: Iterable[str],
        domain: str = DOMAIN,
        **attributes: Any,
    ) -> None:
        """Append a layer of FINN's, called `name`, or where that is taken `name_2` and so on."""
        node = helper.make_node(
            operator,
            list(inputs),
            list(outputs),
            name=unused(name, {node.name for node in self.nodes}),
            domain=domain,
            backend="fpgadataflow",
            **attributes,
        )
        self.nodes.append(node)

    def done(self, tensor: str, stream: Stream) -> None:
        """Say that `stream` carries the network's `tensor`; it forks where several nodes read it."""
        readers = sum(list(node.input).count(tensor) for node in self.network.graph.node)
        readers += sum(output.name == tensor for output in self.network.graph.output)
        if readers < 2:
            self._known[tensor] = [stream]
            return
        copies = [
            self.wire(f"{stream.tensor}_copy{i}", stream.shape, stream.datatype, stream.order)
            for i in range(readers)
        ]
        self.layer(
            "DuplicateStreams",
            f"{self.producer(tensor)}_fork",
            [stream.tensor],
            [copy.tensor for copy in copies],
            NumChannels=stream.channels,
            PE=1,
            NumOutputStreams=readers,
            inputDataType=stream.datatype,
            numInputVectors=stream.vectors,
            outFIFODepths=[2] * readers,
        )
        self._known[tensor] = copies[::-1]  # `read` takes the last

    def producer(self, tensor: str) -> str:
        """Return the name of the network's node that gives `tensor`, of its input the tensor's own."""
        nodes = self.network.graph.node
        return next((str(node.name) for node in nodes if tensor in node.output), tensor)

    def model(self, source: Stream, result: Stream) -> ModelWrapper:
        """Return the whole as a qonnx model from `source` to `result`."""

        def info(stream: Stream) -> Any:
            return helper.make_tensor_value_info(stream.tensor, TensorProto.FLOAT, stream.shape)

        ends = (source.tensor, result.tensor)
        graph = helper.make_graph(
            self.nodes,
            "hardware",
            [info(source)],
            [info(result)],
            value_info=[info(stream) for name, stream in self.streams.items() if name not in ends],
        )
        model = ModelWrapper(qonnx_make_model(graph, producer_name="fpga_flow"))
        for name, (values, datatype) in self.constants.items():
            model.set_initializer(name, values)
            model.set_tensor_datatype(name, DataType[datatype])
        for name, stream in self.streams.items():
            model.set_tensor_datatype(name, DataType[stream.datatype])
        return model


def attributes_of(node: NodeProto) -> Mapping[str, Any]:
    """Return the attributes of `node` by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def channels_last(shape: Sequence[int]) -> tuple[int, ...]:
    """Return (N, C, H, W) as (N, H, W, C), and other shapes as they are."""
    return (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else tuple(shape)
