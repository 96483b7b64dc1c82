"""What a network of a chain of layers is made of, apart from any framework.

A model in `models/` describes itself as such a chain once; the Brevitas module that is exported and
the fast graph that is trained are both made from it.
"""

import importlib.util
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from fpga_flow.core import own_code, places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import model_names
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import LayerQuant, QuantRecipe

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
Thin = dict[str, Any]
"""What surgery took out of a network, as `fpga_flow.train.thin` says."""


@dataclass(frozen=True)
class Quant:
    """Bits and scales of a chain, or of one of its layers; every scale is a power of two."""

    weight_bits: int
    act_bits: int
    input_bits: int
    layers: dict[str, LayerQuant] = field(default_factory=dict, hash=False)
    """What single layers have of their own."""

    def layer(self, name: str) -> "Quant":
        """Return bits and scales of layer `name`."""
        found = settle(
            QuantRecipe(weight_bits=self.weight_bits, act_bits=self.act_bits, layers=self.layers), name
        )
        return replace(self, weight_bits=found.weight_bits, act_bits=found.act_bits, layers={})

    @property
    def weight_max(self) -> int:
        """Largest weight code; the smallest is its negative (narrow range).

        Raises `InputError` with one bit, which has no such codes.
        """
        if self.weight_bits < 2:
            raise InputError(
                "quant.weight_bits: must be 2 to 8 in the fast training graph, not 1 (one bit of signed "
                "narrow range is only zero)"
            )
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


def settle(quant: QuantRecipe, name: str) -> QuantRecipe:
    """Return `quant` as it stands for layer `name`: what `quant.layers` says of it put in.

    An entry is about the layer it names, about all below that name (`blocks.0` about `blocks.0.act`), or,
    with a *, about all that match; of several the last counts, value by value.
    """
    found = {}
    for entry, own in quant.layers.items():
        if matches(entry, name):
            found.update(own.model_dump(exclude_none=True))
    return quant.model_copy(update={"layers": {}, **found})


def matches(entry: str, name: str) -> bool:
    """Whether an entry of `quant.layers` is about layer `name`."""
    return fnmatchcase(name, entry) or fnmatchcase(name, f"{entry}.*")


def quant_of(recipe: Recipe) -> Quant:
    """Return bits and scales of `recipe`."""
    quant = recipe.quant
    return Quant(quant.weight_bits, quant.act_bits, quant.input_bits, quant.layers)


def trains_fast(recipe: Recipe, classes: int, channels: int) -> bool:
    """Whether the fast graph can train the network of `recipe`; otherwise its Brevitas module is trained.

    It can where the model is a chain of layers whose codes are evenly spaced, of scales that are not learned,
    and of two bits or more.
    """
    if not is_chain(model_of(recipe)):
        return False
    if recipe.quant.scales == "learned":
        return False
    each = [settle(recipe.quant, layer.name) for layer in chain(recipe, classes, channels)]
    return all(
        quant.weights == quant.activations == "uniform" and min(quant.weight_bits, quant.act_bits) >= 2
        for quant in each
    )


def model_folder(name: str) -> Path:
    """Return the folder of model `name`; raises `InputError` with the known names where there is none."""
    known = model_names()
    if name not in known:
        raise InputError(f"model.name: must be one of {', '.join(known)}, not {name!r}")
    return places.SHIPPED / "models" / name


def load_model(name: str) -> ModuleType:
    """Load `models/<name>/model.py`, which has `layers` and `build`, each of (recipe, classes, channels)."""
    path = model_folder(name) / "model.py"
    spec = importlib.util.spec_from_file_location(f"fpga_flow_model_{name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"model.name: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model_of(recipe: Recipe) -> ModuleType:
    """Return the Python module of the recipe's model: one of `models/`, or of the user's file."""
    if recipe.model.file is not None:
        return own_code.load(places.named(recipe.model.file))
    return load_model(recipe.model.name)


def is_chain(model: ModuleType) -> bool:
    """Whether a model describes itself as a chain of layers, by `layers(recipe, classes, channels)`."""
    # A model may import the module `layers`, which is something else.
    layers = getattr(model, "layers", None)
    return callable(layers) and len(inspect.signature(layers).parameters) == 3


def chain(recipe: Recipe, classes: int, channels: int, thin: Thin | None = None) -> tuple[Layer, ...]:
    """Return the layers of the recipe's model, in order; less what is `thin` in a checkpoint."""
    model = model_of(recipe)
    if not is_chain(model):
        raise InputError(
            f"model.name: {recipe.model.label} is no chain of layers, and only chains can be trained here "
            "yet; train its Brevitas module in PyTorch and build with --model FILE.onnx"
        )
    layers: tuple[Layer, ...] = model.layers(recipe, classes, channels)
    check_entries(recipe, [layer.name for layer in layers])
    return layers if thin is None else thin_layers(layers, thin)


def thin_layers(layers: Sequence[Layer], thin: Thin) -> tuple[Layer, ...]:
    """Return the layers of a chain that are left, of the sizes they have now."""
    return tuple(thin_layer(layer, thin) for layer in layers if layer.name not in thin["removed"])


def thin_layer(layer: Layer, thin: Thin) -> Layer:
    """Return one layer of the size it has now."""
    size = thin["sizes"].get(layer.name)
    return layer if size is None else replace(layer, outputs=size[0], inputs=size[1])


def check_entries(recipe: Recipe, names: Sequence[str]) -> None:
    """Raise `InputError` where an entry of `quant.layers` is about none of the layers `names`."""
    for entry in recipe.quant.layers:
        if not any(matches(entry, name) for name in names):
            raise InputError(
                f"quant.layers: {entry!r} is no layer of model {recipe.model.label}; it has "
                f"{', '.join(names)}"
            )
