"""Stages that do no work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fpga_flow.core import artifact
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline import flow
from fpga_flow.results.run import KINDS
from tests.fake_results import CHECKS as CHECKS
from tests.fake_results import DATA as DATA
from tests.fake_results import EXAMPLE as EXAMPLE
from tests.fake_results import LAYERS as LAYERS
from tests.fake_results import OUTPUT as OUTPUT
from tests.fake_results import counts as counts
from tests.fake_results import difference as difference
from tests.fake_results import proof as proof
from tests.fake_results import resources as resources
from tests.fake_results import results as results

EFFORT = {"verify": {"cycles_per_second": 9000.0}}


@dataclass(frozen=True)
class FakeStage(flow.Stage):
    """A stage that does `work` instead of its own."""

    work: Callable[[flow.Context], Mapping[str, Any]] | None = None

    def run(self, context: flow.Context) -> BaseModel:
        assert self.work is not None
        if self.name in EFFORT:
            artifact.write_json(context.folder / artifact.EFFORT, EFFORT[self.name])
        return KINDS[self.name].model_validate(self.work(context))


def stages(
    table: Mapping[str, Mapping[str, Any]] | None = None, **work: Callable[..., Any]
) -> tuple[FakeStage, ...]:
    """The real stages' order, inputs and recipe parts, returning `table`; `work` replaces single ones.

    They need no tools and depend on no code.
    """
    table = results() if table is None else table
    return tuple(
        FakeStage(
            **{
                **vars(replace(stage, tools=(), folders=())),
                "work": work.get(stage.name, lambda _, r=table[stage.name]: r),
            }
        )
        for stage in flow.STAGES
    )


BUILT = tuple(stage.name for stage in flow.STAGES if not stage.on_demand)
"""The stages of a plain build, in order."""


def recipe(**parts: Any) -> Recipe:
    """A recipe whose named files all exist."""
    return make_recipe({"name": "signals", **parts})


def run_of(folder: Path, **parts: Any) -> flow.Run:
    return flow.new_run(folder, recipe(**parts))
