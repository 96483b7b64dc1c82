"""The schedule of the units of products against their RTL between two FIFOs, also where input is rare."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core import places
from fpga_flow.fifos.tokens import Placed, Tokens
from fpga_flow.finn.backend import HDL
from fpga_flow.finn.weights import adder_stages
from fpga_flow.layers import sparse_folding
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.sim.simulator import Port, Simulator

FRAMES = 10
UNIT = """
module unit #(parameter int InBits = 8, OutBits = 8, MW = 1, MH = 1, SIMD = 1, PE = 1, Steps = 0) (
  input logic clk_i, input logic rst_ni,
  input logic [InBits-1:0] data_i, input logic valid_i, output logic ready_o,
  output logic [OutBits-1:0] data_o, output logic valid_o, input logic ready_i
);
  logic [InBits-1:0] x;
  logic [OutBits-1:0] y;
  logic x_valid, x_ready, y_valid, y_ready;
  fifo #(.DEPTH(3), .DATA_WIDTH(InBits)) fifo_in (
    .clk(clk_i), .rst(!rst_ni), .idat(data_i), .ivld(valid_i), .irdy(ready_o),
    .odat(x), .ovld(x_valid), .ordy(x_ready), .count(), .maxcount()
  );
  if (Steps > 0) begin : gen_sparse
    df_sparse_matrix #(
      .MW(MW), .MH(MH), .SIMD(SIMD), .PE(PE), .Lanes(SIMD * PE), .Steps(Steps), .Places(2), .ActWidth(2),
      .WeightWidth(2), .SumWidth(9), .OutWidth(10)
    ) core (
      .clk_i, .rst_ni, .data_i(x), .valid_i(x_valid), .ready_o(x_ready),
      .data_o(y), .valid_o(y_valid), .ready_i(y_ready)
    );
  end else begin : gen_dense
    df_matrix_vector #(
      .MW(MW), .MH(MH), .SIMD(SIMD), .PE(PE), .ActWidth(2), .WeightWidth(2), .OutWidth(10)
    ) core (
      .clk_i, .rst_ni, .data_i(x), .valid_i(x_valid), .ready_o(x_ready),
      .data_o(y), .valid_o(y_valid), .ready_i(y_ready)
    );
  end
  fifo #(.DEPTH(2), .DATA_WIDTH(OutBits)) fifo_out (
    .clk(clk_i), .rst(!rst_ni), .idat(y), .ivld(y_valid), .irdy(y_ready),
    .odat(data_o), .ovld(valid_o), .ordy(ready_i), .count(), .maxcount()
  );
endmodule
"""


SPARSE = ("df_sequence", "df_sparse_product", "df_sparse_lane", "df_sparse_matrix")


@pytest.mark.parametrize(("mw", "mh", "simd", "pe"), [(12, 8, 3, 2), (40, 4, 40, 4), (36, 3, 36, 1)])
def test_results_come_in_the_cycles_of_the_schedule(
    mw: int, mh: int, simd: int, pe: int, tmp_path: Path
) -> None:
    length, passes = mw // simd, mh // pe
    schedule = Schedule(Pattern.SUMS, (length, passes, adder_stages(simd)))
    _assert_plays(schedule, mw, mh, simd, pe, length * passes, 0, tmp_path)


@pytest.mark.parametrize(
    ("mw", "mh", "simd", "pe", "steps"),
    [
        (12, 8, 3, 2, 9),
        (12, 8, 1, 4, 12),
        (40, 20, 5, 1, 13),
        (17, 2, 17, 2, 1),
        (4, 4, 2, 1, 3),
        (6, 2, 6, 2, 2),
    ],
)
def test_results_of_lists_come_in_the_cycles_of_the_schedule(
    mw: int, mh: int, simd: int, pe: int, steps: int, tmp_path: Path
) -> None:
    schedule = Schedule(Pattern.LISTS, (mw // simd, steps, mh // pe, sparse_folding.part_stages(simd)))
    pace = max(mw // simd, steps, mh // pe)
    _assert_plays(schedule, mw, mh, simd, pe, pace, steps, tmp_path)


def _assert_plays(
    schedule: Schedule, mw: int, mh: int, simd: int, pe: int, pace: int, steps: int, folder: Path
) -> None:
    """Assert that RTL and `schedule` give last words in the same cycles, at full `pace` and below."""
    source = folder / "unit.sv"
    source.write_text(UNIT)
    bits = {"InBits": 2 * simd, "OutBits": 10 * pe}
    simulator = Simulator.build(
        "unit",
        [*(HDL / f"{name}.sv" for name in ("fifo", "df_dot", "df_matrix_vector", *SPARSE)), source],
        inputs=[Port("in", bits["InBits"], ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", bits["OutBits"], ("data_o", "valid_o", "ready_i"))],
        parameters={**bits, "MW": mw, "MH": mh, "SIMD": simd, "PE": pe, "Steps": steps},
        clock="clk_i",
        reset="rst_ni",
        cache=places.cache() / "verilator",
    )
    length, passes = mw // simd, mh // pe
    tokens = Tokens(
        2,
        [
            Placed(Schedule(Pattern.SOURCE, (length,)), (), (0,)),
            Placed(schedule, (0,), (1,)),
            Placed(Schedule(Pattern.SINK, (passes,)), (1,), ()),
        ],
    )
    words = np.zeros((FRAMES * length, (bits["InBits"] + 7) // 8), np.uint8)
    for period in (0, pace + 7, 3 * pace):
        tempo = (length, period) if period else None
        result = simulator.run({"in": words}, {"out": FRAMES * passes}, pace=tempo)
        found = result.output_cycles["out"][passes - 1 :: passes].tolist()
        assert tokens.run([3, 2], FRAMES, period=period).ends[0].tolist() == found
