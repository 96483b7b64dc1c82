"""Pruning by magnitude against pruning by what a weight costs: `python -m tests.bench.bench_criteria`.

Writes docs/criteria.csv: a VGG10 of 16 filters on generated signals, three seeds, each trained once and then
pruned by FMP with either criterion to the same accuracy on the validation frames; LUTs and the cost in LUTs
by the estimate at several frame rates, of which the criterion was told the first. The runs stand in
build/out/criteria and are taken up again. Takes about an hour on a core.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from fpga_flow import results
from fpga_flow.core import places
from fpga_flow.core.recipe import ROOT, Change, find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline import flow
from fpga_flow.results.prune import PruneResult
from fpga_flow.train.checkpoint import CHECKPOINT, State, load_checkpoint
from fpga_flow.until_fits import BoardEstimate
from tests.bench.tables import write_rows

FILE = ROOT / "docs" / "criteria.csv"
FOLDER = places.RUNS / "criteria"
SEEDS = (1, 2, 3)
CRITERIA = ("magnitude", "hardware")
RATES = (100_000.0, 20_000.0, 300_000.0)
"""Frames per second; a frame has 256 samples, so the last is nearly one sample a clock."""
SETTINGS = {
    "data.length": 256,
    "data.train_per_block": 28,
    "train.epochs": 16,
    "train.schedule": "linear",
    "prune.rate": 0.3,
    "prune.rounds": 30,
    "hardware.fps": RATES[0],
}
SHAPE = (2, 256)


@dataclass(frozen=True)
class Row:
    """A pruned network at a rate."""

    seed: int
    criterion: str
    validation: float
    """Best accuracy of the last round that passed."""
    target: float
    test: float
    rounds: int
    weights_left: int
    nonzero: int
    fps: float
    lut: int
    ff: int
    bram18: int
    dsp: int
    cost: int


def recipe_of(seed: int, criterion: str) -> Recipe:
    """Return the recipe of a run."""
    values = {**SETTINGS, "seed": seed, "prune.criterion": criterion}
    return load_recipe(find_recipe("signals-16"), [Change(key, value) for key, value in values.items()])


def pruned(seed: int, criterion: str) -> Path:
    """Return the folder of a pruned run; its training is the other criterion's, where that is there."""
    others = [FOLDER / f"{seed}-{other}" for other in CRITERIA if other != criterion]
    run = flow.new_run(FOLDER / f"{seed}-{criterion}", recipe_of(seed, criterion))
    flow.execute(run, until="prune", relatives=[path for path in others if path.is_dir()])
    return run.folder


def rows_of(seed: int, criterion: str) -> list[Row]:
    """Return the rows of a run."""
    folder = pruned(seed, criterion)
    result = results.read(PruneResult, folder / "prune")
    state = load_checkpoint(folder / "prune" / CHECKPOINT)
    passed = [line.accuracy for line in result.rounds if line.passed]
    return [
        Row(
            seed,
            criterion,
            round(passed[-1], 4),
            round(result.target or 0.0, 4),
            round(result.accuracy.pruned, 4),
            len(result.rounds),
            result.left,
            result.nonzero,
            rate,
            *taken_at(seed, criterion, state, rate),
        )
        for rate in RATES
    ]


def taken_at(seed: int, criterion: str, state: State, rate: float) -> tuple[int, int, int, int, int]:
    """Return LUTs, flip-flops, block RAMs, DSPs, and the cost of all of them, at `rate` frames a second."""
    recipe = recipe_of(seed, criterion)
    hardware = recipe.hardware.model_copy(update={"fps": rate})
    solution = BoardEstimate(recipe.model_copy(update={"hardware": hardware})).solution(state, SHAPE)
    lut, ff, bram18, dsp = (round(amount) for amount in solution.resources.row)
    return lut, ff, bram18, dsp, round(solution.cost)


def main() -> None:
    """Prune, and write the table."""
    parser = argparse.ArgumentParser(description="Pruning by magnitude against pruning by cost.")
    parser.add_argument("--only", nargs=2, metavar=("SEED", "CRITERION"), help="prune one run, write nothing")
    arguments = parser.parse_args()
    if arguments.only:
        pruned(int(arguments.only[0]), arguments.only[1])
        return
    rows = [row for seed in SEEDS for criterion in CRITERIA for row in rows_of(seed, criterion)]
    with FILE.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, rows)


if __name__ == "__main__":
    main()
