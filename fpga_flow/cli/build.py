"""`flow build`: all stages of a recipe, or of a network from outside."""

from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli import building
from fpga_flow.cli.arguments import (
    BoardName,
    Cache,
    Clock,
    Debug,
    Fps,
    Latency,
    Settings,
    ToFit,
    integer,
    number,
)
from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import Change, find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.settings import accuracy_changes, changes_of, hardware_changes, own_data
from fpga_flow.pipeline import flow
from fpga_flow.pipeline.replaced import check_nothing_lost


def build(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe: a TOML file, or its name in build/. Default: signals.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(metavar="N", parser=integer, help="Bits per weight and activation.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="A trained network from outside, no recipe.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Your own frames x and labels y, to verify and to measure accuracy on, or to train on.",
        ),
    ] = None,
    board: BoardName = None,
    clock: Clock = None,
    fps: Fps = None,
    latency: Latency = None,
    fit: ToFit = False,
    accuracy: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            parser=number,
            help="Prune until the network fits the board at the frame rate, with at least A % of the "
            "validation frames right, or say what must give.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="STAGE", help=f"Stop after one of {', '.join(flow.STAGE_NAMES)}.")
    ] = None,
    settings: Settings = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Train from random weights, from no checkpoint.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; build/out/<recipe>-w<bits>.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Train and prune anew where the run's were of another recipe, code or tools."
        ),
    ] = False,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Build a recipe: all stages whose inputs, recipe, tools or code changed since the last time.

    \b
    flow build --bits 4
    flow build --bits 4 --fps 50000 --until hardware
    flow build --bits 4 --clock 150 --fit
    flow build --bits 4 --board pynq-z1 --fps 50000 --accuracy 55
    flow build my.toml --set prune.method=imp --out build/out/mine
    flow build --model net.onnx --data mine.npz --board zcu104
    run=$(flow build --bits 4 --quiet)
    flow build --bits 4 --json > events.jsonl
    """
    changes = changes_of(settings or (), bits)
    if data is not None:
        changes += own_data(data)
    changes += hardware_changes(board, fps, latency, fit, clock) + accuracy_changes(accuracy)
    if from_scratch:
        changes.append(Change("train.checkpoint", None, "--from-scratch"))
    if model is None:
        made = load_recipe(find_recipe(recipe or "signals"), changes)
        folder = places.RUNS / f"{made.name}-w{made.quant.weight_bits}"
    else:
        made = _outside_recipe(model, recipe, bits, from_scratch, changes)
        folder = places.RUNS / made.name
    run = flow.new_run(out or folder, made, model)
    if not again:
        flow.check_recipe(run)
        check_nothing_lost(run)
    building.build(run, until)


def _outside_recipe(
    model: Path, recipe: str | None, bits: int | None, from_scratch: bool, changes: list[Change]
) -> Recipe:
    for word, given in (("RECIPE", recipe), ("--bits", bits is not None), ("--from-scratch", from_scratch)):
        if given:
            raise InputError(f"{word}: {building.TRAINED.format(option='--model')}; leave {word} out")
    return building.outside_recipe(model, changes)
