"""The top module: all layers in a row, AXI-Stream in and out."""

from collections.abc import Sequence

from fpga_flow.design import INPUT, OUTPUT, LayerRtl, Stream

TOP = "accelerator"


def top_text(first: Stream, layers: Sequence[LayerRtl]) -> str:
    """Return the top module: `layers` in the order of the stream, the first takes `first`."""
    widths = [first.width, *(layer.output.width for layer in layers)]
    wires = "\n".join(
        f"  logic [{width - 1}:0] data_{i}; logic valid_{i}, ready_{i};" for i, width in enumerate(widths)
    )
    body = "\n".join(_instance(i, layer) for i, layer in enumerate(layers))
    last = len(layers)
    return f"""// The accelerator: {len(layers)} layers in a row. Made by fpga_flow; do not edit.
module {TOP} (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [{widths[0] - 1}:0] {INPUT}_tdata,
  input  logic {INPUT}_tvalid,
  output logic {INPUT}_tready,
  output logic [{widths[-1] - 1}:0] {OUTPUT}_tdata,
  output logic {OUTPUT}_tvalid,
  input  logic {OUTPUT}_tready
);
{wires}
  assign data_0 = {INPUT}_tdata;
  assign valid_0 = {INPUT}_tvalid;
  assign {INPUT}_tready = ready_0;
  assign {OUTPUT}_tdata = data_{last};
  assign {OUTPUT}_tvalid = valid_{last};
  assign ready_{last} = {OUTPUT}_tready;
{body}
endmodule
"""


def _instance(index: int, layer: LayerRtl) -> str:
    after = index + 1
    tap = ""
    if layer.expected:
        tap = f"""
  df_tap #(.Width({layer.output.width}), .Name("{layer.name}")) tap_{index} (
    .clk_i(ap_clk), .rst_ni(ap_rst_n), .data_i(data_{after}), .valid_i(valid_{after}), .ready_i(ready_{after})
  );"""
    return f"""
  {layer.module} {layer.name} (
    .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
    .in0_V_TDATA(data_{index}), .in0_V_TVALID(valid_{index}), .in0_V_TREADY(ready_{index}),
    .out0_V_TDATA(data_{after}), .out0_V_TVALID(valid_{after}), .out0_V_TREADY(ready_{after})
  );{tap}"""
