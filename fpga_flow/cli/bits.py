"""The command `flow bits`: bits per layer under a limit of the cost, written as a recipe."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli import telling
from fpga_flow.cli.arguments import Cache, Debug
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe import find_recipe, load_recipe
from fpga_flow.core.settings import changes_of

MEASURES = ("score", "bit-ops", "weight-bits")


def bits(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file, or its name in build/.")],
    limit: Annotated[float, typer.Option(help="What the network may cost at most.")],
    measure: Annotated[
        str, typer.Option(help="The cost: score (of the ITU challenge), bit-ops or weight-bits.")
    ] = "score",
    network: Annotated[
        Path | None,
        typer.Option("--network", metavar="FILE.pt", help="A trained checkpoint; default: the recipe's own."),
    ] = None,
    fewest: Annotated[int, typer.Option(help="Fewest bits that are tried.")] = 2,
    frames: Annotated[int, typer.Option(help="Validation frames that losses are measured on.")] = 2048,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="The new recipe; <recipe>-mixed.toml.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a value of the recipe; repeatable."),
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Choose bits for every layer's weights and activations, so that the network loses least under a limit.

    \b
    flow bits signals --limit 0.04
    flow bits my.toml --limit 40e6 --measure bit-ops --network build/out/mine/prune/checkpoint.pt
    """
    if measure not in MEASURES:
        raise InputError(f"--measure: must be one of {', '.join(MEASURES)}, not {measure!r}")
    if limit <= 0:
        raise InputError(f"--limit: must be positive, not {limit:g}")
    if not 2 <= fewest <= 8:
        raise InputError(f"--fewest: must be 2 to 8, not {fewest}")
    if frames < 1:
        raise InputError(f"--frames: must be 1 or more, not {frames}")
    path = find_recipe(recipe)
    made = load_recipe(path, changes_of(settings or ()))
    target = out or Path(f"{path.stem}-mixed.toml")
    if target.suffix != ".toml":
        raise InputError(f"--out: must end in .toml, not {target.name!r}")
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    if made.quant.layers or given.get("quant", {}).get("layers"):
        raise InputError(f"{path}: quant.layers has bits of single layers already; take them out")
    from fpga_flow.bit_search import search  # torch is heavy

    found = search(made, network, limit, measure, fewest, frames)
    target.write_text(path.read_text(encoding="utf-8").rstrip() + "\n\n" + as_toml(found, limit, measure))
    say(f"  {target}: the recipe with these bits; flow build {target} trains it")
    if telling.quiet():
        print(target)


def as_toml(found: dict[str, dict[str, int]], limit: float, measure: str) -> str:
    """Return the part of a recipe that says these bits."""
    lines = [f"# Bits per layer: the least loss at a {measure} of at most {limit:g}."]
    for name, entry in found.items():
        lines += [f'[quant.layers."{name}"]', *(f"{key} = {value}" for key, value in entry.items()), ""]
    return "\n".join(lines)
