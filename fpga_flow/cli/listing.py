"""`flow list`: recipes, models, boards, stages and runs."""

import itertools
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.locking import LOCK, is_held
from fpga_flow.core.recipe import find_recipe, load_recipe, model_names, recipe_names
from fpga_flow.pipeline import flow, registry
from fpga_flow.pipeline.standing import by_other_code, outdated
from fpga_flow.pipeline.unfinished import unfinished
from fpga_flow.storage.sizes import taken
from fpga_flow.target.board import BOARDS
from fpga_flow.target.resources import LIMITED


def show() -> None:
    """Print one table for each kind of thing that the commands take by name."""
    console = Console(highlight=False)
    for title, table in (
        ("Recipes (flow build NAME)", _recipes()),
        ("Models (--set model.name=NAME)", _table(["name"], [[name] for name in model_names()])),
        ("Boards (--board NAME, or a TOML file of yours)", _boards()),
        (
            "Stages (--until NAME, flow NAME RUN)",
            _table(["name", ""], [[s.name, s.summary] for s in flow.STAGES]),
        ),
        (f"Runs in {places.RUNS} (flow report NAME)", _runs({run.name: run for run in registry.here()})),
        ("Runs elsewhere (flow report FOLDER)", _runs({str(run): run for run in registry.elsewhere()})),
    ):
        console.print(f"[bold]{title}[/bold]", soft_wrap=True)
        console.print(table, "")


def _table(heads: list[str], rows: list[list[str]]) -> Table | str:
    if not rows:
        return "  none"
    table = Table(*heads, box=None, show_header=len(heads) > 2, pad_edge=True)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _recipes() -> Table | str:
    rows = []
    for name in recipe_names():
        try:
            recipe = load_recipe(find_recipe(name))
        except InputError as error:
            rows.append([name, "broken:", str(error)])
            continue
        bits = f"{recipe.quant.weight_bits}/{recipe.quant.act_bits}"
        rows.append([name, bits, description(find_recipe(name))])
    return _table(["name", "bits w/a", ""], rows)


def description(recipe: Path) -> str:
    """Return the first sentence of the comment that the file of a recipe begins with."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), recipe.read_text("utf-8").splitlines())
    return " ".join(line.removeprefix("#").strip() for line in lines).partition(". ")[0].rstrip(".")


def _boards() -> Table | str:
    rows = [
        [b.name, b.part, b.family.name, f"{b.clock_mhz:g}", *(f"{amount:,}" for amount in b.capacity.row)]
        for b in BOARDS.values()
    ]
    return _table(["name", "part", "family", "MHz", *LIMITED.values()], rows)


def _runs(folders: dict[str, Path]) -> Table | str:
    """Return the table of the runs in `folders`, by the names that are shown."""
    rows = []
    for name, folder in folders.items():
        size = decimal(taken(folder).size)
        try:
            run = flow.open_run(folder)
        except InputError as error:
            rows.append([name, "broken:", "", size, str(error)])
            continue
        done = list(flow.current(run))
        wanted = {stage.name for stage in run.stages if not stage.on_demand}
        state = "complete" if wanted <= set(done) else f"up to {done[-1]}" if done else "nothing yet"
        notes = unfinished(run, done)
        for words, stages in (("out of date", outdated(run)), ("by other code of flow", by_other_code(run))):
            if stages:
                notes.append(f"{words}: {', '.join(stages)}" if stages != done else words)
        if is_held(folder / LOCK):
            notes.insert(0, "running")
        rows.append([name, run.recipe.board_name, state, size, "; ".join(notes)])
    return _table(["name", "board", "stages done", "size", ""], rows)
