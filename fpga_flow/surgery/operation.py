"""The operation as the recipe says: parts, then idle channels, then those chosen, then training."""

from functools import partial
from pathlib import Path

import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.results.prune import Surgery, SurgeryAccuracy, WeightsTakenOut
from fpga_flow.surgery.blocks import remove_blocks
from fpga_flow.surgery.body import Body
from fpga_flow.surgery.choose import CRITERIA, empty
from fpga_flow.surgery.counts import fold_friendly
from fpga_flow.surgery.idle import take_out_idle
from fpga_flow.train.checkpoint import State
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Loss, labels_only
from fpga_flow.train.evaluate import evaluate
from fpga_flow.train.further import train_on
from fpga_flow.train.general import network_of


def smaller(recipe: Recipe, state: State) -> State:
    """Return the checkpoint of the network without what `recipe.surgery` takes out, not trained further.

    Where only idle channels go, and none is silenced, it computes what the network before did.
    """
    body, settings = Body(recipe, state), recipe.surgery
    remove_blocks(body)
    if settings.channels != "none":
        keep = partial(fold_friendly, multiple=settings.multiple)
        take_out_idle(body, keep, silence=settings.constants == "silence")
        if settings.channels in CRITERIA:
            empty(body)
            take_out_idle(body, keep)
    return body.state


def operated(
    recipe: Recipe, state: State, train: Codes, validation: Codes, folder: Path, loss: Loss = labels_only
) -> tuple[State, Surgery]:
    """Operate on the network in `state` and train what is left; returns it, and what was done.

    What a killed run left in `folder` is taken up. Raises `InputError` where what is left takes no such
    frames.
    """
    settings = recipe.surgery
    before = evaluate(network_of(recipe, state), validation).accuracy
    thin = smaller(recipe, state)
    network = network_of(recipe, thin)
    _check_runs(network, train, recipe)
    after = evaluate(network, validation).accuracy
    weights = [_weights(each) for each in (state, thin)]
    say(
        f"  surgery: {weights[1]:,} of {weights[0]:,} weights stay; {after:.2%} of {len(validation)} "
        f"validation frames, {before:.2%} before"
    )
    left, trained = thin, None
    if settings.epochs:
        outcome = train_on("surgery", recipe, settings, network, train, validation, folder, loss)
        left, trained = outcome.state, outcome.accuracy
    return left, Surgery(
        removed=tuple(settings.remove),
        weights=WeightsTakenOut(before=weights[0], after=weights[1]),
        layers={name: tuple(kept["weight"].shape) for name, kept in thin["layers"].items()},
        validation=SurgeryAccuracy(before=before, after=after, trained=trained),
    )


def _weights(state: State) -> int:
    return sum(kept["weight"].numel() for kept in state["layers"].values())


def _check_runs(network: torch.nn.Module, frames: Codes, recipe: Recipe) -> None:
    try:
        with torch.no_grad():
            network.eval()(frames.codes[:2])
    except RuntimeError as error:
        names = ", ".join(recipe.surgery.remove)
        raise InputError(
            f"surgery.remove: without {names} frames do not come out in the shape that the layers behind "
            f"take ({error}); only parts can go that keep the positions, or stand before a pool over all"
        ) from None
