"""What pruning asks of the hardware: what the stages behind find, and prices that say what is saved."""

from pathlib import Path
from typing import Any

import pytest

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline import order
from fpga_flow.prune.criteria import magnitude
from fpga_flow.prune.masks import masked
from fpga_flow.train.checkpoint import State
from fpga_flow.train.state import new_state
from fpga_flow.until_fits import BoardEstimate, digit_count
from tests.train.frames import LENGTH, small_recipe
from tests.train.test_fast import CLASSES

SHAPE = (2, LENGTH)
FPS = 100_000.0
"""1,000 cycles per frame of 128 samples."""


def board_of(lut: int) -> dict[str, Any]:
    """A part with so many LUTs, few DSPs, and enough of all else."""
    return {
        "name": "made-up",
        "part": "xc7z020clg400-1",
        "family": "xc7",
        "clock_mhz": 100,
        "lut": lut,
        "ff": 10**6,
        "bram18": 1000,
        "dsp": 20,
    }


def recipe_of(lut: int, fps: float = FPS, **hardware: Any) -> Recipe:
    parts = {
        "model": {"width": 8, "dense": 8},
        "hardware": {"fps": fps, **hardware},
        "prune": {"until": "fits"},
    }
    return small_recipe(**parts).model_copy(update={"board": recipe_board(lut)})


def recipe_board(lut: int) -> Any:
    from fpga_flow.core.recipe_parts.board import BoardRecipe

    return BoardRecipe.model_validate(board_of(lut))


@pytest.fixture(scope="module")
def state() -> State:
    return new_state(recipe_of(10_000), CLASSES, 2)


def test_where_the_cheapest_folding_does_not_fit_another_resource_takes_the_place() -> None:
    def recipe(lut: int) -> Recipe:
        found = recipe_of(lut, margin=0.0)
        quant = found.quant.model_copy(update={"weight_bits": 8, "act_bits": 8})
        return found.model_copy(update={"quant": quant})

    state = new_state(recipe(100_000), CLASSES, 2)
    plain = BoardEstimate(recipe(100_000)).solution(state, SHAPE).resources
    other = BoardEstimate(recipe(int(0.98 * plain.lut)))
    there = other.solution(state, SHAPE).resources
    assert there.lut <= 0.98 * plain.lut
    assert there.dsp > plain.dsp == 0
    taken = other.taken(state, SHAPE)
    assert taken.fits
    assert taken.words.startswith(f"{there.lut:,.0f} LUT")


def test_a_rate_out_of_reach_does_not_fit(state: State) -> None:
    taken = BoardEstimate(recipe_of(10**6, fps=5e6)).taken(state, SHAPE)
    assert not taken.fits
    assert taken.fps < 5e6


def test_pruned_weights_make_room(state: State) -> None:
    pruned = masked(state, magnitude(state, 0.9))
    most, left = (
        BoardEstimate(recipe_of(10_000, 6 * FPS)).solution(one, SHAPE).resources.lut
        for one in (state, pruned)
    )
    assert left < 0.8 * most
    estimate = BoardEstimate(recipe_of(round(1.1 * left), 6 * FPS, margin=0.0))
    assert estimate.taken(pruned, SHAPE).fits
    assert not estimate.taken(state, SHAPE).fits


def test_best_rate_fits_and_is_near_the_highest_that_does(state: State) -> None:
    lut = 4_000
    best = BoardEstimate(recipe_of(lut, margin=0.0)).best_rate(state, SHAPE)
    assert best is not None and 2 * FPS < best < 4 * FPS
    taken = [BoardEstimate(recipe_of(lut, fps, margin=0.0)).taken(state, SHAPE) for fps in (best, 1.1 * best)]
    assert [one.fits for one in taken] == [True, False]
    assert taken[0].fps == pytest.approx(best, abs=1e-3)
    assert BoardEstimate(recipe_of(50)).best_rate(state, SHAPE) is None


def test_a_larger_board_is_named(state: State) -> None:
    assert BoardEstimate(recipe_of(100)).larger_board(state, SHAPE) == "pynq-z1"
    assert BoardEstimate(recipe_of(10**6)).larger_board(state, SHAPE) is None


def test_prices_are_what_half_of_a_layer_saves(state: State) -> None:
    prices = BoardEstimate(recipe_of(10**6, 6 * FPS)).prices(state, SHAPE)
    assert {name: price.shape for name, price in prices.items()} == {
        name: kept["weight"].shape for name, kept in state["layers"].items()
    }
    means = {name: float(price.mean()) for name, price in prices.items()}
    # A weight of an early convolution is used 64 times a frame, one of the last layer once.
    assert means["conv2"] > 2 * means["classes"]


def test_digits_are_counted_signed() -> None:
    assert [digit_count(number) for number in (0, 1, 2, 3, 5, 7, -7, 11)] == [0, 1, 1, 2, 2, 2, 2, 3]


def test_the_stage_is_given_it_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stage: Stage = next(one for one in order.STAGES if one.name == "prune").of(recipe_of(100))
    assert stage.modules == ("fpga_flow.until_fits",)
    given = []
    monkeypatch.setattr("fpga_flow.stages.prune.run", lambda context, *more: given.extend(more))
    from fpga_flow.core.stage import Context

    stage.run(Context(recipe_of(100), tmp_path, {}, tmp_path))
    assert [type(one) for one in given] == [BoardEstimate]
