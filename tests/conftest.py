"""Runs that several packages' tests look at, made once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.core import artifact
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline import registry
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import hardware as hardware
from fpga_flow.stages import rtl as rtl
from tests import digits_run as digits
from tests import networks


@pytest.fixture(scope="session", autouse=True)
def _no_notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the runs of tests out of the list of runs that stands in the cache they share with the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "FOLDER", str(tmp_path_factory.mktemp("notes")))
        yield


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The recipe of the small network: folded, so that lanes are shared and memories have some depth."""
    return make_recipe({"name": "small", "hardware": {"fps": 1_000_000}})


@pytest.fixture(scope="session")
def run_folder(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the artifacts `hardware` and `rtl` of the small network, its products in DSP slices."""
    run = tmp_path_factory.mktemp("run")
    for name in ("export", "hardware", "rtl"):
        (run / name).mkdir()
    networks.vgg(filters=8, length=16).save(str(run / "export" / "network.onnx"))

    def make(stage: Any, name: str, source: str, recipe: Recipe) -> None:
        context = Context(recipe, run / name, {source: run / source}, run / "cache")
        artifact.write_result(run / name, stage.run(context))

    dense = recipe.hardware.model_copy(update={"implementation": "dense"})
    make(hardware, "hardware", "export", recipe.model_copy(update={"hardware": dense}))
    table = json.loads((run / "hardware" / "folding.json").read_text())
    for values in table.values():
        if values.get("implementation") == "lut":
            values["implementation"] = "dsp"
    (run / "dsp.json").write_text(json.dumps(table))
    with_file = recipe.hardware.model_copy(update={"folding": str(run / "dsp.json")})
    make(hardware, "hardware", "export", recipe.model_copy(update={"hardware": with_file}))
    make(rtl, "rtl", "hardware", recipe)
    return run


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verified run of a small network that knows digits."""
    return digits.build(tmp_path_factory.mktemp("digits"))
