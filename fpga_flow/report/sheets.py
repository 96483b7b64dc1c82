"""The tables of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from fpga_flow.core.format import amount
from fpga_flow.report import comparison
from fpga_flow.report.columns import LAYER_COLUMNS
from fpga_flow.report.dataflow import PLUMBING
from fpga_flow.report.hardware import Hardware
from fpga_flow.report.schema import Accuracy, Report
from fpga_flow.report.table import accuracies, named_scores
from fpga_flow.results.export import Scores
from fpga_flow.target.board import Board
from fpga_flow.target.resources import LIMITED

LAYER = (
    "name",
    "kind",
    "implementation",
    "cycles",
    "pe",
    "simd",
    "nonzero",
    "weights",
    "lane_use",
    *LIMITED,
    "logic_ns",
    "verified",
    "instead",
)
"""Of the columns in the table of layers."""
STEPS = {
    "float": "before it was quantised",
    "quantised": "quantised, not pruned",
    "pruned": "quantised and pruned",
    "golden": "in integers, by onnxruntime",
    "rtl": "the simulated hardware",
    "board": "the hardware on the board",
}
"""What the steps of an accuracy are of."""
NINETY_FIVE = 1.96
"""Standard deviations to each side, between which 95 % lie."""


@dataclass(frozen=True)
class Sheet:
    """A table; the row whose first cell is `marked` is coloured, `folded` is shown only when it is opened."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    detail: str = ""
    marked: str = ""
    folded: list[list[str]] | None = None
    summary: str = ""
    """Of what is folded."""


def sheets(report: Report, of: Board) -> Iterator[Sheet]:
    """Return the tables of `report`, of a design for the board `of`."""
    if accuracies(report.accuracy):
        yield _accuracies(report.accuracy)
    if stand_in := report.stand_in:
        rows = [[f"{stand_in.accuracy:.2%}", amount(stand_in.samples)]]
        yield Sheet("On a stand-in's frames", ["right", "n"], rows, f"{stand_in.data}.")
    if report.scores:
        yield _costs(report.scores, named_scores(report))
    if lines := comparison.rows(report):
        heads, rows = comparison.heads(report), [list(line) for line in lines]
        yield Sheet("Predicted, simulated, measured", heads, rows)
    if report.estimate or report.synth:
        yield _resources(report, of)
    if report.hardware:
        yield _layers(report.hardware)
    rows = [[s.name, f"{s.seconds:,.1f} s", "kept" if s.cached else "made"] for s in report.stages]
    if rows:
        yield Sheet("Stages", ["stage", "time", ""], rows)


def _accuracies(accuracy: Accuracy) -> Sheet:
    rows = []
    for step, share in accuracies(accuracy):
        n = accuracy.frames.get(step)
        chance = f"\N{PLUS-MINUS SIGN} {NINETY_FIVE * sqrt(share * (1 - share) / n):.2%}" if n else ""
        rows.append([step, STEPS[step], f"{share:.2%}", chance, amount(n)])
    detail = (
        "n: the frames behind each. What an accuracy may differ by chance, in 95 of 100 cases, stands beside "
        "it: on fewer frames more, which is no loss of the network."
    )
    return Sheet("Accuracy", ["step", "of the network", "accuracy", "chance", "n"], rows, detail)


def _resources(report: Report, of: Board) -> Sheet:
    capacity = of.capacity.limited()
    finn = report.estimate.finn if report.estimate else None
    rows = []
    for key, word in LIMITED.items():
        cells = [word, amount((finn or {}).get(key))]
        for part in (report.estimate, report.synth):
            used = getattr(part, key) if part else None
            cells += [amount(used), "" if used is None else f"{used / capacity[key]:.0%}"]
        rows.append([*cells, amount(capacity[key])])
    tool = ""
    if report.synth:
        tool = f"Synthesis: {report.synth.tool}, every layer alone and summed."
        if report.synth.logic_ns is not None:
            path = f"{report.synth.logic_ns:.1f} ns ({report.synth.slowest})"
            tool += f" The longest path takes {path} in its logic alone, without wires."
    return Sheet("Resources", ["", "FINN's estimate", "estimate", "", "synthesis", "", of.name], rows, tool)


def _costs(scores: Scores, named: Sequence[tuple[str, float]]) -> Sheet:
    rows = [
        [
            layer.name,
            f"{layer.bits}/{layer.act_bits}",
            f"{layer.weights:,}",
            f"{layer.sparsity:.1%}",
            f"{layer.macs:,}",
            f"{layer.bit_ops:,}",
            f"{layer.weight_bits:,}",
        ]
        for layer in scores.layers
    ]
    heads = ["layer", "bits w/a", "weights", "zeros", "MACs", "bit operations", "weight bits"]
    detail = "Counted; zero weights are free in bit operations and weight bits."
    others = "".join(f" {name}: {value:.6f}." for name, value in named)
    return Sheet("Cost by layer", heads, rows, detail + others)


def _layers(hardware: Hardware) -> Sheet:
    every = [LAYER_COLUMNS[key] for key in LAYER]
    columns = [column for column in every if any(column.text(layer) for layer in hardware.layers)]
    kinds: dict[bool, list[list[str]]] = {False: [], True: []}
    for layer in hardware.layers:
        kinds[layer.kind in PLUMBING].append([column.text(layer) for column in columns])
    source = "synthesis" if any(layer.synth for layer in hardware.layers) else "estimate"
    heads = [column.title for column in columns]
    marked = hardware.bottleneck
    summary = f"{len(kinds[True])} FIFOs and width converters between them"
    return Sheet(
        "Layers", heads, kinds[False], f"Resources from {source}.", marked, kinds[True] or None, summary
    )
