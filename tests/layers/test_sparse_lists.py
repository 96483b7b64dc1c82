"""The lists of the sparse matrix unit: they hold every nonzero weight once, and the lanes finish together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fpga_flow.layers.sparse_lists import Lists, compile_lists, cycles, deal, part_range, steps, work

Integers = NDArray[np.int64]


@st.composite
def matrices(draw: st.DrawFn) -> tuple[Integers, int, int, int]:
    """Draw a matrix (MH, MW) with rows and columns left out, SIMD, PE and lanes."""
    simd, pe = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rows, columns = pe * draw(st.integers(1, 8)), simd * draw(st.integers(1, 12))
    lanes = simd * pe * draw(st.integers(1, 6))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    weights = generator.integers(-8, 8, (rows, columns))
    weights[generator.random(weights.shape) < draw(st.sampled_from([0, 0.3, 0.9, 1]))] = 0
    weights[generator.random(rows) < draw(st.sampled_from([0, 0.5]))] = 0
    weights[:, generator.random(columns) < draw(st.sampled_from([0, 0.5]))] = 0
    return weights, simd, pe, lanes


def walked(lists: Lists, vector: Integers, simd: int, pe: int) -> Integers:
    """Return (MH,) what the lanes leave for `vector` (MW,), by the letter of the lists."""
    lanes = lists.index.shape[1]
    share = lanes // (simd * pe)
    memory = np.zeros((lanes, lists.places), np.int64)
    for lane in range(lanes):
        total, place = 0, 0
        for index, weight, end in zip(
            lists.index[:, lane], lists.weight[:, lane], lists.ends[:, lane], strict=True
        ):
            total += int(weight) * int(vector[index * simd + lane // share % simd])
            if end:
                memory[lane, place] = total
                total, place = 0, place + 1
    group = np.arange(pe)[:, None] * simd + np.arange(simd)
    return memory[group * share + lists.lane, lists.place].sum(axis=2).reshape(-1)


@settings(max_examples=40)
@given(matrices(), st.integers(0, 1000))
def test_the_lanes_compute_the_product_with_the_matrix(
    drawn: tuple[Integers, int, int, int], seed: int
) -> None:
    weights, simd, pe, lanes = drawn
    vector = np.random.default_rng(seed).integers(-128, 128, weights.shape[1])
    lists = compile_lists(weights, simd, pe, lanes)
    np.testing.assert_array_equal(walked(lists, vector, simd, pe), weights @ vector)


@settings(max_examples=40)
@given(matrices())
def test_a_zero_weight_costs_no_step(drawn: tuple[Integers, int, int, int]) -> None:
    weights, simd, pe, lanes = drawn
    lists = compile_lists(weights, simd, pe, lanes)
    assert np.count_nonzero(lists.weight) == np.count_nonzero(weights)
    assert np.count_nonzero(lists.ends) == np.count_nonzero(work(weights != 0, simd))
    assert lists.steps == steps(work(weights != 0, simd), pe, lanes)


@settings(max_examples=40)
@given(matrices())
def test_the_lanes_of_a_group_finish_together(drawn: tuple[Integers, int, int, int]) -> None:
    weights, simd, pe, lanes = drawn
    share = lanes // (simd * pe)
    units = work(weights != 0, simd)
    dealt = deal(units, pe, lanes)
    for p in range(pe):
        for s in range(simd):
            sizes = units[p::pe, s]
            loads = np.bincount(dealt[p::pe, s], sizes, share)
            assert loads.sum() == sizes.sum()
            assert loads.max() <= sizes.sum() / share + sizes.max()  # none waits where one has two units more


@settings(max_examples=40)
@given(matrices(), st.sampled_from([(0, 15), (-8, 7), (-1, 1)]))
def test_no_sum_leaves_the_range_that_is_said(
    drawn: tuple[Integers, int, int, int], ends: tuple[int, int]
) -> None:
    weights, simd, _, _ = drawn
    low, high = part_range(weights, simd, *ends)
    for row in weights:
        for s in range(simd):
            part = row[s::simd]
            assert low <= np.where(part > 0, ends[0], ends[1]) @ part
            assert np.where(part > 0, ends[1], ends[0]) @ part <= high


def test_cycles_are_the_most_of_steps_and_words() -> None:
    units = work(np.eye(12, dtype=np.bool_), 3)
    assert cycles(steps(units, 1, 3), 4, len(units)) == 12  # a word out for each of 12 rows
    assert cycles(steps(units, 6, 18), 4, len(units) // 6) == 4
    assert cycles(steps(units, 6, 18), 20, len(units) // 6) == 20
    assert steps(np.zeros((4, 1), np.int64), pe=1, lanes=1) == 1


def test_random_rows_keep_all_lanes_at_work() -> None:
    generator = np.random.default_rng(1)
    weights = generator.integers(1, 8, (64, 192)) * (generator.random((64, 192)) < 0.11)
    assert compile_lists(weights, 1, 1, 4).used > 0.99
    assert compile_lists(weights, 2, 1, 8).used > 0.95
