"""Taking whole parts out of a network by name: what went into one goes to whoever read it.

Two kinds can go. A part that appends to its input (a layer or block of a DenseNet): its readers lose the
channels it appended, or, widened, the layer before it makes as many, so that the readers keep all they have
learned to do with them. And a part that gives as many channels as it takes (a residual block, a layer
between equals): its readers read its input instead.
"""

from collections.abc import Sequence
from copy import deepcopy

import torch

from fpga_flow.core.errors import InputError, UnsupportedError
from fpga_flow.surgery.body import Body, Cut
from fpga_flow.surgery.graph import Channel, Graph, Node, trace
from fpga_flow.train.blocks import Chain
from fpga_flow.train.spec import model_of
from fpga_flow.train.thin import remove


def remove_blocks(body: Body) -> None:
    """Take out what the recipe's `surgery.remove` names.

    New filters of a widened layer are drawn by the recipe's seed, as large as those that are there. Raises
    `InputError` naming a part that does not exist, or that cannot go.
    """
    recipe = body.recipe
    if not recipe.surgery.remove:
        return
    named = getattr(model_of(recipe), "blocks", None)
    blocks: dict[str, tuple[str, ...]] = {} if named is None else named(recipe)
    for name in recipe.surgery.remove:
        _remove(body, name, blocks.get(name, (name,)), tuple(blocks))


def _remove(body: Body, name: str, parts: Sequence[str], blocks: Sequence[str]) -> None:
    _check_there(body, name, parts, blocks)
    module = deepcopy(body.module)
    for part in parts:
        remove(module, part)
    try:
        after = trace(module, body.state["channels"])
        lost = _lost(body, after, name)
    except UnsupportedError as error:
        raise _stays(name, f"what is behind it would not fit ({error})") from None
    widened = _widened(body, after, parts, lost) if body.recipe.surgery.widen else None
    body.cut(_narrowed(body, lost) if widened is None else widened, parts)


def _check_there(body: Body, name: str, parts: Sequence[str], blocks: Sequence[str]) -> None:
    if isinstance(body.module, Chain):
        known = [*body.module.layers]
    else:
        known = [path for path, _ in body.module.named_modules() if path]
    if all(part in known for part in parts):
        return
    gone = body.state.get("thin", {}).get("removed", [])
    if all(part in gone for part in parts):
        raise InputError(f"surgery.remove: {name} has been taken out already; leave it out")
    steps = dict.fromkeys(body.name(node.path) for node in body.graph.nodes if node.path)
    top = dict.fromkeys(".".join(step.split(".")[:2]) for step in steps)
    raise InputError(
        f"surgery.remove: {name!r} is no part of model {body.recipe.model.label}; there are "
        f"{', '.join([*blocks, *top])}"
    )


def _stays(name: str, reason: str) -> InputError:
    return InputError(
        f"surgery.remove: {name} cannot go: {reason}; parts can that append channels to their input, or give "
        "as many as they take"
    )


Lost = dict[str, tuple[Channel, ...]]
"""Path of a layer or batch norm -> the channels it reads before, and not after."""


def _lost(body: Body, after: Graph, name: str) -> Lost:
    old = {node.path: body.graph.inputs(node) for node in body.graph.of("layer", "depthwise", "norm")}
    found: Lost = {}
    for node in after.of("layer", "depthwise", "norm"):
        was, now = old[node.path], after.inputs(node)
        if set(now) <= set(was) and len(now) < len(was):
            found[node.path] = tuple(channel for channel in was if channel not in set(now))
        elif len(now) != len(was):
            raise _stays(name, f"{body.name(node.path)} reads {len(was)} channels, not {len(now)}")
    return found


def _narrowed(body: Body, lost: Lost) -> dict[str, Cut]:
    cuts = {}
    for node in body.graph.of("layer", "depthwise", "norm"):
        gone = set(lost.get(node.path, ()))
        if not gone:
            continue
        stay = [k for k, channel in enumerate(body.graph.inputs(node)) if channel not in gone]
        if node.kind == "layer":
            weight = body.module.get_submodule(node.path).weight
            assert isinstance(weight, torch.Tensor)
            positions = weight.shape[1] // len(body.graph.inputs(node))
            columns = [k * positions + position for k in stay for position in range(positions)]
            cuts[node.path] = Cut(range(len(weight)), columns)
        else:
            cuts[node.path] = Cut(stay)
    return cuts


def _widened(body: Body, after: Graph, parts: Sequence[str], lost: Lost) -> dict[str, Cut] | None:
    """Return the cut that adds filters to the layer before the removed `parts`, None where no one layer
    fits."""
    if not lost or len(set(lost.values())) != 1:
        return None
    path = _only_maker(body, parts)
    if path is None:
        return None
    own = next(node.channels for node in after.of("layer") if node.path == path)
    missing = next(iter(lost.values()))
    old = {node.path: body.graph.inputs(node) for node in body.graph.of("layer", "depthwise", "norm")}
    for node in after.of("layer", "depthwise", "norm"):
        reads = set(after.inputs(node)) & set(own)
        if reads and (node.path not in lost or old[node.path] != (*own, *missing)):
            return None
    weight = body.module.get_submodule(path).weight
    assert isinstance(weight, torch.Tensor)
    generator = torch.Generator().manual_seed(body.recipe.seed)
    drawn = torch.randn((len(missing), *weight.shape[1:]), generator=generator) * weight.detach().std()
    largest = float(weight.detach().abs().max())  # by which a scale may be set
    drawn = drawn.clamp(-largest, largest)
    return {path: Cut(range(len(weight)), range(weight.shape[1]), drawn)}


def _only_maker(body: Body, parts: Sequence[str]) -> str | None:
    """Return the layer that alone makes what the first removed part reads."""

    def inside(node: Node) -> bool:
        return any(node.path == part or node.path.startswith(f"{part}.") for part in parts)

    first = next((node for node in body.graph.nodes if inside(node)), None)
    if first is None:
        return None
    makers = {maker for maker, _ in body.graph.inputs(first)}
    maker = makers.pop()
    return maker if not makers and maker else None
