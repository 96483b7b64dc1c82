"""The boards: part, default clock and what the part holds."""

from dataclasses import dataclass, replace

from fpga_flow.core.errors import InputError


@dataclass(frozen=True)
class Board:
    """One board; the resource counts are those of its part's data sheet."""

    name: str
    part: str
    """The vendor's part name, as FINN and Vivado spell it."""
    yosys_family: str
    """`-family` of Yosys' `synth_xilinx`."""
    clock_mhz: float
    """Default clock of the accelerator."""
    lut: int
    ff: int
    bram18: int
    dsp: int


_PYNQ_Z1 = Board(
    name="pynq-z1",
    part="xc7z020clg400-1",
    yosys_family="xc7",
    clock_mhz=100.0,
    lut=53_200,
    ff=106_400,
    bram18=280,
    dsp=220,
)
_ZCU104 = Board(
    name="zcu104",
    part="xczu7ev-ffvc1156-2-e",
    yosys_family="xcup",
    clock_mhz=200.0,
    lut=230_400,
    ff=460_800,
    bram18=624,
    dsp=1_728,
)

BOARDS: dict[str, Board] = {
    board.name: board for board in (_PYNQ_Z1, replace(_PYNQ_Z1, name="pynq-z2"), _ZCU104)
}


def board(name: str) -> Board:
    """Return the board called `name`; raises `InputError` for an unknown one."""
    try:
        return BOARDS[name]
    except KeyError:
        raise InputError(f"board: must be one of {', '.join(BOARDS)}, not {name!r}") from None
