"""`df_tap.sv`: writes every transferred word, or counts cycles, when asked to, and nothing otherwise."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import Port, RtlError, Simulator
from tests.rtl.modules import HDL, integers
from tests.words import pack_words

BITS = 13
WIRE = f"""
module wire_with_tap (
  input logic clk_i, input logic rst_ni,
  input logic [{BITS - 1}:0] data_i, input logic valid_i, output logic ready_o,
  output logic [{BITS - 1}:0] data_o, output logic valid_o, input logic ready_i
);
  assign data_o = data_i;
  assign valid_o = valid_i;
  assign ready_o = ready_i;
  df_tap #(.Width({BITS}), .Name("between")) tap (.clk_i, .rst_ni, .data_i, .valid_i, .ready_i);
endmodule
"""


@pytest.fixture
def simulator(simulators: Path, tmp_path: Path) -> Simulator:
    """A wire with a tap on it."""
    source = tmp_path / "wire_with_tap.sv"
    source.write_text(WIRE)
    return Simulator.build(
        "wire_with_tap",
        [HDL / "df_tap.sv", source],
        inputs=[Port("in", BITS, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", BITS, ("data_o", "valid_o", "ready_i"))],
        clock="clk_i",
        reset="rst_ni",
        cache=simulators,
    )


def test_tap_writes_each_transferred_word_once(simulator: Simulator, tmp_path: Path) -> None:
    words = integers(1, BITS, (300, 1), signed=False)
    streams, expect = {"in": pack_words(words, BITS)}, {"out": len(words)}
    taps = tmp_path / "taps"
    taps.mkdir()
    simulator.run(streams, expect, stall_in=0.4, stall_out=0.4, folder=tmp_path)
    assert not list(taps.iterdir())
    for _ in range(2):  # a second simulation starts the file anew
        simulator.run(streams, expect, stall_in=0.4, stall_out=0.4, folder=tmp_path, plusargs=["taps=taps"])
    assert [int(line, 16) for line in (taps / "between.txt").read_text().split()] == words[:, 0].tolist()


@pytest.mark.parametrize(("stall_in", "stall_out"), [(0.4, 0.0), (0.0, 0.4), (0.4, 0.4)])
def test_tap_counts_what_the_stream_does_in_each_part(
    simulator: Simulator, tmp_path: Path, stall_in: float, stall_out: float
) -> None:
    first, cycles, parts = 7, 20, 9
    result = simulator.run(
        {"in": pack_words(integers(1, BITS, (300, 1), signed=False), BITS)},
        {"out": 300},
        stall_in=stall_in,
        stall_out=stall_out,
        folder=tmp_path,
        plusargs=[
            f"activity={tmp_path}",
            f"activity_from={first}",
            f"activity_cycles={cycles}",
            f"activity_parts={parts}",
        ],
    )
    moves, waits, starves = np.loadtxt(tmp_path / "between.activity", np.int64).T
    edges = first + cycles * np.arange(parts + 1)
    assert (
        moves.tolist() == np.histogram(result.input_cycles["in"], [*edges[:-1], edges[-1] - 0.5])[0].tolist()
    )
    assert (waits.any(), starves.any()) == (stall_out > 0, stall_in > 0)
    both = moves + waits + starves
    assert (both <= cycles).all() and (both < cycles).any() == (stall_in > 0 and stall_out > 0)


def test_wrong_folder_of_the_counts_is_named(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(RtlError, match="df_tap: cannot write nowhere/between.activity"):
        simulator.run(
            {"in": pack_words(integers(1, BITS, (1, 1), signed=False), BITS)},
            {"out": 1},
            folder=tmp_path,
            plusargs=["activity=nowhere"],
        )


def test_wrong_folder_is_named(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(RtlError, match="df_tap: cannot write nowhere/between.txt"):
        simulator.run(
            {"in": pack_words(integers(1, BITS, (1, 1), signed=False), BITS)},
            {"out": 1},
            folder=tmp_path,
            plusargs=["taps=nowhere"],
        )
