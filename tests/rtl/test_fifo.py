"""`fifo.sv`: order, exact capacity, throughput, fill counts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.verify.simulator import DeadlockError, Port, Simulator
from fpga_flow.verify.words import pack_words
from tests.rtl.modules import HDL, assert_streams, integers

CHECKED = """
module checked #(parameter int DEPTH = 2, parameter int DATA_WIDTH = 8, parameter string RAM_STYLE = "auto") (
  input logic clk, input logic rst,
  input logic [DATA_WIDTH-1:0] idat, input logic ivld, output logic irdy,
  output logic [DATA_WIDTH-1:0] odat, output logic ovld, input logic ordy
);
  logic [$clog2(DEPTH+1):0] count, maxcount;
  fifo #(.DEPTH(DEPTH), .DATA_WIDTH(DATA_WIDTH), .RAM_STYLE(RAM_STYLE)) dut (.*);
  int held, most;
  always_ff @(posedge clk) begin
    held <= rst ? 0 : held + 32'(ivld && irdy) - 32'(ovld && ordy);
    most <= rst || held > most ? held : most;
    if (!rst && int'(count) != held) $error("count is %0d, not %0d", count, held);
    if (!rst && int'(maxcount) != most) $error("maxcount is %0d, not %0d", maxcount, most);
  end
endmodule
"""


@dataclass(frozen=True)
class Case:
    """One configuration."""

    depth: int
    bits: int
    style: str = "auto"


CASES = [
    Case(2, 8),
    Case(2, 33, "shift"),
    Case(3, 5),
    Case(4, 130),
    Case(33, 16, "distributed"),
    Case(20, 8, "block"),
    Case(300, 9),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    """Each configuration in turn."""
    assert isinstance(request.param, Case)
    return request.param


@pytest.fixture
def simulator(case: Case, simulators: Path, tmp_path: Path) -> Simulator:
    """The FIFO in a wrapper that checks its counts in every cycle."""
    wrapper = tmp_path / "checked.sv"
    wrapper.write_text(CHECKED)
    return Simulator.build(
        "checked",
        [HDL / "fifo.sv", wrapper],
        inputs=[Port("in", case.bits, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", case.bits, ("odat", "ovld", "ordy"))],
        parameters={"DEPTH": case.depth, "DATA_WIDTH": case.bits, "RAM_STYLE": case.style},
        clock="clk",
        reset="rst",
        reset_active=1,
        random=True,
        effort="quick",
        cache=simulators,
    )


def test_fifo_keeps_order_and_counts_and_holds_exactly_its_depth(case: Case, simulator: Simulator) -> None:
    bits = integers(case.depth, 1, (5 * case.depth + 500, case.bits), signed=False)
    result = assert_streams(simulator, bits, 1, bits, 1)
    assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1), "one word a cycle"
    assert int(result.output_cycles["out"][0]) == (1 if case.depth == 2 else 2), "latency"

    with pytest.raises(DeadlockError) as stuck:
        simulator.run({"in": pack_words(bits, 1)}, {"out": len(bits)}, stall_out=1.0, idle_limit=50)
    assert len(stuck.value.result.input_cycles["in"]) == case.depth
