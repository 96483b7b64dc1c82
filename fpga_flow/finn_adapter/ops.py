"""Our RTL backends for FINN's layers that it has in HLS only.

Each class is FINN's own layer (shapes, folding, datatypes, cycle count) with an RTL body from
`fpga_flow/rtl/hdl`, registered the way FINN registers its backends, so its transformations and
analyses treat them like their own. `REPLACES` says which HLS variant each one stands in for.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow import rtl as finn_rtl
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from finn.custom_op.fpgadataflow.labelselect import LabelSelect
from finn.custom_op.fpgadataflow.pool import Pool
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from fpga_flow.errors import UnsupportedError

RTL_DOMAIN = "finn.custom_op.fpgadataflow.rtl"
HLS_DOMAIN = "finn.custom_op.fpgadataflow.hls"
HDL = Path(__file__).resolve().parents[1] / "rtl" / "hdl"


class OwnRtl(RTLBackend):  # type: ignore[misc]
    """What our backends share: one wrapper with FINN's port names around one module of ours."""

    modules: tuple[str, ...] = ()
    """File names in `rtl/hdl`."""

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """Return the module's name and its parameters; writes data files into `folder`."""
        raise NotImplementedError

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the wrapper into `code_gen_dir_ipgen` (as FINN's backends do)."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        name = self.get_verilog_top_module_name()
        self.set_nodeattr("gen_top_module", name)
        module, parameters = self.instance(model, folder)
        in_bits, out_bits = self.get_instream_width(), self.get_outstream_width()
        in_padded, out_padded = self.get_instream_width_padded(), self.get_outstream_width_padded()
        settings = ",\n    ".join(f".{key}({value})" for key, value in parameters.items())
        (folder / f"{name}.sv").write_text(
            f"""module {name} (
  input  logic                     ap_clk,
  input  logic                     ap_rst_n,
  input  logic [{in_padded - 1}:0] in0_V_TDATA,
  input  logic                     in0_V_TVALID,
  output logic                     in0_V_TREADY,
  output logic [{out_padded - 1}:0] out0_V_TDATA,
  output logic                     out0_V_TVALID,
  input  logic                     out0_V_TREADY
);
  logic [{out_bits - 1}:0] data;
  assign out0_V_TDATA = {out_padded}'(data);
  {module} #(
    {settings}
  ) core (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .data_i(in0_V_TDATA[{in_bits - 1}:0]), .valid_i(in0_V_TVALID), .ready_o(in0_V_TREADY),
    .data_o(data), .valid_o(out0_V_TVALID), .ready_i(out0_V_TREADY)
  );
endmodule
""",
            encoding="utf-8",
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


class Pool_rtl(OwnRtl, Pool):  # type: ignore[misc]
    """Max-pooling over the windows that the depthwise sliding-window generator sends."""

    modules = ("df_pool.sv",)

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of `Pool` and of an RTL backend."""
        return {**Pool.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self)}

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        Pool.execute_node(self, context, graph)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; only the maximum is there yet."""
        if self.get_nodeattr("Function") != "MaxPool":
            raise UnsupportedError(
                self.onnx_node.name,
                f"pooling function {self.get_nodeattr('Function')} has no RTL",
                "use max-pooling",
            )
        datatype = self.get_input_datatype()
        return "df_pool", {
            "Window": int(np.prod(self.get_nodeattr("KernelSize"))),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(datatype.signed()),
        }


class LabelSelect_rtl(OwnRtl, LabelSelect):  # type: ignore[misc]
    """Indices of the `K` largest values of a frame, lowest index first on ties."""

    modules = ("df_label_select.sv",)

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of `LabelSelect` and of an RTL backend."""
        return {**LabelSelect.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self)}

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        LabelSelect.execute_node(self, context, graph)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        return "df_label_select", {
            "Labels": self.get_nodeattr("Labels"),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(datatype.signed()),
            "K": self.get_nodeattr("K"),
            "IndexWidth": self.get_outstream_width(),
        }


class ChannelAdd_rtl(OwnRtl, ElementwiseAdd):  # type: ignore[misc]
    """Adds a constant per channel (the last layer's bias)."""

    modules = ("df_channel_add.sv",)

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of `ElementwiseAdd` and of an RTL backend."""
        return {**ElementwiseAdd.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self)}

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        ElementwiseAdd.execute_node(self, context, graph)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the constants, one hexadecimal word of PE lanes per line."""
        node = self.onnx_node
        constant = model.get_initializer(node.input[1])
        channels, pe = self.get_normal_input_shape()[-1], self.get_nodeattr("PE")
        if constant is None or constant.size not in (1, channels):
            raise UnsupportedError(
                node.name,
                "an addition of two streams has no RTL",
                "add one constant per channel, or one for all",
            )
        bits = self.get_input_datatype(1).bitwidth()
        values = np.broadcast_to(constant.reshape(-1).astype(np.int64), (channels,)) % (1 << bits)
        digits = math.ceil(pe * bits / 4)
        words = (sum(int(v) << (bits * lane) for lane, v in enumerate(row)) for row in values.reshape(-1, pe))
        name = f"{self.get_verilog_top_module_name()}_constants.dat"
        (folder / name).write_text("".join(f"{word:0{digits}x}\n" for word in words), encoding="utf-8")
        return "df_channel_add", {
            "Channels": channels,
            "PE": pe,
            "InWidth": self.get_input_datatype(0).bitwidth(),
            "InSigned": int(self.get_input_datatype(0).signed()),
            "ConstWidth": bits,
            "ConstSigned": int(self.get_input_datatype(1).signed()),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "InitFile": f'"./{name}"',
        }


REPLACES: dict[str, type[OwnRtl]] = {
    "Pool_hls": Pool_rtl,
    "LabelSelect_hls": LabelSelect_rtl,
    "ElementwiseAdd_hls": ChannelAdd_rtl,
}
"""HLS variant -> our RTL backend."""

for _backend in REPLACES.values():
    finn_rtl.register_custom_op(_backend)


class AsHls(Transformation):  # type: ignore[misc]
    """Show our RTL backends under the HLS variants' names, which `SetFolding` knows them by."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """The inverse of `UseOwnRtl`."""
        names = {backend.__name__: variant for variant, backend in REPLACES.items()}
        for node in model.graph.node:
            if node.op_type in names:
                node.op_type, node.domain = names[node.op_type], HLS_DOMAIN
        return model, False


class UseOwnRtl(Transformation):  # type: ignore[misc]
    """Put our RTL backend in the place of every HLS variant that we have one for.

    Raises `UnsupportedError` for an HLS variant without one.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Rewrite operator and domain; attributes, tensors and names stay."""
        for node in model.graph.node:
            if node.domain != HLS_DOMAIN:
                continue
            backend = REPLACES.get(node.op_type)
            if backend is None:
                raise UnsupportedError(
                    node.name,
                    f"FINN has {node.op_type.removesuffix('_hls')} in this configuration only in HLS, "
                    "which needs Vitis, and there is no RTL for it here",
                    f"operators with RTL: {', '.join(sorted(finn_rtl.custom_op))}",
                )
            node.op_type, node.domain = backend.__name__, RTL_DOMAIN
        return model, False
