"""The command `flow sweep`."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpga_flow.cli import telling
from fpga_flow.cli.arguments import Cache, Debug
from fpga_flow.cli.building import outside_recipe
from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.locking import locked
from fpga_flow.core.progress import say
from fpga_flow.core.recipe import Change, find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.settings import changes_of, own_data
from fpga_flow.pipeline import flow

if TYPE_CHECKING:
    from fpga_flow.sweep.grid import Point
    from fpga_flow.sweep.rows import Row
    from fpga_flow.sweep.states import Ended


def sweep(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE", help="A recipe; with --gather: runs, or folders that hold runs."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", help="A trained network from outside instead of a recipe."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Your own frames x and labels y, in all points.")
    ] = None,
    bits: Annotated[
        str | None, typer.Option(metavar="N..M|N,M", help="Bits per weight and activation: 4..8 or 4,6,8.")
    ] = None,
    prune: Annotated[
        str | None, typer.Option(metavar="METHOD,...", help="Methods of pruning: none,imp,fmp and others.")
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option("--over", metavar="KEY=V,V", help="Values of any key of the recipe; repeatable."),
    ] = None,
    until: Annotated[
        str, typer.Option(metavar="STAGE", help="Stop after this stage; synth for LUTs and speed.")
    ] = "export",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Set a value of the recipe in all points; repeatable."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Points built at once; default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A Dask cluster's, as in tcp://host:8786, instead of this machine. Its workers must have "
            "the same fpga_flow and see the sweep's folder, and FILE.onnx, under the same name (a shared "
            "file system).",
        ),
    ] = None,
    gathered: Annotated[
        bool, typer.Option("--gather", help="Build nothing: make table and plots of runs that stand.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The sweep's folder; build/out/<recipe>-sweep.")
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Build a recipe, or a network, at all combinations of some values; put them into one table and plots.

    What points have in common, as the training before different pruning, is made once. After a kill, of a
    worker or of all, the same command goes on where it stopped. A point that fails does not stop the others.

    \b
    flow sweep signals --bits 4..8 --prune none,imp,fmp
    flow sweep signals --prune fmp --over prune.criterion=magnitude,slimming --over seed=1..3
    flow sweep --model net.onnx --over hardware.fps=1000,5000,20000 --until synth
    flow sweep signals --bits 4,6 --scheduler tcp://10.0.0.1:8786 --out /shared/sweep
    flow sweep --gather build/out/signals-w4 build/out/mine --out build/out/compared
    """
    names = names or []
    if gathered:
        building = {"--model": model, "--data": data, "--bits": bits, "--prune": prune, "--over": over}
        building |= {"--set": settings}
        given = [
            name
            for name, value in {**building, "--scheduler": scheduler, "--workers": workers}.items()
            if value
        ]
        if given:
            raise InputError(f"{given[0]}: has no meaning with --gather, which builds nothing; leave it out")
        if not names:
            raise InputError("RUN: name the runs that --gather puts together, or folders that hold runs")
        _gather([Path(name) for name in names], out)
        return
    from fpga_flow.sweep.grid import grid

    make = _recipe_of(names, model)
    changes = [*changes_of(settings or ()), *(own_data(data) if data else ())]
    points = grid(make, changes, bits, prune, over or (), model and model.resolve())
    folder = out or places.RUNS / f"{points[0].recipe.name}-sweep"
    _sweep(points, until, folder.resolve(), workers, scheduler)


def _recipe_of(names: list[str], model: Path | None) -> Callable[[Sequence[Change]], Recipe]:
    """Return what makes the recipe that is swept, given some changes of it."""
    if model is not None and names:
        raise InputError(f"RECIPE: a sweep is of a recipe or of --model; leave {names[0]} out, or --model")
    if model is not None:
        return partial(outside_recipe, model)
    if not names:
        raise InputError("RECIPE: name a recipe ('flow list' has them), or a network with --model FILE.onnx")
    if len(names) > 1:
        raise InputError(
            f"RECIPE: a sweep is of one recipe, not {', '.join(names)}; sweep each, then --gather"
        )
    return partial(load_recipe, find_recipe(names[0]))


def _sweep(
    points: "Sequence[Point]", until: str, folder: Path, workers: int | None, scheduler: str | None
) -> None:
    from fpga_flow.sweep import gather, runner
    from fpga_flow.sweep.plan import plan
    from fpga_flow.sweep.rows import write
    from fpga_flow.sweep.table import line

    jobs = plan(points, until)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out: {folder} is a file; name a folder")
    if (folder / flow.RECIPE).is_file():
        raise InputError(f"--out: {folder} is a single run; name another folder")
    recipes = {point.name: point.recipe.model_dump(mode="json") for point in points}
    differences = dict(zip(recipes, gather.differences(recipes.values()), strict=True))
    from_outside = points[0].model is not None

    def row(name: str) -> "Row":
        found = gather.read(folder / name, recipes[name], until, from_outside=from_outside)
        return found.model_copy(update={"settings": differences[name]})

    with locked(folder):
        rows = {name: row(name) for name in recipes}

        def ended(point: "Point", how: "Ended") -> None:
            rows[point.name] = row(point.name)
            write(folder, list(rows.values()))
            say(f"{point.name:24} {line(rows[point.name])}")

        write(folder, list(rows.values()))
        say(f"sweep     {folder}: {len(points)} points, {len(jobs)} jobs")
        from fpga_flow.sweep import cluster

        place = cluster.local(workers) if scheduler is None else cluster.remote(scheduler, folder)
        with place as client:
            found = runner.run(client, jobs, folder, ended)
        _results(list(rows.values()), folder)
    problem = runner.problem(found)
    if problem is not None:
        raise problem


def _gather(paths: list[Path], out: Path | None) -> None:
    from fpga_flow.sweep import gather

    if out is None and len(paths) > 1:
        raise InputError("--out: name the folder that the table and the plots of all these runs go to")
    _results(gather.gather(gather.run_folders(paths)), out or paths[0])


def _results(rows: "Sequence[Row]", folder: Path) -> None:
    from fpga_flow.sweep import plots, table
    from fpga_flow.sweep.rows import CSV, JSON, write

    write(folder, rows)
    drawn = plots.draw(folder, rows)
    if telling.quiet():
        print(folder)
        return
    table.show(rows)
    say(f"\n{folder}: {', '.join([JSON, CSV, *drawn])}")
