"""The result of a check as Markdown, for the summary page of a CI job."""

import re
from collections.abc import Iterator, Sequence

from fpga_flow.check.found import Case, Found, explained
from fpga_flow.check.junit import printable
from fpga_flow.report import Report
from fpga_flow.report.columns import COLUMNS, LAYER_COLUMNS
from fpga_flow.target.resources import LIMITED

FIGURES = ("accuracy_rtl", "mismatches", "cycles_rtl", "fps_rtl", "latency_us", "latency_rtl", *LIMITED)
"""Keys of the columns that are shown."""
LAYER = ("name", "kind", "cycles", "lut_synth")
"""The same of each layer."""
PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>#!|~$&@:])")
"""What Markdown may take for its own."""


def summary(found: Found, problems: Sequence[Exception]) -> str:
    """Return the page: verdict, figures, limits, layers; `problems` are the errors the check ends with."""
    cases = found.cases()
    lines = [f"## flow check {escaped(found.network.name)}: {'failed' if problems else 'passed'}", ""]
    for problem in problems:
        lines += ["> " + "<br>".join(map(escaped, explained(problem).splitlines())), ""]
    report = found.report()
    if report is not None:
        lines += [*_table(("", ""), _figures(report)), ""]
    lines += _section("Frames", ("frames", "", ""), _rows(cases, "frames"))
    lines += _section("Limits", ("limit", "", ""), _rows(cases, "limit"))
    heads = (*(LAYER_COLUMNS[key].title for key in LAYER), COLUMNS["verdict"].title)
    lines += _section("Layers", heads, _layers(cases, report))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    return PUNCTUATION.sub(r"\\\1", " ".join(printable(text).split()))


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of the network and its hardware, as far as it is known."""
    text = {key: COLUMNS[key].text(report) for key in FIGURES}
    for output in report.outputs or ():
        yield "what comes out", output.text
    yield "board", report.board
    if text["accuracy_rtl"]:
        yield COLUMNS["accuracy_rtl"].title, text["accuracy_rtl"]
    verify, hardware = report.verify, report.hardware
    if verify and hardware:
        how = " with and without stalls" if verify.stalls else ""
        yield "frames verified", f"{verify.samples:,}{how}; {text['mismatches']} differ"
        cycles = f"{text['cycles_rtl']} cycles per frame at {hardware.clock_mhz:g} MHz"
        yield COLUMNS["fps_rtl"].title, f"{text['fps_rtl']} ({cycles})"
        yield "latency", f"{text['latency_us']} us ({text['latency_rtl']} cycles)"
    for key, word in LIMITED.items():
        if text[key]:
            yield word, text[key]


def _rows(cases: Sequence[Case], group: str) -> list[tuple[str, ...]]:
    return [(case.name, case.state, case.text) for case in cases if case.group == group]


def _layers(cases: Sequence[Case], report: Report | None) -> list[tuple[str, ...]]:
    """Return a row for each layer but the FIFOs; the last cell is empty where none is compared."""
    compared = {case.name: case.text for case in cases if case.group == "layer"}
    layers = report.hardware.layers if report and report.hardware else []
    return [
        (*(LAYER_COLUMNS[key].text(layer) for key in LAYER), compared.get(layer.name, ""))
        for layer in layers
        if layer.kind != "fifo"
    ]


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"### {title}", "", *_table(heads, rows), ""] if rows else []


def _table(heads: Sequence[str], rows: "Iterator[tuple[str, str]] | Sequence[Sequence[str]]") -> list[str]:
    lines = [heads, ["---"] * len(heads), *(list(map(escaped, row)) for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
