"""How far the estimate of whole networks is off: `python -m tests.bench.bench_networks --build DIR`.

Builds the networks of judged_networks.toml in DIR as far as `rtl`, or those named, and synthesises their
layers by Yosys: an hour or two on two cores. Writes docs/estimate_networks.csv, a row a network, prints
it as Markdown. The estimates are the formulas' alone; FINN's stands beside them.

    python -m tests.bench.bench_networks NAME=RUN ...

does it for any run that went as far as `rtl`.

    python -m tests.bench.bench_networks --whole NAME=RUN ...

synthesises the accelerator as one module, flattened, and writes docs/whole.csv: what the sum of its layers,
each by itself, overstates. That takes minutes to an hour.

    python -m tests.bench.bench_networks --peers

prints estimates of LUTs by this project, by FINN of the same graphs, and by alkaid of matrices, each beside
what Yosys counts, from docs/estimate_networks.csv and docs/constant.csv.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpga_flow.core import places
from fpga_flow.core.recipe import ROOT
from fpga_flow.design.design import load_design
from fpga_flow.finn.estimate import finn_estimate
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.estimate import estimate_layers, with_ranges
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph
from fpga_flow.pipeline import flow
from fpga_flow.stages.synth import synthesise_layers
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.board import board
from fpga_flow.target.resources import LIMITED, Resources, total
from tests.bench.bench_constant import FILE as MATRICES
from tests.bench.bench_constant import Row as Matrix
from tests.bench.judged_networks import built, judged_networks
from tests.bench.tables import read_rows, read_typed, write_rows

FILE, WHOLE = ROOT / "docs" / "estimate_networks.csv", ROOT / "docs" / "whole.csv"
SMALL = 50


@dataclass(frozen=True)
class Row:
    """A network; `f_`: FINN's estimate, empty where it has none."""

    network: str
    seen: bool
    layers: int
    lut: int
    y_lut: int
    """By Yosys, as all that begin so."""
    f_lut: int | str
    ff: int
    y_ff: int
    bram18: int
    y_bram18: int
    f_bram18: int | str
    dsp: int
    y_dsp: int
    f_dsp: int | str
    median: float
    """Error in LUTs of layers of `SMALL` or more, as a share; `ninth`: nine of ten are below."""
    ninth: float
    smape: float
    """Of those layers: twice the difference by the sum, averaged."""
    within: str
    """Resources whose truth lies in the range of the estimate."""
    seconds: float
    """That the estimate of the graph took."""


@dataclass(frozen=True)
class WholeRow:
    """A network, each layer by itself and all of it as one."""

    network: str
    lut: int
    ff: int
    bram18: int
    dsp: int
    whole_lut: int
    whole_ff: int
    whole_bram18: int
    whole_dsp: int
    seconds: float
    """Of the synthesis as one."""


def counts_of(run: Path) -> dict[str, Resources]:
    """Return the layers of `run` by Yosys; those that were synthesised before are known."""
    target = board(flow.open_run(run).recipe.board)
    layers = load_design(run / "rtl").layers
    found, _, _ = synthesise_layers(layers, run / "rtl", places.cache(), target.family)
    return {name: one.taken for name, one in found.items()}


def row_of(name: str, run: Path, seen: bool) -> Row:
    """Return the row of the network in `run`."""
    target = board(flow.open_run(run).recipe.board)
    counts = counts_of(run)
    with finn_session():
        model = load_graph(run / "hardware" / GRAPH)
        start = time.monotonic()
        layers = estimate_layers(model, target.family)
        seconds = time.monotonic() - start
        finn = finn_estimate(model, target.part)
    whole, _ = with_ranges(model, layers)
    expected, found = total(layers.values()), total(counts[layer] for layer in layers)
    pairs = [(layers[layer].lut, counts[layer].lut) for layer in layers if counts[layer].lut >= SMALL]
    errors = sorted(abs(a / b - 1) for a, b in pairs)
    inside = [key for key in LIMITED if whole.ranges[key][0] <= getattr(found, key) <= whole.ranges[key][1]]
    known = {key: "" if finn[key] is None else finn[key] for key in LIMITED}
    return Row(
        name,
        seen,
        len(layers),
        round(expected.lut),
        round(found.lut),
        known["lut"],
        round(expected.ff),
        round(found.ff),
        round(expected.bram18),
        round(found.bram18),
        known["bram18"],
        round(expected.dsp),
        round(found.dsp),
        known["dsp"],
        round(statistics.median(errors), 4),
        round(errors[min(len(errors) - 1, int(0.9 * len(errors)))], 4),
        round(statistics.fmean(2 * abs(a - b) / (a + b) for a, b in pairs), 4),
        " ".join(inside),
        round(seconds, 2),
    )


def whole_row_of(name: str, run: Path) -> WholeRow:
    """Return the row of the accelerator in `run`, synthesised as one module."""
    design = load_design(run / "rtl")
    target = board(flow.open_run(run).recipe.board)
    layers = total(counts_of(run).values())
    with tempfile.TemporaryDirectory() as scratch:
        start = time.monotonic()
        sources = [Path(source) for source in design.sources]
        found = synthesise(design.top, sources, run / "rtl", target.family, Path(scratch) / "yosys.log")
        seconds = time.monotonic() - start
    sums = (round(amount) for amount in (*layers.row, *found.row))
    return WholeRow(name, *sums, round(seconds, 1))


def markdown(rows: Sequence[Row]) -> list[str]:
    """Return the rows as a table."""
    lines = [
        "| network | LUT, expected and counted | | FF | | BRAM18 | DSP | FINN's LUT "
        "| layers: median, nine of ten, SMAPE | outside its range |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lut, ff = row.lut / row.y_lut - 1, row.ff / row.y_ff - 1
        outside = [LIMITED[key] for key in LIMITED if key not in row.within.split()]
        cells = [
            row.network + (" (seen)" if row.seen else ""),
            f"{row.lut:,}, {row.y_lut:,}",
            f"{lut:+.1%}",
            f"{row.ff:,}, {row.y_ff:,}",
            f"{ff:+.1%}",
            f"{row.bram18}, {row.y_bram18}",
            f"{row.dsp}, {row.y_dsp}",
            f"{int(row.f_lut):,}" if row.f_lut != "" else "",
            f"{row.median:.1%}, {row.ninth:.1%}, {row.smape:.1%}",
            ", ".join(outside),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def peers() -> list[str]:
    """Return estimates by others and by this project as a table."""
    lines = ["| | LUT by Yosys | this project | FINN | alkaid |", "|---|---|---|---|---|"]

    def line(name: str, found: int, ours: int | None, finn: int | None, alkaid: int | None) -> str:
        cells = ("" if one is None else f"{one:,} ({one / found - 1:+.0%})" for one in (ours, finn, alkaid))
        return f"| {name} | {found:,} | {' | '.join(cells)} |"

    for row in read_typed(FILE, Row):
        lines.append(line(row.network, row.y_lut, row.lut, int(row.f_lut) if row.f_lut != "" else None, None))
    for matrix in read_typed(MATRICES, Matrix):
        if matrix.expected != "":
            ours, name = matrix.form == "unit", f"64 x 64, {matrix.matrix.removeprefix('random ')} zeros"
            expected = round(float(matrix.expected))
            amounts = (expected, None, None) if ours else (None, None, expected)
            lines.append(line(f"{name}: {'constant unit' if ours else matrix.form}", matrix.lut, *amounts))
    return lines


def main() -> None:
    """Write a table; rows of networks that are not named stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME[=RUN]")
    parser.add_argument("--build", type=Path, metavar="DIR")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    if arguments.peers:
        print("\n".join(peers()))
        return
    named = [(name, Path(run)) for name, _, run in (text.partition("=") for text in arguments.runs)]
    if arguments.whole:
        kept = [row for row in read_rows(WHOLE, WholeRow) if row.network not in dict(named)]
        for name, run in named:
            kept.append(whole_row_of(name, run))
            print(kept[-1], flush=True)
            with WHOLE.open("w", encoding="utf-8", newline="") as file:
                write_rows(file, kept)
        return
    known = {network.name: network for network in judged_networks()}
    rows = {row.network: row for row in read_typed(FILE, Row)}
    if arguments.build:
        chosen = [known[name] for name in arguments.runs] or list(known.values())
        runs = ((network.name, built(network, arguments.build)) for network in chosen)
    else:
        runs = ((name, run) for name, run in named)
    for name, run in runs:
        if run is not None:
            rows[name] = row_of(name, run, name in known and known[name].seen)
            with FILE.open("w", encoding="utf-8", newline="") as file:
                write_rows(file, list(rows.values()))
    print("\n".join(markdown(list(rows.values()))))


if __name__ == "__main__":
    main()
