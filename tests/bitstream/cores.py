"""Small cores to put into the shell, and what they do."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fpga_flow.design.design import Design, Stream


@dataclass(frozen=True)
class Core:
    """A core that passes its words on, or gives one word a frame: the exclusive or of all, or the first.

    The first word comes out before the others of its frame are taken, as from a layer that drops the end of
    a frame.
    """

    lanes: int
    datatype: str
    words: int
    kind: Literal["pass", "fold", "first"]
    address_bits: int = 32

    @property
    def bits(self) -> int:
        """Of a word, without filling."""
        return self.lanes * int("".join(c for c in self.datatype if c.isdigit()))

    @property
    def frame_bytes(self) -> int:
        """Of an input frame in memory."""
        return (self.bits * self.words + 7) // 8

    @property
    def design(self) -> Design:
        """The design as the rtl stage would describe it."""
        width = (self.bits + 7) // 8 * 8
        given = Stream("x", self.datatype, (1, self.words, self.lanes), width)
        words = self.words if self.kind == "pass" else 1
        made = Stream("y", self.datatype, (1, words, self.lanes), width)
        return Design("accelerator", "part", 100.0, self.words, "core", 1, given, made, (), ())

    def text(self) -> str:
        """Return its SystemVerilog."""
        width = self.design.input.width
        last = f"word_q == {self.words - 1}"
        gives = {"pass": "1'b1", "fold": "last", "first": "word_q == 0"}[self.kind]
        return f"""module accelerator (
  input  logic ap_clk, input logic ap_rst_n,
  input  logic [{width - 1}:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [{width - 1}:0] m_axis_tdata, output logic m_axis_tvalid, input  logic m_axis_tready
);
  logic [31:0] word_q;
  logic [{width - 1}:0] sum_q, sum;
  logic last, gives, to_queue;
  assign last  = {last};
  assign gives = {gives};
  assign sum   = {int(self.kind == "fold")} != 0 ? sum_q ^ s_axis_tdata : s_axis_tdata;
  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin word_q <= 0; sum_q <= 0; end
    else if (s_axis_tvalid && s_axis_tready) begin
      word_q <= last ? 0 : word_q + 1;
      sum_q  <= last ? 0 : sum;
    end
  end
  assign s_axis_tready = to_queue;
  fifo #(.DEPTH(4), .DATA_WIDTH({width})) queue (
    .clk(ap_clk), .rst(!ap_rst_n), .count(), .maxcount(),
    .idat(sum), .ivld(s_axis_tvalid && gives), .irdy(to_queue),
    .odat(m_axis_tdata), .ovld(m_axis_tvalid), .ordy(m_axis_tready));
endmodule
"""

    def pack(self, frames: NDArray[np.uint8]) -> bytes:
        """Return frames of words as bits (frames, words, bits) as they stand in memory, low bit first."""
        flat = frames.reshape(len(frames), -1)
        return np.packbits(flat, axis=1, bitorder="little").tobytes()

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what comes out for `frames` (frames, words, bits)."""
        if self.kind == "first":
            return frames[:, :1]
        return np.bitwise_xor.reduce(frames, axis=1, keepdims=True) if self.kind == "fold" else frames
