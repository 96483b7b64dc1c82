"""The report as one HTML page that needs nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from fpga_flow.core.format import amount
from fpga_flow.pipeline.flow import Run
from fpga_flow.report.activity import strips
from fpga_flow.report.charts import charts, confusion_detail
from fpga_flow.report.columns import COLUMNS
from fpga_flow.report.data import data_note
from fpga_flow.report.glossary import TERMS
from fpga_flow.report.learning import learning
from fpga_flow.report.origin import as_toml
from fpga_flow.report.picture import drawings
from fpga_flow.report.plots import short
from fpga_flow.report.schema import Report
from fpga_flow.report.sheets import sheets
from fpga_flow.report.table import OUTDATED, PART_OF_TEST, accuracies
from fpga_flow.results.run import RunResults
from fpga_flow.target.board import Board, board
from fpga_flow.target.fit import Fit
from fpga_flow.target.resources import LIMITED, Resources

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
    "latency_us",
    "latency_rtl",
    "latency",
)
"""Keys of the columns in the summary."""
MANY_BOXES = 120
"""Layers in the picture from which on it is folded away."""


@dataclass(frozen=True)
class Card:
    """One figure of the summary; `state` is good, bad or nothing."""

    label: str
    value: str
    detail: str
    state: str = ""


@dataclass(frozen=True)
class Bar:
    """What is used of a resource; `share` is that of the bar, in per cent, at most 100."""

    label: str
    words: str
    share: float
    over: bool


def render(run: Run, report: Report, found: RunResults, version: str) -> str:
    """Return the page of `report`; `version` is written into its head."""
    of, learned = board(run.recipe.board), learning(run, found)
    columns = drawings(report.hardware) if report.hardware else []
    confusion, verify, origin = learned.confusion, report.verify, report.origin
    return template("page.html.j2").render(
        name=run.folder.resolve().name,
        version=version,
        report=report,
        note=data_note(found),
        outdated=OUTDATED.format(stages=", ".join(report.outdated)) if report.outdated else "",
        cards=list(_cards(report, of)),
        bars=list(_bars(report, of)),
        bars_source="by synthesis" if report.synth else "estimated",
        difference=verify.first_difference if verify else None,
        unproved=verify.unproved if verify else (),
        plots=list(charts(report, found, learned.training)),
        confusion=confusion,
        confusion_detail=confusion_detail(confusion) if confusion else "",
        drawings=columns,
        drawings_folded=sum(len(column.boxes) for column in columns) > MANY_BOXES,
        activity=strips(verify.activity) if verify and verify.activity else None,
        tables=list(sheets(report, of)),
        toml=as_toml(origin.settings) if origin else "",
        terms=TERMS,
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
    environment.filters["short"] = short
    return environment.get_template(name)


def _cards(report: Report, of: Board) -> Iterator[Card]:
    text = {key: COLUMNS[key].text(report) for key in CARDS}
    whole = [name for name, _ in accuracies(report.accuracy) if name not in PART_OF_TEST]
    if whole:
        yield Card("Accuracy", text["accuracy"], f"{whole[-1]}, n = {text['samples']} test frames")
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
        told = f"{text['latency_rtl']} cycles measured; predicted {text['latency']}"
        yield Card("Latency", f"{text['latency_us']} \N{MICRO SIGN}s", told)
    elif hardware and hardware.latency_cycles is not None:
        micros = hardware.latency_cycles / hardware.clock_mhz
        yield Card("Latency", f"{micros:,.1f} \N{MICRO SIGN}s", f"{text['latency']} cycles, predicted")
    if report.synth:
        fit = Fit(Resources.of(report.synth), of)
        key, share = max(fit.shares.items(), key=lambda item: item[1])
        word, state = ("too large", "bad") if fit.over else ("fits", "good")
        yield Card("Board", word, f"{share:.0%} of its {LIMITED[key]}", state)


def _bars(report: Report, of: Board) -> Iterator[Bar]:
    counted = report.synth or report.estimate
    if counted is None:
        return
    fit, holds = Fit(Resources.of(counted), of), of.capacity.limited()
    for key, used in fit.used.limited().items():
        free = holds[key] - used
        left = f"{amount(free)} free" if free >= 0 else f"{amount(-free)} too many"
        share = fit.shares[key]
        words = f"{amount(used)} of {amount(holds[key])} ({share:.0%}), {left}"
        yield Bar(LIMITED[key], words, round(min(100.0, 100 * share), 2), key in fit.over)
