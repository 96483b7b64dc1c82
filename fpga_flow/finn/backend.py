"""What our RTL backends share: one wrapper with FINN's port names around one module of ours."""

from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

from finn.custom_op.fpgadataflow import rtl as finn_rtl
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.datatypes import is_bipolar
from fpga_flow.target.families import family_of
from fpga_flow.target.family import Family

RTL_DOMAIN = "finn.custom_op.fpgadataflow.rtl"
HLS_DOMAIN = "finn.custom_op.fpgadataflow.hls"
HDL = Path(__file__).resolve().parents[1] / "layers" / "hdl"

REPLACES: dict[str, "type[OwnRtl]"] = {}
"""HLS variant -> our RTL backend."""


class OwnRtl(RTLBackend):  # type: ignore[misc]
    """A backend written next to a layer of FINN's, which is the second base of the class.

    The module of ours that `instance` names has the ports `clk_i`, `rst_ni`, and the layer's streams as
    `data_i`, `valid_i`, `ready_o` and `data_o`, `valid_o`, `ready_i`. A layer with several streams on a side
    has them side by side: stream 0 in the low bits of the data, stream k at bit k of valid and ready.
    """

    modules: tuple[str, ...] = ()
    """File names in `layers/hdl`."""
    _family: Family | None = None
    """Of the part that RTL is generated for; None before that."""

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """Return the module's name and its parameters; writes data files into `folder`."""
        raise NotImplementedError

    def computes(self) -> bool:
        """Return whether the module computes with the values, rather than passes or compares them.

        BIPOLAR values, coded in one bit, are then handed to it as two-bit signed integers.
        """
        return False

    def joins_luts(self) -> bool:
        """Return whether the part, where it is known, has LUTs with two outputs."""
        return self._family is not None and self._family.joins_luts

    def streams_in(self) -> int:
        """Return how many of the node's inputs are streams (the rest are constants)."""
        return 1

    def streams_out(self) -> int:
        """Return how many streams come out."""
        return len(self.onnx_node.output)

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the wrapper into `code_gen_dir_ipgen` (as FINN's backends do)."""
        self._family = family_of(fpgapart)
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        name = self.get_verilog_top_module_name()
        self.set_nodeattr("gen_top_module", name)
        module, parameters = self.instance(model, folder)
        inputs = [
            (int(self.get_instream_width(i)), int(self.get_instream_width_padded(i)))
            for i in range(self.streams_in())
        ]
        bipolar = {
            i for i in range(len(inputs)) if self.computes() and is_bipolar(self.get_input_datatype(i))
        }
        outputs = [
            (int(self.get_outstream_width(i)), int(self.get_outstream_width_padded(i)))
            for i in range(self.streams_out())
        ]
        (folder / f"{name}.sv").write_text(
            _wrapper(name, module, parameters, inputs, outputs, bipolar), encoding="utf-8"
        )
        self.set_nodeattr("ipgen_path", str(folder))
        self.set_nodeattr("ip_path", str(folder))

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """Return our modules and the generated wrapper."""
        wrapper = f"{self.get_nodeattr('gen_top_module')}.sv"
        if not abspath:
            return [*self.modules, wrapper]
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        return [*(str(HDL / module) for module in self.modules), str(folder / wrapper)]

    def code_generation_ipi(self) -> list[str]:
        """Return the Vivado commands that add the sources and instantiate the layer."""
        files = [f"add_files -norecurse {file}" for file in self.get_rtl_file_list(abspath=True)]
        top = self.get_nodeattr("gen_top_module")
        return [*files, f"create_bd_cell -type module -reference {top} {self.onnx_node.name}"]


def _wrapper(
    name: str,
    module: str,
    parameters: dict[str, object],
    inputs: Sequence[tuple[int, int]],
    outputs: Sequence[tuple[int, int]],
    bipolar: Set[int],
) -> str:
    """Return the wrapper's text.

    `inputs` and `outputs` are (bits, padded bits) of each stream; the inputs in `bipolar` are decoded.
    """
    ports = ["input  logic ap_clk", "input  logic ap_rst_n"]
    for index, (_, padded) in enumerate(inputs):
        ports += [
            f"input  logic [{padded - 1}:0] in{index}_V_TDATA",
            f"input  logic in{index}_V_TVALID",
            f"output logic in{index}_V_TREADY",
        ]
    body = [
        f"""  logic [{2 * bits - 1}:0] values_{index};
  for (genvar i = 0; i < {bits}; i++) begin : decode_{index}
    assign values_{index}[2*i+:2] = {{!in{index}_V_TDATA[i], 1'b1}};
  end"""
        for index, (bits, _) in enumerate(inputs)
        if index in bipolar
    ]
    low = 0
    for index, (bits, padded) in enumerate(outputs):
        ports += [
            f"output logic [{padded - 1}:0] out{index}_V_TDATA",
            f"output logic out{index}_V_TVALID",
            f"input  logic out{index}_V_TREADY",
        ]
        body.append(f"  assign out{index}_V_TDATA = {padded}'(data[{low + bits - 1}:{low}]);")
        low += bits

    def joined(side: str, streams: Sequence[tuple[int, int]], signal: str) -> str:
        names = [f"{side}{index}_V_T{signal}" for index in range(len(streams))]
        if signal == "DATA":
            names = [f"{text}[{bits - 1}:0]" for text, (bits, _) in zip(names, streams, strict=True)]
            names = [f"values_{index}" if index in bipolar else text for index, text in enumerate(names)]
        return names[0] if len(names) == 1 else "{" + ", ".join(reversed(names)) + "}"

    settings = ",\n    ".join(f".{key}({value})" for key, value in parameters.items())
    port_list = ",\n  ".join(ports)
    assigns = "\n".join(body)
    return f"""module {name} (
  {port_list}
);
  logic [{low - 1}:0] data;
{assigns}
  {module} #(
    {settings}
  ) core (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .data_i({joined("in", inputs, "DATA")}), .valid_i({joined("in", inputs, "VALID")}),
    .ready_o({joined("in", inputs, "READY")}),
    .data_o(data), .valid_o({joined("out", outputs, "VALID")}), .ready_i({joined("out", outputs, "READY")})
  );
endmodule
"""


Backend = TypeVar("Backend", bound=type[OwnRtl])


def replaces(variant: str | None) -> Callable[[Backend], Backend]:
    """Register the decorated backend with FINN, in the place of its HLS `variant`, or of none (None).

    The class is `X_rtl(OwnRtl, X)`. FINN's layers and `RTLBackend` both define the attributes and the
    execution in Python; the decorator joins the first and takes the layer's for the second.
    """

    def register(backend: Backend) -> Backend:
        base: Any = next(cls for cls in backend.__bases__ if not issubclass(cls, OwnRtl))

        if "get_nodeattr_types" not in vars(backend):

            def get_nodeattr_types(self: Any) -> dict[str, Any]:
                """Return the attributes of the layer and of an RTL backend."""
                return {**base.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self)}

            backend.get_nodeattr_types = get_nodeattr_types
        if "execute_node" not in vars(backend):

            def execute_node(self: Any, context: dict[str, Any], graph: object) -> None:
                """Execute in Python."""
                base.execute_node(self, context, graph)

            backend.execute_node = execute_node
        if variant is not None:
            REPLACES[variant] = backend
        finn_rtl.register_custom_op(backend)
        return backend

    return register
