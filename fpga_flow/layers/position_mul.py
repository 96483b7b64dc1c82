"""Product of each position with a constant of its row and one of its column: an average's share."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import decoded, literal, range_of, smallest
from fpga_flow.finn.image import ImageLayer
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, rom_luts
from fpga_flow.target.resources import Resources


@replaces(None)
class PositionMul_rtl(OwnRtl, ImageLayer):
    """`df_position_mul`; FINN has no such layer."""

    modules = ("df_position_mul.sv",)

    own = {
        "RowFactors": ("ints", True, []),
        "ColFactors": ("ints", True, []),
        "outputDataType": ("s", False, ""),
    }
    """Factors, none negative, and a type that the products fit; none: the smallest for any values."""

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def factors(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return those of the rows and of the columns."""
        rows, columns = (np.array(self.get_nodeattr(name)) for name in ("RowFactors", "ColFactors"))
        return rows, columns

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        rows, columns = self.factors()
        return (1, len(rows), len(columns), self.get_nodeattr("NumChannels"))

    get_normal_output_shape = get_normal_input_shape

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the products."""
        if name := self.get_nodeattr("outputDataType"):
            return DataType[name]
        most = int(np.outer(*self.factors()).max())
        return smallest(*(end * most for end in range_of(self.get_input_datatype())))

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        factors = np.outer(*self.factors())[None, :, :, None]
        context[node.output[0]] = (context[node.input[0]] * factors).astype(np.float32)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        bits, signed = decoded(self.get_input_datatype())
        rows, columns = self.factors()
        widths = [bits_for(numbers) for numbers in (rows, columns)]
        pe = self.get_nodeattr("PE")
        return "df_position_mul", {
            "Rows": len(rows),
            "Cols": len(columns),
            "Words": self.get_nodeattr("NumChannels") // pe,
            "PE": pe,
            "InWidth": bits,
            "InSigned": int(signed),
            "RowWidth": widths[0],
            "ColWidth": widths[1],
            "OutWidth": self.get_output_datatype().bitwidth(),
            "RowFactors": literal(rows.tolist(), widths[0]),
            "ColFactors": literal(columns.tolist(), widths[1]),
        }


def bits_for(factors: NDArray[np.int64]) -> int:
    """Return the bits of a row of factors."""
    return max(1, int(factors.max()).bit_length())


def append(graph: LayerGraph, node: NodeProto, x: Stream, factors: NDArray[np.int64], y: Stream) -> None:
    """Append a product with `factors` (H, W), each the product of one of its row and one of its column."""
    rows = factors[:, 0] // np.gcd.reduce(factors[:, 0])
    graph.layer(
        "PositionMul_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        RowFactors=rows.tolist(),
        ColFactors=(factors[0] // rows[0]).tolist(),
        NumChannels=x.channels,
        PE=1,
        inputDataType=x.datatype,
        outputDataType=y.datatype,
    )


def schedule(layer: Any) -> Schedule:
    """`df_position_mul.sv`: two stages that move together."""
    return steps((1,), (1,), latency=2, places=2, rigid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    bits, out, pe = bits_of(a["inputDataType"]), bits_of(a["outputDataType"]), a["PE"]
    sides = [np.array(a[name]) for name in ("RowFactors", "ColFactors")]
    factor = sum(bits_for(side) for side in sides)
    counters = sum((len(side) - 1).bit_length() for side in sides) + (a["NumChannels"] // pe - 1).bit_length()
    tables = sum(bits_for(side) * rom_luts(family, len(side)) for side in sides)
    dsp = bits + factor >= family.dsp_product
    products = Resources(dsp=pe) if dsp else Resources(lut=pe * bits * factor)
    fixed = Resources(lut=6 + 1.5 * counters + tables + factor, ff=2 + counters + factor + pe * (bits + out))
    return fixed + products


POSITION_MUL = register(
    LayerKind(
        word="share",
        finn="PositionMul",
        implementations=(Implementation("rtl", "PositionMul_rtl", schedule, resources),),
        foldings=lanes("PE"),
    )
)
