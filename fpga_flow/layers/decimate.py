"""Leaves out what no window reads, where windows are smaller than their stride.

FINN's window generator is wrong or fails there; behind this layer the stride is the window's size.
"""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces


@replaces(None)
class Decimate_rtl(OwnRtl, HWCustomOp):  # type: ignore[misc]
    """Of every `Stride` rows and columns the first `Keep`, `Windows` times; FINN has no such layer."""

    modules = ("df_decimate.sv",)

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes; pairs are [rows, columns]."""
        own = {
            "ImgDim": ("ints", True, []),
            "Keep": ("ints", True, []),
            "Stride": ("ints", True, []),
            "Windows": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "SIMD": ("i", False, 1),
            "inputDataType": ("s", True, ""),
        }
        return {**HWCustomOp.get_nodeattr_types(self), **OwnRtl.get_nodeattr_types(self), **own}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        return (1, *(int(size) for size in self.get_nodeattr("ImgDim")), self.get_nodeattr("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        sizes = zip(self.get_nodeattr("Keep"), self.get_nodeattr("Windows"), strict=True)
        return (1, *(int(keep * count) for keep, count in sizes), self.get_nodeattr("NumChannels"))

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C / SIMD, SIMD)."""
        return self._folded(self.get_normal_input_shape())

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C / SIMD, SIMD)."""
        return self._folded(self.get_normal_output_shape())

    def _folded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        simd = self.get_nodeattr("SIMD")
        if shape[-1] % simd:
            raise ValueError(f"SIMD must divide the {shape[-1]} channels, not be {simd}")
        return (*shape[:-1], shape[-1] // simd, simd)

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the values."""
        return DataType[self.get_nodeattr("inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the values."""
        return self.get_input_datatype()

    def get_instream_width(self, ind: int = 0) -> int:
        """Return the bits of a word."""
        return int(self.get_input_datatype().bitwidth() * self.get_nodeattr("SIMD"))

    def get_outstream_width(self, ind: int = 0) -> int:
        """Return the bits of a word."""
        return self.get_instream_width()

    def get_exp_cycles(self) -> int:
        """Return the cycles per frame: one per word that comes."""
        return int(np.prod(self.get_folded_input_shape()[:-1]))

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Pass the type on."""
        node = self.onnx_node
        self.set_nodeattr("inputDataType", model.get_tensor_datatype(node.input[0]).name)
        model.set_tensor_datatype(node.output[0], self.get_output_datatype())

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """Return a standard node with the same output shape."""
        shape = list(self.get_normal_output_shape())
        return helper.make_node("RandomNormal", [], [self.onnx_node.output[0]], shape=shape)

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        rows, cols = (
            np.add.outer(np.arange(windows) * stride, np.arange(keep)).reshape(-1)
            for keep, stride, windows in zip(
                *(self.get_nodeattr(name) for name in ("Keep", "Stride", "Windows")), strict=True
            )
        )
        context[node.output[0]] = context[node.input[0]][:, rows][:, :, cols]

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        (height, width), keep, stride, windows = (
            [int(size) for size in self.get_nodeattr(name)]
            for name in ("ImgDim", "Keep", "Stride", "Windows")
        )
        return "df_decimate", {
            "Height": height,
            "Width": width,
            "Words": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "WordBits": self.get_instream_width(),
            "RowKeep": keep[0],
            "RowStride": stride[0],
            "Rows": windows[0],
            "ColKeep": keep[1],
            "ColStride": stride[1],
            "Cols": windows[1],
        }
