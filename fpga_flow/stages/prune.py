"""The stage: takes the trained network, prunes it as the recipe says, keeps the last one that passed."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpga_flow import results
from fpga_flow.core.artifact import write_json
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.core.stage import Context
from fpga_flow.prune.criteria import CRITERIA, Criterion, below, by_kind
from fpga_flow.prune.masks import count, density, masked
from fpga_flow.prune.norms import norms_behind
from fpga_flow.prune.penalty import penalty_of
from fpga_flow.prune.schedules import (
    GRADUAL,
    SCHEDULES,
    TO_SPARSITY,
    WHATEVER_THE_ACCURACY,
    Attempt,
    Progress,
    Rules,
    share_to_take,
    sparsity_at,
)
from fpga_flow.results.prune import PruneAccuracy, PruneResult, Round, Surgery
from fpga_flow.results.train import Evaluation, TrainResult
from fpga_flow.surgery.body import check_scales
from fpga_flow.surgery.idle import silence_idle
from fpga_flow.surgery.operation import operated
from fpga_flow.train.checkpoint import CHECKPOINT, FLOAT, State, load_checkpoint, load_state, save_state
from fpga_flow.train.dataset import Codes, describe, load_codes
from fpga_flow.train.distil import Loss, labels_only, loss_of
from fpga_flow.train.evaluate import by_class, by_snr, evaluate
from fpga_flow.train.general import AnyNetwork, GeneralNetwork, network_of
from fpga_flow.train.kernels import set_cache
from fpga_flow.train.loop import Hooks, Settings, curve_json, fit
from fpga_flow.train.requantise import final, requantised
from fpga_flow.train.threads import torch_threads

HISTORY = "history.json"
PROGRESS = "progress.pt"
TOLERANCE = 5e-4
"""Sparsity that is not told as missed: one weight of a small layer, and what schedules count as nothing."""


@torch_threads()
def run(context: Context) -> PruneResult:
    """Prune; the artifact is a checkpoint and the history of the rounds."""
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
    progress, target = Progress(state, recipe.prune.rate), None
    if recipe.prune.method != "none":
        progress, target = prune(network, state, recipe, train, validation, context.folder, loss)
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
    )
    accuracy = round(score.accuracy, 6)
    result = _result(final(recipe), state, accuracy, evaluation, target, progress.history, surgery)
    say(
        f"  pruned network: {score.accuracy:.2%} of {len(test)} test frames, "
        f"{result.left} of {result.weights} weights left, {result.nonzero} not zero"
    )
    return result


def prune(
    network: AnyNetwork,
    state: State,
    recipe: Recipe,
    train: Codes,
    validation: Codes,
    folder: Path,
    loss: Loss = labels_only,
) -> tuple[Progress, float]:
    """Run the recipe's schedule from `state`; returns where it ended and the target accuracy.

    `network` is overwritten. Raises `InputError` where the unpruned network misses an absolute target
    and does not reach it within a round's epochs.
    """
    settings = recipe.prune
    rules = Rules(
        settings.rate,
        settings.decay,
        settings.min_rate,
        settings.rounds,
        settings.sparsity,
        settings.thresholds,
    )
    network.load(state)
    start = evaluate(network, validation).accuracy
    target = target_accuracy(settings, start)
    trainer = RoundTrainer(network, recipe, train, validation, target, folder, loss)
    path = folder / PROGRESS
    if path.is_file():
        progress = load_progress(path)
        say(f"  going on after round {len(progress.history)}")
    else:
        progress = Progress(trainer.first(state, start), settings.rate, start=density(state))
        _save(path, progress, target)
    judged = settings.method not in WHATEVER_THE_ACCURACY
    wanted = f", target {target:.2%}" if judged else ""
    say(f"  unpruned {start:.2%} of {len(validation)} validation frames{wanted}")

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
    return progress, target


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


@dataclass
class RoundTrainer:
    """`schedules.Trainer` on a network of either way of training."""

    network: AnyNetwork
    recipe: Recipe
    train: Codes
    validation: Codes
    target: float
    folder: Path
    loss: Loss = labels_only

    def __post_init__(self) -> None:
        self.criterion = self._criterion()
        self.penalty = penalty_of(self.recipe.prune)

    def _criterion(self) -> Criterion:
        settings, network = self.recipe.prune, self.network
        criterion = criterion_of(settings)
        slims = "slimming" in (settings.criterion, settings.dense_criterion)
        if not slims or not isinstance(network, GeneralNetwork):
            return criterion
        norms = norms_behind(network)
        return lambda state, share: criterion(state | {"norms": norms}, share)

    def first(self, state: State, accuracy: float) -> State:
        """Return the network that pruning starts from: `state`, trained further if it misses the target.

        Under a penalty it is trained in any case: what is to go must become small first.
        """
        if self.penalty:
            return self._fit(state, 0, "training under the penalty", whole=True).state
        if accuracy >= self.target or self.recipe.prune.method in WHATEVER_THE_ACCURACY:
            return state
        outcome = self._fit(state, 0, "training towards the target")
        if outcome.passed:
            return outcome.state
        raise InputError(
            f"prune.target: the unpruned network reaches {outcome.accuracy:.2%} of the validation frames, "
            f"which must be at least {self.target:.2%}; lower the target or train longer (train.epochs)"
        )

    def attempt(self, state: State, rate: float, number: int) -> Attempt:
        """Prune `rate` of what is left in `state` and train; a gradual method does both at once."""
        method, description = self.recipe.prune.method, f"round {number}"
        if method in GRADUAL:
            return self._fit(state, number, description, self._gradually(state), whole=True)
        pruned = masked(state, self.criterion(state, rate))
        if self.recipe.surgery.channels != "none" and self.recipe.surgery.constants == "silence":
            # What will be taken out gives nothing from now on, so that it can go without a change.
            pruned = silence_idle(self.recipe, pruned)
        return self._fit(pruned, number, description, whole=False)

    def _gradually(self, state: State) -> Callable[[AnyNetwork, int], None]:
        settings, start = self.recipe.prune, 1 - density(state)
        batches = -(-len(self.train) // self.recipe.train.batch)
        steps = settings.epochs * batches
        first, last = int(settings.begin * steps), max(0, round(settings.end * steps) - 1)

        def update(network: AnyNetwork, step: int) -> None:
            # The last update is not missed, whatever the frequency.
            if (step - first) % settings.frequency and step != last:
                return
            wanted = sparsity_at(settings.method, step, first, last, start, settings.sparsity)
            now = network.state()
            share = share_to_take(density(now), wanted)
            if share > 0:
                network.load(masked(now, self.criterion(now, share)))

        return update

    def _fit(
        self,
        state: State,
        number: int,
        description: str,
        before_step: Callable[[AnyNetwork, int], None] | None = None,
        whole: bool = False,
    ) -> Attempt:
        settings = self.recipe.prune
        # Towards an accuracy, training ends when it is there.
        full = whole or settings.method in WHATEVER_THE_ACCURACY
        self.network.load(state)
        path = self.folder / f"round-{number}.pt"
        outcome = fit(
            self.network,
            self.train,
            self.validation,
            Settings.of(
                settings,
                epochs=settings.epochs,
                batch=self.recipe.train.batch,
                learning_rate=settings.learning_rate,
                patience=0,
                rotate=self.recipe.train.rotate,
                give_up_after=None if full else settings.patience,
                last=whole,
            ),
            path,
            self.recipe.seed + 100_000 * (number + 1),
            description,
            reached=lambda accuracy: not full and accuracy >= self.target,
            loss=self.loss,
            hooks=Hooks(self.penalty, before_step),
        )
        write_json(self.folder / f"curve-{number}.json", curve_json(outcome.curve))
        path.unlink()
        return Attempt(
            outcome.state,
            density(outcome.state),
            outcome.accuracy,
            len(outcome.curve),
            outcome.accuracy >= self.target,
        )


def criterion_of(settings: PruneRecipe) -> Criterion:
    """Return the recipe's criterion, one or one for each kind of layer."""
    if settings.method == "thresholds":
        return below
    criterion = CRITERIA[settings.criterion]
    if settings.dense_criterion is None:
        return criterion
    return by_kind(criterion, CRITERIA[settings.dense_criterion])


def load_progress(path: Path) -> Progress:
    """Read what `_save` wrote."""
    kept = load_state(path)
    rounds = [Round(**line) for line in kept["history"]]
    return Progress(kept["passing"], kept["rate"], rounds, density(kept["passing"]))


def _save(path: Path, progress: Progress, target: float) -> None:
    history = [line.model_dump() for line in progress.history]
    write_json(path.with_name(HISTORY), {"target": target, "rounds": history})
    save_state(path, {"passing": progress.passing, "rate": progress.rate, "history": history})


def _result(
    recipe: Recipe,
    state: State,
    accuracy: float,
    evaluation: Evaluation,
    target: float | None = None,
    rounds: Sequence[Round] = (),
    surgery: Surgery | None = None,
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
    )
