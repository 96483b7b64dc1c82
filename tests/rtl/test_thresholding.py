"""`thresholding.sv` against numpy: every count, any folding, and its interface under random stalls."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.core.recipe import ROOT
from fpga_flow.sim.simulator import Port, Simulator
from tests.words import pack_words, unpack_words

SOURCE = ROOT / "fpga_flow" / "layers" / "hdl" / "thresholding.sv"


@dataclass(frozen=True)
class Case:
    """One configuration of the module."""

    bits: int
    steps: int
    channels: int
    lanes: int
    signed: bool = True
    bias: int = 0
    deep: bool = False
    sets: int = 1
    floats: bool = False

    @property
    def out_bits(self) -> int:
        if self.bias >= 0:
            return (self.steps + self.bias).bit_length()
        return 1 + (max(-self.bias, self.steps + self.bias + 1) - 1).bit_length()

    @property
    def set_bits(self) -> int:
        return max(1, (self.sets - 1).bit_length())


CASES = {
    "one channel": Case(bits=8, steps=15, channels=1, lanes=1),
    "folded": Case(bits=11, steps=15, channels=12, lanes=2),
    "all channels at once": Case(bits=6, steps=7, channels=3, lanes=3),
    "steps not 2**n-1, deep": Case(bits=9, steps=10, channels=6, lanes=2, deep=True),
    "one step": Case(bits=5, steps=1, channels=4, lanes=2),
    "unsigned, biased": Case(bits=7, steps=14, channels=4, lanes=1, signed=False, bias=-7),
    "three lanes, sets": Case(bits=8, steps=5, channels=6, lanes=3, sets=3),
    "floats": Case(bits=16, steps=15, channels=4, lanes=2, floats=True),
}


def write_thresholds(folder: Path, thresholds: NDArray[np.int64], case: Case) -> None:
    """Write the memory files as FINN does: per lane and search stage, hexadecimal, one a line.

    `thresholds`: int (sets, channels, steps).
    """
    stages = case.steps.bit_length()
    sets, channels, steps = thresholds.shape
    padded = np.zeros((sets, channels, 2**stages), np.int64)
    padded[:, :, :steps] = thresholds
    fold = channels // case.lanes
    room = fold if sets == 1 else 2 ** (fold - 1).bit_length()
    for lane in range(case.lanes):
        for stage in range(stages):
            words = np.zeros((sets, room, 2**stage), np.int64)
            step = 2 ** (stages - stage)
            words[:, :fold] = padded[:, lane :: case.lanes, step // 2 - 1 :: step]
            text = "\n".join(f"{word & (1 << case.bits) - 1:x}" for word in words.ravel())
            (folder / f"t_threshs_{lane}_{stage}.dat").write_text(text + "\n")


def stimulus(case: Case, beats: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return thresholds (sets, channels, steps), inputs (beats, lanes) as bit patterns, and sets (beats,)."""
    generator = np.random.default_rng(7)
    shape = (case.sets, case.channels, case.steps)
    chosen = generator.integers(case.sets, size=beats)
    if case.floats:
        limits = np.sort(generator.normal(size=shape).astype(np.float16), axis=2)
        values = generator.normal(size=(beats, case.lanes)).astype(np.float16)
        values[: beats // 2] = generator.choice(limits.ravel(), (beats // 2, case.lanes))
        return limits.view(np.uint16).astype(np.int64), values.view(np.uint16).astype(np.int64), chosen
    low, high = (-(1 << case.bits - 1), 1 << case.bits - 1) if case.signed else (0, 1 << case.bits)
    thresholds = np.sort(generator.integers(low, high, shape), axis=2)
    inputs = generator.integers(low, high, (beats, case.lanes))
    inputs[: beats // 2] = generator.choice(thresholds.ravel(), (beats // 2, case.lanes))
    return thresholds, inputs, chosen


def reference(
    case: Case, thresholds: NDArray[np.int64], inputs: NDArray[np.int64], chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return bias + number of thresholds not larger than each input: int (beats, lanes)."""
    limits, values = np.asarray(thresholds, np.float64), np.asarray(inputs, np.float64)
    if case.floats:
        limits, values = (a.astype(np.uint16).view(np.float16).astype(float) for a in (thresholds, inputs))
    beats = np.arange(len(inputs))
    fold = case.channels // case.lanes
    channels = (beats % fold * case.lanes)[:, None] + np.arange(case.lanes)
    result: NDArray[np.int64] = (limits[chosen[:, None], channels] <= values[:, :, None]).sum(axis=2)
    return result + case.bias


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_thresholding_counts_as_numpy_does_with_and_without_stalls(
    case: Case, tmp_path: Path, simulators: Path
) -> None:
    beats = 600
    thresholds, inputs, chosen = stimulus(case, beats)
    write_thresholds(tmp_path, thresholds, case)
    simulator = build(case, tmp_path, simulators)
    words = beat_words(case, inputs, chosen)
    expected = reference(case, thresholds, inputs, chosen)
    assert len(np.unique(expected)) == case.steps + 1  # every possible count comes up
    for stalls in ((0.0, 0.0), (0.5, 0.1), (0.1, 0.6)):
        result = simulator.run(
            {"in": words},
            {"out": beats},
            stall_in=stalls[0],
            stall_out=stalls[1],
            seed=3,
            strict=True,
            idle_limit=1000,
            folder=tmp_path,
        )
        actual = unpack_words(result.outputs["out"], case.out_bits, case.lanes, signed=case.bias < 0)
        np.testing.assert_array_equal(actual, expected)
        if stalls == (0.0, 0.0):
            assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1), "one beat a cycle"


@pytest.mark.parametrize("case", [CASES["folded"], CASES["three lanes, sets"]], ids=["folded", "sets"])
def test_thresholds_written_and_read_back_through_the_configuration_port(
    case: Case, tmp_path: Path, simulators: Path
) -> None:
    """The wrapper writes every threshold, reads each one back (an error if it differs), then lets data in."""
    beats = 200
    thresholds, inputs, chosen = stimulus(case, beats)
    lane_room, step_room = (1 << (count - 1).bit_length() for count in (case.lanes, case.steps))
    fold = case.channels // case.lanes
    fold_room = 1 << (fold - 1).bit_length()
    room = np.zeros((case.sets, fold_room, lane_room, step_room), np.int64)
    room[:, :fold, : case.lanes, : case.steps] = thresholds.reshape(case.sets, fold, case.lanes, case.steps)
    lines = [f"{word & (1 << case.bits) - 1:x}" for word in room.ravel()]
    (tmp_path / "config.dat").write_text("\n".join(lines) + "\n")
    simulator = build(case, tmp_path, simulators, configured=len(lines))
    result = simulator.run(
        {"in": beat_words(case, inputs, chosen)}, {"out": beats}, seed=3, idle_limit=10_000, folder=tmp_path
    )
    actual = unpack_words(result.outputs["out"], case.out_bits, case.lanes, signed=case.bias < 0)
    np.testing.assert_array_equal(actual, reference(case, thresholds, inputs, chosen))


def beat_words(case: Case, inputs: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the words of the wrapper's input: the set above the lanes, uint8 (beats, bytes)."""
    bits = (inputs[:, :, None] >> np.arange(case.bits) & 1).reshape(len(inputs), -1)
    sets = chosen[:, None] >> np.arange(case.set_bits) & 1
    return pack_words(np.hstack([bits, sets]), 1)


def build(case: Case, folder: Path, cache: Path, configured: int = 0) -> Simulator:
    """Compile the module in a wrapper: set and data in one word, `configured` thresholds to write."""
    wrapper = folder / "wrapper.sv"
    path = '""' if configured else '"./t_"'
    wrapper.write_text(WRAPPER.format(c=case, path=path, configured=configured))
    return Simulator.build(
        "wrapper",
        [SOURCE, wrapper],
        inputs=[Port("in", case.lanes * case.bits + case.set_bits, ("idat", "ivld", "irdy"))],
        outputs=[Port("out", case.lanes * case.out_bits, ("odat", "ovld", "ordy"))],
        clock="clk",
        reset="rst",
        reset_active=1,
        random=True,
        effort="quick",
        cache=cache,
    )


WRAPPER = """
module wrapper(
  input logic clk, input logic rst,
  input logic [{c.lanes}*{c.bits}+{c.set_bits}-1:0] idat, input logic ivld, output logic irdy,
  output logic [{c.lanes}*{c.out_bits}-1:0] odat, output logic ovld, input logic ordy
);
  localparam int Words = {configured};
  localparam int AddressBits = Words > 1 ? $clog2(Words) : 1;
  logic [{c.bits}-1:0] words[Words > 0 ? Words : 1];
  if (Words > 0) initial $readmemh("config.dat", words);

  // First writes, then reads, one a cycle; an answer is due two cycles after its request.
  int unsigned step_q, answer_q;
  logic busy, ack, ready;
  logic [AddressBits-1:0] address;
  logic [{c.bits}-1:0] answer;
  assign busy = step_q < 2 * Words;
  assign address = AddressBits'(step_q % (Words > 0 ? Words : 1));
  always_ff @(posedge clk) begin
    step_q <= rst ? 0 : step_q + 32'(busy);
    if (rst) answer_q <= 0;
    else if (ack) begin
      answer_q <= answer_q + 1;
      if (answer != words[AddressBits'(answer_q)]) $error("word %0d: %h", answer_q, answer);
    end
    if (!rst && step_q == 2 * Words && !busy && ivld && irdy && answer_q + 2 < Words) $error("no answer");
  end
  assign irdy = ready && !busy;

  thresholding #(
    .K({c.bits}), .N({c.steps}), .C({c.channels}), .PE({c.lanes}), .SETS({c.sets}),
    .SIGNED({c.signed:d}), .FPARG({c.floats:d}), .BIAS({c.bias}), .DEEP_PIPELINE({c.deep:d}),
    .THRESHOLDS_PATH({path}), .USE_CONFIG(Words > 0)
  ) dut (
    .clk, .rst,
    .cfg_en(busy && !rst), .cfg_we(step_q < Words), .cfg_a(address), .cfg_d(words[address]),
    .cfg_rack(ack), .cfg_q(answer),
    .irdy(ready), .ivld(ivld && !busy),
    .iset(idat[{c.lanes}*{c.bits}+:{c.set_bits}]), .idat(idat[{c.lanes}*{c.bits}-1:0]),
    .ordy, .ovld, .odat
  );
endmodule
"""
