"""The folding as a file: JSON, layer -> attribute -> value, to be edited and given back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import InputError
from fpga_flow.hardware.fold.options import Choice, build_as, choice_of, choices, plain
from fpga_flow.layers.base import Folding, kind_of
from fpga_flow.target.family import Family

ATTRIBUTES = ("PE", "SIMD", "parallel_window", "ram_style")
"""What a folding file may set where a layer has it, besides the implementation and what that folds over."""
IMPLEMENTATION = "implementation"
"""Key of how a layer is built, where there are several ways."""
SHOWN = 16
"""So many allowed values are named in a message."""


def write_folding(model: ModelWrapper, path: Path) -> None:
    """Write the folding of `model` as a file that `fold_from_file` reads."""
    table = {node.name: folding_of(getCustomOp(node)) for node in model.graph.node}
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def folding_of(layer: Any) -> dict[str, Any]:
    """Return what a folding file may set of one layer, with its values."""
    kind, choice = kind_of(layer), choice_of(layer)
    several = len(kind.implementations) > 1
    implementation = {IMPLEMENTATION: choice.implementation} if several else {}
    return {**implementation, **settings_of(layer), **dict(choice.folding)}


def settings_of(layer: Any) -> dict[str, Any]:
    """Return those of `ATTRIBUTES` that `layer` has, of whatever kind it is, with their values."""
    types = layer.get_nodeattr_types()
    return {key: plain(layer.get_nodeattr(key)) for key in ATTRIBUTES if key in types}


def fold_from_file(model: ModelWrapper, path: Path, family: Family | None = None) -> ModelWrapper:
    """Return `model` with the folding of `path`, for `family` if it is known.

    Raises `InputError` naming the file, the layer, the attribute, its value and what it must be.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"hardware.folding: {path}: {error}") from None
    nodes = {node.name: node for node in model.graph.node}
    if not isinstance(table, dict) or table.keys() != nodes.keys():
        wrong = sorted(set(table) ^ set(nodes)) if isinstance(table, dict) else [type(table).__name__]
        raise InputError(
            f"{path}: must name the layers {_listed(nodes)}; differs in {_listed(wrong)}. "
            "It is written for a network by `flow hardware`, as folding.json"
        )
    for name, values in table.items():
        if not isinstance(values, dict):
            raise InputError(f"{path}: {name}: must be attributes and their values, not {values!r}")
        _set(model, nodes[name], values, f"{path}: {name}", family)
    _check_windows(model, path)
    return model


def _set(
    model: ModelWrapper, node: NodeProto, values: Mapping[str, Any], place: str, family: Family | None
) -> None:
    """Make one layer what `values` say; `place` names it in messages."""
    layer = getCustomOp(node)
    possible = choices(model, node, family)
    names = list(dict.fromkeys(choice.implementation for choice in possible))
    name = values.get(IMPLEMENTATION, choice_of(layer).implementation)
    if name not in names:
        raise InputError(f"{place}.{IMPLEMENTATION} = {name!r}: must be one of {_listed(names)}")
    legal = [choice.folding for choice in possible if choice.implementation == name]
    before = dict(choice_of(layer).folding)
    chosen = {key: before.get(key, value) for key, value in legal[0]}
    build_as(model, node, Choice(name, legal[0]))
    layer = getCustomOp(node)
    known = [key for key in folding_of(layer) if key != IMPLEMENTATION]
    types = layer.get_nodeattr_types()
    others: dict[str, Any] = {}
    for key, value in values.items():
        if key == IMPLEMENTATION:
            continue
        if key not in known:
            several = [IMPLEMENTATION] if len(names) > 1 else []
            raise InputError(f"{place}: must be one of {', '.join([*several, *known])}, not {key!r}")
        allowed = _allowed(legal, key) if key in chosen else sorted(types[key][3])
        if isinstance(value, bool) or value not in allowed:
            raise InputError(f"{place}.{key} = {value!r}: must be one of {_listed(allowed)}")
        (chosen if key in chosen else others)[key] = value
    if tuple(chosen.items()) not in legal:
        raise InputError(f"{place}: {_written(chosen)} do not go together; {_together(legal, chosen)}")
    build_as(model, node, Choice(name, tuple(chosen.items())))
    for key, value in others.items():
        layer.set_nodeattr(key, value)


def _allowed(legal: Sequence[Folding], key: str) -> list[int]:
    return sorted({dict(folding)[key] for folding in legal})


def _together(legal: Sequence[Folding], chosen: Mapping[str, int]) -> str:
    """Return what the other attributes must be, for each attribute of a choice that is not legal."""
    (first, value), *_ = chosen.items()
    with_first = [folding for folding in legal if dict(folding)[first] == value]
    others = {key: _allowed(with_first, key) for key in chosen if key != first}
    must = " and ".join(f"{key} must be one of {_listed(values)}" for key, values in others.items())
    return f"with {first} = {value}, {must}"


def _written(values: Mapping[str, int]) -> str:
    return " and ".join(f"{key} = {value}" for key, value in values.items())


def _listed(values: Iterable[Any]) -> str:
    texts = [str(value) for value in values]
    return ", ".join(texts if len(texts) <= SHOWN else [*texts[:SHOWN], f"... ({len(texts)} in all)"])


def _check_windows(model: ModelWrapper, path: Path) -> None:
    """Refuse a pool or depthwise unit that cannot read its windows."""
    for node in model.graph.node:
        if not kind_of(getCustomOp(node)).reads_windows:
            continue
        window = model.find_producer(node.input[0])
        if window is None or not kind_of(getCustomOp(window)).makes_windows:
            continue
        layer, generator = getCustomOp(node), getCustomOp(window).get_nodeattr
        unit = layer.get_nodeattr
        if generator("SIMD") != unit("PE"):
            raise InputError(
                f"{path}: {window.name}.SIMD = {generator('SIMD')}: must be {unit('PE')}, the PE of "
                f"{node.name}, which reads its windows"
            )
        whole = int("SIMD" in layer.get_nodeattr_types() and unit("SIMD") > 1)
        if generator("parallel_window") != whole:
            raise InputError(
                f"{path}: {window.name}.parallel_window = {generator('parallel_window')}: must be {whole}, "
                f"since {node.name} takes {'several positions' if whole else 'one position'} at once"
            )
