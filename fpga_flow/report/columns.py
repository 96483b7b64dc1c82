"""The figures of a run and of its layers: what each is called, how it is read, and how it is shown.

Two tables for all that shows figures: the page, the terminal, a check's summary, and a sweep's table, CSV and
plots. Each names the keys of those that it shows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fpga_flow.core.format import amount
from fpga_flow.report.hardware import Hardware, Layer
from fpga_flow.report.schema import Accuracy, Report, Verify
from fpga_flow.scores.sparsity import sparsity
from fpga_flow.target.resources import LIMITED

Value = int | float | str
Of = TypeVar("Of")


@dataclass(frozen=True)
class Column(Generic[Of]):
    """A figure of a run's report, or of a layer in it."""

    key: str
    title: str
    """Its name, with the unit where that does not stand in the text."""
    value: Callable[[Of], Value | None]
    """None where the run has not come to it, or the layer has none."""
    form: Callable[[Any], str] = amount

    def shown(self, value: Value | None) -> str:
        """Return a value of this figure as text, nothing for None."""
        return "" if value is None else self.form(value)

    def text(self, of: Of) -> str:
        """Return the figure of `of` as text, nothing where it is not known."""
        return self.shown(self.value(of))


def _share(value: float) -> str:
    return f"{value:.2%}"


def _rounded_share(value: float) -> str:
    return f"{value:.1%}"


def _whole_share(value: float) -> str:
    return f"{value:.0%}"


def _score(value: float) -> str:
    return f"{value:.6f}"


def _tenths(value: float) -> str:
    return f"{value:.1f}"


def _with_tenths(value: float) -> str:
    return f"{value:,.1f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _accuracy(step: Callable[[Accuracy], float | None]) -> Callable[[Report], float | None]:
    return lambda report: step(report.accuracy)


def _of_the_last_step(accuracy: Accuracy) -> float | None:
    steps = (accuracy.golden, accuracy.pruned, accuracy.quantised, accuracy.float_)
    return next((share for share in steps if share is not None), None)


def _part(part: str, key: str) -> Callable[[Report], Any]:
    """Return what reads `key` of a `part` of the report that may be None."""
    return lambda report: None if getattr(report, part) is None else getattr(getattr(report, part), key)


def _synthesised(key: str) -> Callable[[Report], float | None]:
    return lambda report: None if report.synth is None else float(getattr(report.synth, key))


def _fits(part: str) -> Callable[[Report], str | None]:
    def value(report: Report) -> str | None:
        fits = _part(part, "fits")(report)
        return None if fits is None else "fits" if fits else "too large"

    return value


def _sparsity(report: Report) -> float | None:
    cost = report.cost
    return None if cost is None else round(sparsity(cost.weights, cost.nonzero), 6)


def _simulated(figure: Callable[[Verify, Hardware], float]) -> Callable[[Report], float | None]:
    def value(report: Report) -> float | None:
        if report.verify is None or report.hardware is None:
            return None
        return figure(report.verify, report.hardware)

    return value


def _verdict(report: Report) -> str | None:
    if report.verify is None:
        return None
    return "differs" if report.verify.differs else "verified"


def _latency_us(report: Report) -> float | None:
    hardware = report.hardware
    if hardware is None or hardware.latency_cycles is None:
        return None
    return hardware.latency_cycles / hardware.clock_mhz


COLUMNS = {
    column.key: column
    for column in (
        Column[Report]("accuracy", "accuracy", _accuracy(_of_the_last_step), _share),
        Column("accuracy_float", "float", _accuracy(lambda accuracy: accuracy.float_), _share),
        Column("accuracy_unpruned", "unpruned", _accuracy(lambda accuracy: accuracy.quantised), _share),
        Column("accuracy_pruned", "pruned", _accuracy(lambda accuracy: accuracy.pruned), _share),
        Column("accuracy_golden", "golden", _accuracy(lambda accuracy: accuracy.golden), _share),
        Column("accuracy_rtl", "accuracy of the RTL", _accuracy(lambda accuracy: accuracy.rtl), _share),
        Column("accuracy_board", "accuracy of the board", _accuracy(lambda accuracy: accuracy.board), _share),
        Column("samples", "test frames", _accuracy(lambda accuracy: accuracy.samples)),
        Column("weights", "weights", _part("cost", "weights")),
        Column("nonzero", "weights left", _part("cost", "nonzero")),
        Column("sparsity", "zero", _sparsity, _rounded_share),
        Column("macs", "MACs", _part("cost", "macs")),
        Column("nonzero_macs", "MACs left", _part("cost", "nonzero_macs")),
        Column("bit_ops", "bit operations", _part("cost", "bit_ops")),
        Column("weight_bits", "weight bits", _part("cost", "weight_bits")),
        Column("itu_score", "score", _part("cost", "itu_score"), _score),
        Column("cycles", "cycles per frame", _part("hardware", "cycles_per_frame")),
        Column("cycles_rtl", "cycles per frame, simulated", _part("verify", "measured_cycles_per_frame")),
        Column("cycles_board", "cycles per frame, board", _part("board_measured", "cycles_per_frame")),
        Column("fps", "frames/s", _part("hardware", "fps"), _whole),
        Column(
            "fps_rtl",
            "frames/s, simulated",
            _simulated(lambda rtl, built: 1e6 * built.clock_mhz / rtl.measured_cycles_per_frame),
            _whole,
        ),
        Column("fps_board", "frames/s, board", _part("board_measured", "accelerator_fps"), _whole),
        Column("latency", "latency, cycles", _part("hardware", "latency_cycles")),
        Column("latency_rtl", "latency, cycles, simulated", _part("verify", "measured_latency_cycles")),
        Column("latency_board", "latency, cycles, board", _part("board_measured", "latency_cycles")),
        Column(
            "latency_us",
            "latency, us",
            _simulated(lambda rtl, built: rtl.measured_latency_cycles / built.clock_mhz),
            _with_tenths,
        ),
        Column("latency_us_predicted", "latency, us, predicted", _latency_us, _with_tenths),
        Column("mismatches", "frames that differ", _part("verify", "mismatches")),
        Column("verdict", "RTL", _verdict, str),
        Column("fits", "board", _fits("synth"), str),
        Column("fits_estimate", "board, estimate", _fits("estimate"), str),
        *(Column(key, word, _synthesised(key)) for key, word in LIMITED.items()),
        *(
            Column(f"{key}_estimate", f"{word}, estimate", _part("estimate", key))
            for key, word in LIMITED.items()
        ),
    )
}
"""By key."""
EXPECTED = {
    "fps_rtl": "fps",
    "latency_us": "latency_us_predicted",
    "fits": "fits_estimate",
    **{key: f"{key}_estimate" for key in LIMITED},
}
"""By key of a figure, that of what is expected before the figure itself is measured or counted."""
MARK = "~"
"""In front of a figure that is only expected."""


def best(known: Mapping[str, Value], key: str) -> tuple[Value | None, bool]:
    """Return the figure `key` of those `known`, else what is expected of it; and whether it is the latter."""
    value = known.get(key)
    if value is not None or key not in EXPECTED:
        return value, False
    value = known.get(EXPECTED[key])
    return value, value is not None


def best_text(known: Mapping[str, Value], key: str) -> str:
    """Return `best` as text, marked where it is only expected; nothing where neither is known."""
    value, expected = best(known, key)
    return f"{MARK if expected else ''}{COLUMNS[key].shown(value)}"


def _instead(layer: Layer) -> str | None:
    others = sorted((cost, name) for name, cost in layer.costs.items() if name != layer.implementation)
    return ", ".join(f"{name} {cost:,.0f}" for cost, name in others) or None


def _verified(layer: Layer) -> str | None:
    if layer.equal is False:
        return "differs"
    if layer.proved:
        return "proved"
    if layer.compared is None:
        return None
    return f"0 differences in {layer.compared:,} values"


def _best_known(key: str) -> Callable[[Layer], float | None]:
    return lambda layer: (layer.synth or layer.estimate or {}).get(key)


LAYER_COLUMNS = {
    column.key: column
    for column in (
        Column[Layer]("name", "layer", lambda layer: layer.name, str),
        Column[Layer]("kind", "kind", lambda layer: layer.kind, str),
        Column[Layer]("implementation", "built as", lambda layer: layer.implementation, str),
        Column[Layer]("instead", "or, LUTs at the board's prices", _instead, str),
        Column[Layer]("pe", "PE", lambda layer: layer.pe),
        Column[Layer]("simd", "SIMD", lambda layer: layer.simd),
        Column[Layer]("cycles", "cycles per frame", lambda layer: layer.cycles),
        Column[Layer]("nonzero", "weights left", lambda layer: layer.nonzero),
        Column[Layer]("weights", "of", lambda layer: layer.weights),
        Column[Layer]("lane_use", "lane use", lambda layer: layer.lane_use, _whole_share),
        Column[Layer]("verified", "RTL", _verified, str),
        Column[Layer]("lut_estimate", "LUT est.", lambda layer: (layer.estimate or {}).get("lut")),
        Column[Layer]("logic_ns", "logic, ns", lambda layer: (layer.synth or {}).get("logic_ns"), _tenths),
        Column[Layer]("lut_synth", "LUT", lambda layer: (layer.synth or {}).get("lut")),
        *(Column[Layer](key, word, _best_known(key)) for key, word in LIMITED.items()),
    )
}
"""Of single layers, by key. A resource's own name is its count by synthesis, else its estimate."""


def figures(report: Report, keys: Iterable[str] = COLUMNS) -> dict[str, Value]:
    """Return the figures of `report` called `keys`, by key, those that are known."""
    found = {key: COLUMNS[key].value(report) for key in keys}
    return {key: value for key, value in found.items() if value is not None}
