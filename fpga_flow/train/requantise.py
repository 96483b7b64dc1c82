"""Quantisation of a pruned network: other bits or levels, its masks in force, then trained again.

So DenseNets were made for MicroNet: trained, pruned, brought to APoT with statistics of the weights that are
left, and trained for some epochs more.
"""

from pathlib import Path

from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.calibrate import calibrate_chain
from fpga_flow.train.checkpoint import State, header
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Loss, labels_only
from fpga_flow.train.evaluate import evaluate
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.further import train_on
from fpga_flow.train.general import convert, network_of


def final(recipe: Recipe) -> Recipe:
    """Return `recipe` as it is for the network that is exported: with what `prune.quantise` changes."""
    own = recipe.prune.quantise
    if not own.epochs:
        return recipe
    changed = {
        name: value
        for name in recipe.quant.__class__.model_fields
        if (value := getattr(own, name, None)) is not None
    }
    return recipe.model_copy(update={"quant": recipe.quant.model_copy(update=changed)})


def calibrated(recipe: Recipe, state: State, train: Codes, validation: Codes, clipped: bool) -> State:
    """Return the network in `state` with scales and batch norms calibrated for the recipe's bits.

    `clipped`: it was trained quantised, with other bits.
    """
    network, settings = network_of(recipe, state), recipe.train.calibration
    some = train.some(settings.frames, recipe.seed).codes
    if isinstance(network, FastNetwork):
        calibrate_chain(network, some, settings.method, settings.quantile)
    else:
        network.calibrate(some, settings, clipped)
    say(f"  calibrated: {evaluate(network, validation).accuracy:.2%} of {len(validation)} validation frames")
    return network.state()


def requantised(
    recipe: Recipe, state: State, train: Codes, validation: Codes, folder: Path, loss: Loss = labels_only
) -> State:
    """Return the pruned network `state` as `prune.quantise` wants it, its masks in force, trained again.

    What a killed run left in `folder` is taken up.
    """
    settings, wanted = recipe.prune.quantise, final(recipe)
    state = state | header(wanted, state["classes"], state["channels"])
    state = calibrated(wanted, convert(wanted, state), train, validation, clipped=True)
    network = network_of(wanted, state)
    return train_on("quantising", recipe, settings, network, train, validation, folder, loss).state
