"""What a recipe says: of data, network, bits, training, pruning, export, hardware and verification."""

from typing import Annotated

from pydantic import Discriminator, Tag, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from fpga_flow.core.recipe_parts.base import NAMED, TABLE, Name, Part, Seed
from fpga_flow.core.recipe_parts.board import BoardRecipe
from fpga_flow.core.recipe_parts.data import DataRecipe, ModelRecipe
from fpga_flow.core.recipe_parts.hardware import ExportRecipe, HardwareRecipe, VerifyRecipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe, SurgeryRecipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.core.recipe_parts.training import TrainRecipe


class Recipe(Part):
    """Everything about a build."""

    name: Name
    """Of the build; its run is called so."""
    board: Annotated[
        Annotated[str, Tag(NAMED)] | Annotated[BoardRecipe, Tag(TABLE)],
        Discriminator(
            lambda value: {str: NAMED, dict: TABLE, BoardRecipe: TABLE}.get(type(value)),
            custom_error_type="board",
            custom_error_message="must be a name or a table",
        ),
    ] = "pynq-z1"
    """What the hardware is for: one that `flow list` names, or the TOML file of a board of your own."""
    seed: Seed = 1
    """Of the first weights, and of everything that training and pruning draw."""
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    quant: QuantRecipe = QuantRecipe()
    train: TrainRecipe = TrainRecipe()
    prune: PruneRecipe = PruneRecipe()
    surgery: SurgeryRecipe = SurgeryRecipe()
    export: ExportRecipe = ExportRecipe()
    hardware: HardwareRecipe = HardwareRecipe()
    verify: VerifyRecipe = VerifyRecipe()

    @field_validator("surgery")
    @classmethod
    def _none_behind(cls, value: SurgeryRecipe, info: ValidationInfo) -> SurgeryRecipe:
        if value.operates and "prune" in info.data and info.data["prune"].until == "fits":
            raise PydanticCustomError("surgery", "must take nothing out where prune.until is fits")
        return value

    @field_validator("hardware")
    @classmethod
    def _for_a_rate(cls, value: HardwareRecipe, info: ValidationInfo) -> HardwareRecipe:
        asked = "prune" in info.data and info.data["prune"].asks_hardware
        if asked and (value.target != "fps" or value.folding is not None):
            raise PydanticCustomError(
                "hardware",
                "must have target fps and no folding file where prune.until is fits or a criterion hardware",
            )
        return value

    @property
    def board_name(self) -> str:
        """The name of the board."""
        return self.board if isinstance(self.board, str) else self.board.name
