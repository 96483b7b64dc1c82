"""Addition of a constant per channel (the last layer's bias)."""

import math
from pathlib import Path

import numpy as np
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.errors import UnsupportedError
from fpga_flow.finn_adapter.backend import OwnRtl, replaces


@replaces("ElementwiseAdd_hls")
class ChannelAdd_rtl(OwnRtl, ElementwiseAdd):  # type: ignore[misc]
    """FINN's `ElementwiseAdd` of a stream and a constant, with `df_channel_add` for a body."""

    modules = ("df_channel_add.sv",)

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
