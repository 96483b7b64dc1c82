"""What a recipe says: of data, network, bits, training, pruning, export, hardware and verification."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Bits = Annotated[int, Field(ge=1, le=8)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
LENGTHS = (16, 65536)
"""Least and most complex samples of a frame."""


class Part(BaseModel):
    """Base of all parts of a recipe: unknown keys and wrong types are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Impairments(Part):
    """What happens to a generated frame between transmitter and receiver, drawn for every frame."""

    rolloff: tuple[float, float] = (0.35, 0.35)
    """Least and largest roll-off of the pulse, uniform; above 0, at most 1."""
    cfo_std: Annotated[float, Field(ge=0, le=0.5)] = 1e-4
    """Standard deviation of the carrier's frequency offset, cycles per sample."""
    phase: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The carrier's phase is uniform over so many turns."""
    timing: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The time of the first symbol is uniform over so many symbols."""
    delay_spread: Annotated[float, Field(ge=0, le=16)] = 0.0
    """Mean delay of two echoes in samples (exponential); 0: none."""
    echo_power: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Mean power of each echo (Rayleigh); only where there is a delay spread."""

    @field_validator("rolloff")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1] <= 1:
            raise PydanticCustomError("rolloff", "must be [low, high] with 0 < low <= high <= 1")
        return value


class DataRecipe(Part):
    """Which frames the network is trained, verified and scored on."""

    name: Literal[
        "signals",
        "radioml2018",
        "digits",
        "digits-32",
        "mnist",
        "mnist-32",
        "fashion-mnist",
        "fashion-mnist-32",
        "cifar10",
        "cifar100",
        "jets",
        "jets-generated",
    ] = "signals"
    """Those that end in -32 are pictures of 28 x 28 in CIFAR's shape, 3 x 32 x 32."""
    file: str | None = None
    """The data set's own file, for those the user brings (radioml2018, mnist, cifar10, cifar100, jets)."""
    length: Annotated[int, Field(ge=LENGTHS[0], le=LENGTHS[1])] = 1024
    """Complex samples per frame."""
    frames_per_block: Annotated[int, Field(ge=3)] = 128
    """Generated frames per class, and per SNR where there are any (all splits together)."""
    train_per_block: Count | None = None
    """Training frames per class, and per SNR where there are any, that are used; None takes all."""
    snr_db: Annotated[tuple[Annotated[int, Field(ge=-100, le=100)], ...], Field(min_length=1)] = tuple(
        range(-20, 31, 2)
    )
    """Generated, or used of a file that has more."""
    impairments: Impairments = Impairments()
    """Of generated frames."""
    validation_share: Share = 0.1
    """Part of the training frames that is kept for validation."""
    seed: Annotated[int, Field(ge=0)] = 2018
    """Of generated frames, and of the choice of validation frames."""


class ModelRecipe(Part):
    """The network's architecture: a folder of `models/` and what its `build` takes."""

    name: Name = "vgg10"
    width: Count = 64
    """Filters per convolution."""
    dense: Count = 128
    """Neurons per hidden dense layer."""
    parts: tuple[Count, ...] = ()
    """Of a model that is made of any number of parts, the size of each: layers of the blocks (densenet),
    neurons of the hidden layers (mlp). Empty: as the model says."""


Levels = Literal["uniform", "apot"]
"""The values of a quantiser: evenly spaced, or additive powers of two."""


class LayerQuant(Part):
    """What one layer, or all layers below one name, has of its own; None: as the others."""

    weight_bits: Bits | None = None
    act_bits: Bits | None = None
    weights: Levels | None = None
    activations: Levels | None = None


class QuantRecipe(Part):
    """Bits per weight, activation and input sample, the levels, and where the scales come from."""

    weight_bits: Bits = 4
    act_bits: Bits = 4
    input_bits: Annotated[int, Field(ge=2, le=8)] = 8
    weights: Levels = "uniform"
    activations: Levels = "uniform"
    scales: Literal["model", "fixed", "learned"] = "model"
    """`learned`: every scale is trained, `fixed`: none is, they stay as calibrated. `model`: as the model
    says; a chain has powers of two, other models learn the scales of activations."""
    layers: dict[str, LayerQuant] = {}
    """Layer, the name of a part that holds layers, or a pattern with * -> what differs there; of several that
    match, the last counts."""


class CalibrationRecipe(Part):
    """How scales are set from training frames when a float network is quantised."""

    frames: Count = 256
    method: Literal["quantile", "max", "mse"] = "mse"
    """What the largest value of an activation is: nearly the largest seen, the largest, or that of the least
    squared error."""
    quantile: Share = 0.999
    """Part of the positive values that are not clipped, where the method is quantile."""


class DistilRecipe(Part):
    """A network that the quantised one learns from, beside the labels, while it is trained and pruned."""

    teacher: Literal["none", "float", "unpruned", "file"] = "none"
    """The float network of this recipe, the quantised one before pruning (it teaches the pruned ones only),
    or a checkpoint."""
    file: str | None = None
    """The teacher's checkpoint, where the teacher is file; of any model that takes the same frames."""
    temperature: Annotated[float, Field(gt=0)] = 4.0
    """What the logits of both are divided by."""
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the teacher in the loss; the labels have the rest."""


class FactoriseRecipe(Part):
    """Layers that become products of thinner ones, after the float network's training."""

    method: Literal["none", "svd", "spatial", "tucker"] = "none"
    """By singular values; a k x k convolution as columns and rows; a convolution on fewer channels. Dense
    layers are factorised by singular values whatever the method."""
    layers: tuple[str, ...] = ("*",)
    """Names or patterns with *, of those that are factorised where that saves weights."""
    energy: Share = 0.9
    """Part of the squared singular values that is kept."""
    ranks: dict[str, Count] = {}
    """Layer -> rank, instead of by energy."""


RateSchedule = Literal["plateau", "linear", "steps"]


class OptimiserRecipe(Part):
    """The optimiser and how its learning rate falls, of a training run or of a round of pruning."""

    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: RateSchedule = "plateau"
    """When the learning rate falls: after epochs without a better validation loss, evenly to zero over all
    epochs, or at `milestones`."""
    milestones: Annotated[tuple[Count, ...], Field(validate_default=True)] = ()
    """Schedule steps: epochs from which on, the first being 1, the rate is multiplied by `factor` once more;
    [90, 110] with factor 0.1 trains 89 epochs, then 20 with a tenth of the rate, then with a hundredth."""
    factor: Share = 0.3
    """What the learning rate is multiplied by on a plateau or at a milestone."""

    @field_validator("milestones")
    @classmethod
    def _of_steps(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if bool(value) != (info.data.get("schedule") == "steps"):
            raise PydanticCustomError(
                "milestones", "must be given where the schedule is steps, and only there"
            )
        if list(value) != sorted(set(value)):
            raise PydanticCustomError("milestones", "must be epochs in rising order")
        return value


class TrainRecipe(OptimiserRecipe):
    """The training run of the unpruned network."""

    checkpoint: str | None = None
    """A committed checkpoint to start from, relative to the checkout; None trains from scratch."""
    epochs: Annotated[int, Field(ge=0)] = 30
    """Of the quantised network. 0: the float network is quantised, and not trained again."""
    float_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs of the float network that the quantised one then starts from."""
    calibration: CalibrationRecipe = CalibrationRecipe()
    distil: DistilRecipe = DistilRecipe()
    factorise: FactoriseRecipe = FactoriseRecipe()
    batch: Count = 256
    learning_rate: Annotated[float, Field(gt=0)] = 0.005
    patience: Count = 3
    """Schedule plateau: epochs without a better validation loss before the learning rate is reduced."""
    rotate: bool = False
    """Turn every I/Q training frame by a random multiple of 90 degrees, each time it is used."""


class RequantRecipe(Part):
    """Another quantisation of the pruned network, which is trained again with it; None: as `quant` says."""

    epochs: Annotated[int, Field(ge=0)] = 0
    """0: the pruned network stays as it is."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    weight_bits: Bits | None = None
    act_bits: Bits | None = None
    weights: Levels | None = None
    activations: Levels | None = None
    scales: Literal["model", "fixed", "learned"] | None = None
    layers: dict[str, LayerQuant] | None = None


Criterion = Literal["magnitude", "layer-magnitude", "l1-filters", "slimming", "relative-magnitude"]
"""The smallest weights of all layers together, or of every layer the same part; whole filters of small L1
norm; channels of small batch-norm scales; weights small beside the largest of their layer."""


class PruneRecipe(OptimiserRecipe):
    """What is pruned, and when pruning stops."""

    method: Literal[
        "none", "imp", "fmp", "lr-rewinding", "l1", "one-shot", "polynomial", "constant", "thresholds"
    ] = "fmp"
    """imp and fmp end where the accuracy does, thresholds with the last of them, the others at `sparsity`."""
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
    rounds: Count = 20
    """At most this many successful prunes."""
    epochs: Count = 4
    """Epoch budget of a round."""
    patience: Count = 4
    """Epochs without a better validation accuracy after which a round counts as failed."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002
    factor: Share = 0.5
    """What a round's learning rate is multiplied by, after each epoch without a better validation loss or at
    a milestone."""
    quantise: RequantRecipe = RequantRecipe()

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
    epochs: Annotated[int, Field(ge=0)] = 0
    """Of training afterwards."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002

    @property
    def operates(self) -> bool:
        """Whether anything is taken out."""
        return bool(self.remove) or self.channels != "none"


class ExportRecipe(Part):
    """Golden vectors."""

    vectors: Count = 1024
    """Test frames with golden outputs kept in the run."""
    compared: Count = 1024
    """Test frames on which every quantiser is compared with the float network."""
    scored: Count | None = None
    """Test frames the accuracy is measured on; None takes the whole test split."""
    seed: int = 1
    """Of the choice of these frames."""


class FifosRecipe(Part):
    """How deep the FIFOs between the layers are."""

    method: Literal["analytic", "simulated"] = "analytic"
    """From the layers' schedules, or counted in and tried on the simulated RTL."""
    keep_latency: bool = False
    """Also keep the latency that unlimited FIFOs give, not only the rate."""
    seconds: Annotated[float, Field(ge=0)] = 20.0
    """Time to search for smaller depths in, after depths that are enough have been found."""
    file: str | None = None
    """A file of depths (JSON, as written by an earlier run) that is taken instead."""


class HardwareRecipe(Part):
    """What the folding aims at, and the clock."""

    target: Literal["fps", "latency", "board"] = "fps"
    """The least hardware for a frame rate or for a latency, or the fastest that fits the board."""
    fps: Annotated[float, Field(gt=0)] = 5_000.0
    """Frames per second, where `target` is fps."""
    latency_us: Annotated[Annotated[float, Field(gt=0)] | None, Field(validate_default=True)] = None
    """Microseconds from a frame's first word in to its last word out, where `target` is latency."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of every resource of the board that is left free, where `target` is board."""
    clock_mhz: Annotated[float, Field(gt=0, le=1000)] | None = None
    """None: the board's default clock."""
    folding: str | None = None
    """A folding file (JSON, as written by an earlier run) that is taken instead of a target."""
    top_k: Annotated[int, Field(ge=0)] = 1
    """The accelerator gives the indices of so many largest logits, best first; 0: the logits themselves."""
    fifos: FifosRecipe = FifosRecipe()

    @field_validator("latency_us")
    @classmethod
    def _of_the_target(cls, value: float | None, info: ValidationInfo) -> float | None:
        target = info.data.get("target")
        if target == "latency" and value is None:
            raise PydanticCustomError(
                "latency", "must be given in microseconds where hardware.target is latency"
            )
        if target in ("fps", "board") and value is not None:
            raise PydanticCustomError("latency", f"must be left out where hardware.target is {target}")
        return value

    @field_validator("folding")
    @classmethod
    def _instead_of_a_target(cls, value: str | None, info: ValidationInfo) -> str | None:
        target = info.data.get("target")
        if value is not None and target in ("latency", "board"):
            raise PydanticCustomError("folding", f"must be left out where hardware.target is {target}")
        return value


class VerifyRecipe(Part):
    """How much is simulated."""

    frames: Annotated[int, Field(ge=2)] = 256
    stalls: bool = True
    """Simulate a second time with random stalls on both sides."""
    layer_frames: Count = 4
    """Frames on which every layer's stream is recorded and compared."""
    seed: int = 1


class Recipe(Part):
    """Everything about a build."""

    name: Name
    board: str = "pynq-z1"
    seed: int = 1
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    quant: QuantRecipe = QuantRecipe()
    train: TrainRecipe = TrainRecipe()
    prune: PruneRecipe = PruneRecipe()
    surgery: SurgeryRecipe = SurgeryRecipe()
    export: ExportRecipe = ExportRecipe()
    hardware: HardwareRecipe = HardwareRecipe()
    verify: VerifyRecipe = VerifyRecipe()
