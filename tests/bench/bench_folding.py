"""Our folding against FINN's `SetFolding` on ten networks, at the same targets.

    python -m tests.bench.bench_folding        # writes docs/folding.md and docs/folding.csv

Cycles are FINN's own counts. Costs are those that the kinds of layers estimate, for both solutions: LUTs,
with flip-flops, BRAMs and DSPs at the price that the board's part sets (a part's whole amount of each
costs the same). Where `SetFolding` misses the target or is faster than it, ours is also compared at the
cycles that it reached.
"""

import argparse
import csv
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.progress import bar, say
from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import lower
from fpga_flow.hardware.fold.finn import finn_folding
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.hardware.fold.search import DEARER, for_cycles
from fpga_flow.target.board import board
from tests.bench.folding_networks import NETWORKS

TARGETS = (1_000_000, 100_000, 20_000, 5_000)
"""Cycles per frame."""
SMALL_TARGETS = (10_000, 1_000, 200, 50)
"""For networks whose slowest folding takes less than the first of `TARGETS`."""


@dataclass(frozen=True)
class Row:
    """One network at one target."""

    network: str
    layers: int
    target: int
    finn_cycles: int | None
    """None where `SetFolding` refuses the graph or its result is illegal."""
    cycles: int
    finn_cost: int | None
    cost: int
    cost_at_finns_cycles: int | None
    finn_dsp: int | None
    dsp: int
    finn_bram18: int | None
    bram18: int
    finn_lut: int | None
    lut: int
    finn_converters_lut: int | None
    converters_lut: int
    finn_uneven: int | None
    uneven: int
    exact: bool
    seconds: float


def rows_of(name: str, model: ModelWrapper, board_name: str, targets: Iterable[int] | None) -> Iterator[Row]:
    """Fold the unfolded layers `model` by both, for each target."""
    problem = Problem(model, board(board_name))
    if targets is None:
        targets = TARGETS if problem.slowest() > TARGETS[0] else SMALL_TARGETS
    for target in targets:
        start = time.monotonic()
        ours = for_cycles(model, problem, target)
        seconds = time.monotonic() - start
        rival = finn_folding(model, problem, target)
        theirs = None if rival is None else problem.assess(rival)
        same = None if theirs is None else problem.solve(theirs.cycles)
        yield _row(name, problem, target, ours, theirs, same, seconds)


def _row(
    name: str,
    problem: Problem,
    target: int,
    ours: Solution,
    theirs: Solution | None,
    same: Solution | None,
    seconds: float,
) -> Row:
    return Row(
        network=name,
        layers=len(problem.layers),
        target=target,
        finn_cycles=theirs and theirs.cycles,
        cycles=ours.cycles,
        finn_cost=theirs and round(theirs.cost),
        cost=round(ours.cost),
        cost_at_finns_cycles=same and round(same.cost),
        finn_dsp=theirs and round(theirs.resources.dsp),
        dsp=round(ours.resources.dsp),
        finn_bram18=theirs and round(theirs.resources.bram18),
        bram18=round(ours.resources.bram18),
        finn_lut=theirs and round(theirs.resources.lut),
        lut=round(ours.resources.lut),
        finn_converters_lut=theirs and round(theirs.converters.lut),
        converters_lut=round(ours.converters.lut),
        finn_uneven=theirs and theirs.uneven,
        uneven=ours.uneven,
        exact=ours.exact,
        seconds=round(seconds, 2),
    )


def worse(row: Row) -> bool:
    """Return whether ours is worse than `SetFolding`: slower, or dearer at its cycles per frame."""
    if row.finn_cycles is None or row.finn_cost is None or row.cost_at_finns_cycles is None:
        return False
    dearer = row.finn_cycles <= row.target and row.cost > row.finn_cost
    return row.cycles > row.finn_cycles or dearer or row.cost_at_finns_cycles > row.finn_cost


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, FINN's figure first where a cell has two."""
    out = io.StringIO()
    out.write(
        "| network | layers | target | cycles per frame | cost | at FINN's cycles | DSP | BRAM18 | LUT "
        "| converters' LUT | uneven | seconds |\n" + "|" + "---|" * 12 + "\n"
    )
    for row in rows:
        pairs = [
            (row.finn_cycles, row.cycles),
            (row.finn_cost, row.cost),
            (row.finn_dsp, row.dsp),
            (row.finn_bram18, row.bram18),
            (row.finn_lut, row.lut),
            (row.finn_converters_lut, row.converters_lut),
            (row.finn_uneven, row.uneven),
        ]
        cycles, cost, *others = [f"{_text(finn)} / {_text(ours)}" for finn, ours in pairs]
        saved = ""
        if row.finn_cost and row.cost_at_finns_cycles is not None:
            saved = f" ({row.cost_at_finns_cycles / row.finn_cost - 1:+.0%})"
        cells = [row.network, str(row.layers), f"{row.target:,}", cycles, cost]
        cells += [f"{_text(row.cost_at_finns_cycles)}{saved}", *others, f"{row.seconds:.2f}"]
        out.write("| " + " | ".join(cells) + " |\n")
    return out.getvalue()


def _text(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


HEADING = """# Folding: ours and FINN's SetFolding at the same targets

`python -m tests.bench.bench_folding`: FINN's figure / ours. {summary}

Costs are LUTs, with flip-flops, BRAMs and DSPs at the price that the board's part sets (a part's whole amount
of each costs the same), by the estimates of the layers in `fpga_flow/layers/` for both; cycles are
FINN's counts. Where SetFolding misses the target, ours is faster and may cost more: "at FINN's cycles" is
what ours costs at the cycles per frame that SetFolding reached, and by how much that is less. An uneven
converter is one between widths that are no multiples of each other. Seconds are those of our folding, in
which SetFolding runs once too.

"""


def summary(rows: Sequence[Row]) -> str:
    """Return what the rows show, in a sentence."""
    compared = [row for row in rows if row.finn_cost is not None]
    missed = sum(row.finn_cycles is not None and row.finn_cycles > row.target for row in compared)
    met = sum(row.cycles <= row.target for row in rows)
    saved = [1 - (row.cost_at_finns_cycles or 0) / (row.finn_cost or 1) for row in compared]
    least = sum(row.exact for row in rows)
    return (
        f"Of {len(rows)} foldings of {len({row.network for row in rows})} networks, ours is worse in "
        f"{sum(map(worse, rows))}; at FINN's cycles it saves {sum(saved) / max(1, len(saved)):.0%} on "
        "average. "
        f"Ours meets the target in {met}, SetFolding in {len(compared) - missed} of {len(compared)}. "
        f"{least} are within {DEARER - 1:.0%} of the cheapest that there are."
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="networks whose name holds this")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs", help="folder of folding.md and folding.csv"
    )
    arguments = parser.parse_args()
    rows: list[Row] = []
    chosen = {name: made for name, made in NETWORKS.items() if arguments.only in name}
    with bar("networks", len(chosen)) as advance:
        for name, (make, board_name) in chosen.items():
            with finn_session():
                try:
                    model = lower.lower(make(), board(board_name).part)
                except UnsupportedError as error:
                    say(f"  {name}: {error}")
                    continue
                rows += rows_of(name, model, board_name, None)
            advance(1, name)
    text = HEADING.format(summary=summary(rows)) + markdown(rows)
    (arguments.out / "folding.md").write_text(text, encoding="utf-8")
    with (arguments.out / "folding.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows(astuple(row) for row in rows)
    print(text)


if __name__ == "__main__":
    main()
