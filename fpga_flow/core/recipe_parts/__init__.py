"""What a recipe says: of data, network, bits, training, pruning, export, hardware and verification."""

from fpga_flow.core.recipe_parts.base import Name, Part, Seed
from fpga_flow.core.recipe_parts.data import DataRecipe, ModelRecipe
from fpga_flow.core.recipe_parts.hardware import ExportRecipe, HardwareRecipe, VerifyRecipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe, SurgeryRecipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.core.recipe_parts.training import TrainRecipe


class Recipe(Part):
    """Everything about a build."""

    name: Name
    """Of the build; its run is called so."""
    board: str = "pynq-z1"
    """What the hardware is for; `flow list` names the boards."""
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
