"""How far the estimate is off: every layer of drawn networks, by its formula and by Yosys.

    python -m tests.bench.bench_estimate            # docs/estimate.csv; about an hour on a core, resumable
    python -m tests.bench.bench_estimate --errors   # the errors alone, of the table as it is

The networks are those of `estimate_networks`; each layer is synthesised out of context for a PYNQ-Z1's part,
as the stage `synth` does. The table has Yosys' counts only: estimates are made anew from the networks, so
what was synthesised never enters them. The formulas were fitted to the even seeds, the odd ones held back.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.estimate import estimate_layers
from fpga_flow.pipeline import flow
from fpga_flow.stages.synth import synthesise_layers
from fpga_flow.target.board import board
from fpga_flow.target.resources import Resources, total
from tests.bench.built import rtl_of
from tests.bench.estimate_networks import described, folded, operators
from tests.bench.tables import read_rows, write_rows

FILE = ROOT / "docs" / "estimate.csv"
BOARD = board("pynq-z1")
SEEDS = range(80)
SMALL = 50
"""LUTs, or flip-flops, from which on a layer's error is a share worth looking at."""


@dataclass(frozen=True)
class Row:
    """A layer, by Yosys."""

    seed: int
    layer: str
    operator: str
    lut: int
    lutram: int
    srl: int
    ff: int
    bram18: int
    dsp: int


def rows_of(seed: int) -> Iterator[Row]:
    """Yield the layers of a network."""
    with finn_session():
        model = folded(seed, BOARD)
    with tempfile.TemporaryDirectory() as scratch:
        layers = rtl_of(model, BOARD, Path(scratch))
        counts, _, _ = synthesise_layers(layers, Path(scratch), flow.RUNS / ".cache", BOARD.family)
    for name, operator in operators(model).items():
        amounts = counts[name].as_dict()
        keys = ("lut", "lutram", "srl", "ff", "bram18", "dsp")
        yield Row(seed, name, operator, *(int(amounts[key]) for key in keys))


@dataclass(frozen=True)
class Pair:
    """What a layer, or a network, is expected to take, and what it takes."""

    operator: str
    expected: Resources
    found: Resources
    label: str = ""
    """What it is."""

    def error(self, key: str) -> float:
        """Return by which share of the truth the expected amount of `key` is off, with its sign."""
        return float(getattr(self.expected, key) / getattr(self.found, key) - 1)


def pairs_of(rows: Sequence[Row]) -> dict[int, list[Pair]]:
    """Return the layers of `rows` by seed, with their estimates."""
    found: dict[int, list[Pair]] = defaultdict(list)
    for seed in dict.fromkeys(int(row.seed) for row in rows):
        with finn_session():
            model = folded(seed, BOARD)
        estimates = estimate_layers(model, BOARD.family)
        labels = described(model)
        for row in rows:
            if int(row.seed) == seed:
                counts = Resources(*(float(amount) for amount in (row.lut, row.ff, row.bram18, row.dsp)))
                found[seed].append(Pair(row.operator, estimates[row.layer], counts, labels[row.layer]))
    return found


def summed(pairs: Sequence[Pair]) -> Pair:
    """Return the sum of `pairs`."""
    return Pair("all", total(one.expected for one in pairs), total(one.found for one in pairs))


def lines_of(pairs: Mapping[int, Sequence[Pair]]) -> Iterator[str]:
    """Yield a line for each operator, and for the networks: how far their estimates are off."""
    layers = [pair for found in pairs.values() for pair in found]
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in layers:
        groups[pair.operator].append(pair)
    groups["all layers"] = layers
    groups["networks"] = [summed(found) for found in pairs.values()]
    for operator, group in sorted(groups.items(), key=lambda item: (item[0][0].islower(), item[0])):
        errors = "  ".join((_errors(group, "lut"), _errors(group, "ff"), _exact(group)))
        yield f"{operator:32s} {len(group):4d}  {errors}"


def _errors(pairs: Sequence[Pair], key: str) -> str:
    whole = summed(pairs)
    sizes = f"{key} {getattr(whole.expected, key):7,.0f} of {getattr(whole.found, key):7,.0f}"
    errors = sorted(abs(pair.error(key)) for pair in pairs if getattr(pair.found, key) >= SMALL)
    if not errors:
        return f"{sizes} {'':22s}"
    nine = errors[min(len(errors) - 1, int(0.9 * len(errors)))]
    return f"{sizes} ({len(errors):3d}: {statistics.median(errors):5.1%}, {nine:6.1%})"


def _exact(pairs: Sequence[Pair]) -> str:
    off = {
        key: [(getattr(one.expected, key), getattr(one.found, key)) for one in pairs]
        for key in ("bram18", "dsp")
    }
    return ", ".join(
        f"{key} {sum(a for a, _ in found):.0f} of {sum(b for _, b in found):.0f}"
        f" ({sum(a != b for a, b in found)} differ)"
        for key, found in off.items()
        if any(a or b for a, b in found)
    )


def main() -> None:
    """Write the table, and print errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--list", metavar="OPERATOR", help="print its layers, one by one")
    arguments = parser.parse_args()
    rows = read_rows(FILE, Row)
    known = {int(row.seed) for row in rows}
    for seed in () if arguments.errors or arguments.list else SEEDS[: arguments.seeds]:
        if seed not in known:
            rows += rows_of(seed)
            print(f"{seed}: {len(rows)} layers", flush=True)
            with FILE.open("w", encoding="utf-8", newline="") as file:
                write_rows(file, rows)
    pairs = pairs_of(rows)
    if arguments.list:
        for pair in (one for found in pairs.values() for one in found if one.operator == arguments.list):
            print(
                pair.label, *(f"{a:g}/{b:g}" for a, b in zip(pair.expected.row, pair.found.row, strict=True))
            )
        return
    for part, first in (("fitted", 0), ("held back", 1)):
        print(f"{part}: layers, sums (those of {SMALL} or more: number, median error, nine of ten)")
        print(*lines_of({seed: found for seed, found in pairs.items() if seed % 2 == first}), sep="\n")


if __name__ == "__main__":
    main()
