"""How far the estimate is off: every layer of drawn networks, by its formula and by Yosys.

    python -m tests.bench.bench_estimate            # docs/estimate.csv; about an hour on a core, resumable
    python -m tests.bench.bench_estimate --errors   # the errors alone, of the table as it is
    python -m tests.bench.bench_estimate --spread   # how far estimates are off: fpga_flow/hardware/spread.csv

The networks are those of `estimate_networks`; each layer is synthesised out of context for a PYNQ-Z1's part,
as the stage `synth` does. The table has Yosys' counts only: estimates are made anew from the networks, so
what was synthesised never enters them. The formulas, and how far they are said to be off, were fitted to the
seeds of `FITTED`; the others are held back.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fpga_flow.core import places
from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import spread
from fpga_flow.hardware.estimate import estimate_layers
from fpga_flow.hardware.spread import Spread, layer_ranges, total_ranges
from fpga_flow.stages.synth import synthesise_layers
from fpga_flow.target.board import board
from fpga_flow.target.resources import LIMITED, Resources, total
from tests.bench.built import rtl_of
from tests.bench.estimate_networks import described, folded, operators
from tests.bench.tables import read_rows, write_rows

FILE = ROOT / "docs" / "estimate.csv"
BOARD = board("pynq-z1")
SEEDS = range(80)
FITTED = range(10)
"""Seeds that were looked at."""
SMALL = 50
"""LUTs, or flip-flops, from which on a layer's error is a share worth looking at."""
ENOUGH = 10
"""Layers of an operator to tell from alone how far its estimates are off."""


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
        counts, _, _ = synthesise_layers(layers, Path(scratch), places.cache(), BOARD.family)
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

    @property
    def kind(self) -> str:
        """The operator alone."""
        return self.operator.split()[0]

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
    yield _within(pairs)
    groups["all layers"] = layers
    groups["networks"] = [summed(found) for found in pairs.values()]
    for operator, group in sorted(groups.items(), key=lambda item: (item[0][0].islower(), item[0])):
        errors = "  ".join((_errors(group, "lut"), _errors(group, "ff"), _exact(group)))
        yield f"{operator:32s} {len(group):4d}  {errors}"


def _within(pairs: Mapping[int, Sequence[Pair]]) -> str:
    """Return how many layers and networks take what lies within the ranges of their estimates."""
    found = []
    for key in LIMITED:
        layers = [
            low <= getattr(pair.found, key) <= high
            for one in pairs.values()
            for pair in one
            for low, high in [layer_ranges(pair.kind, pair.expected)[key].whole()]
            if getattr(pair.expected, key) or getattr(pair.found, key)
        ]
        networks = [
            low <= getattr(summed(one).found, key) <= high
            for one in pairs.values()
            for low, high in [total_ranges((pair.kind, pair.expected) for pair in one)[key].whole()]
        ]
        found.append(
            f"{key} {sum(layers)} of {len(layers)} layers, {sum(networks)} of {len(networks)} networks"
        )
    return f"within the ranges: {'; '.join(found)}"


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


def spreads_of(pairs: Sequence[Pair]) -> Iterator[Spread]:
    """Yield, by operator and resource, how far the estimates of `pairs` are off; last that of all together.

    An operator that was seen in few layers is not said to be nearer than all together.
    """
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.kind].append(pair)
    for key in LIMITED:
        whole = _spread(spread.OTHERS, key, pairs)
        for operator, group in sorted(groups.items()):
            found = _spread(operator, key, group)
            if found.layers < ENOUGH:
                found = replace(found, low=min(found.low, whole.low), high=max(found.high, whole.high))
            yield found if len(group) >= ENOUGH else replace(found, least=max(found.least, whole.least))
        yield whole


def _spread(operator: str, key: str, pairs: Sequence[Pair]) -> Spread:
    amounts = [(getattr(pair.expected, key), getattr(pair.found, key)) for pair in pairs]
    shares = [found / expected for expected, found in amounts if expected >= SMALL] or [1.0]
    small = [abs(found - expected) for expected, found in amounts if expected < SMALL] or [0.0]
    low, high = np.quantile(shares, (0.05, 0.95))
    low, high = min(low, 1.0), max(high, 1.0)
    count = sum(expected >= SMALL for expected, _ in amounts)
    least = np.quantile(small, 0.9, method="higher")
    return Spread(operator, key, count, round(float(low), 3), round(float(high), 3), float(least))


def main() -> None:
    """Write the table, and print errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--list", metavar="OPERATOR", help="print its layers, one by one")
    arguments = parser.parse_args()
    rows = read_rows(FILE, Row)
    known = {int(row.seed) for row in rows}
    for seed in () if arguments.errors or arguments.spread or arguments.list else SEEDS[: arguments.seeds]:
        if seed not in known:
            rows += rows_of(seed)
            print(f"{seed}: {len(rows)} layers", flush=True)
            with FILE.open("w", encoding="utf-8", newline="") as file:
                write_rows(file, rows)
    pairs = pairs_of(rows)
    if arguments.spread:
        fitted = [pair for seed, found in pairs.items() if seed in FITTED for pair in found]
        with spread.FILE.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, list(spreads_of(fitted)))
        return
    if arguments.list:
        looked_at = (one for seed, found in pairs.items() if seed in FITTED for one in found)
        for pair in (one for one in looked_at if one.operator == arguments.list):
            print(
                pair.label, *(f"{a:g}/{b:g}" for a, b in zip(pair.expected.row, pair.found.row, strict=True))
            )
        return
    for part, fitted in (("fitted", True), ("held back", False)):
        print(f"{part}: layers, sums (those of {SMALL} or more: number, median error, nine of ten)")
        print(
            *lines_of({seed: found for seed, found in pairs.items() if (seed in FITTED) == fitted}), sep="\n"
        )


if __name__ == "__main__":
    main()
