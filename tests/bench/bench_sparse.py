"""What the sparse matrix unit takes, and what was tried for it: `python -m tests.bench.bench_sparse`.

Writes docs/sparse.csv: Yosys' counts for random matrices, by lanes, folding and the place of the lists, with
the LUT levels between registers and the estimate beside them; then parts of the unit built in other ways.
Takes ten minutes on a core of its own. The cost is LUT + 242 DSP + 190 BRAM18, the ratios of an xc7z020.
"""

import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn import constants
from fpga_flow.layers.sparse_folding import derives
from fpga_flow.layers.sparse_lists import Integers, address_bits, compile_lists, part_range
from fpga_flow.layers.sparse_resources import lists_in_block, resources
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from fpga_flow.target.resources import Resources
from tests.bench.netlist import with_levels
from tests.bench.tables import cost, write_rows

FILE = ROOT / "docs" / "sparse.csv"
HDL = ROOT / "fpga_flow" / "layers" / "hdl"
FAMILY = family_named("xc7")
MODULES = [HDL / f"df_{name}.sv" for name in ("sequence", "sparse_product", "sparse_lane", "sparse_matrix")]
TRIED = [HDL / "df_sparse_product.sv", Path(__file__).with_name("sparse_tried.sv")]


@dataclass(frozen=True)
class Unit:
    """A matrix of random weights of `bits` bits and how it is built."""

    rows: int
    columns: int
    zeros: float
    simd: int
    pe: int
    lanes: int
    lists: str = "auto"
    """Where they are: FINN's `ram_style`."""
    products: str = "lut"
    """FINN's `resType`."""
    bits: int = 4

    @property
    def weights(self) -> Integers:
        """(MH, MW)."""
        generator = np.random.default_rng(0)
        shape = self.rows, self.columns
        values = generator.integers(1, 1 << (self.bits - 1), shape) * generator.choice([-1, 1], shape)
        return np.where(generator.random(shape) < self.zeros, 0, values)


UNITS = [
    *(Unit(64, 192, 0.89, simd, 1, 4, "distributed") for simd in (1, 2, 4)),
    Unit(64, 192, 0.89, 2, 1, 4, "block"),
    *(Unit(64, 192, 0.89, simd, 1, 8, "distributed") for simd in (2, 4, 8)),
    Unit(64, 192, 0.89, 2, 1, 8, "block"),
    *(Unit(64, 192, 0.89, simd, pe, 16, "distributed") for simd, pe in ((2, 1), (4, 1), (8, 1))),
    *(Unit(64, 192, 0.89, simd, pe, 32, "distributed") for simd, pe in ((4, 2), (8, 2), (16, 2))),
    *(Unit(128, 512, 0.9, simd, 1, 4, lists) for simd in (1, 4) for lists in ("block", "distributed")),
    *(Unit(128, 512, 0.9, simd, 1, 8, lists) for simd in (2, 8) for lists in ("block", "distributed")),
    *(Unit(64, 192, 0.89, 2, 1, 8, products=products) for products in ("lut", "dsp")),
    *(Unit(64, 192, 0.89, 2, 1, 8, bits=bits) for bits in (2, 3, 6, 8)),
    Unit(64, 192, 0.89, 2, 1, 8, products="dsp", bits=6),
]
PARTS: list[tuple[str, str, Mapping[str, int | str]]] = [
    ("vector of 192, a copy for each of 8 lanes", "tried_copies", {"Sharing": 1}),
    ("the same, a copy for three lanes", "tried_copies", {}),
    ("the same in 8 banks, any lane from any", "tried_banks", {}),
    ("half of it, 8 lanes: SIMD = 2", "tried_copies", {"Words": 96}),
    ("a quarter, 8 lanes: SIMD = 4", "tried_copies", {"Words": 48}),
    ("8 whole lanes over columns, 8 rows each, no lists", "tried_columns", {"Rows": 8}),
    ("8 whole lanes over rows, 8 rows each, no lists, no vector", "df_sparse_lane", {}),
    ("a 4 x 4 product in tables", "df_sparse_product", {"ActWidth": 4, "WeightWidth": 4}),
    ("the same as Yosys makes it", "df_sparse_product", {"ActWidth": 4, "WeightWidth": 4, "InLuts": 0}),
]


@dataclass(frozen=True)
class Row:
    """A row of the table; `of` is what was built."""

    of: str
    simd: int | str
    pe: int | str
    lanes: int | str
    lists: str
    cycles: int | str
    lane_use: float | str
    lut: float
    ff: float
    bram18: float
    dsp: float
    cost: float
    expected_lut: int | str
    levels: int | str


def prepared(unit: Unit, folder: Path) -> tuple[dict[str, int | str], Row, Resources]:
    """Write the lists of `unit`; return the module's parameters, a row without counts, and the estimate."""
    weights = unit.weights
    lists = compile_lists(weights, unit.simd, unit.pe, unit.lanes)
    words, share = unit.columns // unit.simd, unit.lanes // (unit.simd * unit.pe)
    most = (1 << unit.bits) - 1
    low, high = part_range(weights, unit.simd, 0, most)
    out = int(np.abs(weights).sum(axis=1).max() * most).bit_length() + 1
    entry = 1 + unit.bits + address_bits(words)
    constants.write(
        lists.entries(address_bits(words), unit.bits).reshape(-1), entry, unit.lanes, folder / "lists.dat"
    )
    place = address_bits(lists.places) + address_bits(share)
    constants.write(
        lists.order(address_bits(share)).reshape(-1), place, unit.simd * unit.pe, folder / "order.dat"
    )
    block = lists_in_block(FAMILY, unit.lists, unit.lanes * entry, lists.steps)
    shape = {"MW": unit.columns, "MH": unit.rows, "SIMD": unit.simd, "PE": unit.pe, "Lanes": unit.lanes}
    types = {
        "inputDataType": f"UINT{unit.bits}",
        "weightDataType": f"INT{unit.bits}",
        "outputDataType": f"INT{out}",
    }
    settings = {"resType": unit.products, "ram_style": unit.lists, **derives(weights.T.astype(np.float32))}
    row = Row(
        f"{unit.rows} x {unit.columns}, {unit.bits} bits, {100 * unit.zeros:g} % zeros, {unit.products}",
        unit.simd,
        unit.pe,
        unit.lanes,
        "block RAM" if block else "LUT",
        max(lists.steps, words, unit.rows // unit.pe),
        round(lists.used, 3),
        *[0.0] * 5,
        0,
        0,
    )
    parameters: dict[str, int | str] = {
        **shape,
        "Steps": lists.steps,
        "Places": lists.places,
        "ActWidth": unit.bits,
        "WeightWidth": unit.bits,
        "InLuts": int(unit.products == "lut"),
        "SumWidth": max(high, -low - 1).bit_length() + 1,
        "OutWidth": out,
        "RamStyle": "block" if block else "distributed",
        "ListFile": "lists.dat",
        "OrderFile": "order.dat",
    }
    return parameters, row, resources({**shape, **types, **settings}, None, FAMILY)


def measured(row: Row, taken: Resources, expected: int | str, deep: int | str) -> Row:
    """Return `row` with its counts."""
    return Row(
        row.of,
        row.simd,
        row.pe,
        row.lanes,
        row.lists,
        row.cycles,
        row.lane_use,
        *taken.row,
        cost(taken),
        expected,
        deep,
    )


def unit_row(unit: Unit) -> Row:
    """Return the row of a whole unit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parameters, row, expected = prepared(unit, folder)
        taken, deep, _ = with_levels("df_sparse_matrix", MODULES, folder, FAMILY, parameters)
        return measured(row, taken, round(expected.lut), deep)


def part_row(what: str, module: str, parameters: Mapping[str, int | str]) -> Row:
    """Return the row of a part; of a lane eight times what one takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lane = {"Places": 8, "ActWidth": 4, "WeightWidth": 4, "SumWidth": 12}
        sources = [*TRIED, HDL / "df_sparse_lane.sv"]
        values = lane if module == "df_sparse_lane" else parameters
        taken = synthesise(module, sources, folder, FAMILY, folder / "log.txt", values)
        taken = taken.times(8) if module == "df_sparse_lane" else taken
        return measured(Row(what, *[""] * 6, *[0.0] * 5, "", ""), taken, "", "")


def main() -> None:
    """Write the table anew with each row that comes, and print it."""
    rows: list[Row] = []
    units = (unit_row(unit) for unit in UNITS)
    parts = (part_row(*part) for part in PARTS)
    for row in itertools.chain(parts, units):
        rows.append(row)
        print(*vars(row).values(), sep="; ", flush=True)
        with FILE.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, rows)


if __name__ == "__main__":
    main()
