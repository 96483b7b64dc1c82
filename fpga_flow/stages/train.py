"""The stage: makes the unpruned quantised network, by training or from a committed checkpoint."""

from pathlib import Path
from typing import Any

from fpga_flow.core.artifact import write_json
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.stage import Context
from fpga_flow.results.train import TrainAccuracy, TrainResult
from fpga_flow.train.checkpoint import (
    CHECKPOINT,
    FLOAT,
    State,
    check_fits,
    committed,
    header,
    load_checkpoint,
    load_state,
    save_state,
)
from fpga_flow.train.dataset import Codes, describe, load_codes
from fpga_flow.train.distil import labels_only, loss_of
from fpga_flow.train.evaluate import by_class, by_snr, evaluate
from fpga_flow.train.general import convert, factorise, first_state, network_of
from fpga_flow.train.kernels import set_cache
from fpga_flow.train.loop import Settings, curve_json, fit
from fpga_flow.train.requantise import calibrated
from fpga_flow.train.threads import torch_threads

CURVE = "curve.json"
BITS = {"weight_bits", "act_bits", "quant"}


@torch_threads()
def run(context: Context) -> TrainResult:
    """Make the network and test it, once; the artifact is a checkpoint and the training curve."""
    recipe = context.recipe
    set_cache(context.cache)
    test = load_codes(recipe, "test", context.cache)
    state, origin = starting_point(recipe, test)
    float_accuracy = None
    validated = None
    if origin == "committed":
        curves: dict[str, Any] = {}
    else:
        train, validation = (load_codes(recipe, split, context.cache) for split in ("train", "validation"))
        validated = len(validation)
        other = origin == "retrained"
        state, curves = train_network(recipe, state, train, validation, context.folder, other)
        if (context.folder / FLOAT).is_file():
            kept = load_state(context.folder / FLOAT)
            float_accuracy = round(evaluate(network_of(recipe, kept, rounded=False), test).accuracy, 6)
    write_json(context.folder / CURVE, curves)
    save_state(context.folder / CHECKPOINT, state)
    score = evaluate(network_of(recipe, state), test)
    say(f"  quantised network: {score.accuracy:.2%} of {len(test)} test frames")
    return TrainResult(
        accuracy=TrainAccuracy(float=float_accuracy, quantised=round(score.accuracy, 6)),
        samples=len(test),
        by_snr=by_snr(score, test),
        by_class=by_class(score, test),
        classes=tuple(test.classes),
        data=describe(recipe, test),
        validation_samples=validated,
        origin={
            "committed": f"committed checkpoint {recipe.train.checkpoint}",
            "retrained": f"retrained from the float weights in {recipe.train.checkpoint}",
            "scratch": "trained from scratch",
        }[origin],
        epochs={name: len(curve) for name, curve in curves.items()},
    )


def starting_point(recipe: Recipe, frames: Codes) -> tuple[State, str]:
    """Return the network to start from, and how far it is.

    `committed`: the recipe's checkpoint as it stands. `retrained`: that checkpoint is of other bits, its
    float weights are trained further. `scratch`: random weights. Raises `InputError` where the
    checkpoint is of another network.
    """
    if recipe.train.checkpoint is None:
        return first_state(recipe, frames.classes, frames.channels, frames.shape), "scratch"
    path = committed(recipe.train.checkpoint)
    state = load_checkpoint(path)
    check_fits(path, state, recipe, frames.classes, ignore=BITS)
    if state["channels"] != frames.channels:
        raise InputError(
            f"{path}: takes frames of {state['channels']} channels, the data has {frames.channels}; "
            "train from scratch (--from-scratch)"
        )
    wanted = header(recipe, frames.classes, frames.channels)
    factorising = recipe.train.factorise.method != "none" and "factors" not in state
    if all(state[key] == wanted[key] for key in BITS) and not factorising:
        say(f"  taking the trained network {recipe.train.checkpoint} (--from-scratch makes it again)")
        return state, "committed"
    say(
        f"  {recipe.train.checkpoint} was trained with {state['weight_bits']}-bit weights and "
        f"{state['act_bits']}-bit activations: retraining its float weights with "
        f"{recipe.quant.weight_bits} and {recipe.quant.act_bits} bits"
    )
    return convert(recipe, state | wanted), "retrained"


def train_network(
    recipe: Recipe, state: State, train: Codes, validation: Codes, folder: Path, starts_float: bool = False
) -> tuple[State, dict[str, Any]]:
    """Train from `state`: the float network first where the recipe gives it epochs, then the quantised one.

    Between the two, or at once where `starts_float` says that `state` is of other bits, the network is
    calibrated; without epochs of the quantised network that is post-training quantisation. Returns the epoch
    of best validation accuracy, and the curves by phase. What a killed run left in `folder` is taken up.
    """
    settings = recipe.train
    if settings.rotate and train.channels != 2:
        raise InputError(
            f"train.rotate: must be false where frames have {train.channels} channels and not 2 (I and Q)"
        )
    untrained = not (settings.float_epochs or starts_float)
    if untrained and settings.factorise.method != "none":
        raise InputError(
            "train.factorise.method: must be none where there is no trained network to factorise; "
            "give train.float_epochs, or a checkpoint"
        )
    if untrained and not settings.epochs:
        raise InputError(
            "train.epochs: must be 1 or more where there is no float network to quantise; "
            "give train.float_epochs, or a checkpoint of other bits"
        )
    curves = {}
    ready = not starts_float
    for phase, epochs in (("float", settings.float_epochs), ("quantised", settings.epochs)):
        if phase == "quantised" and recipe.train.factorise.method != "none" and "factors" not in state:
            state = factorise(recipe, state)
        # A module that nothing has trained has no scales yet.
        if phase == "quantised" and (not ready or "rest" in state):
            clipped = starts_float and not settings.float_epochs
            state = calibrated(recipe, state, train, validation, clipped)
        if not epochs:
            continue
        network = network_of(recipe, state, rounded=phase == "quantised")
        outcome = fit(
            network,
            train,
            validation,
            Settings.of(
                settings,
                epochs=epochs,
                batch=settings.batch,
                learning_rate=settings.learning_rate,
                patience=settings.patience,
                rotate=settings.rotate,
            ),
            folder / f"training-{phase}.pt",
            recipe.seed,
            f"training ({phase})",
            loss=loss_of(recipe, network, folder / FLOAT) if phase == "quantised" else labels_only,
        )
        curves[phase] = curve_json(outcome.curve)
        state = outcome.state
        if phase == "float":
            save_state(folder / FLOAT, state)
            ready = False
    for left in folder.glob("training-*.pt"):
        left.unlink()
    return state, curves
