"""QuantizeLinear, Clip and DequantizeLinear as the quantisers that they are together.

What `qonnx.transformation.qcdq_to_qonnx` does, whose reading of types and clips is used here, in one pass,
and also for constants that have passed a Clip, zero points that are left out, and biases of 32 bits.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from qonnx.transformation.qcdq_to_qonnx import extract_elem_type

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operators import AGAIN, QONNX_DOMAIN

LINEAR = ("QuantizeLinear", "DequantizeLinear")
MOST_BITS = 16
"""A constant of more bits, a bias, is as good as a float."""


def join_linear(model: onnx.ModelProto) -> None:
    """Write every DequantizeLinear in `model` with what quantises in front of it as one Quant, in its place.

    Raises `UnsupportedError` naming a node that is no half of such a pair.
    """
    if any(node.op_type in LINEAR for node in model.graph.node):
        _Joining(model).run()


class _Joining:
    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.used = {node.name for node in self.graph.node}

    def run(self) -> None:
        nodes: list[NodeProto] = []
        for node in self.graph.node:
            if node.op_type == "DequantizeLinear":
                self._dequantise(node, nodes)
            elif node.op_type != "QuantizeLinear" and not self._limits_codes(node):
                nodes.append(node)
        left = {name for node in nodes for name in node.input}
        for node in self.graph.node:
            if node.op_type == "QuantizeLinear" and left.intersection(node.output):
                raise UnsupportedError(
                    node.name, "its codes are read by another node than DequantizeLinear", AGAIN
                )
        del self.graph.node[:]
        self.graph.node.extend(nodes)

    def _limits_codes(self, node: NodeProto) -> bool:
        """Whether `node` is a Clip between a QuantizeLinear, or integer constants, and a DequantizeLinear."""
        if node.op_type != "Clip" or not node.input:
            return False
        maker = self.makers.get(node.input[0])
        known = self.constants.get(node.input[0])
        return bool(maker and maker.op_type == "QuantizeLinear") or (
            known is not None and known.dtype.kind in "iu"
        )

    def _dequantise(self, node: NodeProto, nodes: list[NodeProto]) -> None:
        source, limits = node.input[0], None
        maker = self.makers.get(source)
        if maker is not None and self._limits_codes(maker):
            limits = [self._constant(maker, index) for index in (1, 2)]
            source = maker.input[0]
            maker = self.makers.get(source)
        codes = self.constants.get(source)
        scale, zero = self._grid(node)
        if codes is not None:
            if limits is not None:
                codes = np.clip(codes, limits[0], limits[1])
            kind, axes = codes.dtype, codes.ndim
        elif maker is not None and maker.op_type == "QuantizeLinear":
            own_scale, own_zero = self._grid(maker)
            if not (np.array_equal(scale, own_scale) and np.array_equal(zero, own_zero)):
                raise UnsupportedError(
                    node.name, f"its scale or zero point is another than that of {maker.name}", AGAIN
                )
            kind, axes = zero.dtype, 0
        else:
            raise UnsupportedError(node.name, "it dequantises what no QuantizeLinear quantised", AGAIN)
        bits, signed, narrow = self._bits(node, kind, limits)
        shape = self._along(node, scale, axes)
        scale, zero = scale.reshape(shape), zero.reshape(shape)
        if codes is None:
            x = maker.input[0] if maker is not None else ""
        else:
            values = (codes.astype(np.float64) - zero.astype(np.float64)) * scale.astype(np.float64)
            x = self._add(f"{node.name}_values", values.astype(np.float32))
            if bits > MOST_BITS:
                nodes.append(helper.make_node("Identity", [x], node.output, node.name))
                return
        name = maker.name if maker is not None and codes is None else node.name
        parameters = {"scale": scale, "zero": zero, "bits": bits}
        inputs = [x, *(self._add(f"{name}_{key}", values) for key, values in parameters.items())]
        nodes.append(
            helper.make_node(
                "Quant", inputs, node.output, name, domain=QONNX_DOMAIN,
                signed=int(signed), narrow=int(narrow), rounding_mode="ROUND",
            )
        )  # fmt: skip

    def _constant(self, node: NodeProto, index: int) -> NDArray[Any]:
        name = node.input[index] if len(node.input) > index else ""
        if name not in self.constants:
            raise UnsupportedError(node.name, f"its input {index} is no constant", "quantise statically")
        return self.constants[name]

    def _grid(self, node: NodeProto) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return scale and zero point of a node; that is 0 where it is left out."""
        scale = np.asarray(self._constant(node, 1), dtype=np.float32)
        if len(node.input) > 2 and node.input[2]:
            zero = np.asarray(self._constant(node, 2))
        else:
            zero = np.zeros(scale.shape, dtype=np.uint8)
        if zero.shape != scale.shape and zero.size != 1:
            raise UnsupportedError(node.name, "its zero points are not as many as its scales", AGAIN)
        return scale, np.broadcast_to(zero.reshape(()) if zero.size == 1 else zero, scale.shape)

    @staticmethod
    def _bits(node: NodeProto, kind: np.dtype[Any], limits: list[Any] | None) -> tuple[int, bool, bool]:
        """Return bits, signed and narrow of codes of `kind`, limited to `limits`."""
        digits = "".join(letter for letter in kind.name if letter.isdigit())
        if kind.name.startswith(("int4", "uint4", "int2", "uint2")):  # qonnx does not know these types
            return int(digits), not kind.name.startswith("u"), False
        single = limits is not None and all(end.size == 1 for end in limits)
        if limits is not None and not (single and limits[0] <= 0 < limits[1]):
            raise UnsupportedError(node.name, "the limits of its codes are not on both sides of 0", AGAIN)
        span = None if limits is None else tuple(end.reshape(()) for end in limits)
        try:
            bits, signed, narrow = extract_elem_type(helper.np_dtype_to_tensor_dtype(kind), span)
        except (ValueError, KeyError):
            raise UnsupportedError(node.name, f"its codes are {kind}", "use integers of 16 bits") from None
        return int(bits), bool(signed), bool(narrow)

    @staticmethod
    def _along(node: NodeProto, scale: NDArray[Any], axes: int) -> tuple[int, ...]:
        """Return the shape in which one scale for each index of an axis meets the tensor."""
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("block_size", 0):
            raise UnsupportedError(node.name, "it has scales for blocks", "quantise by tensor or by channel")
        if scale.size == 1:
            return ()
        axis = int(attributes.get("axis", 1))
        if axes:
            return tuple(scale.size if a == axis % axes else 1 for a in range(axes))
        return (1, scale.size)

    def _add(self, name: str, values: Any) -> str:
        index, fresh = 0, name
        while fresh in self.used:
            index += 1
            fresh = f"{name}_{index}"
        self.used.add(fresh)
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), fresh))
        return fresh
