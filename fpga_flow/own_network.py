"""What is looked at before a user's network, or one on the user's frames, is trained."""

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from fpga_flow.core import own_code, places
from fpga_flow.core.errors import FlowError, InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.data import OWN
from fpga_flow.core.stage import Context
from fpga_flow.data.frames import Frames
from fpga_flow.train.calibrate import calibrate
from fpga_flow.train.dataset import load_frames
from fpga_flow.train.kernels import set_cache
from fpga_flow.train.layers import weighted
from fpga_flow.train.network import build_network
from fpga_flow.train.ranges import in_words
from fpga_flow.train.threads import torch_threads

if TYPE_CHECKING:
    from fpga_flow.export.values import QuantSpec

FRAMES = 32
"""Training frames that the untrained network is calibrated on."""


@torch_threads()
def check_frames(context: Context) -> None:
    """Raise `InputError` where the network that `context` is to train does not take the user's frames.

    A user's network is exported as well, untrained: raises `UnsupportedError` where it cannot be mapped to
    hardware.
    """
    recipe, cache = context.recipe, context.cache
    if recipe.model.file is None and recipe.data.name != OWN:
        return
    set_cache(cache)
    frames = load_frames(recipe, "test" if recipe.train.checkpoint else "train", cache)
    if frames.steps:
        say(f"  own frames: {in_words(frames.steps)}, so that those of training fill the input's range")
    torch.manual_seed(recipe.seed)
    classes = len(frames.classes)
    network = build_network(recipe, classes, frames.shape[0], shape=frames.shape)
    if not weighted(network):
        raise _wrong(recipe, "must have a layer with weights (QuantConv1d, QuantConv2d, QuantLinear)")
    values = torch.from_numpy(frames.prepared(frames.sample(FRAMES, recipe.seed)))
    shape = _output(network, values[:1], recipe, frames)
    if shape != (1, classes):
        raise _wrong(
            recipe,
            f"must give one number for each class in {recipe.data.file or frames.source}, (1, {classes}) for "
            f"a frame, not {shape}",
        )
    if recipe.model.file is not None:
        _check_hardware(recipe, network, values)


def _output(network: nn.Module, frame: torch.Tensor, recipe: Recipe, frames: Frames) -> tuple[int, ...]:
    """Return the shape of what `network` gives for one frame."""
    try:
        with torch.no_grad():
            out = network(frame)
    except FlowError:
        raise
    except Exception as error:  # whatever the layers say to a shape that is not theirs
        if _is_users(error, recipe):
            raise
        raise _wrong(
            recipe,
            f"does not take frames of the shape {frames.shape}, as in {recipe.data.file or frames.source}: "
            f"{own_code.text_of(error)}",
        ) from error
    return tuple(getattr(out, "value", out).shape)


def _check_hardware(recipe: Recipe, network: nn.Module, values: torch.Tensor) -> None:
    from fpga_flow.export.brevitas_export import export_module
    from fpga_flow.export.walk import to_integers

    untrained = deepcopy(network)
    calibrate(untrained, values.numpy())
    try:
        to_integers(export_module(untrained, tuple(values.shape[1:])), _declared(recipe, values))
    except FlowError:
        raise
    except Exception as error:  # of the exporter, which traces the user's code
        if _is_users(error, recipe):
            raise
        raise _wrong(recipe, f"cannot be exported as QONNX: {own_code.text_of(error)}") from error
    say(f"  {recipe.model.file}: can be mapped to hardware")


def _declared(recipe: Recipe, values: torch.Tensor) -> "QuantSpec | None":
    """Return how the input is quantised by the recipe; by `values` where it gives no scale."""
    from fpga_flow.export.values import QuantSpec

    wanted = recipe.export.input
    if wanted is None:
        return None
    scale = wanted.scale or float(values.abs().max()) / (1 << (wanted.bits - wanted.signed)) or 1.0
    return QuantSpec(np.array(scale, dtype=np.float32), wanted.bits, wanted.signed, False, "ROUND")


def _is_users(error: Exception, recipe: Recipe) -> bool:
    file = recipe.model.file
    return file is not None and own_code.where(error, places.named(file)) is not None


def _wrong(recipe: Recipe, what: str) -> InputError:
    of = recipe.model
    return InputError(f"model.file: {of.file}: {what}" if of.file else f"model.name: {of.name} {what}")
