"""What a network trained on RadioML 2018.01A takes frames for, made under one hypothesis after another.

    python -m tests.bench.bench_conventions       # writes docs/signals.csv

The judge is the A(MC) team's pruned 4-bit VGG10 (in FPGA_FLOW_ZOO, or ../shared/data). Every row is the share
of `--frames` frames at 30 dB that it takes for their class, and what it takes most others for: first the
generator's own frames, then the hypotheses of `tests/bench/hypotheses.py`. Those of "all" are means over the
linear classes without OQPSK and 128APSK.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.progress import bar, say
from fpga_flow.core.recipe import ROOT
from fpga_flow.data import signals
from fpga_flow.data.constellations import CLASSES, constellation
from tests.bench.convention_frames import LENGTH, SNR_DB, frames
from tests.bench.hypotheses import COMMON, OURS, Hypothesis, all_hypotheses
from tests.bench.tables import write_rows
from tests.trained_elsewhere import RADIO, judge

RESULT = ROOT / "docs" / "signals.csv"


@dataclass(frozen=True)
class Row:
    """The judge's verdict on one class under one hypothesis."""

    name: str
    hypothesis: str
    source: str
    recognised: float
    taken_for: str
    """The most frequent other classes, with their shares."""


def verdict(hypothesis: Hypothesis, found: dict[str, NDArray[np.int64]]) -> Row:
    """Return the row of the classes that were `found`, by the class that the frames are of."""
    right = [float(np.mean(classes == CLASSES.index(name))) for name, classes in found.items()]
    others = np.concatenate([classes[classes != CLASSES.index(name)] for name, classes in found.items()])
    total = sum(len(classes) for classes in found.values())
    counts = np.bincount(others, minlength=len(CLASSES))
    most = [index for index in np.argsort(-counts)[:3] if counts[index] >= 0.02 * total]
    taken_for = ", ".join(f"{CLASSES[index]} {counts[index] / total:.2f}" for index in most)
    return Row(
        hypothesis.name, hypothesis.what, hypothesis.source, round(float(np.mean(right)), 3), taken_for
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=128, help="per class")
    count = parser.parse_args().frames
    classes = judge(RADIO)
    rows = []
    for label, name in enumerate(CLASSES):
        own = signals.block(label, SNR_DB, count, LENGTH, 1).transpose(0, 2, 1)
        rows.append(verdict(Hypothesis(name, "as generated", OURS), {name: classes(own)}))
    tried = all_hypotheses()
    with bar("conventions", len(tried)) as advance:
        for hypothesis in tried:
            names = COMMON if hypothesis.name == "all" else (hypothesis.name,)
            found = {}
            for name in names:
                points = constellation(name) if hypothesis.points is None else hypothesis.points
                found[name] = classes(frames(points, hypothesis.convention, count))
            rows.append(verdict(hypothesis, found))
            advance()
    with RESULT.open("w", encoding="utf-8") as file:
        write_rows(file, rows)
    say(f"wrote {RESULT}")


if __name__ == "__main__":
    main()
