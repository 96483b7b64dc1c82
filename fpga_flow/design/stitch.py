"""The top module: all layers and the streams between them, AXI-Stream in and out."""

from collections.abc import Mapping, Sequence

from fpga_flow.design.design import INPUT, INPUT_TAP, OUTPUT, LayerRtl, Stream
from fpga_flow.integer.names import instance

TOP = "accelerator"


def top_text(first: Stream, last: Stream, layers: Sequence[LayerRtl]) -> str:
    """Return the top module of `layers`, which take `first` and give `last`."""
    streams = [first, *(stream for layer in layers for stream in layer.outputs)]
    numbers = {stream.tensor: number for number, stream in enumerate(streams)}
    wires = "\n".join(
        f"  logic [{stream.width - 1}:0] data_{i}; logic valid_{i}, ready_{i};  // {stream.tensor}"
        for i, stream in enumerate(streams)
    )
    body = "\n".join(_instance(layer, numbers) for layer in layers)
    end = numbers[last.tensor]
    return f"""// The accelerator: {len(layers)} layers. Made by fpga_flow; do not edit.
module {TOP} (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [{first.width - 1}:0] {INPUT}_tdata,
  input  logic {INPUT}_tvalid,
  output logic {INPUT}_tready,
  output logic [{last.width - 1}:0] {OUTPUT}_tdata,
  output logic {OUTPUT}_tvalid,
  input  logic {OUTPUT}_tready
);
{wires}
  assign data_0 = {INPUT}_tdata;
  assign valid_0 = {INPUT}_tvalid;
  assign {INPUT}_tready = ready_0;
  assign {OUTPUT}_tdata = data_{end};
  assign {OUTPUT}_tvalid = valid_{end};
  assign ready_{end} = {OUTPUT}_tready;{_tap(INPUT_TAP, first, 0)}
{body}
endmodule
"""


def _instance(layer: LayerRtl, numbers: Mapping[str, int]) -> str:
    ports = [(f"in{i}_V", numbers[tensor]) for i, tensor in enumerate(layer.inputs)]
    ports += [(f"out{i}_V", numbers[stream.tensor]) for i, stream in enumerate(layer.outputs)]
    wired = ",\n".join(
        f"    .{port}_TDATA(data_{i}), .{port}_TVALID(valid_{i}), .{port}_TREADY(ready_{i})"
        for port, i in ports
    )
    taps = "".join(
        _tap(layer.tap(stream), stream, numbers[stream.tensor])
        for stream in layer.outputs
        if stream.tensor in layer.taps
    )
    return f"""
  {layer.module} {instance(layer.name)} (
    .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
{wired}
  );{taps}"""


def _tap(name: str, stream: Stream, number: int) -> str:
    return f"""
  df_tap #(.Width({stream.width}), .Name("{name}")) tap_{number} (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .data_i(data_{number}), .valid_i(valid_{number}), .ready_i(ready_{number})
  );"""
