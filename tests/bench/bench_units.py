"""Whether the folding chooses the cheapest way to build a matrix: `python -m tests.bench.bench_units`.

For each layer of `units.csv` (a matrix of random weights, and the cycles a vector may take) every
implementation is folded as the solver would fold it, and synthesised by Yosys for a PYNQ-Z1's part. Writes
docs/units.csv: what each takes, which one was chosen by the formulas, and by how much the best one by Yosys
is cheaper. The cost is LUT + 242 DSP + 190 BRAM18, the ratios of the part. Those of `part` "held" were not
looked at while the formulas were made.
"""

import csv
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import ROOT
from fpga_flow.core.toolchain import CPU_COUNT
from fpga_flow.design.build import build_design
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import Choice
from fpga_flow.hardware.fold.problem import Problem, apply
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.results.hardware import Predicted
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.board import board
from fpga_flow.target.resources import Resources
from tests.bench.tables import cost, write_rows
from tests.networks import Builder

LAYERS = Path(__file__).with_name("units.csv")
FILE = ROOT / "docs" / "units.csv"
BOARD = board("pynq-z1")


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
    lut: float
    ff: float
    bram18: float
    dsp: float
    cost: float
    chosen: bool
    above_best: float
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


def counted(model: ModelWrapper) -> Resources:
    """Return what the only layer of `model` takes, by Yosys."""
    name = model.graph.node[0].name
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with finn_session():
            streamed = insert_streams(model, BOARD.part)
        known = Predicted(
            part=BOARD.part, clock_mhz=100, top_k=0, cycles_per_frame=1, latency_cycles=1, bottleneck=name
        )
        layer = next(one for one in build_design(streamed, known, folder).layers if one.name == name)
        sources = [Path(source) for source in layer.sources]
        return synthesise(layer.module, sources, folder, BOARD.family, folder / "yosys.log")


def rows_of(layer: Layer) -> list[Row]:
    """Return a row for each way to build `layer`; the first one is the solver's."""
    with finn_session():
        found = list(ways(layer))
    with ThreadPoolExecutor(CPU_COUNT) as pool:
        taken = list(pool.map(counted, (model for _, _, model in found)))
    least = min(map(cost, taken))
    bits = f"{layer.weight_bits} x {layer.act_bits} bits"
    name = f"{layer.rows} x {layer.columns}, {bits}, {100 * layer.zeros:g} % zeros"
    return [
        Row(
            name,
            layer.part,
            layer.cycles,
            choice.implementation,
            " ".join(f"{key}={value}" for key, value in choice.folding),
            round(expected),
            *amounts.row,
            cost(amounts),
            number == 0,
            round(cost(amounts) / least - 1, 3),
        )
        for number, ((choice, expected, _), amounts) in enumerate(zip(found, taken, strict=True))
    ]


def main() -> None:
    """Write the table, and print each row as it comes."""
    rows: list[Row] = []
    for layer in layers():
        for row in rows_of(layer):
            print(row, flush=True)
            rows.append(row)
        with FILE.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, rows)


if __name__ == "__main__":
    main()
