"""A random choice for every layer, among those that folding offers, written as a folding file."""

import hashlib
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.file import write_folding
from fpga_flow.hardware.fold.options import build_as, choices
from fpga_flow.hardware.fold.problem import go_together
from fpga_flow.hardware.lower import lower
from fpga_flow.layers.base import Weighing, kind_of


def write(network: Path, part: str, top_k: int, seed: int, file: Path) -> None:
    """Write a folding drawn by `seed` for the layers of the integer network in the file `network`."""
    with finn_session():
        model = lower(ModelWrapper(str(network)), part, top_k)
        fold_at_random(model, seed)
        write_folding(model, file)


def fold_at_random(model: ModelWrapper, seed: int, weights: Weighing | None = None) -> None:
    """Make each layer of `model` a choice drawn by `seed`; `weights` as `choices` takes them."""
    offered = {node.name: choices(model, node, weights=weights) for node in model.graph.node}
    drawn = {name: some[_draw(f"{seed} {name}", len(some))] for name, some in offered.items()}
    for node in model.graph.node:
        window = model.find_producer(node.input[0])
        if window is None or not kind_of(getCustomOp(node)).reads_windows:
            continue
        if kind_of(getCustomOp(window)).makes_windows:  # whose order depends on their lanes
            pairs = [(a, b) for a in offered[window.name] for b in offered[node.name] if go_together(a, b)]
            pair = pairs[_draw(f"{seed} {node.name} windows", len(pairs))]
            drawn[window.name], drawn[node.name] = pair
    for node in model.graph.node:
        build_as(model, node, drawn[node.name])


def _draw(text: str, count: int) -> int:
    """Return a number below `count`, the same for the same text; near for another count."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") * count >> 32
