// SPDX-License-Identifier: BSD-3-Clause
// Technology map: a read of an unpacked array at a variable index, `$bmux`, becomes one `$shiftx` per data bit.
// Yosys' `xilinx_srl -variable` knows only the latter, so without this map a queue built as a shift register with
// a read pointer (FINN's weight streamer, matrix unit and thresholding hold one each) takes a flip-flop per stored
// bit. The order is turned round because the front end puts element 0, the newest entry, into the highest bits and
// the pass wants it in the lowest.
(* techmap_celltype = "$bmux" *)
module bmux_by_bit (A, S, Y);
  parameter WIDTH = 1;
  parameter S_WIDTH = 1;
  localparam WORDS = 1 << S_WIDTH;
  input [WORDS*WIDTH-1:0] A;
  input [S_WIDTH-1:0] S;
  output [WIDTH-1:0] Y;

  genvar column, word;
  generate
    for (column = 0; column < WIDTH; column = column + 1) begin : gen_column
      wire [WORDS-1:0] entries;
      for (word = 0; word < WORDS; word = word + 1) begin : gen_entry
        assign entries[word] = A[(WORDS-1-word)*WIDTH + column];
      end
      \$shiftx #(
        .A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(WORDS), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)
      ) read (.A(entries), .B(~S), .Y(Y[column]));
    end
  endgenerate
endmodule
