"""The training loop: epochs with a checkpoint after each, so that a killed run goes on where it was.

The order of the frames in an epoch depends on seed and epoch alone, and everything else that an epoch
depends on stands in the checkpoint: an interrupted run ends with the same numbers as an uninterrupted one.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.training import OptimiserRecipe, RateSchedule
from fpga_flow.train.checkpoint import State, load_state, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Loss, labels_only
from fpga_flow.train.evaluate import evaluate
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.general import AnyNetwork
from fpga_flow.train.kernels import kernels
from fpga_flow.train.threads import torch_threads

LOWEST_RATE = 1e-3
"""Training ends when the learning rate falls below this share of the first one."""


@dataclass(frozen=True)
class Settings:
    """How to train."""

    epochs: int
    batch: int
    learning_rate: float
    factor: float
    """What the learning rate is multiplied by on a plateau of the validation loss, or at a milestone."""
    patience: int
    """Epochs without a better validation loss that make a plateau."""
    weight_decay: float = 0.0
    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: float = 0.9
    """Of SGD."""
    schedule: RateSchedule = "plateau"
    """When the learning rate falls: on plateaus, evenly to zero over the epochs, or at `milestones`."""
    milestones: tuple[int, ...] = ()
    """Epochs from which on, the first being 1, the rate is multiplied by `factor` once more."""
    rotate: bool = False
    """Turn every frame by a random multiple of 90 degrees: a carrier's phase says nothing of its class."""
    give_up_after: int | None = None
    """Epochs without a better validation accuracy after which training ends; None: never."""
    last: bool = False
    """End with the last epoch's network, whatever its accuracy, and not with the best one's."""

    @classmethod
    def of(cls, part: OptimiserRecipe, **others: Any) -> "Settings":
        """Return what `part` of a recipe says of optimiser and learning rate, with `others` beside it."""
        names = ("optimiser", "momentum", "weight_decay", "schedule", "milestones", "factor")
        return cls(**{name: getattr(part, name) for name in names}, **others)

    def rate(self, epoch: int) -> float | None:
        """Return the learning rate that `epoch`, the first being 1, begins with; None: plateaus say."""
        if self.schedule == "linear":
            return self.learning_rate * (1 - (epoch - 1) / self.epochs)
        if self.schedule == "steps":
            return self.learning_rate * self.factor ** sum(start <= epoch for start in self.milestones)
        return None


@dataclass(frozen=True)
class Epoch:
    """One line of the curve."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Fit:
    """What a training run ends with: the epoch of best validation accuracy."""

    state: State
    accuracy: float
    """Validation accuracy of `state`."""
    curve: list[Epoch]


@dataclass(frozen=True)
class Hooks:
    """What pruning does within a training run."""

    penalty: Callable[[AnyNetwork], Tensor] | None = None
    """Added to the loss."""
    before_step: Callable[[AnyNetwork, int], None] | None = None
    """Called before every optimiser step with the number of steps so far."""


def fit(
    network: AnyNetwork,
    train: Codes,
    validation: Codes,
    settings: Settings,
    path: Path,
    seed: int,
    description: str,
    reached: Callable[[float], bool] = lambda accuracy: False,
    loss: Loss = labels_only,
    hooks: Hooks = Hooks(),
) -> Fit:
    """Train `network` until `reached(validation accuracy)`, or until the settings end it.

    Optimiser and scheduler start anew, unless `path` holds the checkpoint of this very run.
    """
    optimiser = _optimiser(network, settings)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=settings.factor, patience=settings.patience
    )
    best: State = network.state()
    best_accuracy, best_epoch, curve = -math.inf, 0, list[Epoch]()
    if path.is_file():
        kept = load_state(path)
        network.load(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        plateau.load_state_dict(kept["plateau"])
        best, best_accuracy, best_epoch = kept["best"], kept["best_accuracy"], kept["best_epoch"]
        curve = [Epoch(**line) for line in kept["curve"]]

    def over() -> bool:
        if not curve:
            return False
        if len(curve) >= settings.epochs or reached(best_accuracy):
            return True
        if settings.give_up_after is not None and len(curve) - best_epoch >= settings.give_up_after:
            return True
        lowest = LOWEST_RATE * settings.learning_rate
        return settings.schedule == "plateau" and float(optimiser.param_groups[0]["lr"]) < lowest

    batches = -(-len(train) // settings.batch)
    with (
        one_pool(isinstance(network, FastNetwork)),
        bar(description, settings.epochs * batches, "batches", done=len(curve) * batches) as advance,
    ):
        while not over():
            given = settings.rate(len(curve) + 1)
            if given is not None:
                optimiser.param_groups[0]["lr"] = given
            rate = float(optimiser.param_groups[0]["lr"])
            seed_now = seed + 1000 * (len(curve) + 1)
            mean = _epoch(
                network, train, optimiser, settings, seed_now, advance, loss, hooks, len(curve) * batches
            )
            score = evaluate(network, validation, quick=True)
            if settings.schedule == "plateau":
                plateau.step(score.loss)
            curve.append(
                Epoch(
                    len(curve) + 1,
                    rate,
                    round(mean, 5),
                    round(score.loss, 5),
                    round(score.accuracy, 5),
                )
            )
            if settings.last or score.accuracy > best_accuracy:
                best, best_accuracy, best_epoch = network.state(), score.accuracy, len(curve)
            save_state(
                path,
                {
                    "network": network.state(),
                    "optimiser": optimiser.state_dict(),
                    "plateau": plateau.state_dict(),
                    "best": best,
                    "best_accuracy": best_accuracy,
                    "best_epoch": best_epoch,
                    "curve": [asdict(line) for line in curve],
                },
            )
            advance(0, f"epoch {len(curve)}: validation {score.accuracy:.2%}, best {best_accuracy:.2%}")
    network.load(best)
    return Fit(best, best_accuracy, curve)


def _optimiser(network: AnyNetwork, settings: Settings) -> torch.optim.Optimizer:
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "fused": True,
    }
    if settings.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=settings.momentum, **options)
    return torch.optim.Adam(network.parameters(), **options)


def _epoch(
    network: AnyNetwork,
    train: Codes,
    optimiser: torch.optim.Optimizer,
    settings: Settings,
    seed: int,
    advance: Callable[..., None],
    loss: Loss,
    hooks: Hooks,
    done: int,
) -> float:
    network.train()
    network.fit_scales()
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(train), generator=generator)
    total = 0.0
    for batch, start in enumerate(range(0, len(order), settings.batch)):
        indices = order[start : start + settings.batch]
        if len(indices) == 1:
            continue  # batch norm has no variance of one frame
        codes = train.codes[indices]
        if settings.rotate:
            codes = rotated(codes, torch.randint(4, (len(codes),), generator=generator))
        if hooks.before_step:
            hooks.before_step(network, done + batch)
        optimiser.zero_grad(set_to_none=True)
        value = loss(codes, network(codes), train.labels[indices])
        if hooks.penalty:
            value = value + hooks.penalty(network)
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        network.constrain()
        if settings.schedule == "linear":
            step = settings.learning_rate / settings.epochs / math.ceil(len(order) / settings.batch)
            optimiser.param_groups[0]["lr"] -= step
        total += float(value.detach()) * len(indices)
        advance(1)
    return total / len(order)


def rotated(codes: Tensor, quarters: Tensor) -> Tensor:
    """Return I/Q frames, int8 (N, length, 2), each turned by its number of quarters of a circle."""
    # -128 has no opposite.
    i, q = codes.clamp(min=-127).unbind(2)
    odd, half = (quarters % 2 == 1)[:, None], torch.where(quarters >= 2, -1, 1).to(torch.int8)[:, None]
    return torch.stack([torch.where(odd, -q, i) * half, torch.where(odd, i, q) * half], 2)


@contextmanager
def one_pool(fast: bool = True) -> Iterator[None]:
    """Leave torch one thread while the compiled kernels, which have threads of their own, do the work.

    Without `fast` they do not.
    """
    with torch_threads(1 if fast and kernels() is not None else None):
        yield


def curve_json(curve: list[Epoch]) -> list[dict[str, Any]]:
    """Return `curve` as JSON."""
    return [asdict(line) for line in curve]
