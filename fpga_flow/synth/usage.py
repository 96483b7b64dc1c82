"""What a synthesised module is made of: Yosys' cell counts, and what of the device they take."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fpga_flow.core.errors import ToolError

LUT_OF_LOGIC = {**{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "INV": 1}
"""LUT sites of a logic cell. An inverter that Yosys leaves takes a LUT of its own."""

LUT_OF_RAM = {
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM256X1D": 8,
    "RAM512X1S": 8,
}
"""LUT sites of a distributed memory (UG474, UG574)."""

LUT_OF_SHIFT_REGISTER = {"SRL16": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
"""LUT sites of a shift register; two of 16 bits could share one, which Yosys does not decide."""

FLIP_FLOPS = {f"FD{kind}{edge}" for kind in ("RE", "SE", "CE", "PE") for edge in ("", "_1")} | {
    "LDCE",
    "LDPE",
}
BRAM18 = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2, "FIFO18E1": 1, "FIFO36E1": 2}
DSP = {"DSP48E1": 1, "DSP48E2": 1}
CARRY = {"CARRY4": 1, "CARRY8": 2}
"""In units of four bits."""

_FREE = {"MUXF7", "MUXF8", "MUXF9", "BUFG", "VCC", "GND", "$scopeinfo"}


@dataclass(frozen=True)
class Usage:
    """Resources of one module; `lut` includes the LUTs used as memory and as shift registers."""

    lut: int = 0
    ff: int = 0
    bram18: int = 0
    dsp: int = 0
    lutram: int = 0
    """LUTs used as distributed memory."""
    srl: int = 0
    """LUTs used as shift registers."""
    carry: int = 0
    """Carry chains, in units of four bits."""

    def __add__(self, other: "Usage") -> "Usage":
        mine, theirs = asdict(self), asdict(other)
        return Usage(**{key: mine[key] + theirs[key] for key in mine})

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum of `usages`."""
    return sum(usages, Usage())


def usage_of(cells: Mapping[str, int]) -> Usage:
    """Return what `cells` (count by cell type) take of the device.

    Raises `ToolError` for a type that is no primitive of the device: the module was not mapped
    completely, or it instantiates a module that is not there, and its counts would be too small.
    """
    known = (
        LUT_OF_LOGIC.keys()
        | LUT_OF_RAM.keys()
        | LUT_OF_SHIFT_REGISTER.keys()
        | FLIP_FLOPS
        | BRAM18.keys()
        | DSP.keys()
        | CARRY.keys()
        | _FREE
    )
    unknown = sorted(cells.keys() - known)
    if unknown:
        raise ToolError(f"yosys: cells that are not mapped to the device: {', '.join(unknown)}")
    count = Counter(cells)

    def weigh(weights: Mapping[str, int]) -> int:
        return sum(weight * count[name] for name, weight in weights.items())

    memory, shift = weigh(LUT_OF_RAM), weigh(LUT_OF_SHIFT_REGISTER)
    return Usage(
        lut=weigh(LUT_OF_LOGIC) + memory + shift,
        ff=sum(count[name] for name in FLIP_FLOPS),
        bram18=weigh(BRAM18),
        dsp=weigh(DSP),
        lutram=memory,
        srl=shift,
        carry=weigh(CARRY),
    )


def read_statistics(path: Path) -> dict[str, int]:
    """Return the cell counts in `path`, as `stat -json` of Yosys writes them for a flat design."""
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8"))
        cells = table["design"]["num_cells_by_type"]
        return {str(name): int(count) for name, count in cells.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"yosys: no cell counts in {path}: {error!r}") from None
