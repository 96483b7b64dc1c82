"""The RTL backend of a matrix unit that is built of shared adders; the rest of it is in `constant`."""

from pathlib import Path
from typing import Any

from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted
from fpga_flow.layers.constant.choice import attributes, counts, derives, unit_of
from fpga_flow.layers.constant.proof import prove
from fpga_flow.layers.constant.unit import MODULES
from fpga_flow.layers.products import folding_of, multiply


@replaces(None)
class ConstantMatrix_rtl(Weighted, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` as a network of adders, which is generated."""

    modules = MODULES

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, and the network."""
        return {
            **MVAU.get_nodeattr_types(self),
            **RTLBackend.get_nodeattr_types(self),
            "Digit": ("i", False, 1),
            "Network": ("s", False, ""),
            "Solver": ("s", False, ""),
        }

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; proves the network and writes its RTL.

        Raises `UnsupportedError` for a folding that does not divide the matrix, and where `common` does.
        """
        weights = self.integer_weights(model)
        self.common(model, weights)
        folding_of(self)
        if not self.get_nodeattr("Network"):
            for name, value in derives(weights.astype("float32")).items():
                self.set_nodeattr(name, value)
        unit = unit_of(attributes(self), packed=self.joins_luts())
        prove(unit.graph, weights.T)
        name = f"{self.get_verilog_top_module_name()}_unit"
        (folder / f"{name}.sv").write_text(unit.modules(name), encoding="utf-8")
        return name, {}

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """Return our modules, the generated unit and the wrapper."""
        *modules, wrapper = super().get_rtl_file_list(abspath)
        unit = f"{self.get_verilog_top_module_name()}_unit.sv"
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        return [*modules, str(folder / unit) if abspath else unit, wrapper]

    def get_exp_cycles(self) -> int:
        """Return the cycles of a frame."""
        return counts(attributes(self))[0]

    execute_node = multiply
