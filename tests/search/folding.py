"""A random folding of every layer, among those that the folder offers, written as a folding file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.hardware.fold.options import abstract_name, foldings

Table = dict[str, dict[str, Any]]


def write(hardware: Path, seed: int, file: Path) -> None:
    """Write a folding drawn by `seed` for the layers of the hardware artifact in `hardware`."""
    table: Table = json.loads((hardware / "folding.json").read_text(encoding="utf-8"))
    model = ModelWrapper(str(hardware / "hardware.onnx"))
    layers = {node.name: getCustomOp(node) for node in model.graph.node if node.name in table}
    for name, layer in layers.items():
        offered = foldings(layer)
        table[name] |= dict(offered[_draw(f"{seed} {name}", len(offered))])
    for name, layer in layers.items():
        if abstract_name(layer) in ("Pool", "VVAU"):
            before = _layer_before(model, name, table)
            if before is not None and before.startswith("ConvolutionInputGenerator"):
                _agree(table, before, layers[before], name, layer, seed)
    file.write_text(json.dumps(table, indent=1), encoding="utf-8")


def _draw(text: str, count: int) -> int:
    """Return a number below `count`, the same for the same text; near for another count."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") * count >> 32


def _layer_before(model: ModelWrapper, name: str, table: Table) -> str | None:
    """Return the name of the layer that feeds `name`, FIFOs and width converters left out."""
    node = next(node for node in model.graph.node if node.name == name)
    before = model.find_producer(node.input[0])
    while before is not None and before.name not in table:
        before = model.find_producer(before.input[0])
    return None if before is None else str(before.name)


def _agree(table: Table, window: str, generator: Any, name: str, unit: Any, seed: int) -> None:
    """Draw again for a pool or depthwise unit and its windows, whose order depends on their lanes."""
    pairs = [
        (dict(a), dict(b))
        for a in foldings(generator)
        for b in foldings(unit)
        if dict(a)["SIMD"] == dict(b)["PE"] and dict(a)["parallel_window"] == int(dict(b).get("SIMD", 1) > 1)
    ]
    first, second = pairs[_draw(f"{seed} {name} windows", len(pairs))]
    table[window] |= first
    table[name] |= second
