"""A matrix unit at the cost of its nonzero weights, `hdl/df_sparse_matrix.sv`: the backend.

A third way to build the layers of the kind in `matrix.py`: lanes walk lists of nonzero weights.
"""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn import constants
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.datatypes import range_of
from fpga_flow.finn.weights import Kind, Weighted
from fpga_flow.layers.products import multiply
from fpga_flow.layers.sparse_folding import counts
from fpga_flow.layers.sparse_lists import address_bits, compile_lists, part_range
from fpga_flow.layers.sparse_resources import lists_in_block

SPARSE = "SparseMatrixVector_rtl"
"""Its operator."""
MOST_BITS = 8
"""Of an operand."""
DSP_BITS = 9
"""Of both operands together, from which Yosys takes a DSP for a product on every family here."""


@replaces(None)
class SparseMatrixVector_rtl(Weighted, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` with `df_sparse_matrix` for a body."""

    modules = ("df_sequence.sv", "df_sparse_product.sv", "df_sparse_lane.sv", "df_sparse_matrix.sv")

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, of an RTL backend, and those of the lists."""
        return {
            **MVAU.get_nodeattr_types(self),
            **RTLBackend.get_nodeattr_types(self),
            "Lanes": ("i", False, 1),
            "nonzero": ("s", False, ""),
        }

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def get_exp_cycles(self) -> int:
        """Return the cycles per frame, exactly."""
        return counts({name: self.get_nodeattr(name) for name in self.get_nodeattr_types()})[0]

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the lists."""
        get, node = self.get_nodeattr, self.onnx_node
        weights = self.integer_weights(model).T
        rows, columns = weights.shape
        simd, pe, lanes = (int(get(name)) for name in ("SIMD", "PE", "Lanes"))
        if columns % simd or rows % pe or lanes % (simd * pe) or get("TH") != 1:
            raise UnsupportedError(
                node.name,
                f"SIMD={simd} PE={pe} Lanes={lanes} TH={get('TH')}",
                f"use a divisor of {columns}, one of {rows}, a multiple of both together, and 1",
            )
        self.check(weights.T)
        act, weight = self.coded(self.kinds(model)[0]), self.coded(self.kinds(model)[1])
        lists = compile_lists(weights, simd, pe, lanes)
        words, share = columns // simd, lanes // (simd * pe)
        entries = lists.entries(address_bits(words), weight.bits)
        order = lists.order(address_bits(share))
        entry_bits = 1 + weight.bits + address_bits(words)
        files = {
            "ListFile": ("lists", entries, entry_bits, lanes),
            "OrderFile": ("order", order, address_bits(lists.places) + address_bits(share), pe * simd),
        }
        parameters: dict[str, object] = {}
        for parameter, (name, values, bits, count) in files.items():
            file = f"{self.get_verilog_top_module_name()}_{name}.dat"
            constants.write(values.reshape(-1), bits, count, folder / file)
            parameters[parameter] = f'"./{file}"'
        assert self._family is not None
        block = lists_in_block(self._family, get("ram_style"), lanes * entry_bits, lists.steps)
        return "df_sparse_matrix", {
            "MW": columns,
            "MH": rows,
            "SIMD": simd,
            "PE": pe,
            "Lanes": lanes,
            "Steps": lists.steps,
            "Places": lists.places,
            "ActWidth": act.bits,
            "ActSigned": int(act.signed),
            "WeightWidth": weight.bits,
            "WeightSigned": int(weight.signed),
            "InLuts": int(get("resType") == "lut"),
            "SumWidth": self.sum_bits(weights, act.signed or weight.signed),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "RamStyle": '"block"' if block else '"distributed"',
            **parameters,
        }

    @staticmethod
    def coded(kind: Kind) -> Kind:
        """Return how the module has an operand of `kind`: -1 and 1 in two bits."""
        return Kind(2, True, False) if kind.bipolar else kind

    def sum_bits(self, weights: NDArray[np.int64], signed: bool) -> int:
        """Return the bits of a lane's sums for `weights` (MH, MW)."""
        low, high = part_range(weights, int(self.get_nodeattr("SIMD")), *range_of(self.get_input_datatype(0)))
        return max(high, -low - 1, 0).bit_length() + signed or 1

    execute_node = multiply


def suits(layer: Any) -> bool:
    """Return whether the module takes the layer: of at most eight bits, and no counting of equal ones."""
    small = all(layer.get_input_datatype(i).bitwidth() <= MOST_BITS for i in (0, 1))
    return bool(small and not layer.get_nodeattr("binaryXnorMode"))


def has_dsps(layer: Any) -> bool:
    """Return whether products in DSPs are another matter: smaller ones Yosys leaves to LUTs."""
    return suits(layer) and sum(layer.get_input_datatype(i).bitwidth() for i in (0, 1)) >= DSP_BITS
