"""Every joint between layers, worked out by hand: which rows, columns and constants go."""

from typing import Any

import pytest
import torch
from torch import Tensor

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.checkpoint import State
from tests.surgery.networks import Joint, act, joint, logits, norm, shapes, weigh, without_idle


def same(recipe: Recipe, before: State, after: State, shape: tuple[int, ...]) -> None:
    codes = torch.randint(-9, 10, (64, *shape), generator=torch.Generator().manual_seed(1))
    a, b = logits(recipe, before, codes), logits(recipe, after, codes)
    assert float(a.std(0).min()) > 0
    assert torch.equal(a, b)


def test_flatten_takes_all_positions_of_a_channel_and_its_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Joint:
        return Joint(
            lambda m, x: m.classes(m.act2(m.norm2(m.dense(m.act1(m.norm1(m.conv(x))).flatten(1))))),
            conv=weigh(layers.conv1d(1, 3, 1, 4), [2, 0, 7]),
            norm1=norm(3, 0.0, 3.0, 1.0),
            act1=act(),
            # two positions of each of three channels
            dense=weigh(layers.dense(6, 2, 4), [[1, 2, 3, 4, 0, -1], [-2, 1, 7, -5, 1, 0]]),
            norm2=norm(2),
            act2=act(),
            classes=weigh(layers.dense(2, 2, 4), [[1, -2], [3, 7]]),
        )

    recipe, before = joint(monkeypatch, make, 1)
    after = without_idle(recipe, before)
    assert after["layers"]["conv"]["weight"].flatten().tolist() == [2, 7]
    assert after["rest"]["norm1.bias"].tolist() == [0, 1]
    assert after["layers"]["dense"]["weight"].tolist() == [[1, 2, 0, -1], [-2, 1, 1, 0]]
    # The channel is 3 everywhere: 3 * (3 + 4) and 3 * (7 - 5) are in the sums no more.
    assert after["rest"]["norm2.running_mean"].tolist() == [-21, -6]
    # The largest weight, 7, has gone with the channel: the codes of those left stay.
    assert after["thin"] == {
        "removed": [],
        "sizes": {"conv": [2, 1], "norm1": [2], "dense": [2, 4]},
        "held": ["dense"],
    }
    same(recipe, before, after, (2, 1))


def test_constant_stays_before_a_padded_layer_unless_it_is_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Joint:
        return Joint(
            lambda m, x: m.classes(m.act2(m.norm2(m.conv2(m.act1(m.norm1(m.conv1(x)))))).flatten(1)),
            conv1=weigh(layers.conv1d(1, 3, 1, 4), [1, 0, 7]),
            norm1=norm(3, 0.0, 3.0, -1.0),
            act1=act(),
            conv2=weigh(layers.conv1d(3, 2, 3, 4), [0, 1, 0, 1, 1, 1, -7, 0, 1, 1, 0, -1, 2, 2, 2, 0, 1, 0]),
            norm2=norm(2),
            act2=act(),
            classes=weigh(layers.dense(8, 2, 4), [[1, -2, 0, 3, 1, 1, 1, 0], [3, 7, 1, 1, 0, -1, 2, 0]]),
        )

    recipe, before = joint(monkeypatch, make, 1)
    assert "thin" not in without_idle(recipe, before)
    after = without_idle(recipe, before, silence=True)
    assert after["layers"]["conv1"]["weight"].flatten().tolist() == [1, 7]
    assert after["layers"]["conv2"]["weight"].tolist() == [[[0, 1, 0], [-7, 0, 1]], [[1, 0, -1], [0, 1, 0]]]
    assert after["rest"]["norm2.running_mean"].tolist() == [0, 0]
    # Silent means zero: what the channel would have given is nothing, at the edges too.
    before["rest"]["norm1.bias"] = torch.tensor([0.0, -1.0, -1.0])
    same(recipe, before, after, (4, 1))


def residual(dead: dict[str, Any]) -> Joint:
    """conv0 -> x; out = act(x + act(conv1(x))); dense over two positions."""
    weights = {"conv0": [[1], [2], [7]], "conv1": [[7, 1, 0], [0, 2, 1], [1, 1, 3]]}
    for name, rows in dead.items():
        for row in rows:
            weights[name][row] = [0] * len(weights[name][row])
    quantiser = act()
    return Joint(
        lambda m, x: m.classes(m.out(add(m, m.act0(m.norm0(m.conv0(x))))).flatten(1)),
        conv0=weigh(layers.conv1d(1, 3, 1, 4), weights["conv0"]),
        norm0=norm(3),
        act0=quantiser,
        conv1=weigh(layers.conv1d(3, 3, 1, 4), weights["conv1"]),
        norm1=norm(3),
        act1=quantiser,
        out=act(),
        classes=weigh(layers.dense(6, 2, 4), [[1, 2, 3, 4, 5, 6], [7, -2, 1, 0, 3, 1]]),
    )


def add(m: Any, x: Tensor) -> Tensor:
    return x + m.act1(m.norm1(m.conv1(x)))


def test_sum_ties_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    # Channel 1 is empty in both summands: rows, columns and batch norms of both sides go.
    recipe, before = joint(monkeypatch, lambda: residual({"conv0": [1], "conv1": [1]}), 1)
    after = without_idle(recipe, before)
    assert after["layers"]["conv0"]["weight"].flatten().tolist() == [1, 7]
    assert after["layers"]["conv1"]["weight"].squeeze(2).tolist() == [[7, 0], [1, 3]]
    assert after["layers"]["classes"]["weight"].tolist() == [[1, 2, 5, 6], [7, -2, 3, 1]]
    assert len(after["rest"]["norm0.weight"]) == len(after["rest"]["norm1.weight"]) == 2
    same(recipe, before, after, (2, 1))


@pytest.mark.parametrize("side", ["conv0", "conv1"])
def test_sum_keeps_a_channel_that_one_side_still_makes(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, before = joint(monkeypatch, lambda: residual({side: [1]}), 1)
    assert "thin" not in without_idle(recipe, before)


def test_concatenation_has_offsets_in_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    # x has two channels, y three, of which the second is empty: it is channel 3 of what is joined.
    def make() -> Joint:
        def forward(m: Any, x: Tensor) -> Tensor:
            x = m.first(x)
            joined = torch.cat([x, m.second(m.act1(m.norm1(x)))], 1)
            return m.classes(m.act2(m.norm2(joined)).flatten(1))  # type: ignore[no-any-return]

        return Joint(
            forward,
            first=weigh(layers.conv1d(1, 2, 1, 4), [1, 7]),
            norm1=norm(2),
            act1=act(),
            second=weigh(layers.conv1d(2, 3, 1, 4), [[1, 7], [0, 0], [3, 1]]),
            norm2=norm(5, 1.0, 2.0, 3.0, 4.0, 5.0),
            act2=act(),
            classes=weigh(layers.dense(5, 2, 4), [[1, 2, 3, 0, 5], [7, -2, 1, 0, 3]]),
        )

    recipe, before = joint(monkeypatch, make, 1)
    after = without_idle(recipe, before)
    assert shapes(after) == {"first": (2, 1, 1), "second": (2, 2, 1), "classes": (2, 4)}
    assert after["layers"]["classes"]["weight"].tolist() == [[1, 2, 3, 5], [7, -2, 1, 3]]
    assert after["rest"]["norm2.bias"].tolist() == [1, 2, 3, 5]
    same(recipe, before, after, (1, 1))


def test_depthwise_ties_its_inputs_to_its_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Joint:
        return Joint(
            lambda m, x: m.classes(m.act2(m.norm2(m.deep(m.act1(m.norm1(m.point(x)))))).flatten(1)),
            point=weigh(layers.conv1d(1, 3, 1, 4), [0, 1, 7]),
            norm1=norm(3, -1.0, 2.0, 1.0),
            act1=act(),
            deep=weigh(layers.conv1d(3, 3, 3, 4, groups=3), [1, 2, 3, 4, 5, 6, 7, 1, 2]),
            norm2=norm(3, 0.0, 1.0, 2.0),
            act2=act(),
            classes=weigh(layers.dense(6, 2, 4), [[1, 2, 3, 4, 5, 6], [7, -2, 1, 0, 3, 1]]),
        )

    recipe, before = joint(monkeypatch, make, 1)
    after = without_idle(recipe, before)
    assert after["layers"]["point"]["weight"].flatten().tolist() == [1, 7]
    assert after["layers"]["deep"]["weight"].squeeze(1).tolist() == [[4, 5, 6], [7, 1, 2]]
    assert after["layers"]["classes"]["weight"].tolist() == [[3, 4, 5, 6], [1, 0, 3, 1]]
    assert after["rest"]["norm2.bias"].tolist() == [1, 2]
    assert after["thin"]["sizes"]["deep"] == [2, 2]
    same(recipe, before, after, (2, 1))


def test_channels_that_nobody_reads_go_and_then_what_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody reads neuron 1 of b, and it alone reads neuron 0 of a.
    def make() -> Joint:
        return Joint(
            lambda m, x: m.classes(m.act2(m.norm2(m.b(m.act1(m.norm1(m.a(x.flatten(1)))))))),
            a=weigh(layers.dense(2, 3, 4), [[1, 7], [2, -1], [3, 1]]),
            norm1=norm(3),
            act1=act(),
            b=weigh(layers.dense(3, 3, 4), [[0, 1, 7], [5, 1, 1], [0, 2, -1]]),
            norm2=norm(3),
            act2=act(),
            classes=weigh(layers.dense(3, 2, 4), [[1, 0, 2], [7, 0, -3]]),
        )

    recipe, before = joint(monkeypatch, make, 1)
    after = without_idle(recipe, before)
    assert after["layers"]["a"]["weight"].tolist() == [[2, -1], [3, 1]]
    assert after["layers"]["b"]["weight"].tolist() == [[1, 7], [2, -1]]
    assert after["layers"]["classes"]["weight"].tolist() == [[1, 2], [7, -3]]
    assert after["thin"]["held"] == ["a"]
    same(recipe, before, after, (2, 1))


def test_operation_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Joint:
        return Joint(lambda m, x: m.classes(torch.roll(x, 1, 1).flatten(1)), classes=layers.dense(2, 2, 4))

    recipe, before = joint(monkeypatch, make, 1)
    with pytest.raises(UnsupportedError, match=r"'roll': surgery does not know what roll does to channels"):
        without_idle(recipe, before)
