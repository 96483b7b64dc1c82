"""What our backends for FINN's elementwise operators share."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn import constants
from fpga_flow.finn.backend import OwnRtl
from fpga_flow.finn.datatypes import checked, range_of


class Elementwise(OwnRtl):
    """A backend for a stream and a second operand, which is a stream or a constant."""

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def streams_in(self) -> int:
        """See `OwnRtl.streams_in`."""
        return 1 if self.get_nodeattr("rhs_style") == "const" else 2

    def channels(self) -> int:
        """Return the length of the last axis."""
        return int(self.get_normal_output_shape()[-1])

    def check(self) -> None:
        """Raise `UnsupportedError` for what no module does."""
        name = self.onnx_node.name
        checked(name, [self.get_input_datatype(0), self.get_input_datatype(1), self.get_output_datatype()])
        if self.get_nodeattr("lhs_style") == "const":
            raise UnsupportedError(name, "its first operand is a constant", "make it the second one")
        shapes = [list(self.get_normal_input_shape(i)) for i in range(self.streams_in())]
        out = list(self.get_normal_output_shape())
        if any(shape != out for shape in shapes):
            raise UnsupportedError(
                name, f"streams of shapes {shapes} for a result of {out}", "use streams of one shape"
            )

    def constants(self, model: ModelWrapper) -> NDArray[np.int64]:
        """Return the second operand, (channels,)."""
        node = self.onnx_node
        return constants.per_channel(model, node.input[1], node.name, self.channels())

    def range_of_right(self, model: ModelWrapper) -> tuple[int, int]:
        """Return the least and greatest value of the second operand."""
        if self.streams_in() == 2:
            return range_of(self.get_input_datatype(1))
        values = self.constants(model)
        return int(values.min()), int(values.max())

    def write_constants(self, model: ModelWrapper, folder: Path) -> str:
        """Write the constants into `folder`, PE a line, and return the file's name."""
        values = self.constants(model)
        name = f"{self.get_verilog_top_module_name()}_constants.dat"
        constants.write(values, constants.width(values)[0], self.get_nodeattr("PE"), folder / name)
        return name
