"""What a network of a chain of layers is made of, apart from any framework.

A model in `models/` describes itself as such a chain once; the Brevitas module that is exported and
the fast graph that is trained are both made from it.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fpga_flow.errors import InputError
from fpga_flow.recipe import ROOT, Recipe

LAST_BIAS_BITS = 24
"""Width of the integer bias of the last layer; its grid is that of the accumulator."""


@dataclass(frozen=True)
class Conv:
    """1-D convolution without bias, batch norm, quantised ReLU, max-pool."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    pool: int = 2


@dataclass(frozen=True)
class Dense:
    """Dense layer; a hidden one has batch norm and quantised ReLU, the last one a bias."""

    name: str
    inputs: int
    outputs: int
    last: bool = False


Layer = Conv | Dense


@dataclass(frozen=True)
class Quant:
    """Bits and scales of a chain's activations; every scale is a power of two."""

    weight_bits: int
    act_bits: int
    input_bits: int

    def __post_init__(self) -> None:
        if self.weight_bits < 2:
            raise InputError(
                "quant.weight_bits: must be 2 to 8, not 1 (one bit of signed narrow range is only zero)"
            )

    @property
    def weight_max(self) -> int:
        """Largest weight code; the smallest is its negative (narrow range)."""
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def act_max(self) -> int:
        """Largest activation code; the smallest is 0."""
        return (1 << self.act_bits) - 1

    @property
    def input_scale(self) -> float:
        """Step of the input quantiser, whose codes cover -2..2 (1/64 for 8 bits)."""
        return 4.0 / (1 << self.input_bits)

    @property
    def act_scale(self) -> float:
        """Step of every quantised ReLU, whose codes cover 0..4.

        It is not learned: the batch norm before the ReLU has a gain per channel, and the batch norm
        after the next convolution divides any common factor out again.
        """
        return 4.0 / (1 << self.act_bits)


def quant_of(recipe: Recipe) -> Quant:
    """Return bits and scales of `recipe`."""
    return Quant(recipe.quant.weight_bits, recipe.quant.act_bits, recipe.quant.input_bits)


def model_folder(name: str) -> Path:
    """Return the folder of model `name`; raises `InputError` with the known names where there is none."""
    models = ROOT / "models"
    known = sorted(path.parent.name for path in models.glob("*/model.py"))
    if name not in known:
        raise InputError(f"model.name: must be one of {', '.join(known)}, not {name!r}")
    return models / name


def load_model(name: str) -> ModuleType:
    """Load `models/<name>/model.py`, which has `layers` and `build`, each of (recipe, classes, channels)."""
    path = model_folder(name) / "model.py"
    spec = importlib.util.spec_from_file_location(f"fpga_flow_model_{name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"model.name: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chain(recipe: Recipe, classes: int, channels: int) -> tuple[Layer, ...]:
    """Return the layers of the recipe's model, in order."""
    model = load_model(recipe.model.name)
    if not hasattr(model, "layers"):
        raise InputError(
            f"model.name: {recipe.model.name} is no chain of layers, and only chains can be trained here "
            "yet; train its Brevitas module in PyTorch and build with --model FILE.onnx"
        )
    layers: tuple[Layer, ...] = model.layers(recipe, classes, channels)
    return layers
