"""What the families of AMD (Xilinx) that `synth_xilinx` of Yosys maps to have in common."""

from collections.abc import Iterable
from pathlib import Path

from fpga_flow.target.family import ADDERS, WHERE, BlockRam, BlockShape, Cells

HERE = Path(__file__).parent
HALF = (36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)
FULL = (72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768)
BLOCK_RAM = BlockRam(  # UG473, UG573
    (*(BlockShape(*shape, 1, 129) for shape in HALF), *(BlockShape(*shape, 2, 257) for shape in FULL))
)
LUTS = {**{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "LUT6_2": 1, "INV": 1}
"""One with both outputs is a LUT all the same; an inverter that Yosys leaves takes a LUT of its own."""
LUTRAM = {
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
"""LUTs of a distributed memory (UG474, UG574)."""
FLIP_FLOPS = dict.fromkeys(
    (
        *(f"FD{kind}{edge}" for kind in ("RE", "SE", "CE", "PE") for edge in ("", "_1")),
        "LDCE",
        "LDPE",
    ),
    1,
)
SHIFT_REGISTERS = {"SRL16": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
"""Two of 16 bits could share a LUT, which Yosys does not decide."""
FREE = ("MUXF7", "MUXF8", "MUXF9", "BUFG", "VCC", "GND")
BLACK_BOXES = {"LUT6_2": HERE / "xilinx_lut6_2.sv"}
PATH = 3_000
"""Picoseconds that Yosys' ABC may spend on a path, by its delays of LUTs and wires: six levels of logic.

Where a path has fewer it saves LUTs; told nothing, it maps everything for the least delay."""
READ = 2_454
"""Picoseconds that a read of block RAM takes by Yosys' library: logic behind one may end so much later."""
OF_ADDERS = "+&scorr; &dc2; &dch -f -r; &ps; &if {W} {D} {R} -v; &mfs"
"""What ABC does with adders of whole numbers: what it does with everything, less `&sweep`.

That reads a bit from whatever equals it, which may stand an adder deeper: two adders between registers became
three, and carry chains that nobody else wanted stayed. Other modules take up to 7 % fewer LUTs with it.
"""
FILES = {
    "shift_registers": HERE / "xilinx_shift_registers.v",
    "rom_library": HERE / "xilinx_rom.txt",
    "rom": HERE / "xilinx_rom.v",
}


def cells(bram18: dict[str, int], dsp: str, carry: dict[str, int]) -> Cells:
    """Return the cells of a family, of which only block RAM, DSP and carry chains have names of their own."""
    return Cells(LUTS, LUTRAM, FLIP_FLOPS, bram18, {dsp: 1}, carry, SHIFT_REGISTERS, FREE)


def synthesis(family: str, block_rams: Iterable[str], *extra: str) -> tuple[str, ...]:
    """Return Yosys' commands for `family` (`-family` of `synth_xilinx`), in which memories are `block_rams`.

    They are all of `synth_xilinx` but its first step: that leaves a thousand more modules (`cells_xtra.v`) in
    the design, of which only `extra` are ever instantiated, and which make every pass two to three times
    slower.
    """
    synth = f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -run"
    wanted = " ".join(f"={cell}" for cell in extra)
    copied = (
        "design -stash mine",
        "read_verilog -lib +/xilinx/cells_xtra.v",
        "design -stash extra",
        "design -load mine",
        f"design -copy-from extra {wanted}",
    )
    return (
        f"scratchpad -set abc9.D {PATH}",
        f'{WHERE} a:{ADDERS} scratchpad -set abc9.script "{OF_ADDERS}"'.replace("{", "{{").replace("}", "}}"),
        "techmap -map {shift_registers} t:$bmux",
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        *(copied if extra else ()),
        "hierarchy -check -top {top}",
        f"{synth} prepare:map_memory",
        f"{WHERE} $mem_v2 memory_libmap -lib {{rom_library}} a:ram_style=distributed r:WR_PORTS=0 %i",
        f"{WHERE} $mem_v2 {synth} map_memory:map_ffram",
        f"{WHERE} $mem_v2 memory_libmap -lib {{rom_library}} r:WR_PORTS=0",
        "techmap -map {rom} t:$__XILINX_ROM_",
        *(f"{WHERE} {cell} scratchpad -set abc9.D {PATH + READ}" for cell in block_rams),
        f"{synth} map_ffram:check",
    )
