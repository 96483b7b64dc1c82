"""What a recipe says of pruning, and of taking out what does nothing."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from fpga_flow.core.recipe_parts.base import Bits, Count, Part, Share
from fpga_flow.core.recipe_parts.quant import LayerQuant, Levels
from fpga_flow.core.recipe_parts.training import OptimiserRecipe


class RequantRecipe(Part):
    """Another quantisation of the pruned network, which is trained again with it; None: as `quant` says."""

    epochs: Annotated[int, Field(ge=0, le=10**9)] = 0
    """0: the pruned network stays as it is."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    """Of its first epoch."""
    weight_bits: Bits | None = None
    """Of all weights."""
    act_bits: Bits | None = None
    """Of all activations."""
    weights: Levels | None = None
    """The values weights have."""
    activations: Levels | None = None
    """The values activations have."""
    scales: Literal["model", "fixed", "learned"] | None = None
    """Where scales come from."""
    layers: dict[str, LayerQuant] | None = None
    """What single layers have of their own."""


Criterion = Literal[
    "magnitude", "layer-magnitude", "l1-filters", "slimming", "relative-magnitude", "hardware"
]
"""The smallest weights of all layers together, or of every layer the same part; whole filters of small L1
norm; channels of small batch-norm scales; weights small beside the largest of their layer; weights small
beside the LUTs that they take on `board` at `hardware.fps` (imp and fmp; `rate` is a part of these then)."""
Until = Literal["accuracy", "fits"]
"""The last network that keeps the accuracy, or the first that fits the board."""


class PruneRecipe(OptimiserRecipe):
    """What is pruned, and when pruning stops."""

    method: Literal[
        "none", "imp", "fmp", "lr-rewinding", "l1", "one-shot", "polynomial", "constant", "thresholds"
    ] = "fmp"
    """imp and fmp end where the accuracy does, thresholds with the last of them, the others at `sparsity`."""
    until: Until = "accuracy"
    """fits (imp and fmp): prune no further than until the network fits `board` at `hardware.fps`, by the
    estimate, with `hardware.margin` left free."""
    criterion: Criterion = "magnitude"
    """Which weights go (all methods but thresholds)."""
    thresholds: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.15, 0.25, 0.25)
    """Method thresholds: absolute value below which weights go, for each round."""
    dense_criterion: Criterion | None = None
    """Of dense layers, where they have another one; `rate` and `sparsity` then count for either kind."""
    sparsity: Share = 0.8
    """Share of all weights that is gone in the end (all methods but imp and fmp)."""
    l1: Annotated[float, Field(gt=0)] = 1e-4
    """Method l1: strength of |w|_1 in the loss."""
    scale_l1: Annotated[float, Field(gt=0)] = 1e-4
    """Criterion slimming: strength of the L1 norm of the batch norms' scales in the loss."""
    frequency: Count = 100
    """Polynomial and constant: optimiser steps between two updates of the masks."""
    begin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Polynomial and constant: when pruning begins, as part of the run."""
    end: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Polynomial: when the sparsity is reached, as part of the run; later than `begin`."""
    rate: Share = 0.2
    """Part of the remaining weights that a prune removes."""
    decay: Annotated[float, Field(gt=1)] = 2.0
    """FMP: what the rate is divided by after a failure."""
    min_rate: Share = 0.05
    """FMP: stop when the rate falls below this."""
    target: Annotated[float, Field(gt=0, lt=100)] = 1.0
    """Percentage points below the unpruned network (relative), or accuracy in per cent (absolute)."""
    target_is: Literal["relative", "absolute"] = "relative"
    """What `target` says."""
    rounds: Count = 20
    """At most this many successful prunes, where `until` is accuracy."""
    epochs: Count = 4
    """Epoch budget of a round."""
    patience: Count = 4
    """Epochs without a better validation accuracy after which a round counts as failed."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    """Of a round's first epoch."""
    factor: Share = 0.5
    """What a round's learning rate is multiplied by, after each epoch without a better validation loss or at
    a milestone."""
    quantise: RequantRecipe = RequantRecipe()

    @property
    def asks_hardware(self) -> bool:
        """Whether pruning depends on what hardware for the board takes."""
        return self.until == "fits" or self.uses("hardware")

    def uses(self, criterion: Criterion) -> bool:
        """Whether layers of any kind are pruned by `criterion`."""
        return criterion in (self.criterion, self.dense_criterion)

    @field_validator("criterion", "dense_criterion")
    @classmethod
    def _at_any_density(cls, value: Criterion | None, info: ValidationInfo) -> Criterion | None:
        if value == "hardware" and info.data.get("method") not in ("imp", "fmp"):
            raise PydanticCustomError("criterion", "must be another one where prune.method is not imp or fmp")
        return value

    @field_validator("until")
    @classmethod
    def _by_rounds(cls, value: Until, info: ValidationInfo) -> Until:
        method = info.data.get("method")
        if value == "fits" and method not in ("imp", "fmp"):
            raise PydanticCustomError("until", f"must be accuracy where prune.method is {method}")
        return value

    @field_validator("quantise")
    @classmethod
    def _as_it_was_estimated(cls, value: RequantRecipe, info: ValidationInfo) -> RequantRecipe:
        if value.epochs and info.data.get("until") == "fits":
            raise PydanticCustomError("quantise", "must have 0 epochs where prune.until is fits")
        return value

    @field_validator("end")
    @classmethod
    def _later(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("begin", 0.0):
            raise PydanticCustomError("end", "must be later than begin")
        return value


class SurgeryRecipe(Part):
    """What is really taken out of the network behind pruning, and the training after it."""

    remove: tuple[str, ...] = ()
    """Parts that go whole: what the model calls a block (densenet: block1 to block4), or a layer or part by
    its name. The layer before one is widened to make as many channels, where one layer feeds it."""
    widen: bool = True
    """False: the layers behind a removed part lose its channels instead."""
    channels: Literal["none", "idle", "l1-filters", "slimming"] = "none"
    """Idle ones do nothing: pruned filters, and those nobody reads. The others also take channels out of
    every layer, those of the smallest filters or of the smallest batch-norm scales."""
    share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of each layer's channels, that goes by the criterion."""
    shares: dict[str, Annotated[float, Field(ge=0, lt=1)]] = {}
    """Layer, part or pattern with * -> share of its own; of several that match, the last counts."""
    keep: dict[str, Count] = {}
    """The same -> number of channels that stay, instead of a share."""
    multiple: Count | Literal["divisors"] = 1
    """Channels that stay are rounded up to a multiple of it, or to a near number with many divisors: layers
    fold by numbers that divide their channels."""
    constants: Literal["silence", "keep"] = "silence"
    """Of a pruned filter that still gives a constant which the next layer cannot take in exactly: it becomes
    zero, or the filter stays."""
    epochs: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Of training afterwards."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    """Of its first epoch."""

    @property
    def operates(self) -> bool:
        """Whether anything is taken out."""
        return bool(self.remove) or self.channels != "none"
