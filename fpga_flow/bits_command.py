"""The command `flow bits`: bits per layer under a limit of the cost, written as a recipe."""

import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpga_flow.errors import InputError
from fpga_flow.progress import say
from fpga_flow.recipe import ROOT, find_recipe, load_recipe, parse_setting
from fpga_flow.recipe_parts import Recipe

if TYPE_CHECKING:
    from fpga_flow.train.bits import Measure, Option

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
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
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
    made = load_recipe(path, [parse_setting(text) for text in settings or ()])
    target = out or Path(f"{path.stem}-mixed.toml")
    if target.suffix != ".toml":
        raise InputError(f"--out: must end in .toml, not {target.name!r}")
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    if made.quant.layers or given.get("quant", {}).get("layers"):
        raise InputError(f"{path}: quant.layers has bits of single layers already; take them out")
    found = search(made, network, limit, measure, fewest, frames)
    target.write_text(path.read_text(encoding="utf-8").rstrip() + "\n\n" + as_toml(found, limit, measure))
    say(f"  {target}: the recipe with these bits; flow build {target} trains it")


def search(
    recipe: Recipe, network: Path | None, limit: float, measure: str, fewest: int, frames: int
) -> dict[str, dict[str, int]]:
    """Measure, choose and report; returns the bits by layer, as `quant.layers` has them."""
    # torch is heavy
    from fpga_flow.flow import RUNS
    from fpga_flow.recipe_parts import LayerQuant
    from fpga_flow.train.bits import LayerSize, check_limit, choose, falling, options, positions
    from fpga_flow.train.checkpoint import check_fits, load_checkpoint
    from fpga_flow.train.dataset import load_codes
    from fpga_flow.train.kernels import set_cache
    from fpga_flow.train.sensitivity import HIGHEST, Sensitivity
    from fpga_flow.train.spec import chain

    if network is None and recipe.train.checkpoint is None:
        raise InputError("--network: must name a trained checkpoint, as the recipe has none")
    path = network or ROOT / str(recipe.train.checkpoint)
    state = load_checkpoint(path)
    cache = RUNS / ".cache"
    set_cache(cache)
    train, validation = (load_codes(recipe, split, cache) for split in ("train", "validation"))
    check_fits(path, state, recipe, validation.classes, ignore={"weight_bits", "act_bits", "quant"})
    some = validation.some(frames, recipe.seed)
    if "rest" in state:
        return _search_module(recipe, state, (train, some), limit, measure, fewest)
    layers = chain(recipe, len(validation.classes), state["channels"])
    judge = Sensitivity(
        layers,
        state,
        recipe.quant.input_bits,
        (train, recipe.train.calibration),
        some,
    )
    sizes = [
        LayerSize(layer.name, left(state["layers"][layer.name]), count)
        for layer, count in zip(layers, positions(layers, recipe.data.length), strict=True)
    ]
    cost = cost_measure(measure)
    inputs = [recipe.quant.input_bits, *[fewest] * (len(sizes) - 1)]
    check_limit(sum(cost.of(size, fewest, bits) for size, bits in zip(sizes, inputs, strict=True)), limit)
    weight_loss, act_loss = judge.measure(range(fewest, HIGHEST + 1))
    classes = options(
        sizes,
        [falling(each) for each in weight_loss],
        [falling(each) for each in act_loss],
        recipe.quant.input_bits,
        cost,
    )
    chosen = choose(classes, limit)
    found = _entries([size.name for size in sizes], chosen)
    own = {name: LayerQuant.model_validate(bits) for name, bits in found.items()}
    _report(sizes, found, chosen, limit, measure)
    _compare(judge, own)
    return found


def _search_module(
    recipe: Recipe, state: dict[str, Any], frames: tuple[Any, Any], limit: float, measure: str, fewest: int
) -> dict[str, dict[str, int]]:
    """Do the same for a network that is trained as a module: bits of weights; activations keep theirs."""
    from qonnx.core.datatype import DataType

    from fpga_flow.export.brevitas_export import export_module
    from fpga_flow.export.operations import Matrix
    from fpga_flow.export.walk import to_integers
    from fpga_flow.recipe_parts import LayerQuant
    from fpga_flow.train.bits import LayerSize, Option, check_limit, choose, falling
    from fpga_flow.train.sensitivity import HIGHEST, ModuleSensitivity

    if recipe.quant.weights != "uniform":
        raise InputError("quant.weights: must be uniform where bits are searched")
    train, some = frames
    judge = ModuleSensitivity(recipe, state, (train, recipe.train.calibration), some)
    shape = (some.channels, *some.codes.shape[1:-1])
    net = to_integers(export_module(judge.network({}).network, shape))
    matrices, names = [o for o in net.operations if isinstance(o, Matrix)], judge.order()
    if len(names) != len(matrices) or len(set(names)) != len(names):
        raise InputError(f"model.name: {recipe.model.name} runs a layer twice, whose bits cannot be searched")
    sizes = [
        LayerSize(name, left(state["layers"][name]), math.prod(matrix.y.shape[2:]))
        for name, matrix in zip(names, matrices, strict=True)
    ]
    inputs = [int(DataType[matrix.x.datatype].bitwidth()) for matrix in matrices]
    cost = cost_measure(measure)
    check_limit(sum(cost.of(size, fewest, bits) for size, bits in zip(sizes, inputs, strict=True)), limit)
    losses = judge.measure(range(fewest, HIGHEST + 1))
    classes = [
        [Option(w, a, cost.of(size, w, a), loss) for w, loss in falling(losses[size.name]).items()]
        for size, a in zip(sizes, inputs, strict=True)
    ]
    chosen = choose(classes, limit)
    found = {
        size.name: {"weight_bits": option.weight_bits} for size, option in zip(sizes, chosen, strict=True)
    }
    _report(sizes, found, chosen, limit, measure)
    _compare(judge, {name: LayerQuant.model_validate(bits) for name, bits in found.items()})
    return found


def _compare(judge: Any, own: dict[str, Any]) -> None:
    from fpga_flow.train.sensitivity import HIGHEST

    mixed, full = judge.score(own), judge.score({})
    say(
        f"  without training again: {mixed.accuracy:.2%} of {len(judge.validation)} validation frames, with "
        f"{HIGHEST} bits everywhere {full.accuracy:.2%}"
    )


def left(kept: dict[str, Any]) -> int:
    """Return how many weights of a checkpoint's layer are not pruned."""
    return int(kept["weight"].numel() if kept["mask"] is None else kept["mask"].sum())


def cost_measure(name: str) -> "Measure":
    """Return the measure called `name` on the command line."""
    from fpga_flow.export.cost import itu_score
    from fpga_flow.train.bits import Measure

    kinds: dict[str, Measure] = {
        "score": Measure(itu_score(1, 0), itu_score(0, 1)),
        "bit-ops": Measure(1.0, 0.0),
        "weight-bits": Measure(0.0, 1.0),
    }
    return kinds[name]


def _entries(names: list[str], chosen: "list[Option]") -> dict[str, dict[str, int]]:
    entries = {name: {"weight_bits": option.weight_bits} for name, option in zip(names, chosen, strict=True)}
    for name, behind in zip(names, chosen[1:], strict=False):
        entries[name]["act_bits"] = behind.input_bits
    return entries


def _report(sizes: Any, found: Any, chosen: "list[Option]", limit: float, measure: str) -> None:
    say("  layer            weights  uses  weight bits  act bits")
    for size in sizes:
        bits_of = found[size.name]
        say(
            f"  {size.name:15} {size.weights:8,} {size.positions:5,}  {bits_of['weight_bits']:11}  "
            f"{bits_of.get('act_bits', '-'):>8}"
        )
    say(f"  {measure} {sum(option.cost for option in chosen):.6g} of at most {limit:.6g}")


def as_toml(found: dict[str, dict[str, int]], limit: float, measure: str) -> str:
    """Return the part of a recipe that says these bits."""
    lines = [f"# Bits per layer: the least loss at a {measure} of at most {limit:g}."]
    for name, entry in found.items():
        lines += [f'[quant.layers."{name}"]', *(f"{key} = {value}" for key, value in entry.items()), ""]
    return "\n".join(lines)
