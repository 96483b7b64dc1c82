"""Assembles the report from the results of the artifacts that belong together in a run."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fpga_flow.core import artifact
from fpga_flow.deploy.results import measured
from fpga_flow.integer import output
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.pipeline.standing import intact, outdated
from fpga_flow.report.schema import (
    Accuracy,
    Bitstream,
    Board,
    Cost,
    Estimate,
    Fifos,
    Hardware,
    Layer,
    Original,
    Output,
    Part,
    Report,
    Scores,
    StageTime,
    StandIn,
    Synth,
    Verify,
)
from fpga_flow.target.board import board as board_of
from fpga_flow.target.resources import LIMITED

Kind = TypeVar("Kind", bound=Part)
Results = Mapping[str, Mapping[str, Any]]
"""The result of each stage that stands, by stage name."""


def results(run: Run) -> dict[str, dict[str, Any]]:
    """Return the results of the stages that belong together in `run`, with what they say of their work.

    Raises `InputError` that names a file which is not as its stage made it.
    """
    folders = intact(run).items()
    return {name: artifact.read_result(folder) | artifact.read_effort(folder) for name, folder in folders}


def assemble(run: Run, found: Results | None = None) -> Report:
    """Return the report of `run` (of `found`, its results, where they have been read already)."""
    found = results(run) if found is None else found
    on_board = measured(run)
    outside = run.model_file is not None
    quant = run.recipe.quant
    own_bits = outside or run.recipe.model.file is not None  # which the recipe may not say
    return Report(
        recipe=run.recipe.name,
        model=f"{run.recipe.name}.onnx" if outside else run.recipe.model.label,
        bits=found["export"]["bits"] if own_bits and "export" in found else quant.weight_bits,
        board=run.recipe.board_name,
        accuracy=_accuracy(found, on_board),
        cost=_part(Cost, found.get("export", {}).get("cost")),
        hardware=_hardware(found, board_of(run.recipe.board).family.name),
        verify=_part(Verify, found.get("verify")),
        estimate=_estimate(found),
        synth=_part(Synth, found.get("synth")),
        bitstream=_part(Bitstream, found.get("bitstream")),
        board_measured=_part(Board, on_board),
        scores=_part(Scores, found.get("export", {}).get("scores")),
        outputs=_outputs(run, found),
        original=_part(Original, found.get("export", {}).get("checks", {}).get("original")),
        stand_in=_stand_in(found.get("export", {})),
        outdated=outdated(run),
        stages=_stages(run),
    )


def _part(kind: type[Kind], table: Mapping[str, Any] | None) -> Kind | None:
    """Return `table` as `kind`, which takes what it knows and leaves the rest; None where nothing ran."""
    if table is None:
        return None
    return kind.model_validate({key: value for key, value in table.items() if key in kind.model_fields})


def _accuracy(found: Results, on_board: Mapping[str, Any] | None) -> Accuracy:
    values: dict[str, Any] = {"board": on_board and on_board["accuracy"]}
    for result in found.values():
        values |= result.get("accuracy", {})
    for stage in ("train", "prune", "export"):
        values["samples"] = found.get(stage, {}).get("samples", values.get("samples"))
    return Accuracy.model_validate(values)


def _outputs(run: Run, found: Results) -> list[Output] | None:
    table = found.get("export", {}).get("output")
    if table is None:
        return None
    described = output.Output.model_validate(table)
    top_k = described.top_k(found.get("hardware", {}).get("top_k", run.recipe.hardware.top_k))
    known = described.model_dump(include={"name", "shape", "scale", "offset", "behind"})
    known["kind"] = "numbers" if not top_k else "index" if top_k == 1 else "indices"
    known["value_shape"] = described.value_shape
    return [Output(**known, top_k=top_k, text=described.words(top_k))]


def _stand_in(export: Mapping[str, Any]) -> StandIn | None:
    found = export.get("stand_in")
    return None if found is None else StandIn(**found, data=export["data"])


def _estimate(found: Results) -> Estimate | None:
    estimate = found.get("estimate")
    if estimate is None:
        return None
    finn = estimate.get("finn")
    return _part(Estimate, {**estimate, "finn": finn and {key: finn[key] for key in LIMITED}})


def _hardware(found: Results, family: str) -> Hardware | None:
    hardware = found.get("hardware")
    if hardware is None:
        return None
    estimate = found.get("estimate", {})
    estimates, finns = estimate.get("layers", {}), estimate.get("finn", {}).get("layers", {})
    synthesised = found.get("synth", {}).get("layers", {})
    layers = [
        Layer(
            **{key: layer[key] for key in ("name", "op", "kind", "cycles", "pe", "simd", "nonzero")},
            implementation=layer.get("implementation"),
            estimate=estimates.get(layer["name"]),
            finn=finns.get(layer["name"]),
            synth=synthesised.get(layer["name"]),
        )
        for layer in hardware["layers"]
    ]
    known = {key: hardware[key] for key in ("clock_mhz", "cycles_per_frame", "fps", "bottleneck")}
    fifos = _part(Fifos, hardware.get("fifos"))
    return Hardware(
        **known,
        part=hardware.get("part"),
        family=family,
        latency_cycles=hardware.get("latency_cycles"),
        layers=layers,
        fifos=fifos,
    )


def _stages(run: Run) -> list[StageTime]:
    if run.outcomes:
        return [StageTime(name=o.name, seconds=o.seconds, cached=o.cached) for o in run.outcomes]
    manifests = {name: artifact.read_manifest(folder) for name, folder in current(run).items()}
    return [StageTime(name=name, seconds=m.seconds, cached=True) for name, m in manifests.items() if m]
