"""What a recipe says of frames and of the network that takes them."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from fpga_flow.core.recipe_parts.base import Count, Name, Part, Seed, Share

OWN: Final = "own"
"""Name of frames that the user brings as arrays."""
LENGTHS = (16, 65536)
"""Least and most complex samples of a frame."""


class Impairments(Part):
    """What happens to a generated frame between transmitter and receiver, drawn for every frame."""

    rolloff: tuple[float, float] = (0.5, 0.5)
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
        "own",
    ] = "signals"
    """Those that end in -32 are pictures of 28 x 28 in CIFAR's shape, 3 x 32 x 32; own: arrays in `file`."""
    file: str | None = None
    """The file of a set that the user brings (radioml2018, mnist, cifar10, cifar100, jets, own)."""
    length: Annotated[int, Field(ge=LENGTHS[0], le=LENGTHS[1])] = 1024
    """Complex samples per frame; of frames of your own, only where the model is a chain (vgg10)."""
    frames_per_block: Annotated[int, Field(ge=3, le=10**6)] = 128
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
    seed: Seed = 2018
    """Of generated frames, and of the choice of validation frames."""


class ModelRecipe(Part):
    """The network's architecture: a folder of `models/`, or a Python file, and what its `build` takes."""

    name: Name = "vgg10"
    """A folder of `models/`."""
    file: str | None = None
    """A Python file of your own instead (docs/own-model.md)."""
    width: Count = 64
    """Filters per convolution."""
    dense: Count = 128
    """Neurons per hidden dense layer."""
    parts: tuple[Count, ...] = ()
    """Of a model that is made of any number of parts, the size of each: layers of the blocks (densenet),
    neurons of the hidden layers (mlp). Empty: as the model says."""

    @property
    def label(self) -> str:
        """What the network is called."""
        return Path(self.file).stem if self.file else self.name
