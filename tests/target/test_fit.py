"""The judgement whether a design fits a board, with and without a margin, and its words."""

from fpga_flow.core.errors import FitError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit, fits, limits_of
from fpga_flow.target.resources import Resources

BOARD = board("pynq-z1")
WHOLE = BOARD.capacity


def test_a_board_that_is_just_full_fits() -> None:
    fit = Fit(WHOLE, BOARD)
    assert fit.over == {} and set(fit.shares.values()) == {1.0}
    assert fit.words() == "53,200 LUT (100 %), 106,400 FF (100 %), 280 BRAM18 (100 %), 220 DSP (100 %)"


def test_what_is_over_is_counted_and_named() -> None:
    fit = Fit(WHOLE + Resources(lut=1_007, bram18=1), BOARD)
    assert fit.over == {"lut": 1_007, "bram18": 1}
    assert fit.excess() == "1,007 LUT too many, 1 BRAM18 too many"
    assert fit.short() == "54,207 LUT of 53,200, 281 BRAM18 of 280"


def test_a_margin_stays_free() -> None:
    assert limits_of(BOARD, 0.25).row == (39_900, 79_800, 210, 165)
    used = Resources(lut=39_900, ff=79_801, bram18=210, dsp=165)
    assert Fit(used, BOARD).over == {} and Fit(used, BOARD, 0.25).over == {"ff": 1}
    assert Fit(used, BOARD, 0.25).short() == "79,801 FF of 106,400"


def test_parts_of_the_luts_are_not_limited_by_themselves() -> None:
    assert Fit(Resources(lut=10, lutram=10**6, srl=10**6, carry=10**6), BOARD).over == {}


def test_a_synthesised_design_is_judged_for_the_recipes_board() -> None:
    recipe = make_recipe({"name": "r"})
    assert fits({"lut": 1, "ff": 1, "bram18": 1, "dsp": 220}, recipe) is None
    error = fits({"lut": 1, "ff": 1, "bram18": 1, "dsp": 221}, recipe)
    assert isinstance(error, FitError)
    assert "does not fit the board pynq-z1: 221 DSP of 220; lower --fps" in str(error)
