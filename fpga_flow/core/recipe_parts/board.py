"""What a board's file says, and a recipe's table `board`."""

from typing import Annotated

from pydantic import Field

from fpga_flow.core.recipe_parts.base import Count, Name, Part

Factor = Annotated[float, Field(gt=0, le=20)]


class ScaleRecipe(Part):
    """What estimates of layers of an operator are multiplied by."""

    lut: Factor | None = None
    """Of look-up tables; None: as estimated, which is for Yosys."""
    ff: Factor | None = None
    """Of flip-flops."""


class BoardRecipe(Part):
    """A board of your own: a file (`board = "mine.toml"`, `--board mine.toml`), or this table."""

    name: Name
    """What reports call it."""
    part: Annotated[str, Field(min_length=1)]
    """The vendor's name of the FPGA."""
    family: str
    """Of the part; `flow list` shows those of the boards."""
    clock_mhz: Annotated[float, Field(ge=1, le=1000)]
    """Of the accelerator, unless `hardware.clock_mhz` says otherwise."""
    lut: Count
    """Look-up tables of the part."""
    ff: Count
    """Flip-flops of the part."""
    bram18: Count
    """Block RAMs of the part, in units of 18 Kibit."""
    dsp: Count
    """DSP slices of the part."""
    processor: str | None = None
    """The vendor's IP of the processor beside the FPGA, as Vivado calls it; `flow bitstream` needs it."""
    level_ns: Annotated[float, Field(gt=0, le=20)] | None = None
    """What a level of logic takes with its wires, in ns, as `flow refit --timing` finds it; adders and
    searches of thresholds are pipelined by it and the clock. Left out: 1.67, six levels at 100 MHz."""
    scales: dict[str, ScaleRecipe] = {}
    """By operator of a layer, as `flow refit` finds them: what your synthesis tool makes of it."""
