"""A module's netlist of words and registers, as Yosys reads it from the RTL, before anything is optimised."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from fpga_flow.core.errors import ToolError
from fpga_flow.prove.cells import Cell
from fpga_flow.prove.forms import UNKNOWN, Bit, UnreadError
from fpga_flow.synth.yosys import read_commands, run_script

CONSTANTS = {"0": 0, "1": 1, "x": UNKNOWN, "z": UNKNOWN}
"""Bits that are no nets, and what they are; each is the net of that number."""
REGISTER = "$dff"


class Register(NamedTuple):
    """Bits that are taken over with every rising edge."""

    data: tuple[int, ...]
    output: tuple[int, ...]


@dataclass(frozen=True)
class Netlist:
    """A flat module with one clock. Nets are numbers; the first of them are 0, 1 and unknown."""

    ports: Mapping[str, tuple[int, ...]]
    """The lowest bit first."""
    cells: tuple[Cell, ...]
    """Each behind those whose outputs it reads."""
    registers: tuple[Register, ...]
    nets: int


def read(
    module: str, sources: Sequence[Path], boxes: Mapping[str, Path], clock: str, folder: Path, log: Path
) -> Netlist:
    """Return the netlist of `module`, read from `sources` in `folder`.

    `boxes` are modules that stay cells, each with its source: their ports are kept, their content is not
    looked at. Raises `ToolError` where Yosys fails, `UnreadError` for registers and loops that no synchronous
    design with one clock has.
    """
    empty = {name: _empty(path, log.with_name(f"{name}_box.sv")) for name, path in boxes.items()}
    table = log.with_suffix(".json")
    # Yosys runs in `folder`, where a path that starts from here would lead nowhere.
    files = [path.resolve() for path in sources if path not in boxes.values()]
    commands = [
        *read_commands(module, files, None, empty),
        f"hierarchy -check -top {module}",
        "proc -noopt",
        "flatten",
        "clean",
        f'write_json "{table}"',
    ]
    run_script("\n".join(commands) + "\n", folder, log)
    return _netlist(json.loads(table.read_text(encoding="utf-8"))["modules"][module], clock, boxes)


def _empty(source: Path, target: Path) -> Path:
    """Write the module in `source` into `target` without its content."""
    head, found, _ = source.read_text(encoding="utf-8").partition("\n);\n")
    if not found:
        raise ToolError(f"{source}: the ports must end with a line of ');' alone")
    target.write_text(f"{head}{found}endmodule\n", encoding="utf-8")
    return target


def _netlist(table: Mapping[str, Any], clock: str, boxes: Mapping[str, Path]) -> Netlist:
    numbers: dict[int | str, int] = dict(CONSTANTS.items())
    count = max(CONSTANTS.values()) + 1

    def nets(bits: Sequence[int | str]) -> tuple[int, ...]:
        nonlocal count
        for bit in bits:
            if bit not in numbers:
                numbers[bit] = count
                count += 1
        return tuple(numbers[bit] for bit in bits)

    ports = {name: nets(port["bits"]) for name, port in table["ports"].items()}
    cells, registers = [], []
    for name, cell in table["cells"].items():
        kind = cell["type"]
        joined = {port: nets(bits) for port, bits in cell["connections"].items()}
        parameters = {key: _number(text) for key, text in cell["parameters"].items()}
        if kind == REGISTER:
            if joined["CLK"] != ports[clock] or not parameters["CLK_POLARITY"]:
                raise UnreadError(f"{name}: the register must be clocked by the rising edge of {clock}")
            registers.append(Register(joined["D"], joined["Q"]))
            continue
        if not kind.startswith("$") and kind not in boxes:
            raise UnreadError(f"{name}: the cell must be of a kind that Yosys knows, not {kind}")
        sides = cell["port_directions"]
        cells.append(
            Cell(
                name,
                kind,
                parameters,
                {port: bits for port, bits in joined.items() if sides[port] == "input"},
                {port: bits for port, bits in joined.items() if sides[port] == "output"},
            )
        )
    return Netlist(ports, _ordered(cells), tuple(registers), count)


def _number(text: str | int) -> int:
    return int(text, 2) if isinstance(text, str) and text.strip("01") == "" and text else 0


def _ordered(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    driver = {net: at for at, cell in enumerate(cells) for bits in cell.outputs.values() for net in bits}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for at, cell in enumerate(cells):
        reads = (net for bits in cell.inputs.values() for net in bits)
        sorter.add(at, *{driver[net] for net in reads if net in driver})
    try:
        return tuple(cells[at] for at in sorter.static_order())
    except CycleError as error:
        names = ", ".join(cells[at].name for at in error.args[1][:4])
        raise UnreadError(f"a loop without a register: {names}") from None


def unknowns(count: int) -> list[Bit]:
    """Return what `count` nets are as long as nothing is known of them."""
    found = [UNKNOWN] * count
    found[0], found[1] = 0, 1
    return found
