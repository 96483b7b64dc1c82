"""Layers that FINN has nothing like: a stream in, a stream out, as many lanes in both, channels last."""

from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper


class ImageLayer(HWCustomOp):  # type: ignore[misc]
    """What FINN asks its layers for; a subclass adds `own` and the two normal shapes (..., C)."""

    lanes = "PE"
    """The attribute with the channels of a word."""
    own: dict[str, tuple[Any, ...]] = {}
    """The attributes that the subclass adds, as qonnx describes them."""

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        shared = {
            "NumChannels": ("i", True, 0),
            self.lanes: ("i", False, 1),
            "inputDataType": ("s", True, ""),
        }
        return {**HWCustomOp.get_nodeattr_types(self), **shared, **self.own}

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (..., words, lanes)."""
        return self._folded(self.get_normal_input_shape())

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (..., words, lanes)."""
        return self._folded(self.get_normal_output_shape())

    def _folded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        lanes = self.get_nodeattr(self.lanes)
        if shape[-1] % lanes:
            raise ValueError(f"{self.lanes} must divide the {shape[-1]} channels, not be {lanes}")
        return (*shape[:-1], shape[-1] // lanes, lanes)

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the values."""
        return DataType[self.get_nodeattr("inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the results, that of the values unless a subclass has another."""
        return self.get_input_datatype()

    def get_instream_width(self, ind: int = 0) -> int:
        """Return the bits of a word."""
        return int(self.get_input_datatype().bitwidth() * self.get_nodeattr(self.lanes))

    def get_outstream_width(self, ind: int = 0) -> int:
        """Return the bits of a word."""
        return int(self.get_output_datatype().bitwidth() * self.get_nodeattr(self.lanes))

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
