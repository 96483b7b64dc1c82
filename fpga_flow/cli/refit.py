"""The command `flow refit`: estimates as the user's own synthesis tool has them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fpga_flow.cli import telling
from fpga_flow.cli.arguments import Debug, RunArgument, find_run
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.pipeline import flow


def refit(
    run: RunArgument,
    report: Annotated[
        Path,
        typer.Argument(
            metavar="REPORT",
            help="Of RUN's accelerator by Vivado: 'report_utilization -hierarchical -file REPORT' after "
            "synth_design or route_design, hierarchy rebuilt (its default) or kept; text or XML.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="BOARD.toml", help="The board's file to write.")],
    timing: Annotated[
        Path | None,
        typer.Option(
            metavar="REPORT",
            help="Of the same design: 'report_timing -max_paths 1000 -file REPORT', text. Shows the "
            "longest path of each layer, and writes level_ns to the board file: what a level of logic "
            "takes, by which 'flow build --board mine.toml' pipelines.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Fit the estimate to what your synthesis tool made of a run's layers.

    Open the synthesised or routed design in Vivado, write the report there (see REPORT), and give it to
    this command. It writes a board file of your own (an older one is replaced) with a factor for each
    operator, by which estimates are multiplied, in folding too. It says how far estimates are off before
    and after, and for layers that are left out of the factors. RUN must have its stage hardware.

    \b
    flow refit signals-w4 hierarchy.rpt --out mine.toml
    flow refit signals-w4 hierarchy.rpt --timing paths.rpt --out mine.toml
    flow build --bits 4 --board mine.toml
    """
    for name, file in (("REPORT", report), ("--timing", timing)):
        if file is not None and not file.is_file():
            raise InputError(f"{name}: must be a file, not {str(file)!r}, which does not exist")
    if out.suffix != ".toml":
        raise InputError(f"--out: must end in .toml, not {out.name!r}")
    from rich.console import Console
    from rich.table import Table

    from fpga_flow.budget import refit as fitted

    opened = flow.open_run(find_run(run))
    layers, left_out = _compared(opened, report)
    by = fitted.factors(layers)
    table = Table(box=None, pad_edge=False)
    for head in ("", "sum", "after", "layers, median", "after", "of layers left out"):
        table.add_column(head, justify="right" if head else "left")
    for key in fitted.FITTED:
        before, after = fitted.errors(layers, {}, key), fitted.errors(layers, by, key)
        apart = fitted.errors_left_out(layers, key)
        table.add_row(
            key.upper(),
            f"{before.total:+.1%}",
            f"{after.total:+.1%}",
            f"{before.median:.1%}",
            f"{after.median:.1%}",
            f"{apart.median:.1%}",
        )
    console = Console(highlight=False, quiet=telling.quiet())
    console.print(f"\n{len(layers)} layers of {report.name}; estimates off by\n", markup=False)
    console.print(table)
    if left_out:
        say(f"  not in the report: {', '.join(left_out)}")
    level_ns = None if timing is None else _paths(opened, timing, [layer.name for layer in layers], console)
    out.write_text(board_text(opened, out.stem, by, level_ns), encoding="utf-8")
    print(out if telling.quiet() else f"\n{out}")


def _compared(run: flow.Run, report: Path) -> tuple[list[Any], list[str]]:
    """Return the layers of the network that `report` has, and the names of those that it has not."""
    from dataclasses import replace

    from fpga_flow.bitstream.hierarchy import instances
    from fpga_flow.budget.refit import Compared
    from fpga_flow.finn.session import finn_session
    from fpga_flow.hardware.estimate import estimate_layers
    from fpga_flow.integer.names import instance
    from fpga_flow.layers import GRAPH
    from fpga_flow.layers.backends import load_graph
    from fpga_flow.layers.base import stands_between
    from fpga_flow.target.board import board

    file = run.folder / "hardware" / GRAPH
    if not file.is_file():
        raise InputError(f"RUN: {run.folder} has no hardware yet; 'flow hardware {run.folder}' makes it")
    found = instances(report)
    family = replace(board(run.recipe.board).family, scales={})
    with finn_session():
        model = load_graph(file)
        expected = estimate_layers(model, family)
    layers, missing = [], []
    for node in model.graph.node:
        if stands_between(str(node.op_type)):
            continue
        counted = found.get(instance(str(node.name)))
        if counted is None:
            missing.append(str(node.name))
        else:
            layers.append(Compared(str(node.name), str(node.op_type), expected[node.name], counted))
    if not layers:
        raise InputError(f"REPORT: {report} has none of the run's layers; the first one is {missing[0]!r}")
    return layers, missing


def _paths(run: flow.Run, report: Path, names: list[str], console: Any) -> float:
    """Print the longest path of each layer by `report` and by Yosys; return what a level takes, in ns."""
    from rich.table import Table

    from fpga_flow import results
    from fpga_flow.bitstream import timing
    from fpga_flow.core import artifact
    from fpga_flow.integer.names import instance
    from fpga_flow.results.synth import SynthResult

    found = timing.of_instances(timing.paths(report), [instance(name) for name in names])
    if not found:
        raise InputError(f"--timing: {report} has no path that ends in a layer of the run")
    synth = run.folder / "synth"
    known = results.read(SynthResult, synth).layers if (synth / artifact.RESULT).is_file() else {}
    table = Table(box=None, pad_edge=False)
    for head in ("longest path, ns", "logic, Yosys", "logic", "wires", "slack", "levels"):
        table.add_column(head, justify="left" if head[:7] == "longest" else "right")
    for name in names:
        path = found.get(instance(name))
        if path is not None:
            ours = known[name].logic_ns if name in known else None
            numbers = (ours, path.logic_ns, path.route_ns, path.slack_ns)
            cells = ("-" if number is None else f"{number:.2f}" for number in numbers)
            table.add_row(name, *cells, str(path.levels))
    console.print()
    console.print(table)
    longest = max(found.values(), key=lambda path: path.delay_ns)
    level_ns = round(longest.delay_ns / max(1, longest.levels), 3)
    say(f"  the longest takes {longest.delay_ns:.2f} ns, {level_ns:.2f} ns a level")
    return level_ns


def board_text(
    run: flow.Run, name: str, by: dict[str, dict[str, float]], level_ns: float | None = None
) -> str:
    """Return the file of `run`'s board, called `name`, with the factors `by` and what a level takes."""
    from fpga_flow.target.board import board
    from fpga_flow.target.resources import LIMITED

    of = board(run.recipe.board)
    values: dict[str, Any] = {
        "name": name,
        "part": of.part,
        "family": of.family.name,
        "clock_mhz": of.clock_mhz,
        **{key: int(of.capacity.limited()[key]) for key in LIMITED},
        **({"processor": of.processor} if of.processor else {}),
        "level_ns": level_ns or of.family.level_ns,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    for operator, found in by.items():
        lines += ["", f"[scales.{operator}]", *(f"{key} = {value}" for key, value in found.items())]
    return "\n".join(lines) + "\n"
