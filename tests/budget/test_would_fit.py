"""What would fit a board that is too small, and the network with fewer bits that this is tried with."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.budget.budget import budget
from fpga_flow.budget.narrow import most_bits, narrowed
from fpga_flow.budget.would_fit import would_fit
from fpga_flow.core.recipe_parts.board import BoardRecipe
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.target.board import BOARDS, Board, of_recipe
from tests import networks

RECIPE = HardwareRecipe(fps=1_000_000)


def small(lut: int) -> Board:
    values = {"name": "small", "part": "xc7z007s", "family": "xc7", "clock_mhz": 100.0}
    return of_recipe(
        BoardRecipe.model_validate({**values, "lut": lut, "ff": 2 * lut, "bram18": 20, "dsp": 20})
    )


@pytest.fixture(scope="module")
def network() -> ModelWrapper:
    return networks.vgg(filters=8, length=32)


def test_what_is_said_to_fit_does_and_a_bit_more_does_not(
    network: ModelWrapper, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    whole = budget(network, RECIPE, BOARDS["pynq-z1"], cache).whole
    board = small(round(0.8 * whole.lut))
    large = budget(network, RECIPE, board, cache)
    assert large.verdict != "fits"
    found = would_fit(network, RECIPE, large.graph, large.fit)
    assert found.fps is not None and found.fps < RECIPE.fps
    slower = budget(network, RECIPE.model_copy(update={"fps": found.fps}), board, cache)
    assert slower.fps >= found.fps and slower.whole.lut <= 1.05 * board.capacity.lut
    assert found.bits in (2, 3) and most_bits(network) == 4
    fewer = budget(narrowed(network, found.bits), RECIPE, board, cache)
    assert fewer.whole.lut <= 1.05 * board.capacity.lut
    assert found.board == "pynq-z1"


def test_nothing_fits_a_board_of_hardly_any_luts(network: ModelWrapper, tmp_path: Path) -> None:
    large = budget(network, RECIPE, small(60), tmp_path)
    found = would_fit(network, RECIPE, large.graph, large.fit)
    assert (found.fps, found.bits, found.board) == (None, None, "pynq-z1")


@pytest.mark.parametrize("bits", [2, 3])
def test_a_narrower_network_has_the_same_weights_left_and_as_many_thresholds_as_its_type(
    network: ModelWrapper, bits: int
) -> None:
    before = network.model.SerializeToString()
    found = narrowed(network, bits)
    assert network.model.SerializeToString() == before
    assert most_bits(found) == bits
    for old, new in zip(network.graph.node, found.graph.node, strict=True):
        if new.op_type in ("Conv", "MatMul"):
            was, now = network.get_initializer(old.input[1]), found.get_initializer(new.input[1])
            assert np.array_equal(was != 0, now != 0) and np.array_equal(np.sign(was), np.sign(now))
            assert np.abs(now).max() == 2 ** (bits - 1) - 1
        if new.op_type == "MultiThreshold":
            datatype = DataType[getCustomOp(new).get_nodeattr("out_dtype")]
            thresholds = found.get_initializer(new.input[1])
            assert thresholds.shape[1] == datatype.get_num_possible_values() - 1 == 2**bits - 1
            assert (np.diff(thresholds, axis=1) >= 0).all()
            assert np.abs(thresholds).max() < np.abs(network.get_initializer(old.input[1])).max() / 2


def test_a_network_that_is_narrow_enough_stays_as_it_is(network: ModelWrapper) -> None:
    found = narrowed(network, 4)
    for old in network.graph.initializer:
        assert np.array_equal(network.get_initializer(old.name), found.get_initializer(old.name))
