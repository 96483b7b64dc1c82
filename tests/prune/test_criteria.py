"""Masks and criteria against cases worked out by hand."""

import pytest
import torch

from fpga_flow.prune.criteria import CRITERIA
from fpga_flow.prune.masks import LayerCount, count, density, masked, masks_of
from fpga_flow.train.checkpoint import State
from fpga_flow.train.freeze import weight_codes
from fpga_flow.train.spec import Quant

QUANT = Quant(4, 4, 8)


def two_layers() -> State:
    return {
        "layers": {
            "a": {"weight": torch.tensor([[0.1, -0.9, 0.05, 0.4]]), "scale": 0.125, "mask": None},
            "b": {
                "weight": torch.tensor([[2.0, -0.3], [0.2, 1.0], [-0.6, 0.02]]),
                "scale": 0.25,
                "mask": None,
            },
        }
    }


def test_magnitude_takes_the_smallest_of_all_layers() -> None:
    state = masked(two_layers(), CRITERIA["magnitude"](two_layers(), 0.4))
    # Ten weights, four go: 0.02, 0.05, 0.1, 0.2.
    assert masks_of(state)["a"].tolist() == [[False, True, False, True]]
    assert masks_of(state)["b"].tolist() == [[True, True], [False, True], [True, False]]
    assert state["layers"]["a"]["weight"].tolist() == [[0.0, pytest.approx(-0.9), 0.0, pytest.approx(0.4)]]


def test_rate_counts_the_remaining_weights() -> None:
    state = masked(two_layers(), CRITERIA["magnitude"](two_layers(), 0.5))
    assert density(state) == 0.5
    state = masked(state, CRITERIA["magnitude"](state, 0.4))
    # Two of the five left go: 0.4 and 0.6; of all ten it would have been four.
    assert density(state) == 0.3
    assert masks_of(state)["a"].tolist() == [[False, True, False, False]]
    assert masks_of(state)["b"].tolist() == [[True, False], [False, True], [False, False]]


def test_layer_magnitude_takes_the_same_share_of_every_layer() -> None:
    masks = CRITERIA["layer-magnitude"](two_layers(), 0.5)
    assert masks["a"].tolist() == [[False, True, False, True]]
    assert masks["b"].tolist() == [[True, False], [False, True], [True, False]]


@pytest.mark.parametrize("name", CRITERIA)
def test_no_criterion_gives_a_weight_back(name: str) -> None:
    state = masked(two_layers(), CRITERIA[name](two_layers(), 0.5))
    gone = {layer: ~mask for layer, mask in masks_of(state).items()}
    # Even where training has put something in its place.
    for kept in state["layers"].values():
        kept["weight"] = torch.full_like(kept["weight"], 9.0)
    again = masked(state, CRITERIA[name](state, 0.3))
    for layer, mask in masks_of(again).items():
        assert not bool(mask[gone[layer]].any())
        assert bool((again["layers"][layer]["weight"][gone[layer]] == 0).all())


def test_equal_weights_go_in_order_and_in_the_right_number() -> None:
    state: State = {"layers": {"a": {"weight": torch.ones(1, 10), "scale": 1.0, "mask": None}}}
    assert CRITERIA["magnitude"](state, 0.3)["a"].tolist() == [[False] * 3 + [True] * 7]


def counted(state: State) -> list[LayerCount]:
    return count(state, {name: weight_codes(kept, QUANT) for name, kept in state["layers"].items()})


def test_sparsity_is_counted() -> None:
    state = masked(two_layers(), CRITERIA["magnitude"](two_layers(), 0.4))
    a, b = counted(state)
    assert (a.name, a.weights, a.left, a.nonzero) == ("a", 4, 2, 2)
    assert (b.name, b.weights, b.left, b.nonzero) == ("b", 6, 4, 4)
    # 0.1 is left but its code is round(0.1 / 0.25) = 0.
    state["layers"]["b"]["weight"][0, 1] = 0.1
    assert (counted(state)[1].left, counted(state)[1].nonzero) == (4, 3)
    assert density(state) == 0.6


def test_masked_leaves_its_argument_alone() -> None:
    state = two_layers()
    masked(state, CRITERIA["magnitude"](state, 0.4))
    assert state["layers"]["a"]["mask"] is None
    assert float(state["layers"]["a"]["weight"][0, 0]) == pytest.approx(0.1)
