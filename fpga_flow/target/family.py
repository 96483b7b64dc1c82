"""What a device family is: everything that synthesis and estimates ask of one.

A family is one file in `fpga_flow.target.families`, or one that somebody registers there.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from fpga_flow.core import artifact
from fpga_flow.target.resources import Resources

WHERE = "@where"
"""In a command: `@where TYPE COMMAND` runs the command only where the design has a cell of that type.

`@where a:NAME COMMAND`: where a signal has that attribute, as in `(* NAME *) logic signal`.
"""
ADDERS = "network_of_adders"
"""Attribute of a signal in each module that is a network of adders of whole numbers."""


class BlockShape(NamedTuple):
    """Block RAM as a memory with one port to write and one to read."""

    bits: int
    words: int
    units: int
    """Of 18 Kibit."""
    cost: int
    """What Yosys' `memory_libmap` weighs it with."""


@dataclass(frozen=True)
class BlockRam:
    """Block RAM, as Yosys' library has it."""

    shapes: tuple[BlockShape, ...]
    """Widest first; none where there is no block RAM."""
    written: int = 9
    """Bits with a write enable of their own, of a word that has so many."""


@dataclass(frozen=True)
class LutMemory:
    """Memories made of LUTs."""

    rom_bits: int
    """Bits of a read-only memory in a LUT."""
    luts: int
    """LUTs of the smallest writable memory with one port to write and one to read."""
    shapes: tuple[tuple[int, int], ...]
    """Its bits and words."""
    cost: tuple[int, int]
    """What Yosys' `memory_libmap` weighs it with, where it is used; and where all its bits are, besides."""


@dataclass(frozen=True)
class Cells:
    """The cells that Yosys maps to, and how much of a resource one takes."""

    lut: dict[str, int]
    """Logic; LUTs."""
    lutram: dict[str, int]
    """Distributed memory; LUTs."""
    ff: dict[str, int]
    bram18: dict[str, int]
    """Block RAM; units of 18 Kibit."""
    dsp: dict[str, int]
    carry: dict[str, int]
    """Carry chains; units of four bits."""
    srl: dict[str, int] = field(default_factory=dict)
    """Shift registers; LUTs."""
    free: tuple[str, ...] = ()
    """Cells that take none of these."""


MOST_LEVELS = 6
"""Of logic between two registers, however slow the clock is."""


@dataclass(frozen=True, eq=False, repr=False)
class Family:
    """A device family."""

    name: str
    parts: tuple[str, ...]
    """How the names of its parts begin."""
    multiplier: tuple[int, int]
    """Bits of the two ports of a DSP's multiplier, signed; the wider one first."""
    dsp_product: int
    """Bits of both operands together from which Yosys takes a DSP for a product."""
    block_ram: BlockRam
    lut_memory: LutMemory
    cells: Cells
    synthesis: tuple[str, ...]
    """Yosys' commands that map the module `{top}`, once it has been read."""
    delays: bool = False
    """Whether these commands leave cells whose delays Yosys knows (`sta`)."""
    files: dict[str, Path] = field(default_factory=dict)
    """Files that these commands name, by the words in braces that stand for them."""
    black_boxes: dict[str, Path] = field(default_factory=dict)
    """Primitives that RTL instantiates, and the SystemVerilog file that has each as an empty module."""

    level_ns: float = 10 / 6
    """What a level of logic (a LUT, a carry chain, a read of a memory in LUTs) is given, with wires.

    Six of them take 4 ns at most, by Yosys, and wires about as long again.
    """

    scales: dict[str, dict[str, float]] = field(default_factory=dict)
    """Operator of a layer -> resource -> what estimates are multiplied by, for another tool than Yosys."""

    def scaled(self, operator: str, taken: Resources) -> Resources:
        """Return `taken`, an estimate of a layer of `operator`, as `scales` has it."""
        found = self.scales.get(operator)
        if not found:
            return taken
        return replace(taken, **{key: factor * getattr(taken, key) for key, factor in found.items()})

    def levels(self, clock_mhz: float) -> int:
        """Return how many levels of logic may lie between two registers at `clock_mhz`."""
        return max(1, min(MOST_LEVELS, int(1000 / clock_mhz / self.level_ns + 1e-9)))

    @property
    def joins_luts(self) -> bool:
        """Whether its parts have `LUT6_2`: two functions of the same five inputs in a LUT."""
        return "LUT6_2" in self.cells.lut

    @property
    def digest(self) -> str:
        """Of all that synthesis depends on, with the content of the files."""
        table: dict[str, Any] = asdict(self)
        del table["scales"], table["level_ns"]  # which synthesis by Yosys knows nothing of
        for name in ("files", "black_boxes"):
            table[name] = {key: artifact.digest_file(path) for key, path in table[name].items()}
        return artifact.digest_json(table)
