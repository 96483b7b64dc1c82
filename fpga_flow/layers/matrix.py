"""Product of a constant matrix with each vector: FINN's unit in DSP slices, and ours for any operands."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted
from fpga_flow.layers import sparse, sparse_folding, sparse_resources
from fpga_flow.layers.base import (
    Attributes,
    Folding,
    Implementation,
    LayerKind,
    Timing,
    Weights,
    divisors,
    fold,
    register,
    waits_for_none,
)
from fpga_flow.layers.constant.choice import CONSTANT
from fpga_flow.layers.dot_resources import dot, vector_buffer
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.products import folding_of, latency, multiply
from fpga_flow.layers.schedules import Pattern, Schedule, replay
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
from fpga_flow.target.resources import Resources


@replaces("MVAU_hls")
class MatrixVector_rtl(Weighted, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` with `df_matrix_vector` for a body.

    `MVAU_rtl` is taken: FINN's own, for signed weights and activations of two bits or more.
    """

    modules = ("df_dot.sv", "df_matrix_vector.sv")

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the weights."""
        weights = self.integer_weights(model)
        columns, rows, simd, pe = folding_of(self)
        blocks = blocks_of(weights, simd, pe)
        return "df_matrix_vector", {
            "MW": columns,
            "MH": rows,
            "SIMD": simd,
            "PE": pe,
            **self.common(model, weights),
            **self.write_weights(model, blocks, pe * simd, folder),
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python; two BIPOLAR operands are multiplied (FINN counts, which is `binaryXnorMode`)."""
        if self.get_nodeattr("binaryXnorMode"):
            MVAU.execute_node(self, context, graph)
        else:
            multiply(self, context, graph)


def append(
    graph: LayerGraph, node: NodeProto, x: Stream, weights: NDArray[Any], datatype: str, y: Stream
) -> None:
    """Append a matrix unit; `weights` (MW, MH), MW in the order of the stream."""
    rows, columns = weights.shape
    graph.layer(
        "MVAU",
        node.name,
        [x.tensor, graph.constant(f"{node.name}_weights", weights, datatype)],
        [y.tensor],
        MW=rows,
        MH=columns,
        SIMD=1,
        PE=1,
        inputDataType=x.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        ActVal=0,
        binaryXnorMode=0,
        noActivation=1,
        numInputVectors=y.vectors,
        mem_mode="internal_decoupled",
        preferred_impl_style="rtl",
        inFIFODepths=[2, 2],
    )


def matmul(graph: LayerGraph, node: NodeProto) -> None:
    """A dense layer."""
    x, (weights, datatype) = graph.read(node.input[0]), graph.constant_of(node)
    y = graph.output(node)
    append(graph, node, x, x.reordered(weights), datatype, y)
    graph.done(node.output[0], y)


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings over outputs (PE) and inputs (SIMD)."""
    get = layer.get_nodeattr
    return [fold(PE=pe, SIMD=simd) for pe in divisors(get("MH")) for simd in divisors(get("MW"))]


def counts(a: Attributes) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """See `LayerKind.counts`."""
    steps = a["MW"] // a["SIMD"] * (a["MH"] // a["PE"])
    return steps * math.prod(a["numInputVectors"]) * a["TH"], (a["SIMD"],), (a["PE"],)


def words_before(a: Attributes) -> int:
    """Return a vector's words where it is replayed: the next one waits meanwhile."""
    return 2 if a["PE"] == a["MH"] else max(2, int(a["MW"]) // a["SIMD"])


def packed_timing(a: Attributes, cycles: int) -> Timing:
    """Return when FINN's unit gives its words."""
    return _timing(a, cycles, PACKED_CORE + math.ceil(math.log2(a["SIMD"])))


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when our unit gives its words."""
    return _timing(a, cycles, latency(a))


def _timing(a: Attributes, cycles: int, depth: int) -> Timing:
    steps, passes = a["MW"] // a["SIMD"], a["MH"] // a["PE"]
    return Timing(cycles, 1 / math.prod(a["numInputVectors"]), steps, depth, (passes - 1) * steps + depth)


PACKED_CORE = 7
"""Cycles through FINN's matrix unit, without its adder tree."""
QUEUE_OUT = 2
"""Cycles that a result needs through the output queue of FINN's matrix unit."""


def packed_schedule(layer: Any) -> Schedule:
    """`mvu_vvu_axi.sv`: a vector in, then a result for each of its passes."""
    simd = layer.get_nodeattr("SIMD")
    length = layer.get_nodeattr("MW") // simd
    core = 4 + math.ceil(math.log2(simd)) + (simd == 1)
    credits = -(-(core + 3) // length) + 1
    passes = layer.get_nodeattr("MH") // layer.get_nodeattr("PE")
    return replay(length, passes, latency=core + QUEUE_OUT, places=credits)


def schedule(layer: Any) -> Schedule:
    """`df_matrix_vector.sv`: as a matrix unit, without a queue behind it."""
    simd = layer.get_nodeattr("SIMD")
    passes = layer.get_nodeattr("MH") // layer.get_nodeattr("PE")
    return Schedule(Pattern.SUMS, (layer.get_nodeattr("MW") // simd, passes, layer.stages()))


def lanes_of(family: Family, weight_bits: int, input_bits: int, narrow: bool) -> int:
    """Return the products that FINN's matrix unit gets from one DSP (its `NUM_LANES`)."""
    lane = weight_bits + input_bits - 1
    return 1 + max(0, family.multiplier[0] - (not narrow) - weight_bits) // lane


def packed_resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    depth = math.ceil(a["MW"] / simd) * math.ceil(a["MH"] / pe)
    streamer = memory(family, pe * simd * w, depth, writable=True, style=a["ram_style"])
    # Of one pass nothing is read again.
    passes = math.ceil(a["MH"] / pe)
    replay = memory(family, simd * x * (passes > 1), math.ceil(a["MW"] / simd), writable=True)
    queue = Resources(lut=1.3 * pe * out + 25, ff=pe * out + 30)
    narrow = weights is not None and float(weights.min()) > DataType[a["weightDataType"]].min()
    dsp = simd * math.ceil(pe / lanes_of(family, w, x, narrow))
    shared = 4 * pe * simd if pe > 1 else 0  # products in one DSP are told apart
    core = Resources(
        lut=pe * (simd - 1) * out + 2 * dsp + shared,
        # A weight goes through two registers; of block RAM one is its own.
        ff=pe * out * (1.4 + 0.5 * (simd - 1))
        + pe * simd * (1 if streamer.bram18 else 2) * w
        + 2 * simd * x
        + shared,
        dsp=dsp,
    )
    return streamer + replay + queue + core + Resources(lut=20, ff=40)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    length, passes = math.ceil(a["MW"] / a["SIMD"]), math.ceil(a["MH"] / a["PE"])
    words = None if weights is None else blocks_of(np.rint(weights).astype(np.int64), a["SIMD"], a["PE"])
    vector = vector_buffer(family, passes, length, a["SIMD"] * bits_of(a["inputDataType"]))
    return vector + dot(family, a, length, length * passes, 1, words)


def blocks_of(weights: NDArray[np.int64], simd: int, pe: int) -> NDArray[np.int64]:
    """Return `weights` (MW, MH) as a unit takes them: (MH / PE, MW / SIMD, PE, SIMD)."""
    columns, rows = weights.shape
    return weights.T.reshape(rows // pe, pe, columns // simd, simd).transpose(0, 2, 1, 3)


def packs(layer: Any) -> bool:
    """Return whether FINN's unit takes the layer: signed weights, and two bits or more of both operands."""
    return bool(layer.onnx_node.op_type == PACKED)


def infers(layer: Any) -> bool:
    """Return whether the layer is one that FINN's unit does not take."""
    return not packs(layer)


def selects(layer: Any) -> bool:
    """Return whether products in LUTs are another matter than what Yosys infers."""
    return packs(layer) or all(layer.get_input_datatype(i).bitwidth() > 2 for i in (0, 1))


def _sparse(name: str, resource: str, suits: Callable[[Any], bool]) -> Implementation:
    """Return the implementation over lists, its products made of `resource` (FINN's `resType`)."""
    return Implementation(
        name,
        sparse.SPARSE,
        sparse_folding.schedule,
        sparse_resources.resources,
        sparse_folding.timing,
        suits=suits,
        sets={"resType": resource},
        weights="sparse",
        derives=sparse_folding.derives,
        foldings=sparse_folding.foldings,
        counts=sparse_folding.counts,
        words_before=waits_for_none,
    )


PACKED, OWN = "MVAU_rtl", "MatrixVector_rtl"
"""Operators of FINN's unit, which packs products into DSPs, and of ours."""
MATRIX = register(
    LayerKind(
        word="matrix",
        finn="MVAU",
        implementations=(
            Implementation(
                "dsp",
                PACKED,
                packed_schedule,
                packed_resources,
                packed_timing,
                suits=packs,
                primitives=("DSP48E1", "DSP48E2"),
                streams_weights=True,
            ),
            Implementation("inferred", OWN, schedule, resources, timing, suits=infers),
            Implementation("lut", OWN, schedule, resources, timing, suits=selects, sets={"resType": "lut"}),
            _sparse("sparse", "lut", sparse.suits),
            _sparse("sparse_dsp", "dsp", sparse.has_dsps),
            CONSTANT,
        ),
        lowers={"MatMul": matmul},
        foldings=foldings,
        words_before=words_before,
        counts=counts,
        lane_words={
            "PE": ("output", "MH"),
            "SIMD": ("input", "MW"),
            "Lanes": ("nonzero weight", None),
            "Digit": ("bit", None),
        },
        has_weights=True,
    )
)
