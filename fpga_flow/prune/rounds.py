"""The rounds of the stage `prune`: a prune by the recipe's criterion, and the training after it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fpga_flow.core.artifact import read_json, write_json
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.prune.criteria import CRITERIA, Criterion, below, by_kind
from fpga_flow.prune.fitting import AtTheBoard, Hardware, Shape, UntilFits
from fpga_flow.prune.masks import Masks, density, masked
from fpga_flow.prune.norms import norms_behind
from fpga_flow.prune.penalty import penalty_of
from fpga_flow.prune.schedules import (
    GRADUAL,
    WHATEVER_THE_ACCURACY,
    Attempt,
    Progress,
    record,
    share_to_take,
    sparsity_at,
)
from fpga_flow.results.prune import Instead
from fpga_flow.surgery.idle import silence_idle
from fpga_flow.train.checkpoint import State, load_state, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Loss, labels_only
from fpga_flow.train.general import AnyNetwork, GeneralNetwork
from fpga_flow.train.loop import Hooks, Settings, curve_json, fit


@dataclass
class RoundTrainer:
    """`schedules.Trainer` on a network of either way of training."""

    network: AnyNetwork
    recipe: Recipe
    train: Codes
    validation: Codes
    folder: Path
    loss: Loss = labels_only
    hardware: Hardware | None = None
    """Where the recipe's pruning depends on it."""
    kept: Path | None = None
    """A folder of rounds that were trained before, and where those are put that are trained now: so pruning
    for another rate or board trains only what it goes on with."""

    target: float = 0.0
    """Accuracy on the validation frames, 0 to 1, that a round has to reach."""

    def __post_init__(self) -> None:
        settings, network = self.recipe.prune, self.network
        self._beside: State = {}
        """What criteria ask for beside the checkpoint."""
        if settings.uses("slimming") and isinstance(network, GeneralNetwork):
            self._beside["norms"] = norms_behind(network)
        self._priced: State | None = None
        self._criterion = criterion_of(settings)
        self.penalty = penalty_of(settings)
        self._board: UntilFits | None = None
        if settings.until == "fits":
            assert self.hardware is not None
            self._board = UntilFits(self.hardware, self._shape)

    @property
    def _shape(self) -> Shape:
        return (self.train.channels, *self.train.codes.shape[1:-1])

    def criterion(self, state: State, share: float) -> Masks:
        """Return the masks of the recipe's criterion."""
        return self._criterion(state | self._beside, share)

    def enough(self, state: State) -> bool:
        """Return whether `state` fits the board, where pruning ends at that."""
        return self._board is not None and self._board.taken(state).fits

    def at_the_board(self, progress: Progress, save: Callable[[Progress], None]) -> AtTheBoard:
        """Return what the network that pruning came to takes, and what would fit where it does not.

        One more prune, as far as the board asks, then tells what accuracy would do.
        """
        if self._board is None:
            return AtTheBoard()
        state, board = progress.passing, self._board
        taken = board.taken(state)
        if taken.fits:
            return AtTheBoard(taken)
        say("  the accuracy allows no more; what else would fit?")
        share = board.share_that_fits(state, self.criterion)
        accuracy = left = None
        if share is not None:
            made = self.attempt(state, share, len(progress.history) + 1)
            there = board.taken(made.state)
            if made.passed and there.fits:
                record(progress, share, made)
                save(progress)
                return AtTheBoard(there)
            accuracy, left = (made.accuracy if there.fits else None), made.density
        rate = board.hardware.best_rate(state, board.shape)
        larger = board.hardware.larger_board(state, board.shape)
        return AtTheBoard(taken, Instead(fps=rate, accuracy=accuracy, density=left, board=larger))

    def first(self, state: State, accuracy: float) -> State:
        """Return the network that pruning starts from: `state`, trained further if it misses the target.

        Under a penalty it is trained in any case: what is to go must become small first.
        """
        if self.penalty:
            return self._once(
                "0", 0, partial(self._fit, state, 0, "training under the penalty", whole=True)
            ).state
        if accuracy >= self.target or self.recipe.prune.method in WHATEVER_THE_ACCURACY:
            return state
        outcome = self._once("0", 0, partial(self._fit, state, 0, "training towards the target"))
        if outcome.passed:
            return outcome.state
        raise InputError(
            f"prune.target: the unpruned network reaches {outcome.accuracy:.2%} of the validation frames, "
            f"which must be at least {self.target:.2%}; lower the target or train longer (train.epochs)"
        )

    def attempt(self, state: State, rate: float, number: int) -> Attempt:
        """Prune `rate` of what is left in `state` and train; a gradual method does both at once."""
        return self._once(f"{number}-{rate:.9g}", number, partial(self._attempt, state, rate, number))

    def _attempt(self, state: State, rate: float, number: int) -> Attempt:
        method, description = self.recipe.prune.method, f"pruning, round {number}"
        if self.recipe.prune.uses("hardware") and state is not self._priced:
            assert self.hardware is not None
            self._priced = state  # a failed round goes back to it
            self._beside["prices"] = self.hardware.prices(state, self._shape)
        if method in GRADUAL:
            return self._fit(state, number, description, self._gradually(state), whole=True)
        pruned = masked(state, self.criterion(state, rate))
        if self.recipe.surgery.channels != "none" and self.recipe.surgery.constants == "silence":
            # What will be taken out gives nothing from now on, so that it can go without a change.
            pruned = silence_idle(self.recipe, pruned)
        return self._fit(pruned, number, description, whole=False)

    def _once(self, name: str, number: int, make: Callable[[], Attempt]) -> Attempt:
        """Return what `make` makes, or what was kept of it as `name`; `number` is that of the round."""
        if self.kept is None:
            return make()
        path, curve = self.kept / f"{name}.pt", self.folder / f"curve-{number}.json"
        if path.is_file():
            say(f"  round {number} was trained before")
            found = load_state(path)
            write_json(curve, found.pop("curve"))
            return Attempt(**found)
        made = make()
        self.kept.mkdir(parents=True, exist_ok=True)
        save_state(path, {**vars(made), "curve": read_json(curve)})
        return made

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
