"""The search for bits of every layer: what each loses is measured, the choice made, reported and compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qonnx.core.datatype import DataType

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import LayerQuant
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.cost import itu_score
from fpga_flow.export.operations import Matrix
from fpga_flow.export.tensors import MAX_BITS
from fpga_flow.export.walk import to_integers
from fpga_flow.train.bits import (
    LayerSize,
    Measure,
    Option,
    Reader,
    check_limit,
    choose,
    falling,
    options,
    positions,
)
from fpga_flow.train.checkpoint import State, check_fits, load_checkpoint
from fpga_flow.train.dataset import Codes, load_codes
from fpga_flow.train.general import GeneralNetwork
from fpga_flow.train.kernels import set_cache
from fpga_flow.train.layers import act_bits, activations
from fpga_flow.train.mixed import spoken
from fpga_flow.train.sensitivity import (
    HIGHEST,
    ModuleSensitivity,
    Sensitivity,
    groups_of,
    readings,
)
from fpga_flow.train.spec import chain
from fpga_flow.train.threads import torch_threads

MEASURES = {
    "score": Measure(itu_score(1, 0), itu_score(0, 1)),
    "bit-ops": Measure(1.0, 0.0),
    "weight-bits": Measure(0.0, 1.0),
}
"""The costs, by their names on the command line."""
Entries = dict[str, dict[str, int]]
"""Bits by layer, as `quant.layers` has them."""


@dataclass(frozen=True)
class Class:
    """Activations of one width and the layers that read them; no activations: the network's own input."""

    activations: tuple[str, ...]
    readers: list[Reader]
    act_loss: dict[int, float]
    """What is lost with so many bits for the activations; of the input the one choice there is."""


@torch_threads()
def search(
    recipe: Recipe, network: Path | None, limit: float, measure: str, fewest: int, frames: int
) -> Entries:
    """Measure, choose and report; returns the bits by layer.

    Raises `InputError` where there is no checkpoint, or the fewest bits cost more than `limit`.
    """
    if network is None and recipe.train.checkpoint is None:
        raise InputError("--network: must name a trained checkpoint, as the recipe has none")
    if recipe.quant.weights != "uniform" or recipe.quant.activations != "uniform":
        raise InputError("quant.weights and quant.activations: must be uniform where bits are searched")
    path = network or places.named(str(recipe.train.checkpoint))
    state = load_checkpoint(path)
    cache = places.cache()
    set_cache(cache)
    train, validation = (load_codes(recipe, split, cache) for split in ("train", "validation"))
    check_fits(path, state, recipe, validation.classes, ignore={"weight_bits", "act_bits", "quant"})
    some = validation.some(frames, recipe.seed)
    judge: Sensitivity | ModuleSensitivity
    cost, bits = MEASURES[measure], range(fewest, HIGHEST + 1)
    if "rest" in state:
        judge = ModuleSensitivity(recipe, state, (train, recipe.train.calibration), some)
        classes = _module_classes(judge, recipe, some, cost, limit, bits)
    else:
        layers = chain(recipe, len(validation.classes), state["channels"], state.get("thin"))
        calibration = (train, recipe.train.calibration)
        judge = Sensitivity(layers, state, recipe.quant.input_bits, calibration, some)
        classes = _chain_classes(judge, recipe, cost, limit, bits)
    chosen = choose([options(each.readers, each.act_loss, cost) for each in classes], limit)
    found = _entries(classes, chosen)
    _report(classes, chosen, limit, measure)
    mixed, full = (
        judge.score({name: LayerQuant.model_validate(own) for name, own in entries.items()})
        for entries in (found, {})
    )
    say(
        f"  without training again: {mixed.accuracy:.2%} of {len(some)} validation frames, with "
        f"{HIGHEST} bits everywhere {full.accuracy:.2%}"
    )
    return found


def _chain_classes(
    judge: Sensitivity, recipe: Recipe, cost: Measure, limit: float, bits: Sequence[int]
) -> list[Class]:
    """Return the classes of a chain: every activation is read by the next layer."""
    layers, input_bits = judge.layers, recipe.quant.input_bits
    sizes = [
        LayerSize(layer.name, left(judge.state["layers"][layer.name]), count)
        for layer, count in zip(layers, positions(layers, recipe.data.length), strict=True)
    ]
    inputs = [input_bits, *[bits[0]] * (len(sizes) - 1)]
    check_limit(sum(cost.of(size, bits[0], b) for size, b in zip(sizes, inputs, strict=True)), limit)
    weight_loss, act_loss = judge.measure(bits)
    return [
        Class(
            (layers[index - 1].name,) if index else (),
            [Reader(size, falling(weight_loss[index]))],
            falling(act_loss[index - 1]) if index else {input_bits: 0.0},
        )
        for index, size in enumerate(sizes)
    ]


def _module_classes(
    judge: ModuleSensitivity, recipe: Recipe, some: Codes, cost: Measure, limit: float, bits: Sequence[int]
) -> list[Class]:
    """Return the classes of any module, sizes and widths by its export with the recipe's bits."""
    network = GeneralNetwork(recipe, judge.state)
    network.calibrate(judge.some, judge.settings, clipped=True)
    net = to_integers(export_module(network.network, (some.channels, *some.codes.shape[1:-1])))
    matrices = [o for o in net.operations if isinstance(o, Matrix)]
    ran = readings(network.network, some.codes[:1].movedim(-1, 1).float() * network.input_scale)
    names = [reading.layer for reading in ran]
    if len(names) != len(matrices) or len(set(names)) != len(names):
        raise InputError(
            f"model.name: {recipe.model.label} runs a layer twice, whose bits cannot be searched"
        )
    groups = groups_of(ran)
    acts = {
        spoken(network.network, path): act_bits(act) for path, act in activations(network.network).items()
    }
    members: dict[tuple[str, ...], list[tuple[LayerSize, int]]] = {(): [], **{group: [] for group in groups}}
    for reading, matrix in zip(ran, matrices, strict=True):
        group = next((each for each in groups if reading.activations & set(each)), ())
        uses = math.prod(matrix.y.shape[2:])
        size = LayerSize(reading.layer, left(judge.state["layers"][reading.layer]), uses)
        width = int(DataType[matrix.x.datatype].bitwidth())
        members[group].append((size, width - max(acts[name] for name in group) if group else 0))
    # What a layer reads must have no more bits than the hardware takes.
    allowed = {
        group: [b for b in bits if b + max((wider for _, wider in each), default=0) <= MAX_BITS]
        for group, each in members.items()
    }
    input_bits = recipe.quant.input_bits
    least = {group: allowed[group][0] if group and allowed[group] else input_bits for group in members}
    check_limit(
        sum(cost.of(size, bits[0], least[g] + wider) for g, each in members.items() for size, wider in each),
        limit,
    )
    weight_losses, act_losses = judge.measure(names, [(group, allowed[group]) for group in groups], bits)
    weight_loss = dict(zip(names, weight_losses, strict=True))
    act_loss = {(): {input_bits: 0.0}, **dict(zip(groups, act_losses, strict=True))}
    return [
        Class(
            group,
            [Reader(size, falling(weight_loss[size.name]), wider) for size, wider in each],
            falling(act_loss[group]),
        )
        for group, each in members.items()
        if each
    ]


def left(kept: State) -> int:
    """Return how many weights of a checkpoint's layer are not pruned."""
    return int(kept["weight"].numel() if kept["mask"] is None else kept["mask"].sum())


def _entries(classes: Sequence[Class], chosen: Sequence[Option]) -> Entries:
    entries: Entries = {}
    for each, option in zip(classes, chosen, strict=True):
        for reader, weight_bits in zip(each.readers, option.weight_bits, strict=True):
            entries.setdefault(reader.size.name, {})["weight_bits"] = weight_bits
        for name in each.activations:
            entries.setdefault(name, {})["act_bits"] = option.input_bits
    return entries


def _report(classes: Sequence[Class], chosen: Sequence[Option], limit: float, measure: str) -> None:
    width = max(len(reader.size.name) for each in classes for reader in each.readers)
    say(f"  {'layer':{width}}  weights   uses  weight bits  bits of its input")
    for each, option in zip(classes, chosen, strict=True):
        for reader, weight_bits in zip(each.readers, option.weight_bits, strict=True):
            size = reader.size
            say(
                f"  {size.name:{width}} {size.weights:8,} {size.positions:6,}  {weight_bits:11}  "
                f"{option.input_bits + reader.wider:17}"
            )
    say(f"  {measure} {sum(option.cost for option in chosen):.6g} of at most {limit:.6g}")
