"""What a recipe says: of data, network, bits, training, pruning, export, hardware and verification."""

from fpga_flow.recipe_parts.base import Name, Part, Seed
from fpga_flow.recipe_parts.data import DataRecipe, ModelRecipe
from fpga_flow.recipe_parts.hardware import ExportRecipe, HardwareRecipe, VerifyRecipe
from fpga_flow.recipe_parts.pruning import PruneRecipe, SurgeryRecipe
from fpga_flow.recipe_parts.quant import QuantRecipe
from fpga_flow.recipe_parts.training import TrainRecipe


class Recipe(Part):
    """Everything about a build."""

    name: Name
    board: str = "pynq-z1"
    seed: Seed = 1
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    quant: QuantRecipe = QuantRecipe()
    train: TrainRecipe = TrainRecipe()
    prune: PruneRecipe = PruneRecipe()
    surgery: SurgeryRecipe = SurgeryRecipe()
    export: ExportRecipe = ExportRecipe()
    hardware: HardwareRecipe = HardwareRecipe()
    verify: VerifyRecipe = VerifyRecipe()
