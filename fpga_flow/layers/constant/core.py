"""A network of adders as a SystemVerilog module: digits in, digits out, a fixed number of cycles later."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fpga_flow.layers.constant.adders import Range
from fpga_flow.layers.constant.schedule import Schedule, Use
from fpga_flow.target.family import ADDERS

MODULES = ("df_digit_adder.sv",)
"""That it instantiates, in `layers/hdl`."""


@dataclass
class _Text:
    """The module as it grows: what must be declared, and the delays that somebody asked for."""

    schedule: Schedule
    declarations: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    delays: dict[int, int] = field(default_factory=dict)
    """Value -> longest delay."""
    zeroed: dict[tuple[int, int, int, int], str] = field(default_factory=dict)
    """Value, delay, zeros, time -> the register's name."""
    keeps: dict[int, int] = field(default_factory=dict)
    """Number of zeros -> longest delay of the signal that says that they are over in the next cycle."""

    def keep(self, zeros: int, time: int) -> str:
        """Return the signal: of values of `time` the next digit is one, and not one of the first `zeros`."""
        self.keeps[zeros] = max(time, self.keeps.get(zeros, 0))
        return f"keep_{zeros}[{time}]"

    def delayed(self, value: int, delay: int) -> str:
        """Return the signal of `value`, `delay` cycles later."""
        self.delays[value] = max(delay, self.delays.get(value, 0))
        return f"v{value}" if delay == 0 else f"v{value}_{delay}"

    def with_zeros(self, value: int, delay: int, zeros: int, time: int) -> str:
        """Return the register of `value`, `delay` cycles later, its first `zeros` digits at `time` 0."""
        key = (value, delay, zeros, time)
        if key not in self.zeroed:
            name = f"v{value}_{delay}_z{zeros}"
            self.zeroed[key] = name
            before, keep = self.delayed(value, delay - 1), self.keep(zeros, time)
            self.declarations.append(f"logic [{self.schedule.digits.width - 1}:0] {name};")
            self.body.append(f"always_ff @(posedge clk_i) if (enable_i) {name} <= {keep} ? {before} : '0;")
        return self.zeroed[key]

    def digit(self, use: Use, time: int, *, masked: bool = False) -> str:
        """Return the digit of a value as it is wanted at `time`; `masked`: its reader puts the zeros in."""
        width = self.schedule.digits.width

        def at(delay: int, zeros: int) -> str:
            if not zeros or masked:
                return self.delayed(use.value, delay)
            return self.with_zeros(use.value, delay, zeros, time)

        now = at(use.delay, use.zeros)
        if not use.bits:
            return now
        before = at(use.delay + 1, use.zeros + 1)
        return f"{{{now}[{width - use.bits - 1}:0], {before}[{width - 1}:{width - use.bits}]}}"


def extended(signal: str, held: Range, width: int) -> str:
    """Return `signal`, whose bits are those of `held`, cut or extended to `width` bits."""
    bits = max(1, held.bits)
    if width <= bits:
        return f"{signal}[{width - 1}:0]"
    sign = f"{signal}[{bits - 1}]" if held.signed else "1'b0"
    return f"{{{{{width - bits}{{{sign}}}}}, {signal}}}"


def _parallel_adder(text: _Text, place: int) -> None:
    """An adder of all bits; where the other operand is shifted, the lowest ones are as they are."""
    graph = text.schedule.graph
    value = len(graph.inputs) + place
    held = graph.ranges[value]
    width, subtract = max(1, held.bits), graph.adders[place].subtract
    left, right = text.schedule.operands(place)

    def bits(use: Use, low: int) -> str:
        signal, own = text.delayed(use.value, use.delay), graph.ranges[use.value]
        if use.bits >= low:
            zeros = use.bits - low
            if zeros >= width - low:
                return f"{width - low}'d0"
            above = extended(signal, own, width - low - zeros)
            return f"{{{above}, {zeros}'d0}}" if zeros else above
        skipped = low - use.bits
        whole = extended(signal, own, max(width - use.bits, skipped + 1))
        name = f"v{use.value}_x{value}_{use.delay}_{use.bits}"
        text.declarations.append(f"logic [{max(width - use.bits, skipped + 1) - 1}:0] {name};")
        text.body.append(f"assign {name} = {whole};")
        return f"{name}[{width - use.bits - 1}:{skipped}]"

    text.declarations.append(f"logic [{width - 1}:0] v{value};")
    sign = "-" if subtract else "+"
    if left is None:
        text.body.append(f"assign v{value} = -{bits(right, 0)};")
        return
    low = right.bits if right.bits else (0 if subtract else left.bits)
    if low == 0 or low >= width:
        text.body.append(f"assign v{value} = {bits(left, 0)} {sign} {bits(right, 0)};")
        return
    plain = left if right.bits else right
    signal = text.delayed(plain.value, plain.delay)
    text.body.append(f"assign v{value}[{low - 1}:0] = {extended(signal, graph.ranges[plain.value], low)};")
    text.body.append(f"assign v{value}[{width - 1}:{low}] = {bits(left, low)} {sign} {bits(right, low)};")


def _digit_adder(text: _Text, place: int, packed: bool) -> None:
    """An adder of a digit."""
    graph, width = text.schedule.graph, text.schedule.digits.width
    value = len(graph.inputs) + place
    time, subtract = text.schedule.times[value], graph.adders[place].subtract
    left, right = text.schedule.operands(place)
    if left is not None and width == 1 and text.schedule.digits.masks_left(graph.adders[place]):
        left, right = right, left
    mask = width == 1 and right.zeros > 0
    a = f"{width}'d0" if left is None else text.digit(left, time)
    b = text.digit(right, time, masked=mask)
    on = text.keep(right.zeros, time + 1) if mask else "1'b1"
    text.declarations.append(f"logic [{width - 1}:0] v{value};")
    settings = f".Width({width}), .Subtract({int(subtract)}), .Packed({int(packed)})"
    text.body.append(
        f"df_digit_adder #({settings}) adder_{value} ("
        f".clk_i, .enable_i, .more_i({text.keep(1, time)}), .mask_i({on}), .a_i({a}), .b_i({b}), "
        f".sum_o(v{value}));"
    )


def module(schedule: Schedule, name: str, packed: bool = True) -> str:
    """Return the module `name`.

    Ports: `start_i` with the first digits of a vector, then no other for `digits.count` cycles; `start_o`
    with the first digits of its first outputs, `latency` cycles later. All of it moves where `enable_i` is 1.
    `digits_i`, `digits_o`: a digit of each input and output, the first one lowest; where a number has one
    digit only, the bits of the widest input, and of the type of all outputs. `packed`: the part has `LUT6_2`.
    """
    graph, digits = schedule.graph, schedule.digits
    taken, given = port_bits(schedule)
    text = _Text(schedule)
    for place, held in enumerate(graph.inputs):
        bits = digits.width if digits.serial else max(1, held.bits)
        text.declarations.append(f"logic [{bits - 1}:0] v{place};")
        text.body.append(f"assign v{place} = digits_i[{place * taken + bits - 1}:{place * taken}];")
    for place in range(len(graph.adders)):
        if digits.serial:
            _digit_adder(text, place, packed)
        else:
            _parallel_adder(text, place)
    for place, use in enumerate(schedule.outputs()):
        slot = f"{(place + 1) * given - 1}:{place * given}"
        text.body.append(f"assign digits_o[{slot}] = {_output(text, use, place, given)};")
    return _assembled(text, name, taken, given)


def port_bits(schedule: Schedule) -> tuple[int, int]:
    """Return the bits of an input, and of an output, at the module's ports."""
    if schedule.digits.serial:
        return schedule.digits.width, schedule.digits.width
    graph = schedule.graph
    return max(1, *(held.bits for held in graph.inputs)), max(1, graph.sums.bits)


def _output(text: _Text, use: Use | None, place: int, width: int) -> str:
    if use is None:
        return f"{width}'d0"
    if text.schedule.digits.serial:
        return text.digit(use, text.schedule.output_time(place))
    above = extended(
        text.delayed(use.value, use.delay), text.schedule.graph.ranges[use.value], width - use.bits
    )
    return f"{{{above}, {use.bits}'d0}}" if use.bits else above


def _assembled(text: _Text, name: str, taken: int, given: int) -> str:
    graph, digits, latency = text.schedule.graph, text.schedule.digits, text.schedule.latency
    ranges = graph.ranges
    registers: list[str] = []
    for value, delay in sorted(text.delays.items()):
        bits = digits.width if digits.serial else max(1, ranges[value].bits)
        for step in range(1, delay + 1):
            before = f"v{value}" if step == 1 else f"v{value}_{step - 1}"
            text.declarations.append(f"logic [{bits - 1}:0] v{value}_{step};")
            registers.append(f"v{value}_{step} <= {before};")
    lines = [
        "// verilator lint_off UNUSEDSIGNAL",
        f"module {name} (",
        "  input  logic clk_i,",
        "  input  logic rst_ni,",
        "  input  logic enable_i,",
        "  input  logic start_i,",
        f"  input  logic [{max(1, len(graph.inputs)) * taken - 1}:0] digits_i,",
        "  output logic start_o,",
        f"  output logic [{max(1, len(graph.outputs)) * given - 1}:0] digits_o",
        ");",
        *_indented(_control(text, latency)),
        *_indented(text.declarations),
        *_indented(text.body),
        *_indented(["always_ff @(posedge clk_i) if (enable_i) begin"] if registers else []),
        *_indented(_indented(registers)),
        *_indented(["end"] if registers else []),
        "endmodule",
        "// verilator lint_on UNUSEDSIGNAL",
    ]
    return "\n".join(lines) + "\n"


def _control(text: _Text, latency: int) -> list[str]:
    """Shift registers that follow a vector through the network."""
    last = text.schedule.digits.count - 1
    length = max(latency, last)
    attribute = "" if text.schedule.digits.serial else f"(* {ADDERS} *) "
    lines = [f"{attribute}logic [{length}:0] start;", "assign start[0] = start_i;"]
    shifts = [("start", length)] if length else []
    for zeros, delay in sorted(text.keeps.items()):
        lines.append(f"logic [{delay}:0] keep_{zeros};")
        running = f"|start[{last - 1}:{zeros - 1}]" if zeros <= last else "1'b0"
        lines.append(f"assign keep_{zeros}[0] = {running};")
        if delay:
            shifts.append((f"keep_{zeros}", delay))
    for name, delay in shifts:
        lines += [
            f"logic [{delay}:1] {name}_q;",
            f"assign {name}[{delay}:1] = {name}_q;",
            f"always_ff @(posedge clk_i) if (!rst_ni) {name}_q <= '0;",
            f"else if (enable_i) {name}_q <= {name}[{delay - 1}:0];",
        ]
    return [*lines, f"assign start_o = start[{latency}];"]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
