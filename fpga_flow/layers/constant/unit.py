"""A constant matrix as a unit with a stream in and a stream out, around its network of adders."""

from dataclasses import dataclass
from functools import cached_property

from fpga_flow.layers.constant import core
from fpga_flow.layers.constant.adders import AdderGraph
from fpga_flow.layers.constant.schedule import Digits, Schedule, schedule
from fpga_flow.target.family import MOST_LEVELS

MODULES = (*core.MODULES, "df_digits_in.sv", "df_digits_out.sv")
"""That it instantiates, in `layers/hdl`."""


@dataclass(frozen=True)
class Words:
    """What a unit takes and gives."""

    simd: int
    """Values of a word in; divides the number of inputs."""
    pe: int
    """Values of a word out; divides the number of outputs."""
    in_bits: int
    """Of a value in, as it is coded."""
    signed: bool
    bipolar: bool
    """Values in are of one bit, 0 for -1."""
    out_bits: int
    """Of a value out."""


@dataclass(frozen=True)
class Unit:
    """A network of adders with streams on both sides.

    Raises `ValueError` where numbers of values are no multiples of those of a word.
    """

    graph: AdderGraph
    digit: int
    """Bits of each number a cycle."""
    words: Words
    levels: int = MOST_LEVELS
    packed: bool = True
    """The part has `LUT6_2`."""

    def __post_init__(self) -> None:
        if self.graph.sums.bits > self.words.out_bits:
            raise ValueError(f"sums must have {self.graph.sums.bits} bits or more, not {self.words.out_bits}")
        if len(self.graph.inputs) % self.words.simd or len(self.graph.outputs) % self.words.pe:
            sizes = f"{len(self.graph.inputs)} inputs and {len(self.graph.outputs)} outputs"
            raise ValueError(f"{sizes} must be multiples of SIMD={self.words.simd} and PE={self.words.pe}")

    @property
    def words_in(self) -> int:
        """Words of a vector."""
        return len(self.graph.inputs) // self.words.simd

    @property
    def words_out(self) -> int:
        """Words of its sums."""
        return len(self.graph.outputs) // self.words.pe

    @property
    def digits(self) -> Digits:
        """How numbers are cut."""
        return Digits.of(max(self.words.out_bits, self.words.in_bits + self.words.bipolar), self.digit)

    @property
    def interval(self) -> int:
        """Cycles from vector to vector."""
        return max(self.digits.count, self.words_in, self.words_out)

    @property
    def whole(self) -> bool:
        """Whether a word is a vector, and all of it is worked on at once: nothing waits for another."""
        return not self.digits.serial and self.words_in == self.words_out == 1

    @cached_property
    def schedule(self) -> Schedule:
        """When each value is there."""
        # One adder needs some, whatever is asked for.
        levels = max(self.levels, self.digits.least)
        return schedule(self.graph, self.digits, words=self.words_out, levels=levels, held=not self.whole)

    @property
    def latency(self) -> int:
        """Cycles from the last word of a vector in to the first word out."""
        return self.schedule.latency + (0 if self.whole else self.digits.count + 1)

    def modules(self, name: str) -> str:
        """Return the modules `<name>_network` and `name`, which has the ports of the house."""
        words, timed = self.words, self.schedule
        taken, given = core.port_bits(timed)
        inputs, outputs = len(self.graph.inputs), len(self.graph.outputs)
        return f"""{core.module(timed, f"{name}_network", self.packed)}
module {name} (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [{words.simd * words.in_bits - 1}:0] data_i,
  input  logic valid_i,
  output logic ready_o,
  output logic [{words.pe * words.out_bits - 1}:0] data_o,
  output logic valid_o,
  input  logic ready_i
);
  logic enable, start_in, start_out;
  logic [{inputs * taken - 1}:0] digits_in;
  logic [{outputs * given - 1}:0] digits_out;
{self._as_it_is(taken, given) if self.whole else self._in_words(taken, given)}
  {name}_network network (
    .clk_i, .rst_ni, .enable_i(enable), .start_i(start_in), .digits_i(digits_in),
    .start_o(start_out), .digits_o(digits_out)
  );
endmodule
"""

    def _as_it_is(self, taken: int, given: int) -> str:
        """Return what is around the network where a word is a vector: all of it stands still at once.

        The words come from a register, and go to one: those of the FIFOs on both sides, or of another layer.
        """
        words, bits = self.words, self.words.in_bits
        inputs = [
            f"assign digits_in[{i * taken}+:{taken}] = "
            + (f"{{!data_i[{i}], 1'b1}};" if words.bipolar else f"data_i[{i * bits}+:{bits}];")
            for i in range(words.simd)
        ]
        signed = self.graph.sums.signed
        outputs = [
            f"assign data_o[{i * words.out_bits}+:{words.out_bits}] = {words.out_bits}'("
            + (
                f"$signed(digits_out[{i * given}+:{given}])"
                if signed
                else f"digits_out[{i * given}+:{given}]"
            )
            + ");"
            for i in range(words.pe)
        ]
        lines = [
            "assign enable = !start_out || ready_i;",
            "assign ready_o = enable;",
            "assign start_in = valid_i;",
            "assign valid_o = start_out;",
            *inputs,
            *outputs,
        ]
        return "\n".join(f"  {line}" for line in lines)

    def _in_words(self, taken: int, given: int) -> str:
        """Return the modules that take words apart into digits, and put them together."""
        words, digits = self.words, self.digits
        inputs, outputs = len(self.graph.inputs), len(self.graph.outputs)
        return f"""  df_digits_in #(
    .Values({inputs}), .Lanes({words.simd}), .Width({words.in_bits}), .Signed({int(words.signed)}),
    .Bipolar({int(words.bipolar)}), .Digit({taken}), .Interval({self.interval})
  ) taking (
    .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .enable_i(enable), .start_o(start_in), .digits_o(digits_in)
  );
  df_digits_out #(
    .Values({outputs}), .Lanes({words.pe}), .Digit({given}), .Digits({digits.count}),
    .Signed({int(self.graph.sums.signed)}), .Width({words.out_bits})
  ) giving (
    .clk_i, .rst_ni, .start_i(start_out), .digits_i(digits_out), .enable_o(enable),
    .data_o, .valid_o, .ready_i
  );"""
