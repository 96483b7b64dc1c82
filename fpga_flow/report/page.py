"""The report as one HTML page that needs nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from fpga_flow.core.format import amount
from fpga_flow.pipeline.flow import Run
from fpga_flow.report import comparison, plots
from fpga_flow.report.columns import COLUMNS, LAYER_COLUMNS
from fpga_flow.report.data import data_note
from fpga_flow.report.schema import Hardware, Layer, Report
from fpga_flow.report.table import OUTDATED, PART_OF_TEST, accuracies, named_scores
from fpga_flow.results.export import Scores
from fpga_flow.results.run import RunResults
from fpga_flow.target.board import Board, board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import LIMITED, Resources

SHOWN = 24
"""Layers in a plot; the table has all of them."""
CARDS = (
    "accuracy",
    "samples",
    "sparsity",
    "nonzero",
    "weights",
    "itu_score",
    "bit_ops",
    "fps",
    "mismatches",
    "cycles_rtl",
    "cycles",
)
"""Keys of the columns in the summary."""
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
LAYER_NOTES = (
    "Lane use: of the products that a layer's lanes have time for in its own cycles of a frame, the share "
    "whose weight is not zero; a layer of adders (constant) has no lanes.",
    "RTL: proved right for every input that can come; else its numbers were compared with onnxruntime's on "
    "the frames that were simulated layer by layer.",
)
"""What two of them mean."""
PLUMBING = {"fifo", "width"}
"""Kinds of layers that the plot of cycles leaves out."""


@dataclass(frozen=True)
class Card:
    """One figure of the summary; `state` is good, bad or nothing."""

    label: str
    value: str
    detail: str
    state: str = ""


@dataclass(frozen=True)
class Plot:
    """A plot with what it shows."""

    title: str
    detail: str
    svg: str


@dataclass(frozen=True)
class Sheet:
    """A table; the row whose first cell is `marked` is coloured."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    detail: str = ""
    marked: str = field(default="")


def render(run: Run, report: Report, found: RunResults, version: str) -> str:
    """Return the page of `report`; `version` is written into its head."""
    of = board(run.recipe.board)
    return template("page.html.j2").render(
        name=run.folder.resolve().name,
        version=version,
        report=report,
        note=data_note(found),
        outdated=OUTDATED.format(stages=", ".join(report.outdated)) if report.outdated else "",
        cards=list(_cards(report, of)),
        difference=report.verify.first_difference if report.verify else None,
        unproved=report.verify.unproved if report.verify else (),
        plots=list(_plots(report, found)),
        tables=list(_tables(report, of)),
    )


def template(name: str, package: str = "fpga_flow.report") -> Template:
    """Return the template `name` of `package`, which may extend those here; what it is given is escaped."""
    packages = dict.fromkeys((package, "fpga_flow.report"))
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each, ".") for each in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _cards(report: Report, of: Board) -> Iterator[Card]:
    text = {key: COLUMNS[key].text(report) for key in CARDS}
    whole = [name for name, _ in accuracies(report.accuracy) if name not in PART_OF_TEST]
    if whole:
        yield Card("Accuracy", text["accuracy"], f"{whole[-1]}, {text['samples']} test frames")
    if report.cost:
        yield Card("Pruned", text["sparsity"], f"{text['nonzero']} of {text['weights']} weights left")
        yield Card("Cost score", text["itu_score"], f"{text['bit_ops']} bit operations")
    if hardware := report.hardware:
        yield Card("Frames per second", text["fps"], f"predicted at {hardware.clock_mhz:g} MHz")
    if verify := report.verify:
        state = "bad" if verify.differs else "good"
        how = "with and without stalls" if verify.stalls else "without stalls"
        proved = len(verify.proofs) - len(verify.unproved)
        more = f"; {proved} layers proved for every input" if proved else ""
        yield Card(
            "RTL against onnxruntime",
            f"{text['mismatches']} differ",
            f"of {verify.samples} frames, {how}{more}",
            state,
        )
    if report.hardware and report.verify:
        yield Card("Cycles per frame", text["cycles_rtl"], f"measured; predicted {text['cycles']}")
    if report.synth:
        fit = Fit(Resources.of(report.synth), of)
        key, share = max(fit.shares.items(), key=lambda item: item[1])
        word, state = ("too large", "bad") if fit.over else ("fits", "good")
        yield Card("Board", word, f"{share:.0%} of its {LIMITED[key]}", state)


def _plots(report: Report, found: RunResults) -> Iterator[Plot]:
    steps = (("unpruned", found.train), ("pruned", found.prune), ("golden (integers)", found.export))
    curves = {label: by_snr(step.by_snr) for label, step in steps if step is not None and step.by_snr}
    if curves:
        detail = f"{amount(report.accuracy.samples)} test frames: {data_note(found)}"
        yield Plot("Accuracy against SNR", detail, plots.accuracy_by_snr(curves))
    if found.prune and (layers := found.prune.layers):
        names, nonzero = [layer.name for layer in layers], [layer.nonzero for layer in layers]
        svg = plots.sparsity(names, nonzero, [layer.weights for layer in layers])
        yield Plot("Weights left by layer", "After pruning.", svg)
    if report.hardware:
        yield from _hardware_plots(report.hardware)


def by_snr(table: Mapping[str, float]) -> dict[float, float]:
    """Return accuracy by SNR with numbers as keys, which JSON does not have."""
    return {float(snr): share for snr, share in table.items()}


def _hardware_plots(hardware: Hardware) -> Iterator[Plot]:
    layers = [layer for layer in hardware.layers if layer.kind not in PLUMBING]
    shown = _largest(layers, lambda layer: layer.cycles)
    detail = f"Predicted; {hardware.bottleneck} sets the speed."
    names, counts = [layer.name for layer in shown], [layer.cycles for layer in shown]
    svg = plots.cycles(names, counts, hardware.bottleneck)
    yield Plot("Cycles per frame by layer", _of_all(detail, shown, layers), svg)
    layers = [layer for layer in hardware.layers if _lut(layer.estimate) or _lut(layer.synth)]
    if layers:
        shown = _largest(layers, lambda layer: max(_lut(layer.estimate) or 0, _lut(layer.synth) or 0))
        estimate, synth = [_lut(layer.estimate) for layer in shown], [_lut(layer.synth) for layer in shown]
        done = any(value is not None for value in synth)
        detail = "Estimated before synthesis, and what Yosys used." if done else "Estimated."
        svg = plots.luts([layer.name for layer in shown], estimate, synth)
        yield Plot("LUTs by layer", _of_all(detail, shown, layers), svg)


def _of_all(detail: str, shown: Sequence[Layer], layers: Sequence[Layer]) -> str:
    return (
        detail if len(shown) == len(layers) else f"{detail} The {len(shown)} largest of {len(layers)} layers."
    )


def _lut(part: Mapping[str, float | None] | None) -> float | None:
    return None if part is None else part.get("lut")


def _largest(layers: Sequence[Layer], size: Callable[[Layer], float]) -> list[Layer]:
    """Return the layers that a plot has room for, in the order of the stream."""
    chosen = sorted(range(len(layers)), key=lambda i: size(layers[i]), reverse=True)[:SHOWN]
    return [layers[i] for i in sorted(chosen)]


def _tables(report: Report, of: Board) -> Iterator[Sheet]:
    reached = accuracies(report.accuracy)
    if reached:
        verified = f"rtl: on the {report.verify.samples} simulated frames." if report.verify else ""
        rows = [[f"{value:.2%}" for _, value in reached]]
        yield Sheet("Accuracy", [name for name, _ in reached], rows, verified)
    if stand_in := report.stand_in:
        rows = [[f"{stand_in.accuracy:.2%}", amount(stand_in.samples)]]
        yield Sheet("On a stand-in's frames", ["right", "frames"], rows, f"{stand_in.data}.")
    if report.scores:
        yield _costs(report.scores, named_scores(report))
    if lines := comparison.rows(report):
        yield Sheet(
            "Predicted, simulated, measured", comparison.heads(report), [list(line) for line in lines]
        )
    if report.estimate or report.synth:
        yield _resources(report, of)
    if report.hardware:
        yield _layers(report.hardware)
    rows = [[s.name, f"{s.seconds:,.1f} s", "kept" if s.cached else "made"] for s in report.stages]
    if rows:
        yield Sheet("Stages", ["stage", "time", ""], rows)


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
    columns = [LAYER_COLUMNS[key] for key in LAYER]
    rows = [[column.text(layer) for column in columns] for layer in hardware.layers]
    source = "synthesis" if any(layer.synth for layer in hardware.layers) else "estimate"
    heads = [column.title for column in columns]
    detail = " ".join([f"Resources from {source}.", *LAYER_NOTES])
    return Sheet("Layers", heads, rows, detail, hardware.bottleneck)
