"""What pruning saves in a depthwise layer: `python -m tests.bench.bench_depthwise`.

A layer of 32 channels (3 x 3, 10 x 10 positions, UINT4 times INT4, random weights) is folded for some rates
with its products dense and as adders, and its unit synthesised by Yosys for a PYNQ-Z1's part. Writes
docs/depthwise.csv.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.problem import Problem, apply
from fpga_flow.hardware.lower import lower
from fpga_flow.layers.base import Weighing
from fpga_flow.target.board import board
from tests.bench.built import counted, folding_text
from tests.bench.tables import cost, write_rows
from tests.networks import Builder

FILE = ROOT / "docs" / "depthwise.csv"
BOARD = board("pynq-z1")
CHANNELS, SIZE = 32, 12
ZEROS = (0.0, 0.5, 0.9)
CYCLES = (32_000, 3_600, 1_200, 400, 160)
"""A frame."""
WAYS: tuple[Weighing, ...] = ("dense", "constant")


@dataclass(frozen=True)
class Row:
    """The unit of a layer, built in one way."""

    zeros: float
    wanted: int
    """Cycles a frame, at most."""
    implementation: str
    cycles: int
    window: str
    """Folding of the generator."""
    unit: str
    expected: float
    """LUTs by formula."""
    lut: float
    ff: float
    bram18: float
    dsp: float
    cost: float


def network(zeros: float) -> ModelWrapper:
    """Return the layer alone, so much of its weights 0."""
    builder = Builder((CHANNELS, SIZE, SIZE), "UINT4")
    shape = (CHANNELS, 1, 3, 3)
    values = builder.rng.choice([-1, 1], shape) * builder.rng.integers(1, 8, shape)
    values[builder.rng.random(shape) < zeros] = 0
    return builder.convolve(values, "INT4", group=CHANNELS).build()


def rows() -> Iterator[Row]:
    """Yield the rows of the table."""
    for zeros in ZEROS:
        for way in WAYS:
            with finn_session():
                model = lower(network(zeros), BOARD.part, 0)
                problem = Problem(model, BOARD, weights=way)
            for wanted in CYCLES:
                found = problem.solve(wanted)
                with finn_session():
                    built = apply(ModelWrapper(model.model, make_deepcopy=True), found.choices)
                window, unit = found.choices.values()
                taken = counted(built, problem.layers[-1].name, BOARD)
                yield Row(
                    zeros,
                    wanted,
                    unit.implementation,
                    found.cycles,
                    folding_text(window),
                    folding_text(unit),
                    round(problem.layers[-1][unit].resources.lut),
                    *taken.row,
                    cost(taken),
                )


def main() -> None:
    """Write the table, and print each row as it comes."""
    found: list[Row] = []
    for row in rows():
        print(row, flush=True)
        found.append(row)
        with FILE.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, found)


if __name__ == "__main__":
    main()
