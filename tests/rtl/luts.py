"""Modules that instantiate the vendor's LUTs, read into Yosys as the logic that these are."""

from collections.abc import Sequence

from fpga_flow.target.families import family_named

BOX = {"LUT6_2": family_named("xc7").black_boxes["LUT6_2"]}
"""Cell -> the empty module that the front end needs."""


def as_logic(module: str, read: Sequence[str], name: str) -> list[str]:
    """Return the Yosys commands that stash `module`, which `read` reads with `BOX`, as the design `name`."""
    return [
        "design -reset",
        *read,
        *(f"delete ={cell}" for cell in BOX),
        "read_verilog +/xilinx/cells_sim.v",
        f"hierarchy -check -top {module}",
        "proc",
        "flatten",
        "async2sync",
        "opt_clean",
        f"rename {module} {name}",
        f"design -stash {name}",
    ]
