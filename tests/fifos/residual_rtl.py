"""A residual network in RTL of its own, so small that its deadlock can be told from the text."""

from pathlib import Path

from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.finn.backend import HDL
from fpga_flow.integer.names import instance
from fpga_flow.layers.fifo import FIFO

OPERATOR = FIFO.implementations[0].operator
HELD, WORDS = 32, 64
"""Words that the long branch takes before it gives any, and words of a frame."""

LAYERS = """
module copy_layer (
  input logic ap_clk, input logic ap_rst_n,
  input logic [7:0] in0_V_TDATA, input logic in0_V_TVALID, output logic in0_V_TREADY,
  output logic [7:0] out0_V_TDATA, output logic out0_V_TVALID, input logic out0_V_TREADY,
  output logic [7:0] out1_V_TDATA, output logic out1_V_TVALID, input logic out1_V_TREADY
);
  logic [1:0] sent_q, sent;
  assign {out1_V_TDATA, out0_V_TDATA} = {2{in0_V_TDATA}};
  assign {out1_V_TVALID, out0_V_TVALID} = {2{in0_V_TVALID}} & ~sent_q;
  assign sent = sent_q | {out1_V_TREADY, out0_V_TREADY};
  assign in0_V_TREADY = &sent;
  always_ff @(posedge ap_clk) sent_q <= !ap_rst_n || in0_V_TREADY || !in0_V_TVALID ? '0 : sent;
endmodule

module add_layer (
  input logic ap_clk, input logic ap_rst_n,
  input logic [7:0] in0_V_TDATA, input logic in0_V_TVALID, output logic in0_V_TREADY,
  input logic [7:0] in1_V_TDATA, input logic in1_V_TVALID, output logic in1_V_TREADY,
  output logic [7:0] out0_V_TDATA, output logic out0_V_TVALID, input logic out0_V_TREADY
);
  assign out0_V_TDATA = in0_V_TDATA + in1_V_TDATA;
  assign out0_V_TVALID = in0_V_TVALID && in1_V_TVALID;
  assign {in1_V_TREADY, in0_V_TREADY} = {2{out0_V_TVALID && out0_V_TREADY}};
endmodule

module block_layer #(parameter int Held = 32) (
  input logic ap_clk, input logic ap_rst_n,
  input logic [7:0] in0_V_TDATA, input logic in0_V_TVALID, output logic in0_V_TREADY,
  output logic [7:0] out0_V_TDATA, output logic out0_V_TVALID, input logic out0_V_TREADY
);
  logic [7:0] memory[Held];
  int count_q;
  logic giving_q;
  assign in0_V_TREADY = !giving_q;
  assign out0_V_TVALID = giving_q;
  assign out0_V_TDATA = memory[count_q];
  always_ff @(posedge ap_clk) begin
    if (!giving_q && in0_V_TVALID) memory[count_q] <= in0_V_TDATA;
    if (!ap_rst_n) {giving_q, count_q} <= '0;
    else if (giving_q ? out0_V_TREADY : in0_V_TVALID) begin
      count_q <= count_q == Held - 1 ? 0 : count_q + 1;
      giving_q <= giving_q ^ (count_q == Held - 1);
    end
  end
endmodule

module fifo_layer #(parameter int Depth = 2) (
  input logic ap_clk, input logic ap_rst_n,
  input logic [7:0] in0_V_TDATA, input logic in0_V_TVALID, output logic in0_V_TREADY,
  output logic [7:0] out0_V_TDATA, output logic out0_V_TVALID, input logic out0_V_TREADY
);
  fifo #(.DEPTH(Depth), .DATA_WIDTH(8)) fifo (
    .clk(ap_clk), .rst(!ap_rst_n), .idat(in0_V_TDATA), .ivld(in0_V_TVALID), .irdy(in0_V_TREADY),
    .odat(out0_V_TDATA), .ovld(out0_V_TVALID), .ordy(out0_V_TREADY), .count(), .maxcount()
  );
endmodule
"""
STREAMS = {
    "first": ("s_axis", "copied"),
    "skip": ("copy_0", "add_0"),
    "long": ("copy_1", "block_in"),
    "late": ("block_out", "add_1"),
    "last": ("add_out", "m_axis"),
}
"""FIFO -> the tensors before and behind it."""
ENDS = {"copy": (["copied"], ["copy_0", "copy_1"]), "block": (["block_in"], ["block_out"])}
ENDS["add"] = (["add_0", "add_1"], ["add_out"])


def _stream(tensor: str) -> Stream:
    return Stream(tensor, "UINT8", (1, WORDS, 1), 8)


def _instance(module: str, name: str, inputs: list[str], outputs: list[str]) -> str:
    ports = [
        (f"{side}{i}_V", wire)
        for side, wires in (("in", inputs), ("out", outputs))
        for i, wire in enumerate(wires)
    ]
    wired = ", ".join(
        f".{port}_TDATA({w}_d), .{port}_TVALID({w}_v), .{port}_TREADY({w}_r)" for port, w in ports
    )
    return f"  {module} {instance(name)} (.ap_clk, .ap_rst_n, {wired});"


def residual_design(folder: Path, depths: dict[str, int]) -> Design:
    """Write the RTL into `folder`, FIFOs not in `depths` two words deep."""
    layers = [
        LayerRtl(
            name,
            FIFO.implementations[0].operator,
            "fifo_layer",
            name,
            (),
            (),
            (before,),
            (_stream(behind),),
            (),
        )
        for name, (before, behind) in STREAMS.items()
    ]
    layers += [
        LayerRtl(name, name, f"{name}_layer", name, (), (), tuple(i), tuple(_stream(o) for o in o_), ())
        for name, (i, o_) in ENDS.items()
    ]
    wires = sorted({wire for pair in STREAMS.values() for wire in pair})
    text = "".join(f"  logic [7:0] {wire}_d; logic {wire}_v, {wire}_r;\n" for wire in wires)
    text += "\n".join(
        _instance(f"fifo_layer #(.Depth({depths.get(name, 2)}))", name, [before], [behind])
        for name, (before, behind) in STREAMS.items()
    )
    text += "\n" + "\n".join(_instance(f"{name}_layer", name, *ends) for name, ends in ENDS.items())
    (folder / "accelerator.sv").write_text(
        "module accelerator (\n"
        "  input logic ap_clk, input logic ap_rst_n,\n"
        "  input logic [7:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,\n"
        "  output logic [7:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready\n);\n"
        f"{text}\n"
        "  assign {s_axis_d, s_axis_v, s_axis_tready} = {s_axis_tdata, s_axis_tvalid, s_axis_r};\n"
        "  assign {m_axis_tdata, m_axis_tvalid, m_axis_r} = {m_axis_d, m_axis_v, m_axis_tready};\n"
        "endmodule\n"
    )
    (folder / "layers.sv").write_text(LAYERS)
    (folder / "fifo.sv").write_text((HDL / "fifo.sv").read_text())
    return Design(
        top="accelerator",
        part="",
        clock_mhz=100.0,
        cycles_per_frame=2 * WORDS,
        bottleneck="block",
        top_k=0,
        input=_stream("s_axis"),
        output=_stream("m_axis"),
        layers=tuple(layers),
        sources=("fifo.sv", "layers.sv", "accelerator.sv"),
    )
