"""Checkpoints: plain tensors and numbers, readable with `torch.load(weights_only=True)`.

{"format": 1,
 "model": str, "width": int, "dense": int, "parts": [int],
 "length": int, "channels": int, "classes": [str],
 "shape": [int] of a frame, where it was known,
 "file": str, the Python file of a model that is none of `models/`,
 "weight_bits": int, "act_bits": int, "input_bits": int,
 "quant": what the recipe's `quant` says beside these bits,
 "layers": {name: {"weight": float (outputs, inputs[, kernel]), not quantised,
                   "scale": step of the weight codes, a power of two,
                   "mask": bool like weight, or None where nothing is pruned,
                   "gamma", "beta", "mean", "var": float (outputs,)   hidden layers
                   "bias": float (outputs,)                           the last layer}}}

That is a chain, trained in the fast graph. Of a module that was trained as such, `layers` hold `weight` and
`mask` only, and beside them is "rest": {name: tensor}, all other parameters and buffers. "factors" and "thin"
say how a network was factorised or made thinner (`train.factorise`, `train.thin`).
"""

import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.train.spec import Conv, Layer, chain

FORMAT = 1
CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint in the artifacts of `train` and `prune`."""

FLOAT = "float.pt"
"""The float network, kept in the artifact of `train` where one was trained."""

State = dict[str, Any]


def header(recipe: Recipe, classes: list[str], channels: int, shape: Sequence[int] | None = None) -> State:
    """Return everything in a checkpoint but its layers; `shape` is that of a frame, where it is known."""
    return {
        **({"shape": list(shape)} if shape is not None else {}),
        **({"file": recipe.model.file} if recipe.model.file is not None else {}),
        "format": FORMAT,
        "model": recipe.model.label,
        "width": recipe.model.width,
        "dense": recipe.model.dense,
        "parts": list(recipe.model.parts),
        "length": recipe.data.length,
        "channels": channels,
        "classes": list(classes),
        "weight_bits": recipe.quant.weight_bits,
        "act_bits": recipe.quant.act_bits,
        "input_bits": recipe.quant.input_bits,
        "quant": _beside_bits(recipe.quant),
    }


def _beside_bits(quant: QuantRecipe) -> dict[str, Any]:
    table = quant.model_dump(mode="json", exclude={"weight_bits", "act_bits", "input_bits"})
    table["layers"] = quant.model_dump(mode="json", include={"layers"}, exclude_none=True)["layers"]
    return table


def save_state(path: Path, state: State) -> None:
    """Write `state` with `torch.save`; the file is whole or not there at all."""
    scratch = path.with_name(path.name + ".new")
    torch.save(state, scratch)
    scratch.replace(path)


def load_state(path: Path) -> State:
    """Read a file of `save_state`; raises `InputError` where it is missing, broken or of another kind."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is no checkpoint of plain tensors ({reason})") from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: must hold a dictionary, not {type(state).__name__}")
    return state


def load_checkpoint(path: Path) -> State:
    """Read a network's checkpoint and look that its layers are whole."""
    state = load_state(path)
    if state.get("format") != FORMAT:
        raise InputError(f"{path}: format must be {FORMAT}, not {state.get('format')!r}")
    state.setdefault("quant", _beside_bits(QuantRecipe()))  # files from before there was a choice
    state.setdefault("parts", [])
    missing = header_keys() - state.keys()
    if missing or not isinstance(state.get("layers"), dict):
        raise InputError(f"{path}: misses {', '.join(sorted(missing)) or 'layers'}, is no network")
    return state


def header_keys() -> set[str]:
    """Return the names of what stands beside the layers."""
    return {
        "format", "model", "width", "dense", "parts", "length", "channels", "classes",
        "weight_bits", "act_bits", "input_bits", "quant",
    }  # fmt: skip


def check_fits(path: Path, state: State, recipe: Recipe, classes: list[str], ignore: set[str]) -> None:
    """Raise `InputError` where the checkpoint in `path` is of another network than the recipe's.

    `ignore` names header entries that may differ (the bits, where the network is trained further).
    """
    wanted = header(recipe, classes, state["channels"], state.get("shape"))
    for key, value in wanted.items():
        if key not in ignore and state[key] != value:
            raise InputError(
                f"{path}: {key} is {_short(state[key])}, the recipe's is {_short(value)}; change the recipe, "
                "or train from scratch (--from-scratch)"
            )
    if "rest" not in state:
        check_shapes(path, state, chain(recipe, len(classes), state["channels"], state.get("thin")))


def check_shapes(path: Path, state: State, layers: tuple[Layer, ...]) -> None:
    """Raise `InputError` where the checkpoint's tensors are not those of `layers`."""
    for layer in layers:
        kept = state["layers"].get(layer.name)
        shape = weight_shape(layer)
        found = tuple(kept["weight"].shape) if kept and "weight" in kept else None
        if found != shape:
            raise InputError(f"{path}: weight of {layer.name} must have shape {shape}, not {found}")


def weight_shape(layer: Layer) -> tuple[int, ...]:
    """Return (outputs, inputs[, kernel])."""
    if isinstance(layer, Conv):
        return (layer.outputs, layer.inputs, layer.kernel)
    return (layer.outputs, layer.inputs)


def committed(name: str) -> Path:
    """Return the path of a checkpoint named in a recipe; it must lie in `models/`."""
    path = places.named(name).resolve()
    folders = [place / "models" for place in (places.HOME, places.SHIPPED)]
    if not any(path.is_relative_to(folder) for folder in folders) or path.suffix != ".pt":
        raise InputError(f"train.checkpoint: must be a .pt file below models/, not {name!r}")
    if not path.is_file():
        raise InputError(f"train.checkpoint: no file {name!r}; train from scratch (--from-scratch)")
    return path


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
