"""A random legal folding of every layer, written as a folding file."""

import hashlib
import json
from collections.abc import Callable
from math import gcd
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

Pick = Callable[[str, int], int]


def write(hardware: Path, seed: int, file: Path) -> None:
    """Write a folding drawn by `seed` for the layers of the hardware artifact in `hardware`."""
    table = json.loads((hardware / "folding.json").read_text(encoding="utf-8"))
    model = ModelWrapper(str(hardware / "hardware.onnx"))
    layers = {node.name: node for node in model.graph.node}
    for name, values in table.items():
        if name in layers:
            values |= fold(getCustomOp(layers[name]), layers[name].op_type, picker(seed, name))
    _follow_windows(model, table)
    file.write_text(json.dumps(table, indent=1), encoding="utf-8")


def picker(seed: int, name: str) -> Pick:
    """Return a function that picks a divisor of a number, evenly among them."""

    def pick(what: str, whole: int) -> int:
        divisors = [d for d in range(1, whole + 1) if whole % d == 0]
        digest = hashlib.sha256(f"{seed} {name} {what}".encode()).digest()
        return divisors[int.from_bytes(digest[:4], "little") * len(divisors) >> 32]

    return pick


def fold(layer: Any, operator: str, pick: Pick) -> dict[str, Any]:
    """Return the folding of one layer."""
    kind, get = operator.rpartition("_")[0], layer.get_nodeattr
    if kind == "MVAU":
        return {"PE": pick("PE", get("MH")), "SIMD": pick("SIMD", get("MW"))}
    if kind == "VVAU":
        kernel = get("Kernel")
        pe = pick("PE", get("Channels"))
        return {"PE": pe, "SIMD": pick("SIMD", kernel[0] * kernel[1]) if pe == get("Channels") else 1}
    types = layer.get_nodeattr_types()
    if kind in ("ConvolutionInputGenerator", "FMPadding"):
        return {"SIMD": pick("SIMD", get("IFMChannels" if "IFMChannels" in types else "NumChannels"))}
    if kind == "StreamingConcat" or kind == "StreamingSplit":
        whole = 0
        for channels in get("ChannelsPerStream"):
            whole = gcd(whole, int(channels))
        return {"SIMD": pick("SIMD", whole)}
    if kind == "LabelSelect":
        return {"PE": pick("PE", get("Labels"))}
    if "PE" in types:
        return {"PE": pick("PE", int(layer.get_normal_output_shape()[-1]))}
    return {}


def _follow_windows(model: ModelWrapper, table: dict[str, Any]) -> None:
    """Give a pool or depthwise unit the lanes of its windows, whose order depends on them."""
    for node in model.graph.node:
        kind = node.op_type.rpartition("_")[0]
        if node.name not in table or kind not in ("Pool", "VVAU"):
            continue
        before = node
        while before is not None and before.name not in table or before is node:
            before = model.find_producer(before.input[0])
        if before is not None and before.op_type.startswith("ConvolutionInputGenerator"):
            table[before.name]["SIMD"] = table[node.name]["PE"]
            if table[node.name].get("SIMD", 1) > 1:
                table[before.name]["parallel_window"] = 1
