"""The network that a model's Python file builds: one of `models/`, or the user's."""

import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from torch import nn

from fpga_flow.core import own_code, places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.data import ModelRecipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.train.spec import model_of

NAMES = ("recipe", "classes", "channels", "shape")
"""What a parameter may be called to be given it."""
IN_ORDER: tuple[tuple[str, ...], ...] = ((), ("classes",), ("classes", "shape"), NAMES[:3])
"""What parameters of other names are given, by how many there are."""
FORMS = "(recipe, classes, channels), (classes, shape) or (classes)"
NET = "Net"
"""The class that is taken where the user's file has several."""


def built(recipe: Recipe, classes: int, channels: int, shape: Sequence[int] | None = None) -> nn.Module:
    """Return the recipe's model as its file builds it, for frames of `shape` (channels, ...).

    Raises `InputError` where the file has nothing that builds one, or what it gives is no module.
    """
    build = _builder(model_of(recipe), recipe.model)
    wanted = _arguments(build, recipe.model)
    if "recipe" not in wanted.values():
        _check_unread(recipe)
    given: dict[str, Any] = {"recipe": recipe, "classes": classes, "channels": channels}
    if shape is not None:
        given["shape"] = tuple(shape)
    with own_code.blamed(None if recipe.model.file is None else places.named(recipe.model.file)):
        network = build(**{parameter: given[name] for parameter, name in wanted.items() if name in given})
    if not isinstance(network, nn.Module):
        raise _wrong(recipe.model, f"build must return a torch.nn.Module, not {type(network).__name__}")
    return network


def _builder(model: ModuleType, of: ModelRecipe) -> Callable[..., Any]:
    """Return what builds the network: `build`, or the class of a module."""
    build = getattr(model, "build", None)
    if callable(build):
        return build  # type: ignore[no-any-return]
    own = [
        each for each in vars(model).values() if _is_module_class(each) and each.__module__ == model.__name__
    ]
    for each in own:
        if each.__name__ == NET or len(own) == 1:
            return each  # type: ignore[no-any-return]
    found = f"it has {', '.join(each.__name__ for each in own)}" if own else "it has neither"
    raise _wrong(
        of, f"must have a function build{FORMS}, one class of torch.nn.Module, or one called {NET}; {found}"
    )


def _is_module_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def _arguments(build: Callable[..., Any], of: ModelRecipe) -> dict[str, str]:
    """Return the parameters of `build` and what of `NAMES` each is given: by its name, else by its place."""
    usual = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = [each for each in inspect.signature(build).parameters.values() if each.kind in usual]
    required = [each.name for each in parameters if each.default is inspect.Parameter.empty]
    if all(name in NAMES for name in required):
        return {each.name: each.name for each in parameters if each.name in required or each.name == "shape"}
    if len(required) < len(IN_ORDER):
        return dict(zip(required, IN_ORDER[len(required)], strict=True))
    raise _wrong(of, f"{build.__name__} must take {FORMS}, not ({', '.join(required)})")


def _check_unread(recipe: Recipe) -> None:
    """Raise `InputError` where the recipe says something that a file which does not take it cannot know."""
    for part, keys, usual in (
        ("quant", ("weight_bits", "act_bits", "input_bits"), QuantRecipe()),
        ("model", ("width", "dense", "parts"), ModelRecipe()),
    ):
        for key in keys:
            if getattr(getattr(recipe, part), key) != getattr(usual, key):
                raise _wrong(
                    recipe.model,
                    f"does not take {part}.{key}: its build or class says that itself; leave the key out, or "
                    "let build take (recipe, classes, channels)",
                )


def _wrong(of: ModelRecipe, what: str) -> InputError:
    return InputError(f"model.file: {of.file}: {what}" if of.file else f"model.name: {of.name}: {what}")
