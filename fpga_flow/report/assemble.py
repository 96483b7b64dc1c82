"""Assembles the report from the results of the artifacts that belong together in a run."""

from typing import TypeVar

from fpga_flow.core import artifact
from fpga_flow.deploy.results import measured
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.pipeline.standing import intact, outdated
from fpga_flow.report.hardware import Bitstream, Estimate, Fifos, Hardware, Layer, Stream, Synth
from fpga_flow.report.origin import origin
from fpga_flow.report.schema import Accuracy, Board, Output, Report, StageTime, StandIn, Verify
from fpga_flow.results import Record
from fpga_flow.results.board import BoardResult
from fpga_flow.results.estimate import Figures, FinnFigures
from fpga_flow.results.export import ExportResult
from fpga_flow.results.run import RunResults, read_all
from fpga_flow.target.board import board

Kind = TypeVar("Kind", bound=Record)


def results(run: Run) -> RunResults:
    """Return the results of the stages that belong together in `run`.

    Raises `InputError` that names a file which is not as its stage made it, or a result of another version.
    """
    return read_all(intact(run))


def assemble(run: Run, found: RunResults | None = None) -> Report:
    """Return the report of `run` (of `found`, its results, where they have been read already)."""
    found = results(run) if found is None else found
    recipe, outside, of = run.recipe, run.model_file is not None, board(run.recipe.board)
    own_bits = outside or recipe.model.file is not None  # which the recipe may not say
    of_results = report_of(
        found,
        measured(run),
        recipe=recipe.name,
        model=f"{recipe.name}.onnx" if outside else recipe.model.label,
        bits=found.export.bits if own_bits and found.export else recipe.quant.weight_bits,
        board=of.name,
        family=of.family.name,
    )
    return of_results.model_copy(
        update={
            "outputs": _outputs(run, found),
            "outdated": outdated(run),
            "stages": _stages(run),
            "origin": origin(run),
        }
    )


def report_of(
    found: RunResults,
    on_board: BoardResult | None,
    *,
    recipe: str,
    model: str,
    bits: int,
    board: str,
    family: str | None = None,
) -> Report:
    """Return what results alone say of a run, of which else just this is known."""
    export = found.export
    return Report(
        recipe=recipe,
        model=model,
        bits=bits,
        board=board,
        accuracy=_accuracy(found, on_board),
        cost=export.cost if export else None,
        hardware=_hardware(found, family),
        verify=_verify(found),
        estimate=_estimate(found),
        synth=_part(Synth, found.synth),
        bitstream=_part(Bitstream, found.bitstream),
        board_measured=_part(Board, on_board),
        scores=export.scores if export else None,
        outputs=None,
        original=export.checks.original if export else None,
        stand_in=_stand_in(export),
        outdated=[],
        stages=[],
    )


def _estimate(found: RunResults) -> Estimate | None:
    result, hardware = found.estimate, found.hardware
    finn = result and result.finn.model_dump(include=set(FinnFigures.model_fields))
    return _part(Estimate, result, finn=finn, fits=hardware.would_fit is None if hardware else None)


def _part(kind: type[Kind], result: Record | None, **more: object) -> Kind | None:
    """Return `result` as `kind`, with what that has in common with it, and `more`; None where nothing ran."""
    if result is None:
        return None
    table = result.model_dump(mode="json", include=set(kind.model_fields))
    return kind.model_validate(table | more)


def _accuracy(found: RunResults, on_board: BoardResult | None) -> Accuracy:
    train, prune, export, verify = found.train, found.prune, found.export, found.verify
    tested = [stage.samples for stage in (export, prune, train) if stage is not None]
    shares = {
        "float": train.accuracy.float_ if train else None,
        "quantised": train.accuracy.quantised if train else None,
        "pruned": prune.accuracy.pruned if prune else None,
        "golden": export.accuracy.golden if export else None,
        "rtl": verify.accuracy.rtl if verify else None,
        "board": on_board.accuracy if on_board else None,
    }
    behind = {
        **dict.fromkeys(("float", "quantised"), train),
        "pruned": prune,
        "golden": export,
        "rtl": verify,
        "board": on_board,
    }
    frames = {step: stage.samples for step, stage in behind.items() if stage and shares[step] is not None}
    samples = next((count for count in tested if count is not None), None)
    return Accuracy.model_validate({**shares, "samples": samples, "frames": frames})


def _verify(found: RunResults) -> Verify | None:
    if found.verify_effort is None:
        return None
    return _part(Verify, found.verify, cycles_per_second=found.verify_effort.cycles_per_second)


def _outputs(run: Run, found: RunResults) -> list[Output] | None:
    if found.export is None:
        return None
    described = found.export.output
    top_k = found.hardware.top_k if found.hardware else described.top_k(run.recipe.hardware.top_k)
    known = described.model_dump(include={"name", "shape", "scale", "offset", "behind"})
    known["kind"] = "numbers" if not top_k else "index" if top_k == 1 else "indices"
    known["value_shape"] = described.value_shape
    return [Output(**known, top_k=top_k, text=described.words(top_k))]


def _stand_in(export: ExportResult | None) -> StandIn | None:
    if export is None or export.stand_in is None:
        return None
    return StandIn(**dict(export.stand_in), data=export.data)


def _hardware(found: RunResults, family: str | None) -> Hardware | None:
    hardware = found.hardware
    if hardware is None:
        return None
    estimates = found.estimate.layers if found.estimate else {}
    finns = found.estimate.finn.layers if found.estimate else {}
    synthesised = found.synth.layers if found.synth else {}
    layers = []
    proved = {proof.layer: proof.proved for proof in found.verify.proofs} if found.verify else {}
    compared = found.verify.values_compared if found.verify else {}
    differs = {proof.layer for proof in found.verify.refuted} if found.verify else set()
    if found.verify and found.verify.first_difference:
        differs.add(found.verify.first_difference.layer)
    for layer in hardware.layers:
        estimate, finn, synth = (table.get(layer.name) for table in (estimates, finns, synthesised))
        layers.append(
            Layer(
                **layer.model_dump(),
                estimate=estimate.model_dump(include=set(Figures.model_fields)) if estimate else None,
                finn=finn.model_dump() if finn else None,
                synth=synth.model_dump() if synth else None,
                proved=proved.get(layer.name),
                compared=compared.get(layer.name),
                equal=layer.name not in differs if layer.name in compared else None,
            )
        )
    return _part(
        Hardware,
        hardware,
        family=family,
        layers=layers,
        fifos=_part(Fifos, hardware.fifos),
        streams=[_part(Stream, edge) for edge in hardware.fifos.edges],
    )


def _stages(run: Run) -> list[StageTime]:
    if run.outcomes:
        return [StageTime(name=o.name, seconds=o.seconds, cached=o.cached) for o in run.outcomes]
    manifests = {name: artifact.read_manifest(folder) for name, folder in current(run).items()}
    return [StageTime(name=name, seconds=m.seconds, cached=True) for name, m in manifests.items() if m]
