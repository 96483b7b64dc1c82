"""Yosys on small modules: exact counts, memory files, parameters, and its errors."""

import random
from pathlib import Path

import pytest

from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import ROOT
from fpga_flow.synth.usage import logic_ns
from fpga_flow.synth.yosys import run_script, synthesise
from fpga_flow.target.families import family_named
from fpga_flow.target.families.xilinx import FILES
from fpga_flow.target.resources import Resources

REGISTER = """
module register #(parameter int Width = 8) (
  input logic clk, input logic [Width-1:0] d, output logic [Width-1:0] q
);
  always_ff @(posedge clk) q <= d;
endmodule
"""


def count(
    folder: Path, text: str, module: str, parameters: dict[str, int | str] | None = None, family: str = "xc7"
) -> Resources:
    (folder / "source.sv").write_text(text)
    return synthesise(
        module, [Path("source.sv")], folder, family_named(family), folder / "yosys.log", parameters
    )


def test_a_register_takes_one_flip_flop_a_bit(tmp_path: Path) -> None:
    assert count(tmp_path, REGISTER, "register") == Resources(ff=8)
    assert count(tmp_path, REGISTER, "register", {"Width": 13}) == Resources(ff=13)


def test_a_command_runs_only_where_a_signal_has_an_attribute(tmp_path: Path) -> None:
    text = (
        "module f(input logic a, output logic y);{attribute} logic z; assign z = ~a; assign y = z; endmodule"
    )
    log = tmp_path / "yosys.log"
    for attribute in ("", "(* mine *)"):
        (tmp_path / "f.sv").write_text(text.format(attribute=attribute))
        run_script("read_slang --top f f.sv\n@where a:mine log it is mine\n", tmp_path, log)
        assert ("it is mine" in log.read_text()) == bool(attribute)


@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_a_sum_takes_a_carry_chain_in_each_family(family: str, tmp_path: Path) -> None:
    text = "module sum(input logic [15:0] a, b, output logic [15:0] y); assign y = a + b; endmodule"
    usage = count(tmp_path, text, "sum", family=family)
    assert (usage.lut, usage.carry) == (16, 4)


def test_a_function_of_six_inputs_takes_one_lut(tmp_path: Path) -> None:
    text = """
    module f(input logic [5:0] a, output logic y);
      assign y = a[0] & a[1] ^ a[2] | a[3] & ~a[4] ^ a[5];
    endmodule"""
    assert count(tmp_path, text, "f") == Resources(lut=1)


def test_a_queue_in_a_shift_register_takes_one_lut_a_bit(tmp_path: Path) -> None:
    """As FINN writes it: newest entry first, read at a pointer. Else it takes seven flip-flops a bit."""
    text = """
    module queue(input logic clk, push, input logic [2:0] at, input logic [3:0] d, output logic [3:0] q);
      logic [3:0] entries[7];
      always_ff @(posedge clk) begin
        if (push) entries <= {d, entries[0:5]};
        q <= entries[at];
      end
    endmodule"""
    usage = count(tmp_path, text, "queue")
    assert (usage.srl, usage.ff) == (4, 4)
    assert usage.lut <= 5


@pytest.mark.parametrize("entries", [2, 5, 8])
def test_the_map_to_shift_registers_changes_nothing(tmp_path: Path, entries: int) -> None:
    """Yosys proves, by SAT, that the mapped read is equal to the read of the array."""
    (tmp_path / "read.sv").write_text(f"""
    module read(input logic [2:0][{entries - 1}:0] d, input logic [2:0] at, output logic [2:0] q);
      logic [2:0] words[{entries}];
      always_comb foreach (words[i]) words[i] = {{d[0][i], d[1][i], d[2][i]}};
      assign q = words[at % {entries}];
    endmodule""")
    commands = [
        "read_slang --no-implicit-memories --top read read.sv",
        "hierarchy -top read",
        "select -assert-min 1 t:$bmux",
        f"equiv_opt -assert techmap -map {FILES['shift_registers']} t:$bmux",
        "design -load postopt",
        "select -assert-count 3 t:$shiftx",
    ]
    run_script("\n".join(commands), tmp_path, tmp_path / "yosys.log")


ROM = """
module rom(input logic clk, input logic next, output logic [8:0] q);
  (* ram_style = "distributed" *) logic [8:0] words[{words}];
  logic [{top}:0] at;
  initial $readmemh("words.dat", words);
  always_ff @(posedge clk) if (next) at <= at + 1'b1;
  always_ff @(posedge clk) if (next) q <= words[at];
endmodule"""


@pytest.mark.parametrize(("words", "luts"), [(40, 1), (100, 2), (250, 4), (300, 6)])
def test_a_constant_memory_in_luts_takes_one_for_64_bits(tmp_path: Path, words: int, luts: int) -> None:
    content = "\n".join(f"{i * i * i % 509:x}" for i in range(words))
    (tmp_path / "words.dat").write_text(content)
    bits = (words - 1).bit_length()
    usage = count(tmp_path, ROM.format(words=words, top=bits - 1), "rom")
    assert usage.bram18 == 0
    assert usage.lut <= 9 * luts + bits + 1  # and the counter


@pytest.mark.parametrize("words", [64, 100, 250, 300])
def test_the_map_of_constant_memories_changes_nothing(tmp_path: Path, words: int) -> None:
    """Yosys proves, by SAT, that the mapped memory is equal to the multiplexers that it makes itself."""
    bits = (words - 1).bit_length()
    (tmp_path / "words.dat").write_text("\n".join(f"{i * i * i % 61:x}" for i in range(1 << bits)))
    (tmp_path / "read.sv").write_text(f"""
    module read(input logic [{bits - 1}:0] at, output logic [5:0] q);
      logic [5:0] words[{1 << bits}];
      initial $readmemh("words.dat", words);
      assign q = words[at];
    endmodule""")
    commands = [
        "read_slang --top read read.sv",
        "hierarchy -top read",
        "proc",
        "memory -nomap",
        "copy read gate",
        "memory_map read",
        f"memory_libmap -lib {FILES['rom_library']} gate",
        f"techmap -map {FILES['rom']} gate",
        "select -assert-min 6 gate/t:LUT6",
        "techmap -autoproc -map +/xilinx/cells_sim.v gate/t:LUT6 gate/t:MUXF7 gate/t:MUXF8",
        "miter -equiv -flatten read gate both",
        "sat -verify -prove trigger 0 both",
    ]
    run_script("\n".join(commands), tmp_path, tmp_path / "yosys.log")


def test_a_memory_is_filled_from_a_file_in_the_folder_and_lies_in_block_ram(tmp_path: Path) -> None:
    text = """
    module rom(input logic clk, input logic [10:0] a, output logic [8:0] q);
      logic [8:0] words[2048];
      initial $readmemh("data/words.dat", words);
      always_ff @(posedge clk) q <= words[a];
    endmodule"""
    (tmp_path / "data").mkdir()
    content = tmp_path / "data" / "words.dat"
    content.write_text("\n".join(f"{i * i % 512:x}" for i in range(2048)))
    assert count(tmp_path, text, "rom").bram18 == 1
    content.write_text("\n".join(["1"] * 2048))  # the content matters: this memory is a constant
    assert count(tmp_path, text, "rom") == Resources()


@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_multipliers_and_memories_of_each_family_are_counted(tmp_path: Path, family: str) -> None:
    text = """
    module both(
      input logic clk, we, input logic [9:0] at, input logic [17:0] d, output logic [17:0] q,
      input logic signed [17:0] a, b, output logic signed [35:0] y
    );
      logic [17:0] words[1024];
      always_ff @(posedge clk) begin
        if (we) words[at] <= d;
        q <= words[at];
        y <= a * b;
      end
    endmodule"""
    usage = count(tmp_path, text, "both", family=family)
    assert (usage.dsp, usage.bram18, usage.lut) == (1, 1, 0)


def test_wrong_source_is_named_with_yosys_own_error_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        count(tmp_path, "module m(input logic a, output logic y);\n  assign y = b;\nendmodule", "m")
    assert "yosys failed with exit code 1" in str(caught.value)
    assert "source.sv:2: ERROR: use of undeclared identifier 'b'" in str(caught.value)
    assert str(tmp_path / "yosys.log") in str(caught.value)


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="unknown module 'missing'"):
        count(tmp_path, "module m(input logic a); missing u(.a); endmodule", "m")
    with pytest.raises(ToolError, match="'nothing'"):
        count(tmp_path, REGISTER, "nothing")


def test_binary_search_is_smaller_than_comparing_with_every_threshold(tmp_path: Path) -> None:
    """15 thresholds of 10 bits for each of 8 channels, one lane: our module against the plain way."""
    bits, steps, fold = 10, 15, 8
    generator = random.Random(1)
    table = [sorted(generator.sample(range(1 << bits), steps)) for _ in range(fold)]
    for stage in range(4):
        step = 1 << (4 - stage)
        words = [row[i] for row in table for i in range(step // 2 - 1, steps, step)]
        (tmp_path / f"t_threshs_0_{stage}.dat").write_text("\n".join(f"{word:x}" for word in words))
    rows = ",".join("'{" + ",".join(f"{bits}'d{value}" for value in row) + "}" for row in table)
    ports = "input logic clk, rst, ivld, ordy, input logic [9:0] x, "
    ports += "output logic irdy, ovld, output logic [3:0] y"
    ours = f"""
    module ours({ports});
      thresholding #(.K({bits}), .N({steps}), .C({fold}), .PE(1), .SIGNED(0), .USE_CONFIG(0),
                     .THRESHOLDS_PATH("t_")) dut (
        .clk, .rst, .cfg_en('0), .cfg_we('0), .cfg_a('0), .cfg_d('0), .cfg_rack(), .cfg_q(),
        .irdy, .ivld, .iset('0), .idat(x), .ordy, .ovld, .odat(y));
    endmodule"""
    plain = f"""
    module plain({ports});
      localparam logic [{bits - 1}:0] T[{fold}][{steps}] = '{{{rows}}};
      int unsigned fold;
      logic [3:0] count;
      assign irdy = !ovld || ordy;
      always_comb begin
        count = '0;
        for (int i = 0; i < {steps}; i++) count += 4'(T[fold][i] <= x);
      end
      always_ff @(posedge clk)
        if (rst) begin ovld <= 0; fold <= 0; end
        else if (irdy) begin
          ovld <= ivld; y <= count;
          if (ivld) fold <= fold == {fold - 1} ? 0 : fold + 1;
        end
    endmodule"""
    hdl = ROOT / "fpga_flow" / "layers" / "hdl" / "thresholding.sv"
    (tmp_path / "ours.sv").write_text(ours)
    small = synthesise("ours", [hdl, Path("ours.sv")], tmp_path, family_named("xc7"), tmp_path / "ours.log")
    large = count(tmp_path, plain, "plain")
    assert small.lut < 0.6 * large.lut


def test_the_longest_path_is_that_of_the_delays_of_cells(tmp_path: Path) -> None:
    text = """module chain(input clk, input [15:0] a, b, output logic [15:0] y);
      logic [15:0] x, z;
      always_ff @(posedge clk) begin x <= a; z <= b; y <= x + z; end
    endmodule"""
    (tmp_path / "chain.sv").write_text(text)
    synthesise("chain", [Path("chain.sv")], tmp_path, family_named("xc7"), tmp_path / "chain.log")
    path = logic_ns(tmp_path / "chain.log")
    # A register, a LUT, and a carry chain over 16 bits, with the delays of Yosys' library.
    assert path is not None and 1.2 < path < 2.5
    assert logic_ns(tmp_path / "none.log") is None
