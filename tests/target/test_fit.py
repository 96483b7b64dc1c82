"""The judgement whether a design fits a board, with and without a margin, and its words."""

from fpga_flow.core.errors import FitError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.results.estimate import Estimated
from fpga_flow.results.hardware import WouldFit
from fpga_flow.results.synth import SynthResult
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit, cannot_fit, fits, instead_words, limits_of
from fpga_flow.target.resources import Resources
from tests import fake_results

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
    synth = SynthResult.model_validate(fake_results.results()["synth"])
    full = synth.model_copy(update={"lut": 1, "ff": 1, "bram18": 1, "dsp": 220})
    assert fits(full, recipe) is None
    error = fits(full.model_copy(update={"dsp": 221}), recipe)
    assert isinstance(error, FitError)
    assert "does not fit the board pynq-z1: 221 DSP of 220; lower --fps" in str(error)


def test_logic_that_takes_longer_than_a_period_is_told_with_the_layer_and_a_clock() -> None:
    synth = SynthResult.model_validate(fake_results.results()["synth"])
    fitting = synth.model_copy(update={"lut": 1, "ff": 1, "bram18": 1, "dsp": 1})
    assert fits(fitting, make_recipe({"name": "r"})) is None
    slow = fitting.model_copy(update={"logic_ns": 11.2, "slowest": "conv2"})
    error = fits(slow, make_recipe({"name": "r"}))
    assert isinstance(error, FitError)
    assert "layer conv2: a path takes 11.2 ns" in str(error) and "100 MHz leave 10.0 ns" in str(error)
    assert "hardware.clock_mhz to less than 89" in str(error)
    assert fits(slow, make_recipe({"name": "r", "hardware": {"clock_mhz": 50.0}})) is None


def test_a_design_cannot_fit_where_its_least_is_too_much() -> None:
    expected = Estimated(lut=60_000, ff=10, bram18=1, dsp=0, ranges={"lut": (55_000, 66_000), "ff": (9, 11)})
    instead = WouldFit(fps=812.4, bits=None, board="zcu104")
    error = cannot_fit(expected, instead, BOARD)
    assert isinstance(error, FitError)
    assert "expected to take 55,000 to 66,000 LUT of 53,200" in str(error)
    assert "--fps: 812 frames/s fit; --bits: even 2 are too many; --board: zcu104 holds it" in str(error)
    nearly = expected.model_copy(update={"ranges": {"lut": (53_200, 66_000)}})
    assert cannot_fit(nearly, instead, BOARD) is None
    assert "lower --fps, prune more" in instead_words(None)
