"""Distillation: a network learns the soft decisions of another one beside the labels.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), section 2.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.train.checkpoint import State, load_checkpoint
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import AnyNetwork, network_of

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(input codes, logits, labels) -> the loss, a scalar."""


def labels_only(_codes: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy with the labels: no teacher."""
    return F.cross_entropy(logits, labels)


class Distillation:
    """The loss `(1 - weight) * CE(labels) + weight * T^2 * KL(teacher || student)`, both softened by T.

    T^2 keeps the gradient of the second term at the size of the first one's, whatever the temperature.
    """

    def __init__(self, teacher: torch.nn.Module, temperature: float, weight: float) -> None:
        self.teacher = teacher.eval()
        self.temperature, self.weight = temperature, weight

    def __call__(self, codes: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of these logits (N, classes)."""
        with torch.no_grad():
            taught = self.teacher(codes)
        t = self.temperature
        apart = F.kl_div(
            F.log_softmax(logits / t, 1), F.log_softmax(taught / t, 1), reduction="batchmean", log_target=True
        )
        return (1 - self.weight) * F.cross_entropy(logits, labels) + self.weight * t * t * apart


def loss_of(
    recipe: Recipe, student: AnyNetwork, floats: Path | None = None, unpruned: State | None = None
) -> Loss:
    """Return the loss that `student` is trained with.

    `floats` is the file of the float network, where the recipe has one; `unpruned` the network before
    pruning, None where nothing is pruned yet. Raises `InputError` where there is no such teacher, or one
    that takes other frames than the student.
    """
    settings = recipe.train.distil
    if settings.teacher == "none" or (settings.teacher == "unpruned" and unpruned is None):
        return labels_only
    if settings.teacher == "unpruned":
        assert unpruned is not None
        teacher = network_of(recipe, unpruned)
    elif settings.teacher == "float":
        if floats is None or not floats.is_file():
            raise InputError(
                "train.distil.teacher: float must have a float network to learn from; set train.float_epochs"
            )
        teacher = network_of(recipe, load_checkpoint(floats), rounded=False)
    else:
        if settings.file is None:
            raise InputError(
                "train.distil.file: must name the teacher's checkpoint where the teacher is file"
            )
        path = places.named(settings.file)
        state = load_checkpoint(path)
        teacher = network_of(recipe_of(state, recipe), state)
        _check_frames(path, teacher, student, state)
    return Distillation(teacher, settings.temperature, settings.weight)


def recipe_of(state: State, recipe: Recipe) -> Recipe:
    """Return `recipe` with the model and the bits of the checkpoint `state`."""
    bits = {key: state[key] for key in ("weight_bits", "act_bits", "input_bits")}
    model = {"width": state["width"], "dense": state["dense"], "file": state.get("file")}
    if model["file"] is None:
        model["name"] = state["model"]
    return recipe.model_copy(
        update={
            "model": recipe.model.model_copy(update={**model, "parts": tuple(state["parts"])}),
            "quant": QuantRecipe.model_validate({**state["quant"], **bits}, strict=False),
        }
    )


def _check_frames(path: Path, teacher: AnyNetwork, student: AnyNetwork, state: State) -> None:
    mine = student.header
    if list(state["classes"]) != list(mine["classes"]):
        raise InputError(f"{path}: the teacher must know the classes of the data, in their order")
    scales = [
        network.quant.input_scale if isinstance(network, FastNetwork) else network.input_scale
        for network in (teacher, student)
    ]
    if scales[0] != scales[1] or state["channels"] != mine["channels"] or state["length"] != mine["length"]:
        raise InputError(
            f"{path}: the teacher must take the same input codes (step {scales[1]:g}, {mine['channels']} "
            f"channels of {mine['length']}), not step {scales[0]:g}, {state['channels']} of {state['length']}"
        )
