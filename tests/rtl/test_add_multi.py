"""`add_multi.sv`: every number of integers and stages gives the exact sum after exactly `DEPTH` cycles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import Port, Simulator
from tests.rtl.modules import HDL, Integers, assert_streams, finn

PIPELINE = """
module pipeline import mvu_pkg::*; #(
  parameter int N = 2, parameter int DEPTH = 1, parameter int ARG_WIDTH = 4,
  parameter int ARG_LO = 0, parameter int ARG_HI = 0
) (
  input logic clk, input logic rst,
  input logic [N*ARG_WIDTH-1:0] idat, input logic ivld, output logic irdy,
  output logic [31:0] odat, output logic ovld, input logic ordy
);
  localparam int Width = sumwidth(N, ARG_WIDTH, ARG_LO, ARG_HI);
  logic [ARG_WIDTH-1:0] arg[N];
  logic [Width-1:0] sum;
  logic [DEPTH:0] valid;
  logic en;
  for (genvar i = 0; i < N; i++) assign arg[i] = idat[i*ARG_WIDTH+:ARG_WIDTH];
  assign valid[0] = ivld;
  assign en = !ovld || ordy;
  assign irdy = en;
  for (genvar i = 1; i <= DEPTH; i++)
    always_ff @(posedge clk) if (rst) valid[i] <= 0; else if (en) valid[i] <= valid[i-1];
  add_multi #(.N(N), .DEPTH(DEPTH), .ARG_WIDTH(ARG_WIDTH), .ARG_LO(ARG_LO), .ARG_HI(ARG_HI)) dut (
    .clk, .rst, .en, .arg, .sum
  );
  assign ovld = valid[DEPTH];
  assign odat = ARG_LO < 0 ? 32'($signed(sum)) : 32'(sum);
endmodule
"""


@dataclass(frozen=True)
class Case:
    """One configuration; `low`..`high` is the range, both 0 for any unsigned integer of `bits`."""

    count: int
    depth: int
    bits: int
    low: int = 0
    high: int = 0

    def values(self, words: int) -> Integers:
        """Return random integers in the range, with all-lowest and all-highest words."""
        high = self.high if self.high or self.low else (1 << self.bits) - 1
        values = np.random.default_rng(self.count).integers(
            self.low, high, (words, self.count), endpoint=True
        )
        values[:4], values[4:8] = self.low, high
        return values


CASES = [
    Case(1, 2, 5),
    Case(2, 1, 2, -1, 1),
    Case(3, 0, 4),
    Case(5, 1, 4, -3, 7),
    Case(6, 3, 2, -1, 1),
    Case(7, 5, 9),
    Case(24, 2, 8, -128, 127),
    Case(33, 6, 3, 0, 5),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sum_is_exact_and_comes_after_the_given_number_of_stages(
    case: Case, simulators: Path, tmp_path: Path
) -> None:
    wrapper = tmp_path / "pipeline.sv"
    wrapper.write_text(PIPELINE)
    simulator = Simulator.build(
        "pipeline",
        [*finn("mvu/mvu_pkg.sv"), HDL / "add_multi.sv", wrapper],
        inputs=[Port("in", case.count * case.bits, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", 32, ("odat", "ovld", "ordy"))],
        parameters={
            "N": case.count,
            "DEPTH": case.depth,
            "ARG_WIDTH": case.bits,
            "ARG_LO": case.low,
            "ARG_HI": case.high,
        },
        clock="clk",
        reset="rst",
        reset_active=1,
        random=True,
        effort="quick",
        cache=simulators,
    )
    values = case.values(400)
    stalls = (
        [(0.0, 0.0), (0.3, 0.4)] if case.depth else [(0.0, 0.0), (0.3, 0.0)]
    )  # no register: nothing holds
    expected = values.sum(axis=1, keepdims=True)
    result = assert_streams(simulator, values, case.bits, expected, 32, signed=True, stalls=stalls)
    assert int(result.output_cycles["out"][0]) == case.depth
