"""What a recipe says of export, hardware and verification."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from fpga_flow.core.recipe_parts.base import Bits, Frames, Part, Seed


class InputRecipe(Part):
    """How the host quantises a frame, where no quantiser of the network's file does."""

    bits: Bits = 8
    """Of a code."""
    signed: bool = True
    """Whether codes may be negative."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """A code is worth so much; None: the largest number in the user's own frames is the largest code."""


class ExportRecipe(Part):
    """Golden vectors."""

    input: InputRecipe | None = None
    """Of a network, from outside or a user's, that does not say it."""

    vectors: Frames = 1024
    """Test frames with golden outputs kept in the run."""
    compared: Frames = 1024
    """Test frames on which every quantiser is compared with the float network."""
    scored: Frames | None = None
    """Test frames the accuracy is measured on; None takes the whole test split."""
    seed: Seed = 1
    """Of the choice of these frames."""


class FifosRecipe(Part):
    """How deep the FIFOs between the layers are."""

    method: Literal["analytic", "simulated"] = "analytic"
    """From the layers' schedules, or counted in and tried on the simulated RTL."""
    keep_latency: bool = False
    """Also keep the latency that unlimited FIFOs give, not only the rate."""
    seconds: Annotated[float, Field(ge=0)] = 20.0
    """Time to search for smaller depths in, about, after depths that are enough have been found. It is
    counted in the words that the search moves, not by the clock: equal inputs give equal depths."""
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
    """Share of every resource of the board that is left free, where `target` is board; where it is fps, if
    that can be done."""
    clock_mhz: Annotated[float, Field(ge=1, le=1000)] | None = None
    """None: the board's default clock."""
    implementation: Literal["auto", "dense", "sparse", "constant"] = "auto"
    """How layers have their weights, where they can have them so: every weight in a memory, lists of those
    that are not zero, or shared adders; auto: each layer as takes the least."""
    folding: str | None = None
    """A folding file (JSON, as written by an earlier run) that is taken instead of a target."""
    top_k: Annotated[int, Field(ge=0)] | None = None
    """The accelerator gives the indices of so many largest logits, best first; 0: the logits themselves.
    None: as the network says (see `fpga_flow.integer.output`)."""
    fifos: FifosRecipe = FifosRecipe()

    @property
    def weighing(self) -> Literal["dense", "sparse", "constant"] | None:
        """The only way in which layers shall have their weights; None: each as takes the least."""
        return None if self.implementation == "auto" else self.implementation

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

    frames: Annotated[int, Field(ge=2, le=10**6)] = 256
    """Frames that are simulated."""
    stalls: bool = True
    """Simulate a second time with random stalls on both sides."""
    layer_frames: Frames = 4
    """Frames on which every layer's stream is recorded and compared."""
    seed: Seed = 1
    """Of the stalls."""
