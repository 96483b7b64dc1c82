"""Whether the folding chooses the cheapest way to build a matrix, and what each way takes.

    python -m tests.bench.bench_units            # the layers of units.csv: docs/units.csv
    python -m tests.bench.bench_units --grid     # one matrix by zeros and cycles: docs/sparsity.csv

For each layer (a matrix of random weights, and the cycles a vector may take) every implementation is folded
as the solver would fold it, and synthesised by Yosys for a PYNQ-Z1's part. The tables have what each takes,
which one was chosen by the formulas, and by how much the best one by Yosys is cheaper. The cost is LUT +
242 DSP + 190 BRAM18, the ratios of the part. Layers of `part` "held" were not looked at while the formulas
were made.

What costs by formula more than `DEARER` times the cheapest way, or more than `LARGEST`, is not synthesised:
it takes Yosys an hour and nobody would choose it. `--keep` takes the counts by Yosys that the table has.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import Choice
from fpga_flow.hardware.fold.problem import Problem, apply
from fpga_flow.hardware.lower import lower
from fpga_flow.target.board import board
from fpga_flow.target.resources import Resources
from tests.bench.built import counted, folding_text
from tests.bench.tables import cost, read_rows, write_rows
from tests.networks import Builder

LAYERS = Path(__file__).with_name("units.csv")
BOARD = board("pynq-z1")
DEARER = 3
LARGEST = 20_000


@dataclass(frozen=True)
class Layer:
    """A matrix and the cycles that a vector may take."""

    rows: int
    columns: int
    weight_bits: int
    act_bits: int
    zeros: float
    cycles: int
    part: str

    @property
    def name(self) -> str:
        """What it is."""
        bits = f"{self.weight_bits} x {self.act_bits} bits"
        return f"{self.rows} x {self.columns}, {bits}, {100 * self.zeros:g} % zeros"

    @property
    def network(self) -> ModelWrapper:
        """It alone."""
        rng = np.random.default_rng(0)
        shape = self.columns, self.rows
        top = 2 ** (self.weight_bits - 1)
        values = rng.choice([-1, 1], shape) * (rng.integers(1, top, shape) if top > 1 else 1)
        values[rng.random(shape) < self.zeros] = 0
        builder = Builder((self.columns,), f"UINT{self.act_bits}" if self.act_bits > 1 else "BIPOLAR")
        weights = builder.constant(values, f"INT{self.weight_bits}" if top > 1 else "BIPOLAR")
        builder.add("MatMul", (1, self.rows), "INT32", weights)
        return builder.build()


GRID = [
    Layer(64, 192, 4, 4, zeros, cycles, "grid")
    for cycles in (200, 50, 12, 6, 3, 1)
    for zeros in (0.99, 0.95, 0.89, 0.75, 0.5, 0)
]
"""A matrix of the A(MC) VGG10's size."""


@dataclass(frozen=True)
class Row:
    """What a layer takes, built in one way."""

    layer: str
    part: str
    cycles: int
    implementation: str
    folding: str
    expected: float
    """Cost by formula."""
    lut: float | str
    """This and the others by Yosys; empty where it was not synthesised."""
    ff: float | str
    bram18: float | str
    dsp: float | str
    cost: float | str
    chosen: bool
    above_best: float | str
    """Share by which it costs more than the cheapest one by Yosys."""


def layers() -> list[Layer]:
    """Return the layers of `units.csv`."""
    with LAYERS.open(encoding="utf-8", newline="") as file:
        return [
            Layer(
                *(int(row[key]) for key in ("rows", "columns", "weight_bits", "act_bits")),
                float(row["zeros"]),
                int(row["cycles"]),
                row["part"],
            )
            for row in csv.DictReader(file)
        ]


def ways(layer: Layer) -> Iterator[tuple[Choice, float, ModelWrapper]]:
    """Yield the cheapest choice of each implementation, its cost by formula, and the network built so."""
    model = lower(layer.network, BOARD.part, 0)
    problem = Problem(model, BOARD)
    (figures,) = problem.layers
    best: dict[str, tuple[float, Choice]] = {}
    for choice in figures.choices:
        if figures[choice].cycles <= layer.cycles:
            # As the solver has it, which knows of the streams on both sides too.
            price = problem.assess({figures.name: choice}).cost
            best[choice.implementation] = min(
                (price, choice), best.get(choice.implementation, (price, choice))
            )
    for _, choice in sorted(best.values()):
        copy = ModelWrapper(model.model, make_deepcopy=True)
        yield choice, cost(figures[choice].resources), apply(copy, {figures.name: choice})


def rows_of(layer: Layer, built: dict[tuple[str, str, str], Resources]) -> list[Row]:
    """Return a row for each way to build `layer`; the first one is the solver's.

    `built` has what was synthesised before, by layer, implementation and folding, whatever the cycles.
    """
    with finn_session():
        found = list(ways(layer))
    most = min(LARGEST, DEARER * min(expected for _, expected, _ in found))
    taken: list[Resources | None] = []
    for choice, expected, model in found:
        way = layer.name, choice.implementation, folding_text(choice)
        if way not in built and expected <= most:
            built[way] = counted(model, str(model.graph.node[0].name), BOARD)
        taken.append(built.get(way))
    least = min((cost(amounts) for amounts in taken if amounts), default=0)
    return [
        Row(
            layer.name,
            layer.part,
            layer.cycles,
            choice.implementation,
            folding_text(choice),
            round(expected),
            *(amounts.row if amounts else ("", "", "", "")),
            cost(amounts) if amounts else "",
            number == 0,
            round(cost(amounts) / least - 1, 3) if amounts else "",
        )
        for number, ((choice, expected, _), amounts) in enumerate(zip(found, taken, strict=True))
    ]


def write(wanted: Sequence[Layer], file: Path, keep: bool) -> None:
    """Write the table of `wanted` to `file`, anew with each layer, and print each row as it comes.

    `keep`: what the table has by Yosys is not synthesised again.
    """
    old = read_rows(file, Row) if keep else []
    built = {
        (row.layer, row.implementation, row.folding): Resources(
            *(round(float(amount)) for amount in (row.lut, row.ff, row.bram18, row.dsp))
        )
        for row in old
        if row.lut != ""
    }
    rows: list[Row] = []
    for place, layer in enumerate(wanted):
        for row in rows_of(layer, built):
            print(*vars(row).values(), sep="; ", flush=True)
            rows.append(row)
        later = {(layer.name, layer.cycles) for layer in wanted[place + 1 :]}
        with file.open("w", encoding="utf-8", newline="") as text:
            write_rows(text, [*rows, *(row for row in old if (row.layer, int(row.cycles)) in later)])


def main() -> None:
    """Write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    name = "sparsity" if arguments.grid else "units"
    write(GRID if arguments.grid else layers(), ROOT / "docs" / f"{name}.csv", arguments.keep)


if __name__ == "__main__":
    main()
