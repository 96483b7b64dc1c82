"""The stage: takes the trained network, prunes it as the recipe says, keeps the last one that passed."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from fpga_flow import results
from fpga_flow.core.artifact import write_json
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.core.stage import Context
from fpga_flow.prune.fitting import AtTheBoard, Hardware
from fpga_flow.prune.masks import count, density
from fpga_flow.prune.rounds import RoundTrainer
from fpga_flow.prune.schedules import SCHEDULES, TO_SPARSITY, WHATEVER_THE_ACCURACY, Progress, Rules
from fpga_flow.results.prune import PruneAccuracy, PruneResult, Round, Surgery
from fpga_flow.results.train import Evaluation, TrainResult
from fpga_flow.surgery.body import check_scales
from fpga_flow.surgery.operation import operated
from fpga_flow.train.checkpoint import CHECKPOINT, FLOAT, State, load_checkpoint, load_state, save_state
from fpga_flow.train.dataset import describe, load_codes
from fpga_flow.train.distil import loss_of
from fpga_flow.train.evaluate import by_class, by_snr, evaluate
from fpga_flow.train.general import network_of
from fpga_flow.train.kernels import set_cache
from fpga_flow.train.requantise import final, requantised
from fpga_flow.train.threads import torch_threads

HISTORY = "history.json"
PROGRESS = "progress.pt"
TOLERANCE = 5e-4
"""Sparsity that is not told as missed: one weight of a small layer, and what schedules count as nothing."""


@torch_threads()
def run(context: Context, hardware: Hardware | None = None) -> PruneResult:
    """Prune; the artifact is a checkpoint and the history of the rounds.

    `hardware` is asked where the recipe wants that (`PruneRecipe.asks_hardware`).
    """
    recipe = context.recipe
    set_cache(context.cache)
    source = context.inputs["train"] / CHECKPOINT
    state = load_checkpoint(source)
    quantise = recipe.prune.quantise.epochs > 0
    operate = recipe.surgery.operates
    if recipe.prune.method == "none" and not quantise and not operate:
        shutil.copyfile(source, context.folder / CHECKPOINT)
        write_json(context.folder / HISTORY, {"target": None, "rounds": []})
        trained = results.read(TrainResult, context.inputs["train"])
        return _result(recipe, state, trained.accuracy.quantised, trained)
    network = network_of(recipe, state)
    if operate:
        check_scales(network)
    train, validation = (load_codes(recipe, split, context.cache) for split in ("train", "validation"))
    loss = loss_of(recipe, network, context.inputs["train"] / FLOAT, state)
    progress, target, end = Progress(state, recipe.prune.rate), None, None
    if recipe.prune.method != "none":
        trainer = RoundTrainer(
            network, recipe, train, validation, context.folder, loss, hardware, _kept(context)
        )
        progress, target, end = prune(trainer, state)
    state, surgery = progress.passing, None
    if operate:
        state, surgery = operated(recipe, state, train, validation, context.folder, loss)
        network = network_of(recipe, state)
    if quantise:
        state = requantised(recipe, state, train, validation, context.folder, loss)
        network = network_of(final(recipe), state)
    save_state(context.folder / CHECKPOINT, state)
    network.load(state)
    test = load_codes(recipe, "test", context.cache)
    score = evaluate(network, test)
    (context.folder / PROGRESS).unlink(missing_ok=True)
    evaluation = Evaluation(
        samples=len(test),
        by_snr=by_snr(score, test),
        by_class=by_class(score, test),
        data=describe(recipe, test),
        validation_samples=len(validation),
    )
    accuracy = round(score.accuracy, 6)
    result = _result(final(recipe), state, accuracy, evaluation, target, progress.history, surgery, end)
    say(
        f"  pruned network: {score.accuracy:.2%} of {len(test)} test frames, "
        f"{result.left} of {result.weights} weights left, {result.nonzero} not zero"
    )
    return result


def prune(trainer: RoundTrainer, state: State) -> tuple[Progress, float, AtTheBoard]:
    """Run the recipe's schedule from `state`; returns where it ended, the target accuracy, and what fits.

    Raises `InputError` where the unpruned network misses an absolute target and does not reach it within a
    round's epochs.
    """
    settings, folder = trainer.recipe.prune, trainer.folder
    rules = Rules(
        settings.rate,
        settings.decay,
        settings.min_rate,
        settings.rounds if settings.until == "accuracy" else sys.maxsize,
        settings.sparsity,
        settings.thresholds,
    )
    trainer.network.load(state)
    start = evaluate(trainer.network, trainer.validation).accuracy
    target = trainer.target = target_accuracy(settings, start)
    path = folder / PROGRESS
    if path.is_file():
        progress = load_progress(path)
        say(f"  going on after round {len(progress.history)}")
    else:
        progress = Progress(trainer.first(state, start), settings.rate, start=density(state))
        _save(path, progress, target)
    judged = settings.method not in WHATEVER_THE_ACCURACY
    wanted = f", target {target:.2%}" if judged else ""
    say(f"  unpruned {start:.2%} of {len(trainer.validation)} validation frames{wanted}")

    def save(now: Progress) -> None:
        _save(path, now, target)
        line = now.history[-1]
        verdict = (": passed" if line.passed else ": failed") if judged else ""
        say(
            f"  round {line.round}: rate {line.rate:.3f}, {line.density:.1%} left, "
            f"validation {line.accuracy:.2%} after {line.epochs} epochs{verdict}"
        )

    SCHEDULES[settings.method](progress, rules, trainer, save)
    missed = shortfall(settings, 1 - density(progress.passing), len(progress.history))
    if missed:
        say(f"  {missed}")
    return progress, target, trainer.at_the_board(progress, save)


def _kept(context: Context) -> Path | None:
    """Return where rounds are kept that do not depend on the hardware; None where they do."""
    return None if context.recipe.prune.uses("hardware") else context.kept


def shortfall(settings: PruneRecipe, reached: float, rounds: int) -> str | None:
    """Return by how much a method that ends at `prune.sparsity` has missed it after so many rounds, and why.

    None where it has not, or has no such end. Whole filters end at or above it, by at most one filter.
    """
    if settings.method not in TO_SPARSITY or reached >= settings.sparsity - TOLERANCE:
        return None
    missed = f"sparsity {reached:.2%}, {settings.sparsity - reached:.2%} less than prune.sparsity: "
    if settings.method in ("lr-rewinding", "l1") and rounds >= settings.rounds:
        return missed + f"{rounds} rounds (prune.rounds) are too few for prune.rate {settings.rate:g}"
    return missed + "nothing more can go; by whole filters, every layer keeps one and the last one all"


def target_accuracy(settings: PruneRecipe, unpruned: float) -> float:
    """Return the accuracy, 0 to 1, that a pruned network must reach."""
    if settings.target_is == "absolute":
        return settings.target / 100
    return unpruned - settings.target / 100


def load_progress(path: Path) -> Progress:
    """Read what `_save` wrote."""
    kept = load_state(path)
    rounds = [Round(**line) for line in kept["history"]]
    return Progress(kept["passing"], kept["rate"], rounds, kept["start"])


def _save(path: Path, progress: Progress, target: float) -> None:
    history = [line.model_dump() for line in progress.history]
    write_json(path.with_name(HISTORY), {"target": target, "rounds": history})
    kept = {"passing": progress.passing, "rate": progress.rate, "history": history, "start": progress.start}
    save_state(path, kept)


def _result(
    recipe: Recipe,
    state: State,
    accuracy: float,
    evaluation: Evaluation,
    target: float | None = None,
    rounds: Sequence[Round] = (),
    surgery: Surgery | None = None,
    end: AtTheBoard | None = None,
) -> PruneResult:
    layers = count(state, network_of(recipe, state).codes())
    return PruneResult(
        **{name: getattr(evaluation, name) for name in Evaluation.model_fields},
        accuracy=PruneAccuracy(pruned=accuracy),
        method=recipe.prune.method,
        target=target,
        weights=sum(layer.weights for layer in layers),
        left=sum(layer.left for layer in layers),
        nonzero=sum(layer.nonzero for layer in layers),
        layers=tuple(layers),
        rounds=tuple(rounds),
        surgery=surgery,
        taken=end.taken if end else None,
        instead=end.instead if end else None,
    )
