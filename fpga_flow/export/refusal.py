"""What is said of an operator that cannot be mapped to hardware."""

import onnx

from fpga_flow.core.errors import UnsupportedError

_QCDQ = "export QONNX (brevitas.export.export_qonnx), not QCDQ"
_NO_STATE = "use convolutions or dense layers over the sequence"
INSTEAD = {
    "LSTM": _NO_STATE,
    "GRU": _NO_STATE,
    "RNN": _NO_STATE,
    "QuantizeLinear": _QCDQ,
    "DequantizeLinear": _QCDQ,
    "InstanceNormalization": "use batch norm",
    "LayerNormalization": "use batch norm",
    "TopK": "let it take the largest of the classes, along axis 1, at the end of the network",
}
"""Operators that are met often and cannot be mapped: what to use in their place."""


def unsupported_operator(node: onnx.NodeProto) -> UnsupportedError:
    """Return the error for an operator that has no reader."""
    return UnsupportedError(
        node.name,
        f"operator {node.op_type} cannot be mapped to hardware",
        INSTEAD.get(node.op_type, "docs/networks.md says what can be"),
    )
