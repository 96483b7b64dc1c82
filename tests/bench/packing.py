"""How many products a DSP gives, by the bits of both operands: `python -m tests.bench.packing`.

Prints the tables for docs/dsp.md, from the packing's own code (`lanes_of`), and draws docs/dsp.png: the DSPs
of a fully parallel layer against its bits.
"""

from collections.abc import Iterator
from dataclasses import replace

from matplotlib import rc_context
from matplotlib.figure import Figure

from fpga_flow.core.recipe import ROOT
from fpga_flow.layers.matrix import lanes_of
from fpga_flow.report.plots import BLUE, GREY, ORANGE, RED, STYLE
from fpga_flow.target.families import family_named
from fpga_flow.target.family import Family

PICTURE = ROOT / "docs" / "dsp.png"
MULTIPLIERS = {"DSP48E1": (25, 18), "DSP48E2": (27, 18), "DSP58": (27, 24), "MULT18X18D": (18, 18)}
"""Signed bits of both ports (UG479, UG579, AM004, FPGA-DS-02012)."""
BITS = range(2, 9)
WIDEST = 18
ROWS, COLUMNS = 32, 64
"""Of the layer in the picture."""


def family_with(multiplier: tuple[int, int]) -> Family:
    """Return a family whose DSPs have ports of so many bits."""
    return replace(family_named("xc7"), multiplier=multiplier)


def products(multiplier: tuple[int, int], weight_bits: int, input_bits: int) -> int:
    """Return the products of one DSP, with weights that leave out the least number of their type."""
    return lanes_of(family_with(multiplier), weight_bits, input_bits, narrow=True)


def dsps(multiplier: tuple[int, int], bits: int) -> int:
    """Return the DSPs of a layer of `ROWS` x `COLUMNS`, all of it in parallel.

    Products of the rows share a DSP, as in FINN's matrix unit.
    """
    return COLUMNS * -(-ROWS // products(multiplier, bits, bits))


def table(name: str) -> Iterator[str]:
    """Yield the lines of the table of a primitive: rows are the bits of weights, columns those of inputs."""
    yield f"| {name}: weights | " + " | ".join(f"{bits} bit inputs" for bits in BITS) + " |"
    yield "|---|" + "---|" * len(BITS)
    for weight in BITS:
        cells = " | ".join(str(products(MULTIPLIERS[name], weight, bits)) for bits in BITS)
        yield f"| {weight} bits | {cells} |"


def draw() -> None:
    """Write the picture."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.0, 3.6), layout="constrained")
        axes = figure.subplots()
        marks = zip(MULTIPLIERS, (BLUE, ORANGE, RED, GREY), ("-", "--", ":", "-."), strict=True)
        for name, colour, line in marks:
            bits = range(2, min(MULTIPLIERS[name]) + 1)
            counts = [dsps(MULTIPLIERS[name], number) for number in bits]
            axes.step(bits, counts, where="mid", color=colour, linestyle=line, label=name)
        axes.set_xlim(2, WIDEST)
        axes.set_ylim(0)
        axes.set_xlabel("bits of weights and of inputs")
        axes.set_ylabel(f"DSPs of a {ROWS} x {COLUMNS} layer")
        axes.legend(frameon=False)
        figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


def main() -> None:
    """Print the tables and draw the picture."""
    for name in MULTIPLIERS:
        print(*table(name), "", sep="\n")
    draw()


if __name__ == "__main__":
    main()
