"""`memstream.sv`: all words in order, over and over, at full rate; also after they were written."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import Port, SimResult, Simulator
from tests.rtl.modules import HDL, STALLS, Integers, integers
from tests.words import pack_words, unpack_words

BENCH = """
// The streamer, which ends after `Words` words; its content is from a file, from the input, or read by it.
module bench #(parameter int Mode, DEPTH, WIDTH, AddressWidth, Words) (
  input logic clk_i, input logic rst_ni,
  input logic [WIDTH+AddressWidth-1:0] data_i, input logic valid_i, output logic ready_o,
  output logic [WIDTH-1:0] data_o, output logic valid_o, input logic ready_i
);
  int sent_q, written_q;
  logic ovld, rack;
  logic [WIDTH-1:0] odat, q0;
  assign ready_o = 1'b1;
  assign valid_o = Mode == 2 ? rack : ovld && sent_q < Words;
  assign data_o = Mode == 2 ? q0 : odat;
  always_ff @(posedge clk_i) begin
    sent_q <= !rst_ni ? 0 : sent_q + 32'(valid_o && ready_i);
    written_q <= !rst_ni ? 0 : written_q + 32'(valid_i);
  end
  memstream #(.SETS(1), .DEPTH(DEPTH), .WIDTH(WIDTH), .INIT_FILE(Mode == 1 ? "" : "content.dat")) dut (
    .clk(clk_i), .rst(!rst_ni || (Mode == 1 && written_q < DEPTH)),
    .config_ce(valid_i), .config_we(Mode == 1), .config_address(data_i[WIDTH+:AddressWidth]),
    .config_d0(data_i[WIDTH-1:0]), .config_rack(rack), .config_q0(q0),
    .sidx(1'b0), .svld(1'b0), .srdy(), .ordy(ready_i && Mode != 2 && sent_q < Words), .ovld, .odat
  );
endmodule
"""
FILE, WRITTEN, READ = 0, 1, 2
WORDS = 300


def run(
    mode: int,
    content: Integers,
    bits: int,
    sent: Integers,
    words: int,
    folder: Path,
    cache: Path,
    stall: tuple[float, float] = (0, 0),
) -> tuple[SimResult, Integers]:
    """Run the bench with `sent` (words, 1) at its input; returns also what came out (words, 1)."""
    (folder / "bench.sv").write_text(BENCH)
    (folder / "content.dat").write_text("\n".join(f"{value:x}" for value in content[:, 0]) + "\n")
    address_bits = max((len(content) - 1).bit_length(), 1)
    simulator = Simulator.build(
        "bench",
        [HDL / "memstream.sv", folder / "bench.sv"],
        inputs=[Port("in", bits + address_bits, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", bits, ("data_o", "valid_o", "ready_i"))],
        parameters={
            "Mode": mode,
            "DEPTH": len(content),
            "WIDTH": bits,
            "AddressWidth": address_bits,
            "Words": WORDS,
        },
        clock="clk_i",
        reset="rst_ni",
        random=True,
        cache=cache,
    )
    packed = pack_words(sent, bits + address_bits)
    result = simulator.run(
        {"in": packed}, {"out": words}, stall_in=stall[0], stall_out=stall[1], seed=1, folder=folder
    )
    return result, unpack_words(result.outputs["out"], bits, 1, signed=False)


@pytest.mark.parametrize(("depth", "bits"), [(12, 9), (1, 33), (2, 1), (64, 60)])
def test_words_come_in_order_over_and_over_at_full_rate(
    depth: int, bits: int, simulators: Path, tmp_path: Path
) -> None:
    content = integers(depth, bits, (depth, 1), signed=False)
    none = np.zeros((0, 1), np.int64)
    for stall in STALLS:
        result, found = run(FILE, content, bits, none, WORDS, tmp_path, simulators, stall)
        np.testing.assert_array_equal(found[:, 0], np.resize(content[:, 0], WORDS))
        if not any(stall):
            assert set(np.diff(result.output_cycles["out"].astype(int))) == {1}


def test_what_is_written_is_sent_after_the_reset(simulators: Path, tmp_path: Path) -> None:
    content = integers(3, 20, (10, 1), signed=False)
    order = np.random.default_rng(1).permutation(10)
    sent = ((order << 20) | content[order, 0])[:, None]
    _, found = run(WRITTEN, content, 20, sent, WORDS, tmp_path, simulators, (0.3, 0.3))
    np.testing.assert_array_equal(found[:, 0], np.resize(content[:, 0], WORDS))


def test_any_word_can_be_read(simulators: Path, tmp_path: Path) -> None:
    content = integers(3, 20, (10, 1), signed=False)
    order = np.random.default_rng(2).integers(0, 10, 100)
    _, found = run(READ, content, 20, (order << 20)[:, None], 100, tmp_path, simulators, (0.3, 0))
    np.testing.assert_array_equal(found[:, 0], content[order, 0])
