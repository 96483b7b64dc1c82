"""Masks and criteria against cases worked out by hand."""

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.prune.criteria import CRITERIA, below, by_kind
from fpga_flow.prune.masks import LayerCount, count, density, masked, masks_of
from fpga_flow.train.checkpoint import State
from fpga_flow.train.freeze import weight_codes
from fpga_flow.train.spec import Quant

QUANT = Quant(4, 4, 8)


def two_layers() -> State:
    return {
        "layers": {
            "a": {
                "weight": torch.tensor([[0.1, -0.9, 0.05, 0.4]]),
                "scale": 0.125,
                "mask": None,
                "gamma": torch.ones(1),
            },
            "b": {
                "weight": torch.tensor([[2.0, -0.3], [0.2, 1.0], [-0.6, 0.02]]),
                "scale": 0.25,
                "mask": None,
            },
        },
        "prices": {"a": torch.ones(1, 4), "b": torch.ones(3, 2)},
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


def test_hardware_takes_what_is_small_beside_its_price_up_to_a_share_of_the_prices() -> None:
    state = two_layers()
    state["layers"]["a"]["mask"] = torch.tensor([[True, True, False, True]])
    prices = {
        "a": torch.tensor([[4.0, 4.0, 100.0, 16.0]]),
        "b": torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, 4.0]]),
    }
    # By |w| / sqrt(price), with the price: b 0.01 (4), a 0.05 (4), a 0.1 (16), b 0.2 (1), b 0.3 (1) ...
    state["prices"] = prices
    masks = CRITERIA["hardware"](state, 23.5 / 33)
    assert masks["a"].tolist() == [[False, True, False, False]]
    assert masks["b"].tolist() == [[True, True], [True, True], [True, False]]
    masks = CRITERIA["hardware"](state, 24.5 / 33)
    assert masks["b"].tolist() == [[True, True], [False, True], [True, False]]
    state["prices"] = {name: torch.ones_like(price) for name, price in prices.items()}
    alike, plain = (CRITERIA[name](state, 0.44) for name in ("hardware", "magnitude"))
    assert all(torch.equal(alike[name], plain[name]) for name in ("a", "b"))


def test_below_takes_what_is_smaller_than_the_threshold_and_keeps_what_was_gone() -> None:
    state = two_layers()
    state["layers"]["b"]["mask"] = torch.tensor([[False, True], [True, True], [True, True]])
    masks = below(state, 0.25)
    assert masks["a"].tolist() == [[False, True, False, True]]
    assert masks["b"].tolist() == [[False, True], [False, True], [True, False]]
    # A weight of just the threshold stays.
    assert below(two_layers(), 0.5)["b"].tolist() == [[True, False], [False, True], [True, False]]
    state["layers"]["a"]["weight"][0, 3] = 0.25
    assert below(state, 0.25)["a"].tolist() == [[False, True, False, True]]


def test_wrong_threshold_that_takes_a_whole_layer() -> None:
    with pytest.raises(InputError, match=r"prune.thresholds: .* 0.95 takes all of a, whose largest is 0.9"):
        below(two_layers(), 0.95)


def test_relative_magnitude_looks_at_the_share_of_the_layers_largest() -> None:
    # a: 1/9, 1, 1/18, 4/9; b: 1, 0.15, 0.1, 0.5, 0.3, 0.01. Four go: 0.01, 1/18, 0.1, 1/9.
    masks = CRITERIA["relative-magnitude"](two_layers(), 0.4)
    assert masks["a"].tolist() == [[False, True, False, True]]
    assert masks["b"].tolist() == [[True, True], [False, True], [True, False]]
    # Two more of the six left: 0.15 and 0.3, the largest of a layer stays.
    masks = CRITERIA["relative-magnitude"](masked(two_layers(), masks), 1 / 3)
    assert masks["a"].tolist() == [[False, True, False, True]]
    assert masks["b"].tolist() == [[True, False], [False, True], [False, False]]


def three_layers() -> State:
    weight = torch.tensor([[[3.0], [-3.0]], [[0.5], [0.5]], [[-4.0], [0.0]], [[1.0], [2.0]]])
    return {
        "layers": {
            "conv": {"weight": weight, "mask": None, "gamma": torch.tensor([0.1, 0.9, -0.8, 0.3])},
            "dense": {
                "weight": torch.tensor([[1.0, 2, 3, 4], [9, 9, 9, 9], [0, 0, 0, 5]]),
                "mask": None,
                "gamma": torch.tensor([0.2, 0.05, 0.15]),
            },
            "classes": {"weight": torch.full((2, 3), 0.01), "mask": None},
        }
    }


def rows(mask: torch.Tensor) -> list[bool]:
    assert torch.equal(mask.flatten(1).any(1), mask.flatten(1).all(1))
    return mask.flatten(1).all(1).tolist()


def test_l1_filters_take_the_same_part_of_every_layer_but_the_last() -> None:
    # Norms 6, 1, 4, 3 and 10, 36, 5. In the order of their place in the layer: second of conv (1/4, of 2
    # weights), third of dense (1/3, of 4), fourth of conv (2/4), first of dense (2/3), third of conv (3/4).
    # Two in five of 26 weights are 10.4: 2 + 4 + 2 + 4 is the first sum that is not less.
    masks = CRITERIA["l1-filters"](three_layers(), 0.4)
    assert rows(masks["conv"]) == [True, False, True, False]
    assert rows(masks["dense"]) == [False, True, False]
    assert bool(masks["classes"].all())
    # Of the 14 left: the last of dense stays, so only the third of conv can go.
    again = CRITERIA["l1-filters"](masked(three_layers(), masks), 0.9)
    assert rows(again["conv"]) == [True, False, False, False]
    assert rows(again["dense"]) == [False, True, False]


def test_slimming_takes_the_channels_of_the_smallest_scales_of_all_layers() -> None:
    # 0.05 (4 weights), 0.1 (2), 0.15 (4) are the ten of 26.
    masks = CRITERIA["slimming"](three_layers(), 10 / 26)
    assert rows(masks["conv"]) == [False, True, True, True]
    assert rows(masks["dense"]) == [True, False, False]
    assert bool(masks["classes"].all())
    # Of the 16 left 0.3 goes before 0.2, which is the last of its layer; then 0.8: two weights each.
    again = CRITERIA["slimming"](masked(three_layers(), masks), 4 / 16)
    assert rows(again["conv"]) == [False, True, False, False]
    assert rows(again["dense"]) == [True, False, False]


def test_slimming_takes_the_mean_of_the_norms_that_a_channel_passes() -> None:
    state, other = three_layers(), three_layers()
    other["rest"], other["norms"] = {}, {}
    for name, kept in other["layers"].items():
        if "gamma" in kept:
            scales = kept.pop("gamma")
            other["rest"] |= {f"{name}.one": -2 * scales, f"{name}.two": torch.cat([torch.zeros(1), scales])}
            other["norms"][name] = [
                [(f"{name}.one", k), (f"{name}.two", k + 1)] if k else [(f"{name}.one", k)]
                for k in range(len(scales))
            ]
    # Means: 0.2, 1.35, 1.2, 0.45 and 0.4, 0.075, 0.225, the order of which is no other but for dense's first.
    for name, mask in CRITERIA["slimming"](state, 0.4).items():
        assert torch.equal(mask, CRITERIA["slimming"](other, 0.4)[name])


def test_wrong_slimming_without_a_batch_norm() -> None:
    state = three_layers()
    del state["layers"]["dense"]["gamma"]
    with pytest.raises(InputError, match=r"slimming must have a batch norm .* dense has none"):
        CRITERIA["slimming"](state, 0.5)


@pytest.mark.parametrize("name", ["l1-filters", "slimming"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_whole_filters_end_at_or_above_the_share_by_at_most_one(name: str, share: float) -> None:
    left = density(masked(three_layers(), CRITERIA[name](three_layers(), share)))
    assert share <= 1 - left < share + 4 / 26


def test_convolutions_and_dense_layers_have_their_own_criteria() -> None:
    masks = by_kind(CRITERIA["l1-filters"], CRITERIA["magnitude"])(three_layers(), 0.5)
    assert rows(masks["conv"]) == [True, False, True, False]
    # Nine of 18: the six of 0.01 and the three zeros.
    assert masks["dense"].tolist() == [[True] * 4, [True] * 4, [False, False, False, True]]
    assert not bool(masks["classes"].any())
    masks = by_kind(CRITERIA["magnitude"], CRITERIA["l1-filters"])(three_layers(), 0.5)
    assert rows(masks["dense"]) == [False, True, False]
    assert bool(masks["classes"].all())
    assert masks["conv"].flatten(1).tolist() == [[True, True], [False, False], [True, False], [False, True]]


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
