"""A graph of one layer, its RTL from its backend, and random frames through it and through Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import qonnx_make_model

import fpga_flow.layers  # noqa: F401  registers the backends
from fpga_flow.design.generate import generate
from fpga_flow.finn.backend import RTL_DOMAIN
from fpga_flow.finn.session import finn_session
from fpga_flow.sim.simulator import Port, SimResult, Simulator
from tests.words import pack_words, unpack_words

PART = "xc7z020clg400-1"
STALLS = ((0.0, 0.0), (0.5, 0.3), (0.0, 0.8))
"""Chances that an input, and an output, does nothing in a cycle; each stream by itself."""
Values = NDArray[np.int64]


@dataclass(frozen=True)
class OneLayer:
    """A layer by its operator and attributes, with the datatypes of its streams."""

    op: str
    datatypes: Sequence[str]
    """Of the inputs that are streams."""
    attributes: Mapping[str, Any]
    constants: Sequence[tuple[Any, str]] = ()
    """Values and datatype of the inputs behind them."""
    outputs: int = 1
    frames: int = 4
    seed: int = field(default=1)

    def model(self) -> ModelWrapper:
        """Return the graph of one node."""
        ins = [f"in{i}" for i in range(len(self.datatypes))]
        consts = [f"const{i}" for i in range(len(self.constants))]
        outs = [f"out{i}" for i in range(self.outputs)]
        node = helper.make_node(
            self.op,
            [*ins, *consts],
            outs,
            name=f"{self.op}_0",
            domain=RTL_DOMAIN,
            backend="fpgadataflow",
            **self.attributes,
        )
        layer = getCustomOp(node)

        def info(name: str, shape: Sequence[int]) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [int(size) for size in shape])

        graph = helper.make_graph(
            [node],
            "one",
            [info(name, layer.get_normal_input_shape(i)) for i, name in enumerate(ins)],
            [info(name, layer.get_normal_output_shape(i)) for i, name in enumerate(outs)],
        )
        model = ModelWrapper(qonnx_make_model(graph))
        for name, datatype in zip(ins, self.datatypes, strict=True):
            model.set_tensor_datatype(name, DataType[datatype])
        for name, (values, datatype) in zip(consts, self.constants, strict=True):
            model.set_initializer(name, np.asarray(values, dtype=np.float32))
            model.set_tensor_datatype(name, DataType[datatype])
        return model


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    layer: Any
    """FINN's view of the node."""
    results: Sequence[SimResult]
    """Of each pair of stalls."""

    @property
    def cycles_per_frame(self) -> float:
        """Cycles between the ends of the first and the last frame, by frames, without stalls."""
        cycles = self.results[0].output_cycles["out0"].astype(np.int64)
        words = int(np.prod(self.layer.get_folded_output_shape(0)[:-1]))
        ends = cycles[words - 1 :: words]
        return float(ends[-1] - ends[0]) / (len(ends) - 1)


def draw(generator: np.random.Generator, datatype: str, shape: Sequence[int]) -> Values:
    """Return random values of `datatype` in which the extremes are frequent."""
    kind = DataType[datatype]
    low, high = int(kind.min()), int(kind.max())
    if datatype == "BIPOLAR":
        return generator.choice([-1, 1], shape)
    values = generator.integers(low, high, shape, endpoint=True)
    return np.where(generator.random(shape) < 0.2, generator.choice([low, high], shape), values)


def coded(values: Values, datatype: Any) -> Values:
    """Return the codes of `values` on a stream."""
    return (values + 1) // 2 if datatype.name == "BIPOLAR" else values


def decoded(codes: Values, datatype: Any) -> Values:
    """Return the values of `codes`, which are not negative."""
    if datatype.name == "BIPOLAR":
        return 2 * codes - 1
    bits = datatype.bitwidth()
    return codes - ((codes >> (bits - 1)) << bits) if datatype.signed() else codes


def run(
    case: OneLayer,
    cache: Path,
    folder: Path,
    *,
    to_stream: Any = lambda values, layer: values,
    python: Any = None,
    stalls: Sequence[tuple[float, float]] = STALLS,
) -> Ran:
    """Assert that the RTL of `case` gives what Python gives, under all stalls.

    `to_stream` (values, layer) -> values reorders an input that does not come as its shape says; `python`
    (frame's inputs) -> outputs stands in for the layer's own execution.
    """
    model = case.model()
    node = model.graph.node[0]
    layer = getCustomOp(node)
    empty = any(not np.any(values) for values, _ in case.constants)  # FINN has no bits for their sums
    for transform in ("minimize_weight_bit_width", "minimize_accumulator_width"):
        if hasattr(layer, transform) and not empty:
            getattr(layer, transform)(model)
    layer.infer_node_datatype(model)
    with finn_session() as scratch:
        made = generate(model, 0, PART, 10.0, scratch)
    for path, text in made.texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    inputs = [
        Port(f"in{i}", int(layer.get_instream_width_padded(i)), _names(f"in{i}"))
        for i in range(len(case.datatypes))
    ]
    outputs = [
        Port(f"out{i}", int(layer.get_outstream_width_padded(i)), _names(f"out{i}"))
        for i in range(case.outputs)
    ]
    simulator = Simulator.build(
        made.module,
        [*made.library, *(folder / path for path in made.sources)],
        inputs=inputs,
        outputs=outputs,
        random=True,
        effort="quick",
        cache=cache,
    )
    sent, wanted = _frames(case, model, layer, python)
    streams = {}
    for i, port in enumerate(inputs):
        datatype, lanes = layer.get_input_datatype(i), layer.get_folded_input_shape(i)[-1]
        frames = [to_stream(frame[i], layer) for frame in sent]
        values = np.concatenate([coded(frame, datatype).reshape(-1, lanes) for frame in frames])
        streams[port.name] = pack_words(values, int(datatype.bitwidth()), port.width)
    expected = {
        port.name: np.concatenate([f[i].reshape(-1, layer.get_folded_output_shape(i)[-1]) for f in wanted])
        for i, port in enumerate(outputs)
    }
    results = []
    for number, (stall_in, stall_out) in enumerate(stalls):
        result = simulator.run(
            streams,
            {name: len(words) for name, words in expected.items()},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=number,
            strict=True,
            idle_limit=2_000,
            drain=300,
            folder=folder,
        )
        for i, port in enumerate(outputs):
            datatype, lanes = layer.get_output_datatype(i), expected[port.name].shape[1]
            codes = unpack_words(result.outputs[port.name], int(datatype.bitwidth()), lanes, signed=False)
            np.testing.assert_array_equal(
                decoded(codes, datatype), expected[port.name], err_msg=f"{port.name}, {stall_in}, {stall_out}"
            )
        results.append(result)
    return Ran(layer, results)


def _names(name: str) -> tuple[str, str, str]:
    return (f"{name}_V_TDATA", f"{name}_V_TVALID", f"{name}_V_TREADY")


def _frames(
    case: OneLayer, model: ModelWrapper, layer: Any, python: Any
) -> tuple[list[list[Values]], list[list[Values]]]:
    """Return the random inputs and the wanted outputs, by frame."""
    generator = np.random.default_rng(case.seed)
    node = model.graph.node[0]
    sent, wanted = [], []
    for _ in range(case.frames):
        values = [
            draw(generator, datatype, layer.get_normal_input_shape(i))
            for i, datatype in enumerate(case.datatypes)
        ]
        context = {name: value.astype(np.float32) for name, value in zip(node.input, values, strict=False)}
        for name in node.input[len(values) :]:
            context[name] = model.get_initializer(name)
        for i, name in enumerate(node.output):
            context[name] = np.zeros(layer.get_normal_output_shape(i), dtype=np.float32)
        sent.append(values)
        if python is None:
            layer.execute_node(context, model.graph)
            found = [context[name].astype(np.int64) for name in node.output]
        else:
            found = python(values)
        for i, array in enumerate(found):  # what FINN says of the result must hold
            kind = layer.get_output_datatype(i)
            assert kind.min() <= array.min() and array.max() <= kind.max(), (kind, array.min(), array.max())
        wanted.append(found)
    return sent, wanted
