"""Fixtures shared by the tests of training."""

import pytest
import torch

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.dataset import Codes
from fpga_flow.train.kernels import set_cache
from tests.train.frames import small_recipe, tones


@pytest.fixture(scope="session", autouse=True)
def _kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    set_cache(tmp_path_factory.mktemp("kernels"))
    torch.set_num_threads(1)  # all tensors are small here


@pytest.fixture(scope="session")
def frames() -> dict[str, Codes]:
    return {"train": tones(512, 1), "validation": tones(128, 2), "test": tones(128, 3)}


@pytest.fixture
def recipe() -> Recipe:
    return small_recipe()
