"""`df_tap.sv`: writes every transferred word when asked to, and nothing otherwise."""

from pathlib import Path

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


def test_wrong_folder_is_named(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(RtlError, match="df_tap: cannot write nowhere/between.txt"):
        simulator.run(
            {"in": pack_words(integers(1, BITS, (1, 1), signed=False), BITS)},
            {"out": 1},
            folder=tmp_path,
            plusargs=["taps=nowhere"],
        )
