"""The simulator: what it measures, and how it tells a deadlock, a broken handshake and an RTL error."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core import places
from fpga_flow.core.errors import ToolError
from fpga_flow.sim.simulator import (
    CycleLimitError,
    DeadlockError,
    ExtraOutputError,
    Port,
    ProtocolError,
    RtlError,
    SimulationError,
    Simulator,
    StarvedError,
)
from tests.words import pack_words, unpack_words

MODULE = """
// What goes wrong is chosen by a plusarg; without one this is a register with a handshake.
module fickle #(parameter int Width = 12) (
  input logic ap_clk, input logic ap_rst_n,
  input logic [Width-1:0] a_tdata, input logic a_tvalid, output logic a_tready,
  output logic [Width-1:0] b_tdata, output logic b_tvalid, input logic b_tready
);
  if (Width < 2) $error("fickle: Width must be at least 2, not %0d", Width);
  string how;
  logic [Width-1:0] data_q;
  logic full_q;
  logic [31:0] words_q;
  initial if (!$value$plusargs("how=%s", how)) how = "well";
  assign a_tready = (!full_q || b_tready) && !(how == "stuck" && words_q == 7);
  assign b_tdata = how == "shifting" ? data_q + Width'(words_q) : data_q;
  assign b_tvalid = how == "peeking" ? full_q && b_tready : full_q;
  always_ff @(posedge ap_clk) begin
    if (a_tready && a_tvalid) data_q <= a_tdata + 1'b1;
    if (!ap_rst_n) full_q <= 0;
    else if (a_tready) full_q <= a_tvalid || (how == "chatty" && words_q == 20 && !full_q);
    else if (how == "stuck" && b_tready) full_q <= 0;
    else if (how == "dropping" && words_q == 5) full_q <= 0;
    if (how == "swallowing") full_q <= 0;
    words_q <= !ap_rst_n ? 0 : words_q + 32'((a_tready && a_tvalid) || how == "shifting");
    if (how == "failing" && words_q == 9) $error("nine is too many");
    if (how == "leaving" && words_q == 9) $finish;
  end
endmodule
"""
WIDTH = 12


def build(folder: Path, **parameters: int) -> Simulator:
    source = folder / "fickle.sv"
    source.write_text(MODULE)
    return Simulator.build(
        "fickle",
        [source],
        inputs=[Port("a", WIDTH)],
        outputs=[Port("b", WIDTH)],
        parameters={"Width": WIDTH, **parameters},
        cache=places.cache() / "verilator",
    )


@pytest.fixture
def simulator(tmp_path: Path) -> Simulator:
    return build(tmp_path)


VALUES = np.arange(20)[:, None] * 3
WORDS = {"a": pack_words(VALUES, WIDTH)}


def test_words_and_cycles_are_those_of_the_transfers(simulator: Simulator) -> None:
    result = simulator.run(WORDS, {"b": 20})
    np.testing.assert_array_equal(unpack_words(result.outputs["b"], WIDTH, 1, signed=False), VALUES + 1)
    assert result.first_input_cycle == 0
    assert result.input_cycles["a"].tolist() == list(range(20))
    assert result.output_cycles["b"].tolist() == list(range(1, 21))
    assert result.cycles_per_second > 0


def test_stalls_come_from_the_seed_and_take_their_share(simulator: Simulator) -> None:
    words = {"a": np.tile(WORDS["a"], (100, 1))}
    first = simulator.run(words, {"b": 2000}, stall_in=0.75, seed=1)
    again = simulator.run(words, {"b": 2000}, stall_in=0.75, seed=1)
    other = simulator.run(words, {"b": 2000}, stall_in=0.75, seed=2)
    np.testing.assert_array_equal(first.input_cycles["a"], again.input_cycles["a"])
    assert not np.array_equal(first.input_cycles["a"], other.input_cycles["a"])
    assert 0.7 < 1 - 2000 / first.input_cycles["a"][-1] < 0.8
    for result in (first, again, other):
        np.testing.assert_array_equal(
            result.outputs["b"], np.tile((WORDS["a"] + [[1, 0]]).astype(np.uint8), (100, 1))
        )


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("stuck", DeadlockError, r"nothing moved for 60 cycles \(a: 7 of 20 in, b: 7 of 20 out\)"),
        ("chatty", ExtraOutputError, r"b: a word came out after the last one"),
        ("dropping", ProtocolError, r"b: valid fell before the word was taken"),
        ("shifting", ProtocolError, r"b: the data changed before the word was taken"),
        ("peeking", ProtocolError, r"b: valid depends on ready"),
        ("failing", RtlError, r"the RTL reported an error: .*nine is too many"),
        ("leaving", RtlError, r"the RTL ended the simulation"),
    ],
)
def test_wrong_behaviour_is_named_with_streams_and_words(
    simulator: Simulator, how: str, kind: type[SimulationError], message: str
) -> None:
    with pytest.raises(kind, match=message) as raised:
        simulator.run(
            WORDS, {"b": 20}, stall_out=0.5, seed=3, idle_limit=60, strict=True, plusargs=[f"how={how}"]
        )
    assert raised.value.exit_code == 3
    if how == "stuck":
        found = unpack_words(raised.value.result.outputs["b"], WIDTH, 1, signed=False)
        np.testing.assert_array_equal(found, VALUES[:7] + 1)


def test_words_beyond_the_last_one_stand_apart(simulator: Simulator) -> None:
    result = simulator.run(WORDS, {"b": 12}, beyond=8)
    assert (len(result.outputs["b"]), len(result.output_cycles["b"])) == (12, 12)
    found = unpack_words(result.beyond["b"], WIDTH, 1, signed=False)
    np.testing.assert_array_equal(found, VALUES[12:20] + 1)
    with pytest.raises(ExtraOutputError):
        simulator.run(WORDS, {"b": 12}, beyond=7)


def test_deadlock_is_told_as_soon_as_nothing_can_change_any_more(simulator: Simulator) -> None:
    with pytest.raises(DeadlockError, match="no register of the design changes any more") as raised:
        simulator.run(WORDS, {"b": 20}, plusargs=["how=stuck"], idle_limit=1_000_000_000)
    assert raised.value.result.cycles < 5_000


def test_pauses_longer_than_the_first_look_are_no_deadlock(simulator: Simulator) -> None:
    words = {"a": np.tile(WORDS["a"], (500, 1))}
    result = simulator.run(
        words, {"b": 10_000}, stall_in=1.0, stall_out=1.0, pause_in=2_500, pause_out=3_000, seed=2
    )
    gaps = np.diff(result.output_cycles["b"].astype(np.int64))
    assert len(gaps) == 9_999 and gaps.max() > 2_000


def test_output_that_gives_nothing_while_words_go_in_is_named(simulator: Simulator) -> None:
    words = {"a": np.tile(WORDS["a"], (50, 1))}
    with pytest.raises(StarvedError, match="b: no word came for 300 cycles, while others moved"):
        simulator.run(words, {"b": 1000}, plusargs=["how=swallowing"], starved_limit=300)


def test_simulation_longer_than_allowed_is_stopped(simulator: Simulator) -> None:
    with pytest.raises(CycleLimitError, match="not done within 15 cycles") as raised:
        simulator.run(WORDS, {"b": 20}, cycle_limit=15)
    assert raised.value.result.cycles == 15
    assert simulator.run(WORDS, {"b": 20}, cycle_limit=25, drain=100).cycles > 100


def test_paced_input_comes_evenly(simulator: Simulator) -> None:
    result = simulator.run(WORDS, {"b": 20}, pace=(4, 30))
    assert result.input_cycles["a"].tolist() == [-(-word * 30 // 4) for word in range(20)]


MEMORY = """
module remembering (
  input logic ap_clk, input logic ap_rst_n,
  output logic [7:0] b_tdata, output logic b_tvalid, input logic b_tready
);
  logic [7:0] memory[4];
  initial $readmemh("words.dat", memory, 0, 3);
  logic [1:0] place_q;
  always_ff @(posedge ap_clk) place_q <= !ap_rst_n ? 0 : place_q + 2'(b_tready);
  assign b_tdata = memory[place_q];
  assign b_tvalid = 1'b1;
endmodule
"""


@pytest.mark.parametrize("text", [None, "1 2\n"], ids=["missing", "short"])
def test_a_memory_file_that_is_missing_or_short_ends_the_simulation(tmp_path: Path, text: str | None) -> None:
    source = tmp_path / "remembering.sv"
    source.write_text(MEMORY)
    memory = tmp_path / "words.dat"
    memory.write_text("1 2 3 4\n")
    cache = places.cache() / "verilator"
    simulator = Simulator.build("remembering", [source], inputs=[], outputs=[Port("b", 8)], cache=cache)
    result = simulator.run({}, {"b": 4}, folder=tmp_path, drain=0)
    assert result.outputs["b"][:, 0].tolist() == [1, 2, 3, 4]
    memory.unlink()
    if text is not None:
        memory.write_text(text)
    with pytest.raises(RtlError, match=r"words\.dat:\d+: \$readmem file"):
        simulator.run({}, {"b": 4}, folder=tmp_path, drain=0)


def test_wrong_parameters_stop_the_build_with_the_message_of_the_rtl(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="fickle: Width must be at least 2, not 1"):
        build(tmp_path, Width=1)


def test_wrong_words_are_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="a: words must have no bits above the port's 12"):
        simulator.run({"a": np.full((1, 2), 255, np.uint8)}, {"b": 1})
    with pytest.raises(ValueError, match=r"a: words must be uint8 \(words, 2\), not uint8 \(4, 3\)"):
        simulator.run({"a": np.zeros((4, 3), np.uint8)}, {"b": 4})


def test_a_second_build_takes_the_first_ones_program_whatever_the_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert build(tmp_path).folder == build(tmp_path / "other").folder


def test_using_a_simulator_makes_it_the_last_to_leave_the_cache(tmp_path: Path) -> None:
    folder = build(tmp_path).folder
    os.utime(folder, (0, 0))
    build(tmp_path)
    assert time.time() - folder.stat().st_mtime < 60


def sources_of(folder: Path) -> dict[str, Any]:
    """What `Simulator.build` needs of a module with a cache of its own."""
    source = folder / "fickle.sv"
    source.write_text(MODULE)
    ports = {"inputs": [Port("a", WIDTH)], "outputs": [Port("b", WIDTH)]}
    return {"top": "fickle", "sources": [source], **ports, "cache": folder / "cache"}


def works(simulator: Simulator) -> bool:
    return simulator.run(WORDS, {"b": len(VALUES)}).outputs["b"].shape == WORDS["a"].shape


@pytest.mark.parametrize("name", ["simulator", "simulator.json"])
@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_damaged_simulator_is_made_again(tmp_path: Path, name: str, content: bytes) -> None:
    needed = sources_of(tmp_path)
    folder = Simulator.build(**needed).folder
    whole = (folder / "simulator").read_bytes()
    (folder / name).write_bytes(content)
    assert works(Simulator.build(**needed))
    assert (folder / "simulator").read_bytes() == whole


def test_damaged_object_is_compiled_again(tmp_path: Path) -> None:
    needed = sources_of(tmp_path)
    shutil.rmtree(Simulator.build(**needed).folder)
    objects = tmp_path / "cache" / "objects"
    count = len(list(objects.iterdir()))
    for path in objects.iterdir():
        path.write_bytes(b"garbage")
    assert works(Simulator.build(**needed))
    assert len([path for path in objects.iterdir() if path.read_bytes() != b"garbage"]) == count


GARBAGE = """#!{python}
import os, sys
words = sys.argv[1:]
if "{when}" in words and "-o" in words:
    with open(words[words.index("-o") + 1], "wb") as stream:
        stream.write(b"garbage")
    os.chmod(stream.name, 0o755)
else:
    os.execvp("g++", ["g++", *words])
"""


@pytest.mark.parametrize("when", ["-c", "-pthread"])
def test_compiler_that_wrote_garbage_once_is_named_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text(GARBAGE.format(python=sys.executable, when=when))
    compiler.chmod(0o755)
    needed = sources_of(tmp_path)
    with monkeypatch.context() as patch:
        patch.setenv("CXX", str(compiler))
        with pytest.raises(ToolError, match="failed with exit code|wrote a simulator that does not run"):
            Simulator.build(**needed)
    assert works(Simulator.build(**needed))


def test_wrong_ports_are_refused_with_name_and_width(tmp_path: Path) -> None:
    source = tmp_path / "fickle.sv"
    source.write_text(MODULE)

    def build_with(a: Port, ties: dict[str, int] | None = None) -> None:
        Simulator.build(
            "fickle", [source], inputs=[a], outputs=[Port("b", WIDTH)], ties=ties, cache=tmp_path / "cache"
        )

    with pytest.raises(ValueError, match="fickle: port 'a_tdata' has 12 bits, not 13"):
        build_with(Port("a", 13))
    with pytest.raises(ValueError, match="fickle: has no port 'c_tvalid'; its ports are ap_clk, "):
        build_with(Port("c", WIDTH))
    with pytest.raises(
        ValueError, match=r"fickle: inputs \['a_tdata', 'a_tvalid'\] need a tie; ties are \[\]"
    ):
        Simulator.build("fickle", [source], inputs=[], outputs=[Port("b", WIDTH)], cache=tmp_path / "cache")
    with pytest.raises(ValueError, match=r"fickle: inputs \[\] need a tie; ties are \['extra'\]"):
        build_with(Port("a", WIDTH), {"extra": 0})
