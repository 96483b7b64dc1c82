"""Convolutions of every geometry: padding, FINN's window generator and a unit of ours, against numpy."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import qonnx_make_model

from fpga_flow.design.build import build_design
from fpga_flow.design.design import INPUT, OUTPUT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.results.hardware import Predicted
from fpga_flow.sim.packing import channels_last, pack, unpack
from fpga_flow.sim.simulator import Port, Simulator
from tests.layers.one_layer import PART, STALLS, Values, draw

FRAMES = 3


@dataclass(frozen=True)
class Conv:
    """A convolution and its folding."""

    image: tuple[int, int]
    kernel: tuple[int, int]
    channels: int = 4
    filters: int = 6
    """0: depthwise."""
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, left, bottom, right."""
    dilations: tuple[int, int] = (1, 1)
    types: tuple[str, str] = ("UINT4", "INT4")
    """Activations, weights."""
    lanes: int = 2
    """Of the window generator."""
    parallel: bool = False
    folding: dict[str, int] = field(default_factory=dict)
    """Of the unit."""

    @property
    def extent(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilations, self.kernel, strict=True))

    @property
    def out(self) -> tuple[int, ...]:
        padded = (self.image[0] + self.pads[0] + self.pads[2], self.image[1] + self.pads[1] + self.pads[3])
        sizes = zip(padded, self.extent, self.strides, strict=True)
        return tuple((size - extent) // stride + 1 for size, extent, stride in sizes)

    def weights(self) -> Values:
        shape = (self.filters or self.channels, self.channels if self.filters else 1, *self.kernel)
        values = draw(np.random.default_rng(5), self.types[1], shape)
        values.reshape(-1)[0] = DataType[self.types[1]].min()  # not narrow: FINN's own unit does not do
        return values

    def model(self) -> ModelWrapper:
        """Return the integer network."""

        def info(name: str, shape: tuple[int, ...]) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        node = helper.make_node(
            "Conv",
            ["x", "w"],
            ["y"],
            name="conv",
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=self.pads,
            dilations=self.dilations,
            group=1 if self.filters else self.channels,
        )
        y = info("y", (1, self.filters or self.channels, *self.out))
        graph = helper.make_graph([node], "net", [info("x", (1, self.channels, *self.image))], [y])
        model = ModelWrapper(qonnx_make_model(graph))
        model.set_initializer("w", self.weights().astype(np.float32))
        for name, datatype in (("x", self.types[0]), ("w", self.types[1]), ("y", "INT32")):
            model.set_tensor_datatype(name, DataType[datatype])
        return model

    def expected(self, frames: Values) -> Values:
        """Return the sums of `frames` (frames, channels, height, width), channels first too."""
        weights, (top, left, bottom, right) = self.weights(), self.pads
        padded = np.pad(frames, ((0, 0), (0, 0), (top, bottom), (left, right)))
        rows, columns = self.out
        sums = np.zeros((len(frames), len(weights), rows, columns), np.int64)
        for i, j in np.ndindex(*self.kernel):
            part = padded[:, :, i * self.dilations[0] :, j * self.dilations[1] :]
            part = part[:, :, :: self.strides[0], :: self.strides[1]][:, :, :rows, :columns]
            if self.filters:
                sums += np.einsum("fchw,oc->fohw", part, weights[:, :, i, j])
            else:
                sums += part * weights[:, 0, i, j][:, None, None]
        return sums


@dataclass(frozen=True)
class Ran:
    """The graph and its measured rate."""

    model: ModelWrapper
    cycles: float
    """Per frame."""


def run(conv: Conv, cache: Path, folder: Path) -> Ran:
    """Assert that the RTL of `conv` computes it, under all stalls."""
    with finn_session():
        model = lower.lower(conv.model(), PART, 0)
        for node in model.graph.node:
            layer = getCustomOp(node)
            if node.op_type == "ConvolutionInputGenerator_rtl":
                layer.set_nodeattr("SIMD", conv.lanes)
                layer.set_nodeattr("parallel_window", int(conv.parallel))
            elif node.op_type in ("MatrixVector_rtl", "Depthwise_rtl"):
                for name, value in conv.folding.items():
                    layer.set_nodeattr(name, value)
            else:
                layer.set_nodeattr("SIMD", conv.channels)
        model = insert_streams(model, PART)
    settings = Predicted(
        part=PART, clock_mhz=100.0, top_k=0, cycles_per_frame=1, latency_cycles=0, bottleneck=""
    )
    design = build_design(model, settings, folder)
    simulator = Simulator.build(
        design.top,
        [folder / source for source in design.sources],
        inputs=[Port(INPUT, design.input.width)],
        outputs=[Port(OUTPUT, design.output.width)],
        random=True,
        effort="quick",
        cache=cache,
    )
    frames = draw(np.random.default_rng(1), conv.types[0], (FRAMES, conv.channels, *conv.image))
    expected = conv.expected(frames).transpose(0, 2, 3, 1).reshape(FRAMES, -1)
    cycles = 0.0
    for seed, (stall_in, stall_out) in enumerate(STALLS):
        result = simulator.run(
            {INPUT: pack(channels_last(frames), design.input)},
            {OUTPUT: FRAMES * design.output.words},
            stall_in=stall_in,
            stall_out=stall_out,
            seed=seed,
            strict=True,
            idle_limit=3_000,
            drain=500,
            folder=folder,
        )
        found = unpack(result.outputs[OUTPUT], design.output)
        np.testing.assert_array_equal(found, expected, err_msg=f"{conv}, {stall_in}, {stall_out}")
        if seed == 0:
            ends = result.output_cycles[OUTPUT].astype(int)[design.output.words - 1 :: design.output.words]
            cycles = float(np.diff(ends)[-1])
    return Ran(model, cycles)


DENSE = [
    Conv((6, 5), (3, 3), folding={"SIMD": 6, "PE": 3}),
    Conv((6, 5), (3, 2), strides=(2, 1), pads=(1, 0, 1, 1), folding={"SIMD": 4, "PE": 2}),
    Conv((9, 7), (2, 3), dilations=(3, 2), strides=(1, 2), lanes=4, types=("INT3", "UINT2")),
    Conv((16, 1), (5, 1), strides=(2, 1), types=("BIPOLAR", "BIPOLAR"), lanes=1),
    Conv((16, 1), (3, 1), pads=(2, 0, 2, 0), dilations=(2, 1), parallel=True, lanes=4, folding={"SIMD": 12}),
    Conv((6, 6), (3, 3), pads=(1, 1, 1, 1), parallel=True, lanes=4, folding={"SIMD": 36, "PE": 6}),
]
DEPTHWISE = [
    Conv((6, 5), (3, 3), filters=0, lanes=2, folding={"PE": 2}),
    Conv((6, 5), (3, 2), filters=0, strides=(2, 1), pads=(1, 0, 1, 1), lanes=4, folding={"PE": 4}),
    Conv((9, 7), (2, 3), filters=0, dilations=(3, 2), strides=(1, 2), lanes=1, types=("INT3", "INT8")),
    Conv((16, 1), (5, 1), filters=0, pads=(2, 0, 2, 0), strides=(2, 1), lanes=2, folding={"PE": 2}),
    Conv((16, 1), (4, 1), filters=0, parallel=True, lanes=4, folding={"PE": 4, "SIMD": 4}),
    Conv((6, 6), (3, 3), filters=0, pads=(1, 1, 1, 1), parallel=True, lanes=4, folding={"PE": 4, "SIMD": 9}),
    Conv((6, 5), (2, 3), filters=0, parallel=True, lanes=2, folding={"PE": 2, "SIMD": 3}),
    Conv((6, 5), (2, 3), filters=0, parallel=True, lanes=1, folding={"PE": 1, "SIMD": 6}),
]


@pytest.mark.parametrize("conv", DENSE, ids=str)
def test_convolution(conv: Conv, simulators: Path, tmp_path: Path) -> None:
    ran = run(conv, simulators, tmp_path)
    assert ran.model.get_nodes_by_op_type("MatrixVector_rtl")


@pytest.mark.parametrize("conv", DEPTHWISE, ids=str)
def test_depthwise_convolution(conv: Conv, simulators: Path, tmp_path: Path) -> None:
    ran = run(conv, simulators, tmp_path)
    assert ran.model.get_nodes_by_op_type("Depthwise_rtl")
