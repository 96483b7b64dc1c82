"""The command `flow check`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpga_flow.cli import building
from fpga_flow.cli.arguments import BoardName, Cache, Debug, Fps, Settings, number
from fpga_flow.core import artifact, places, system
from fpga_flow.core.errors import DifferenceError, FitError, FlowError, InputError, ToolError
from fpga_flow.core.recipe import Change
from fpga_flow.core.recipe_parts.hardware import ExportRecipe
from fpga_flow.core.settings import changes_of, hardware_changes, own_data
from fpga_flow.pipeline import flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpga_flow.check.found import Found


def check(
    network: Annotated[
        Path, typer.Argument(metavar="FILE.onnx", help="A quantised network (QONNX or QCDQ).")
    ],
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz", help="Your own frames x, their labels y, and out, what the network gives."
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE.xml", help="Write the cases in JUnit's format.")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the result as Markdown.")
    ] = None,
    max_lut: Annotated[
        float | None, typer.Option(metavar="N", parser=number, help="The most LUTs, counted by Yosys.")
    ] = None,
    min_fps: Annotated[
        float | None,
        typer.Option(metavar="N", parser=number, help="The least frames per second of the simulated RTL."),
    ] = None,
    fps: Fps = None,
    board: BoardName = None,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; build/out/<file>.")
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Take a network through export, RTL and verification, and judge limits; for CI.

    It ends with 3 where RTL or expected outputs differ, with 5 where a limit is not met; both reports are
    written in any case. The last lines name the folder that a CI may cache, and under which key.

    \b
    flow check net.onnx
    flow check net.onnx --vectors vectors.npz --junit report.xml --summary summary.md
    flow check net.onnx --max-lut 8000 --min-fps 20000 --fps 20000 --board zcu104
    """
    from fpga_flow.check import limits  # and the packages that reports need are heavy
    from fpga_flow.check.found import Found

    _check_places(junit, summary)
    found = Found(network, "verify" if max_lut is None else "synth")
    problems: list[Exception] = []
    try:
        found.limits = limits.wanted(max_lut, min_fps)
        changes = [*changes_of(settings or ()), *hardware_changes(board, fps)]
        problems += _carry_out(found, changes, vectors, out)
    except Exception as error:  # noqa: BLE001  (it is in the reports too, and raised behind them)
        found.error = error
        problems.append(error)
    _write(found, problems, junit, summary)
    _show(found)
    if problems:
        for other in problems[1:]:
            problems[0].add_note(str(other))
        raise problems[0]


def _carry_out(
    found: "Found", changes: list[Change], vectors: Path | None, out: Path | None
) -> list[FlowError]:
    """Build, compare and judge; returns what the check ends with, differences before limits.

    Raises what ends the build before there is a result to judge, and `InputError` for wrong input.
    """
    from fpga_flow.check import limits

    problems: list[FlowError] = []
    expected = None
    if vectors is not None:
        changes = [*own_data(vectors, "--vectors"), *changes]
        expected = _expected(vectors)
        if expected is not None:  # golden outputs of every frame, unless the user sets another number
            kept = max(len(expected), ExportRecipe().vectors)
            changes = [Change("export.vectors", kept, "--vectors"), *changes]
    found.expects = expected is not None
    recipe = building.outside_recipe(found.network, changes, "FILE.onnx", "--vectors")
    found.run = flow.new_run(out or places.RUNS / recipe.name, recipe, found.network)
    if expected is not None:
        problems += _compare(found, found.run, expected)
        found.run = replace(found.run, outcomes=[])
    try:
        building.build(found.run, found.until)
    except (DifferenceError, FitError) as error:
        found.error = error
        problems.append(error)
    finally:
        found.judge()
    over = limits.passed(found.limits)
    problems += [over] if over else []
    return sorted(problems, key=lambda problem: isinstance(problem, FitError))


def _expected(vectors: Path) -> "NDArray[Any] | None":
    from fpga_flow.data import arrays

    return arrays.expected_outputs(vectors)


def _compare(found: "Found", run: flow.Run, outputs: "NDArray[Any]") -> list[FlowError]:
    """Compare what the user expects as soon as there are golden outputs, before anything takes long."""
    from fpga_flow.check import expected

    with system.writing(run.folder, places.RUNS):
        flow.execute(run, "export")
    try:
        compared = found.compared = expected.compare(run.folder / "export", outputs)
    except InputError as error:
        found.refused = error
        raise
    if not compared.differing:
        return []
    text = f"check: out differs from the network in {compared.differing:,} of {compared.frames:,} frames"
    return [DifferenceError(f"{text}; first: {compared.first}")]


def _check_places(*files: Path | None) -> None:
    for path in files:
        if path is not None and path.is_dir():
            raise InputError(f"{path}: is a folder; name a file")


def _write(found: "Found", problems: Sequence[Exception], junit: Path | None, summary: Path | None) -> None:
    """Write what reports are wanted."""
    from fpga_flow.check.junit import junit as as_junit
    from fpga_flow.check.summary import summary as as_markdown

    if junit is not None:
        _put(junit, as_junit(found.network.name, found.cases()))
    if summary is not None:
        _put(summary, as_markdown(found, problems))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    artifact.write_text(path, text)


def _show(found: "Found") -> None:
    """Print frame sets, limits, and what a CI may cache."""
    from fpga_flow.check import cache_key
    from fpga_flow.check.found import NOT_REACHED

    print()
    for case in found.cases():
        if case.group in ("frames", "limit") and case.text != NOT_REACHED:
            print(f"{case.name}: {case.state}{f', {case.text}' if case.text else ''}")
    if found.run is not None:
        with suppress(ToolError):  # that a tool is missing is told already
            print(f"cache-path={places.cache()}")
            print(f"cache-key={cache_key.cache_key(found.run, found.network)}")
