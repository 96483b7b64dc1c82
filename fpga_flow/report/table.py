"""The result of a build on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from fpga_flow.core.format import amount
from fpga_flow.pipeline.flow import Run
from fpga_flow.report import comparison
from fpga_flow.report.assemble import assemble, results
from fpga_flow.report.columns import COLUMNS, LAYER_COLUMNS
from fpga_flow.report.data import data_note
from fpga_flow.report.hardware import Hardware
from fpga_flow.report.schema import HTML, Accuracy, Report
from fpga_flow.target.board import Board, board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import LIMITED, Resources

PART_OF_TEST = ("rtl", "board")
"""Accuracies of fewer frames than the whole test part."""
FACTS = (
    "samples",
    "nonzero",
    "weights",
    "sparsity",
    "bit_ops",
    "weight_bits",
    "itu_score",
    "fps",
    "cycles",
    "cycles_rtl",
    "latency_rtl",
    "latency_us",
    "mismatches",
    "accuracy_rtl",
)
"""Keys of the columns in the lines above the tables."""
FOLDING = (
    "name",
    "kind",
    "implementation",
    "pe",
    "simd",
    "cycles",
    "nonzero",
    "lut_estimate",
    "lut_synth",
)
"""Of the columns in the table of layers."""
OUTDATED = "Out of date, not in this report: {stages} (made from inputs or a recipe that were replaced)."
"""Of stages whose artifacts still stand in the run."""


def show(run: Run, console: Console | None = None) -> None:
    """Print the results of `run` and where its report is to stdout."""
    found = results(run)
    report = assemble(run, found)
    console = console or Console(highlight=False)
    console.print()
    console.print(facts(report, data_note(found)))
    if report.hardware:
        console.print()
        console.print(folding(report.hardware))
    if report.board_measured:
        console.print()
        console.print(compared(report))
    if report.estimate or report.synth:
        console.print()
        console.print(resources(report, board(run.recipe.board)))
    console.print()
    if report.outdated:
        console.print(f"{OUTDATED.format(stages=', '.join(report.outdated))}\n", soft_wrap=True)
    if report.stages:
        console.print(stages(report))
    else:
        console.print("Nothing in this run was made from its recipe yet; 'flow STAGE RUN' makes it.")
    console.print(f"\nReport: {run.folder / HTML}", soft_wrap=True, markup=False)


def facts(report: Report, note: str) -> Table:
    """Return accuracy, cost, speed and verification, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("Build", f"{report.recipe}: {report.model}, {report.bits} bit, {report.board}")
    for name, value in _facts(report, note):
        table.add_row(name, value)
    return table


def _facts(report: Report, note: str) -> Iterable[tuple[str, str]]:
    text = {key: COLUMNS[key].text(report) for key in FACTS}
    reached = accuracies(report.accuracy)
    if reached:
        steps = [f"{name} {value:.2%}" for name, value in reached if name not in PART_OF_TEST]
        yield "Accuracy", ", ".join(steps)
        yield (
            "",
            " ".join(filter(None, (text["samples"], "test frames;", note))),
        )
    elif note:
        yield "Frames", note
    if stand_in := report.stand_in:
        share = f"{stand_in.accuracy:.2%} of {stand_in.samples:,} frames right"
        yield "Stand-in", f"{share}, which says little of the network on its own data"
    for output in report.outputs or ():
        yield "Output", output.text
    if original := report.original:
        how = f", of which {original.rounded} by float32's rounding" if original.rounded else ""
        told = f"{original.frames} frames agree with the file as it came{how} (qonnx)"
        yield "Original", told if original.frames else f"not compared: {original.reason}"
    if report.cost:
        yield "Weights", f"{text['nonzero']} of {text['weights']} left ({text['sparsity']} pruned)"
        bits = f"{text['bit_ops']} bit operations, {text['weight_bits']} weight bits"
        yield "Cost", f"{bits}, score {text['itu_score']}"
    if scores := named_scores(report):
        yield "Scores", ", ".join(f"{name} {value:.6f}" for name, value in scores)
    if hardware := report.hardware:
        yield "Speed", f"{text['fps']} frames/s at {hardware.clock_mhz:g} MHz, set by {hardware.bottleneck}"
        of_rtl = f", measured {text['cycles_rtl']}" if report.verify else ""
        yield "Cycles", f"a frame: predicted {text['cycles']}{of_rtl}"
        if report.verify:
            yield "Latency", f"{text['latency_rtl']} cycles, {text['latency_us']} us"
        if fifos := hardware.fifos:
            sizes = f"{fifos.bits_after:,} bits ({fifos.method}); {fifos.bits_before:,} before the search"
            yield "FIFOs", sizes
    if verify := report.verify:
        how = " with and without stalls" if verify.stalls else ""
        told = f"{text['mismatches']} differences on {verify.samples} frames{how} ({verify.simulator})"
        there = f", accuracy there {text['accuracy_rtl']}" if text["accuracy_rtl"] else ""
        yield "Verified", told + there
        if proved := [proof for proof in verify.proofs if proof.proved]:
            yield "Proved", f"{len(proved)} layers, for every input"
        for proof in verify.unproved:
            yield "Not proved", proof.words()
        if verify.first_difference:
            yield "First", verify.first_difference.words()


def accuracies(accuracy: Accuracy) -> list[tuple[str, float]]:
    """Return the accuracies that were measured, in the order of the stages."""
    table = accuracy.model_dump(by_alias=True, exclude={"samples", "frames"})
    return [(name, value) for name, value in table.items() if value is not None]


def named_scores(report: Report) -> list[tuple[str, float]]:
    """Return the scores of the report beside the ITU challenge's, those that are meant for its network."""
    if report.scores is None:
        return []
    table = {
        "course, parameters": report.scores.course_parameters,
        "course, operations": report.scores.course_operations,
        "MicroNet 2019": report.scores.micronet,
    }
    return [(name, value) for name, value in table.items() if value is not None]


def folding(hardware: Hardware) -> Table:
    """Return how the layers with weights are folded; the slowest layer is there in any case."""
    columns = [LAYER_COLUMNS[key] for key in FOLDING]
    rows = []
    for layer in hardware.layers:
        slowest = layer.name == hardware.bottleneck
        if layer.nonzero is not None or slowest:
            name, *cells = (column.text(layer) for column in columns)
            rows.append([f"{name} *" if slowest else name, *cells])
    filled = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    table = _table([columns[number].title for number in filled], 3)
    for row in rows:
        table.add_row(*(row[number] for number in filled))
    table.caption = "* sets the speed"
    table.caption_justify = "left"
    return table


def resources(report: Report, board: Board) -> Table:
    """Return the estimates and synthesis against what the board holds."""
    table = _table(("Resource", "FINN's estimate", "estimate", "synthesis", board.name, "used"), 1)
    finn = report.estimate.finn if report.estimate else None
    counted = report.synth or report.estimate
    shares = Fit(Resources.of(counted), board).shares if counted else {}
    for key, word in LIMITED.items():
        amounts = [getattr(part, key) if part else None for part in (report.estimate, report.synth)]
        holds = board.capacity.limited()[key]
        cells = map(amount, ((finn or {}).get(key), *amounts, holds))
        table.add_row(word, *cells, f"{shares[key]:.0%}" if shares else "")
    return table


def compared(report: Report) -> Table:
    """Return what was predicted, simulated, and measured on the board."""
    table = _table(comparison.heads(report), 1)
    for row in comparison.rows(report):
        table.add_row(*row)
    return table


def stages(report: Report) -> Table:
    """Return the times of the stages in one row, and below which were kept; the sum is of the others."""
    table = Table(*(stage.name for stage in report.stages), "sum", box=None, pad_edge=False)
    made = sum(stage.seconds for stage in report.stages if not stage.cached)
    table.add_row(*(f"{stage.seconds:,.0f} s" for stage in report.stages), f"{made:,.0f} s")
    if any(stage.cached for stage in report.stages):
        table.add_row(*("kept" * stage.cached for stage in report.stages))
    return table


def _table(heads: Sequence[str], left: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < left else "right")
    return table
