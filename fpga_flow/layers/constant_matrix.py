"""The RTL backends of layers that are built of shared adders; the rest of them is in `constant`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted
from fpga_flow.layers.constant.building import assembled
from fpga_flow.layers.constant.choice import MATRICES, Form, attributes, counts, unit_of
from fpga_flow.layers.constant.proof import prove
from fpga_flow.layers.constant.unit import MODULES
from fpga_flow.layers.products import folding_of, multiply
from fpga_flow.target.family import MOST_LEVELS

ATTRIBUTES: dict[str, Any] = {
    "Digit": ("i", False, 1),
    "Levels": ("i", False, MOST_LEVELS),
    "Network": ("s", False, ""),
    "Solver": ("s", False, ""),
}
"""Of a layer that is built so, besides those of FINN's."""


class OfAdders(Weighted):
    """A backend for a layer of FINN's as a network of adders, which is generated."""

    modules = MODULES
    form: Form

    def check_folding(self) -> None:
        """Raise `UnsupportedError` for a folding that does not divide the layer."""
        raise NotImplementedError

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; proves the network and writes its RTL.

        Raises `UnsupportedError` where `check_folding` and `common` do.
        """
        matrix = self.form.matrix(self.integer_weights(model))
        self.common(model, matrix.T)
        self.check_folding()
        if not self.get_nodeattr("Network"):
            for name, value in self.form.derives(model.get_initializer(self.onnx_node.input[1])).items():
                self.set_nodeattr(name, value)
        a = self.form.as_matrix(attributes(self))
        unit, order = unit_of(a, packed=self.joins_luts()), self.form.order(a)
        part = range(len(matrix)), np.argsort(order).tolist(), unit.graph
        graph = assembled(unit.graph.inputs, len(matrix), [part])
        prove(graph, matrix[:, order])
        name = f"{self.get_verilog_top_module_name()}_unit"
        (folder / f"{name}.sv").write_text(replace(unit, graph=graph).modules(name), encoding="utf-8")
        return name, {}

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """Return our modules, the generated unit and the wrapper."""
        *modules, wrapper = super().get_rtl_file_list(abspath)
        unit = f"{self.get_verilog_top_module_name()}_unit.sv"
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        return [*modules, str(folder / unit) if abspath else unit, wrapper]

    def get_exp_cycles(self) -> int:
        """Return the cycles of a frame."""
        return counts(self.form.as_matrix(attributes(self)))[0]


@replaces(None)
class ConstantMatrix_rtl(OfAdders, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` as a network of adders."""

    form = MATRICES

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, and the network."""
        return {**MVAU.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self), **ATTRIBUTES}

    def check_folding(self) -> None:
        """See `OfAdders.check_folding`."""
        folding_of(self)

    execute_node = multiply
