"""What a recipe says of training."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from fpga_flow.core.recipe_parts.base import Count, Part, Share
from fpga_flow.core.recipe_parts.quant import CalibrationRecipe


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
    """Adam, or stochastic gradient descent."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Of the weights, in each step of the optimiser."""
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
    """A committed checkpoint to start from, below `models/`; None trains from scratch."""
    epochs: Annotated[int, Field(ge=0, le=10**9)] = 30
    """Of the quantised network. 0: the float network is quantised, and not trained again."""
    float_epochs: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Epochs of the float network that the quantised one then starts from."""
    calibration: CalibrationRecipe = CalibrationRecipe()
    distil: DistilRecipe = DistilRecipe()
    factorise: FactoriseRecipe = FactoriseRecipe()
    batch: Count = 256
    """Frames in a step of the optimiser."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.005
    """Of the first epoch."""
    patience: Count = 3
    """Schedule plateau: epochs without a better validation loss before the learning rate is reduced."""
    rotate: bool = False
    """Turn every I/Q training frame by a random multiple of 90 degrees, each time it is used."""
