"""Which plots the page has, and what of a run they show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fpga_flow.core.format import amount
from fpga_flow.report import plots
from fpga_flow.report.data import data_note
from fpga_flow.report.dataflow import PLUMBING
from fpga_flow.report.hardware import Hardware, Layer
from fpga_flow.report.learning import Confusion, Phase
from fpga_flow.report.schema import Report
from fpga_flow.results.prune import PruneResult
from fpga_flow.results.run import RunResults
from fpga_flow.results.train import TrainResult

SHOWN = 24
"""Layers in a plot; the table has all of them."""
FEW = 4
"""Phases of a training that are told one by one."""


@dataclass(frozen=True)
class Plot:
    """A plot with what it shows."""

    title: str
    detail: str
    svg: str


def charts(report: Report, found: RunResults, training: Sequence[Phase]) -> Iterator[Plot]:
    """Return the plots of `report`, of what its stages `found`, and of the epochs in `training`."""
    steps = (("unpruned", found.train), ("pruned", found.prune), ("golden (integers)", found.export))
    there = [(label, step) for label, step in steps if step is not None and step.by_snr]
    curves = {label: by_snr(step.by_snr) for label, step in there}
    if curves:
        counts = {label: amount(step.samples) for label, step in there}
        same = len(set(counts.values())) == 1
        told = counts[there[0][0]] if same else ", ".join(f"{n} ({label})" for label, n in counts.items())
        yield Plot(
            "Accuracy against SNR",
            f"n = {told} test frames: {data_note(found)}",
            plots.accuracy_by_snr(curves),
        )
    if found.prune:
        yield from _pruning(found.prune)
    if training:
        yield _training(training, found.prune or found.train)
    if report.hardware:
        yield from _hardware(report.hardware)


def by_snr(table: Mapping[str, float]) -> dict[float, float]:
    """Return accuracy by SNR with numbers as keys, which JSON does not have."""
    return {float(snr): share for snr, share in table.items()}


def _pruning(result: PruneResult) -> Iterator[Plot]:
    points = [(line.density, line.accuracy, line.passed) for line in result.rounds if line.density > 0]
    if points:
        frames = _validation(result)
        detail = f"{len(result.rounds)} rounds of {result.method}; best accuracy of each on the {frames}."
        yield Plot("Accuracy against weights left", detail, plots.pruning(points, result.target))
    if layers := result.layers:
        names, nonzero = [layer.name for layer in layers], [layer.nonzero for layer in layers]
        svg = plots.sparsity(names, nonzero, [layer.weights for layer in layers])
        yield Plot("Weights left by layer", "After pruning.", svg)


def _validation(result: TrainResult | PruneResult | None) -> str:
    """Return in words the frames that accuracies are measured on while it is trained or pruned."""
    count = result.validation_samples if result else None
    return "validation frames" if count is None else f"{amount(count)} validation frames"


def _training(training: Sequence[Phase], result: TrainResult | PruneResult | None) -> Plot:
    drawn = [
        (phase.name, [(e.train_loss, e.validation_loss, e.validation_accuracy) for e in phase.epochs])
        for phase in training
    ]
    names = [phase.name for phase in training]
    told = ", ".join(names) if len(names) <= FEW else f"{names[0]} to {names[-1]}"
    detail = f"On the {_validation(result)}, by epoch: {told}, with a dotted line between them."
    return Plot("Training", detail, plots.training(drawn))


def confusion_detail(confusion: Confusion) -> str:
    """Return in words what stands beside the matrix of `confusion`."""
    mistakes = confusion.mistakes(3)
    told = f" Most often mistaken: {'; '.join(mistakes)}." if mistakes else ""
    right = sum(row[index] for index, row in enumerate(confusion.counts)) / confusion.samples
    return (
        f"n = {confusion.samples:,} frames (the golden vectors), {right:.2%} right. "
        f"A row is a class, a column what the golden model says.{told}"
    )


def _hardware(hardware: Hardware) -> Iterator[Plot]:
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
