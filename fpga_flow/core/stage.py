"""What a stage is, and what it is given."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from fpga_flow.core.errors import FlowError
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.base import Part

Kind = TypeVar("Kind", bound=Part)


@dataclass(frozen=True)
class Context:
    """What a stage is given."""

    recipe: Recipe
    """With the parts that the stage declares and no others: reading another one is an error."""
    folder: Path
    """Where the stage writes its artifact; keeps what a killed run of the same digest left."""
    inputs: Mapping[str, Path]
    """Folder of each input artifact, by stage name."""
    cache: Path
    """Results of tools, shared by all runs, addressed by their own digests."""
    model_file: Path | None = None
    """The ONNX file of a network from outside."""
    kept: Path | None = None
    """A folder of the cache for what depends on nothing that an `Addition` adds; None without one."""


@dataclass(frozen=True)
class Addition:
    """What a stage depends on besides where the recipe asks for it, and the module that it is given then."""

    asked: Callable[[Recipe], bool]
    module: str
    """Dotted name. Its `make(recipe)` is given to the stage's `run`, behind the context."""
    parts: tuple[str, ...]
    tools: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """A stage: what it reads, what of the recipe it depends on, which code and tools it is made of."""

    name: str
    summary: str
    """One sentence for `flow --help` and `flow list`."""
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    """Dotted fields of the recipe."""
    tools: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    """Folders of the checkout with code that it loads by name; `{model}` is the recipe's model. What it
    imports is found by itself (`closure`)."""
    files: tuple[str, ...] = ()
    """Dotted fields of the recipe that name a file whose content the stage depends on."""
    needs_training: bool = False
    """Not run for a network from outside."""
    on_demand: bool = False
    """Runs only where it is asked for by name."""
    check: Callable[[Context], None] | None = None
    """Runs before the stage and raises what a later one would, so that nobody waits for it in vain. It
    changes nothing that the stage makes, so the stage's digest does not cover its code."""
    judge: Callable[[Any, Recipe], FlowError | None] | None = None
    """Whether the finished stage's result ends the command with an error."""
    addition: Addition | None = None
    modules: tuple[str, ...] = ()
    """Those of additions that were asked for."""

    def of(self, recipe: Recipe) -> "Stage":
        """Return the stage as `recipe` has it: with its addition where that is asked for."""
        more = self.addition
        if more is None:
            return self
        if not more.asked(recipe):
            return replace(self, addition=None)
        return replace(
            self,
            parts=(*self.parts, *more.parts),
            tools=tuple(dict.fromkeys((*self.tools, *more.tools))),
            modules=(more.module,),
        )

    def run(self, context: Context) -> BaseModel:
        """Run the stage and return its result; its package is imported only now."""
        with bar("loading libraries"):  # such as PyTorch, which takes seconds
            module = importlib.import_module(f"fpga_flow.stages.{self.name}")
            given = [importlib.import_module(name).make(context.recipe) for name in self.modules]
        if self.check is not None:
            self.check(context)
        result: BaseModel = module.run(context, *given)
        return result


def only(part: Kind, keys: Iterable[str]) -> Kind:
    """Return a copy of `part` that has just the dotted `keys`.

    A stage that reads a part it does not declare would stand when that part changes: so it fails instead.
    """
    view = part.model_copy()
    wanted: dict[str, set[str]] = {}
    for key in keys:
        name, _, rest = key.partition(".")
        wanted.setdefault(name, set()).add(rest)
    for name, value in list(vars(view).items()):
        if name not in wanted:
            del vars(view)[name]
        elif "" not in wanted[name]:
            vars(view)[name] = only(value, wanted[name])
    return view
