"""`fifo.sv`: order, exact capacity, throughput, fill counts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import DeadlockError, Port, RtlError, Simulator
from tests.rtl.modules import HDL, assert_streams, integers
from tests.words import pack_words

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
    Case(1, 7),
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
    assert int(result.output_cycles["out"][0]) == (1 if case.depth <= 2 else 2), "latency"

    with pytest.raises(DeadlockError) as stuck:
        simulator.run({"in": pack_words(bits, 1)}, {"out": len(bits)}, stall_out=1.0, idle_limit=50)
    assert len(stuck.value.result.input_cycles["in"]) == case.depth


@pytest.fixture
def sizing(simulators: Path) -> Simulator:
    """The variant whose depth is set when the simulation starts."""
    return Simulator.build(
        "fifo",
        [HDL / "fifo.sv"],
        inputs=[Port("in", 8, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", 8, ("odat", "ovld", "ordy"))],
        parameters={"DEPTH": 5, "DATA_WIDTH": 8},
        defines={"FIFO_SIZING": ""},
        clock="clk",
        reset="rst",
        reset_active=1,
        cache=simulators,
    )


def real(depth: int, cache: Path) -> Simulator:
    """The FIFO of `depth` words."""
    return Simulator.build(
        "fifo",
        [HDL / "fifo.sv"],
        inputs=[Port("in", 8, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", 8, ("odat", "ovld", "ordy"))],
        parameters={"DEPTH": depth, "DATA_WIDTH": 8},
        clock="clk",
        reset="rst",
        reset_active=1,
        cache=cache,
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 40])
def test_sizing_variant_moves_words_in_the_same_cycles(
    sizing: Simulator, depth: int, simulators: Path, tmp_path: Path
) -> None:
    (tmp_path / "depths.txt").write_text(f"another 7\nfifo {depth}\n")
    words = pack_words(integers(depth, 8, (2_000, 1), signed=False), 8)
    for stall_in, stall_out in ((0.0, 0.0), (0.3, 0.4), (0.6, 0.1)):
        stalls = {"stall_in": stall_in, "stall_out": stall_out, "pause_in": 9, "pause_out": 20, "seed": 4}
        results = [
            simulator.run({"in": words}, {"out": len(words)}, plusargs=plusargs, **stalls)
            for simulator, plusargs in (
                (sizing, [f"fifo_depths={tmp_path / 'depths.txt'}"]),
                (real(depth, simulators), []),
            )
        ]
        np.testing.assert_array_equal(*(result.output_cycles["out"] for result in results))
        np.testing.assert_array_equal(*(result.input_cycles["in"] for result in results))
        states = [next(iter(result.fifos.values())) for result in results]
        assert states[0] == states[1]
        assert states[0].depth == depth and states[0].words == len(words)


def test_sizing_variant_without_a_depth_holds_any_number_of_words(sizing: Simulator) -> None:
    words = np.zeros((5_000, 1), np.uint8)
    with pytest.raises(DeadlockError) as stuck:
        sizing.run({"in": words}, {"out": len(words)}, stall_out=1.0, idle_limit=50)
    (state,) = stuck.value.result.fifos.values()
    assert (state.held, state.most, state.words) == (5_000, 5_000, 5_000)


def test_wrong_depth_of_the_sizing_variant_stops_it(sizing: Simulator, tmp_path: Path) -> None:
    (tmp_path / "depths.txt").write_text("fifo 0\n")
    with pytest.raises(RtlError, match="the depth of .*fifo must be at least 1, not 0"):
        sizing.run(
            {"in": np.zeros((1, 1), np.uint8)}, {"out": 1}, plusargs=[f"fifo_depths={tmp_path}/depths.txt"]
        )


def test_state_at_the_end_says_who_waits(simulators: Path) -> None:
    words = np.zeros((30, 1), np.uint8)
    with pytest.raises(DeadlockError) as stuck:
        real(8, simulators).run({"in": words}, {"out": len(words)}, stall_out=1.0, idle_limit=100)
    (state,) = stuck.value.result.fifos.values()
    assert (state.depth, state.held, state.most, state.words) == (8, 8, 8, 8)
    assert state.full and state.offered and not state.wanted
