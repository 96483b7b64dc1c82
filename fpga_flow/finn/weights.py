"""What our backends for matrix and depthwise units share: kinds of operands, weights for a memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn import constants
from fpga_flow.finn.backend import OwnRtl
from fpga_flow.finn.datatypes import checked, is_bipolar, range_of, smallest

RAM_STYLES = {"auto": "auto", "block": "block", "distributed": "distributed", "ultra": "block"}
"""FINN's `ram_style` -> ours: the parts have no UltraRAM that starts with contents."""


@dataclass(frozen=True)
class Kind:
    """How an operand is coded: bits, two's complement or not, or one bit for -1 and 1."""

    bits: int
    signed: bool
    bipolar: bool

    @classmethod
    def of_stream(cls, datatype: BaseDataType) -> "Kind":
        """Return the coding of a stream of `datatype`."""
        bipolar = is_bipolar(datatype)
        return cls(int(datatype.bitwidth()), bool(datatype.signed()) and not bipolar, bipolar)

    @classmethod
    def of_values(cls, values: NDArray[np.int64]) -> "Kind":
        """Return the smallest coding for `values`, whatever their datatype says.

        FINN's minimisation gives weights of -1 and 1 two bits, and weights of -1 and 0 the type BIPOLAR.
        """
        if np.all(np.abs(values) == 1):
            return cls(1, False, True)
        datatype = smallest(int(values.min()), int(values.max()))
        return cls(int(datatype.bitwidth()), bool(datatype.signed()), False)

    def code(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the codes of `values`."""
        return (values + 1) // 2 if self.bipolar else values

    def parameters(self, operand: str) -> dict[str, object]:
        """Return the modules' parameters for `operand` (`Act` or `Weight`)."""
        return {
            f"{operand}Width": self.bits,
            f"{operand}Signed": int(self.signed),
            f"{operand}Bipolar": int(self.bipolar),
        }


def dot_stages(lanes: int, resource: str, input_bits: int) -> int:
    """Return how many registers a product goes through in `df_dot` before the accumulator."""
    return adder_stages(lanes) + int(resource == "lut" and input_bits > 2)


def adder_stages(lanes: int) -> int:
    """Return the registers of `df_dot`'s adders: sums of four of its `lanes` products, then of eight sums."""
    left, count = -(-lanes // 4), 1
    while left > 1:
        left, count = -(-left // 8), count + 1
    return count


class Weighted(OwnRtl):
    """A backend for a layer of FINN's that multiplies with constant weights and adds.

    The weights are in the module (FINN's `internal_embedded`), whatever `mem_mode` says. Two bipolar
    operands give the sum of their products; with `binaryXnorMode`, for the codes 0 and 1, they give the
    number of products that are 1, as FINN has it.
    """

    def stages(self) -> int:
        """Return how many registers a product goes through in `df_dot` before the accumulator."""
        bits = int(self.get_input_datatype(0).bitwidth())
        return dot_stages(int(self.get_nodeattr("SIMD")), str(self.get_nodeattr("resType")), bits)

    def integer_weights(self, model: ModelWrapper) -> NDArray[np.int64]:
        """Return the weights as integers, in the initialiser's shape; with `binaryXnorMode` -1 for 0."""
        node = self.onnx_node
        values = model.get_initializer(node.input[1])
        if values is None:
            raise UnsupportedError(node.name, "its weights are no constant", "give them as an initialiser")
        integers = np.rint(values).astype(np.int64)
        if np.any(integers != values):
            raise UnsupportedError(
                node.name, f"{node.input[1]} holds numbers that are no integers", "export integers"
            )
        signed: NDArray[np.int64] = 2 * integers - 1 if self.get_nodeattr("binaryXnorMode") else integers
        return signed

    def kinds(self, model: ModelWrapper) -> tuple[Kind, Kind]:
        """Return the kinds of the activations and of the weights."""
        act = self.get_input_datatype(0)
        if self.get_nodeattr("binaryXnorMode"):
            if act.bitwidth() != 1:
                raise UnsupportedError(self.onnx_node.name, f"binaryXnorMode with {act.name}", "use BINARY")
            return Kind(1, False, True), Kind(1, False, True)
        return Kind.of_stream(act), Kind.of_values(self.integer_weights(model))

    def check(self, columns: NDArray[np.int64]) -> None:
        """Raise `UnsupportedError` for what the modules do not do, and for an output type that is too small.

        `columns` are the weights, (terms, results).
        """
        node = self.onnx_node
        checked(node.name, [self.get_input_datatype(0), self.get_output_datatype()])
        if not self.get_nodeattr("noActivation"):
            raise UnsupportedError(node.name, "thresholds merged into it", "keep them a layer of their own")
        if self.get_nodeattr("runtime_writeable_weights"):
            raise UnsupportedError(node.name, "runtime_writeable_weights", "set it to 0")
        (low, high), out = self.result_range(columns), self.get_output_datatype()
        if low < out.min() or high > out.max():
            raise UnsupportedError(
                node.name,
                f"its results go from {low} to {high} and its output is {out.name}",
                f"use {smallest(low, high).name}",
            )

    def common(self, model: ModelWrapper, columns: NDArray[np.int64]) -> dict[str, object]:
        """Return the parameters that the modules with `df_dot.sv` have; as `check`."""
        self.check(columns)
        act, weight = self.kinds(model)
        return {
            **act.parameters("Act"),
            **weight.parameters("Weight"),
            "Popcount": int(self.get_nodeattr("binaryXnorMode")),
            "InLuts": int(self.get_nodeattr("resType") == "lut"),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "RamStyle": f'"{RAM_STYLES[self.get_nodeattr("ram_style")]}"',
        }

    def result_range(self, columns: NDArray[np.int64]) -> tuple[int, int]:
        """Return the least and greatest result for any activations; `columns` as in `common`."""
        if self.get_nodeattr("binaryXnorMode"):
            return 0, len(columns)
        low, high = range_of(self.get_input_datatype(0))
        ends = np.stack([low * columns, high * columns])
        return int(ends.min(axis=0).sum(axis=0).min()), int(ends.max(axis=0).sum(axis=0).max())

    def write_weights(
        self, model: ModelWrapper, blocks: NDArray[np.int64], lanes: int, folder: Path
    ) -> dict[str, object]:
        """Write `blocks`, weights in the order of use, `lanes` a line; return the file as a parameter."""
        kind = self.kinds(model)[1]
        name = f"{self.get_verilog_top_module_name()}_weights.dat"
        constants.write(kind.code(blocks.reshape(-1)), kind.bits, lanes, folder / name)
        return {"InitFile": f'"./{name}"'}

    def get_verilog_top_module_intf_names(self) -> dict[str, Any]:
        """Return the interfaces: one stream in, one out."""
        width_in, width_out = self.get_instream_width_padded(0), self.get_outstream_width_padded(0)
        return {
            "clk": ["ap_clk"],
            "clk2x": [],
            "rst": ["ap_rst_n"],
            "s_axis": [("in0_V", width_in)],
            "m_axis": [("out0_V", width_out)],
            "aximm": [],
            "axilite": [],
            "ap_none": [],
        }
