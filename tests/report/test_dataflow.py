"""The picture of the dataflow: what stands in it, in which order, and where."""

from itertools import pairwise

import pytest

from fpga_flow.report import dataflow, picture
from fpga_flow.report.hardware import Hardware, Layer, Stream


def layer(name: str, kind: str = "matrix", cycles: int = 100) -> Layer:
    weights = 9 if kind == "matrix" else None
    return Layer(
        name=name, op="op", kind=kind, implementation="rtl", cycles=cycles, pe=2, simd=3, weights=weights,
        nonzero=weights, costs={}, estimate=None, synth=None,
    )  # fmt: skip


def hardware(layers: list[Layer], ends: list[tuple[str, str]], bottleneck: str = "a") -> Hardware:
    streams = tuple(Stream(producer=s, consumer=t, bits=8, depth=2) for s, t in ends)
    return Hardware(
        part="part", family=None, clock_mhz=100.0, cycles_per_frame=100, latency_cycles=200, fps=1e6,
        bottleneck=bottleneck, layers=layers, fifos=None, streams=streams,
    )  # fmt: skip


def chain(names: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(["input", *names, "output"]))


BRANCH = [("input", "fork"), ("fork", "a"), ("a", "b"), ("b", "add"), ("fork", "add"), ("add", "output")]
"""A residual block."""


def of_a_branch() -> Hardware:
    return hardware([layer("fork", "fork"), layer("a"), layer("b"), layer("add", "add")], BRANCH)


def names_of(columns: list[dataflow.Column]) -> list[list[str]]:
    return [[item.name for item in row if item.arc is None] for column in columns for row in column.rows]


def test_layers_stand_in_order_from_the_input_to_the_output() -> None:
    columns = dataflow.columns(hardware([layer("a"), layer("b")], chain(["a", "b"])))
    assert names_of(columns) == [["input"], ["a"], ["b"], ["output"]]


def test_a_width_converter_is_part_of_the_arrow() -> None:
    built = hardware([layer("a"), layer("a_width", "width"), layer("b")], chain(["a", "a_width", "b"]))
    streams = [s.model_copy(update={"bits": 4 * n + 4, "depth": n}) for n, s in enumerate(built.streams)]
    (column,) = dataflow.columns(built.model_copy(update={"streams": tuple(streams)}))
    arc = next(arc for arc in column.arcs if arc.source == "a")
    assert (arc.target, arc.width, arc.fifos, arc.inside) == (
        "b",
        "8\N{RIGHTWARDS ARROW}12 bit",
        "FIFO 1+2",
        (),
    )


def test_a_shortcut_passes_by_the_layers_of_its_branch() -> None:
    (column,) = dataflow.columns(of_a_branch())
    assert names_of([column]) == [["input"], ["fork"], ["a"], ["b"], ["add"], ["output"]]
    passing = [[item.arc is not None for item in row] for row in column.rows]
    assert passing == [[False], [False], [False, True], [False, True], [False], [False]]


def test_boxes_do_not_overlap_and_arrows_end_at_them() -> None:
    (drawing,) = picture.drawings(of_a_branch())
    places = [box.place for box in drawing.boxes]
    assert all(above.bottom < below.top for above, below in pairwise(places))
    assert all(place.left >= 0 and place.left + place.width <= drawing.width for place in places)
    assert {arrow.y for arrow in drawing.arrows} == {place.top for place in places[1:]}
    assert len(drawing.arrows) == len(BRANCH)


def test_the_bottleneck_is_marked_and_bars_are_shares_of_its_cycles() -> None:
    (drawing,) = picture.drawings(
        hardware([layer("a", cycles=100), layer("b", cycles=50)], chain(["a", "b"]))
    )
    slow = {box.title.partition(":")[0]: (box.slow, box.bar) for box in drawing.boxes}
    assert slow["a"][0] and not slow["b"][0]
    assert slow["b"][1] == pytest.approx(slow["a"][1] / 2)
    assert any("bottleneck: 100 cycles" in words.text for box in drawing.boxes for words in box.words)


def test_a_long_chain_is_cut_into_columns_that_say_where_they_go_on() -> None:
    names = [f"l{number}" for number in range(28)]
    columns = dataflow.columns(hardware([layer(name) for name in names], chain(names)))
    assert [len(column.rows) for column in columns] == [10, 10, 10]
    drawn = picture.drawings(hardware([layer(name) for name in names], chain(names)))
    texts = [words.text for arrow in drawn[1].arrows for words in arrow.words]
    assert "from l8" in texts and "to l19" in texts


def test_a_column_is_not_cut_beside_a_shortcut() -> None:
    names = [f"l{number}" for number in range(28)]
    built = hardware([layer(name) for name in names], [*chain(names), ("l0", "l27")])
    assert len(dataflow.columns(built)) == 1  # what stands before and behind the shortcut is too little


def test_of_hundreds_of_layers_those_without_weights_are_part_of_the_arrows() -> None:
    layers = [layer(f"l{n}", "matrix" if n % 4 == 0 else "pool") for n in range(400)]
    built = hardware(layers, chain([one.name for one in layers]), bottleneck="l2")
    shown = [name for row in names_of(dataflow.columns(built)) for name in row]
    assert shown[:4] == ["input", "l0", "l2", "l4"]  # the bottleneck stays
    assert len(shown) == 103
    arcs = [arc for column in dataflow.columns(built) for arc in column.arcs]
    assert next(arc.inside for arc in arcs if arc.source == "l4") == ("l5", "l6", "l7")


def test_two_streams_of_the_same_layers_are_two_arrows() -> None:
    built = hardware([layer("a"), layer("add", "add")], [*chain(["a", "add"]), ("a", "add")])
    (drawing,) = picture.drawings(built)
    assert len({arrow.path for arrow in drawing.arrows}) == len(drawing.arrows) == 4


def test_without_streams_there_is_no_picture() -> None:
    assert picture.drawings(hardware([layer("a")], [])) == []


def test_streams_of_layers_that_are_not_there_or_go_back_are_left_out() -> None:
    built = hardware([layer("a"), layer("b")], [*chain(["a", "b"]), ("b", "a"), ("x", "a"), ("b", "y")])
    assert names_of(dataflow.columns(built)) == [["input"], ["a"], ["b"], ["output"]]


def test_no_column_has_the_output_alone() -> None:
    names = [f"l{number}" for number in range(6)]
    assert len(dataflow.columns(hardware([layer(name) for name in names], chain(names)))) == 1
