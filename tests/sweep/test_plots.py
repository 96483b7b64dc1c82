import random
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from fpga_flow.report.columns import Value
from fpga_flow.sweep import plots
from fpga_flow.sweep.labels import place
from fpga_flow.sweep.pareto import frontier
from fpga_flow.sweep.rows import LayerCount, Row


def test_frontier_by_hand() -> None:
    # (cost, gain): 1 beats 0; 2 costs more for more; 3 costs more for less; 4 equals 2.
    assert frontier([(1.0, 5.0), (1.0, 6.0), (3.0, 9.0), (4.0, 8.0), (3.0, 9.0)]) == [1, 2]
    assert frontier([]) == []


def test_names_cover_neither_one_another_nor_points_nor_the_line() -> None:
    draw = random.Random(5)
    points = [(draw.random(), draw.gauss(0.5, 0.05), f"point-w{i}") for i in range(40)]
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.scatter([x for x, _, _ in points], [y for _, y, _ in points])
    line = [(0.0, 0.4), (0.5, 0.4), (0.5, 0.6)]
    axes.plot([x for x, _ in line], [y for _, y in line])
    assert place(figure, axes, points, line) == []
    figure.draw_without_rendering()
    boxes = [
        super(Annotation, text).get_window_extent()  # of the text, without the line to its point
        for text in axes.texts
        if isinstance(text, Annotation)
    ]
    assert len(boxes) == 40
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    for x, y, _ in points:
        px, py = axes.transData.transform((x, y))
        assert not any(box.contains(px, py) for box in boxes)
    (x0, y0), (x1, _) = (axes.transData.transform(corner) for corner in line[:2])
    assert not any(box.y0 < y0 < box.y1 and box.x0 < x1 and box.x1 > x0 for box in boxes)


def test_name_that_is_not_joined_is_nearest_to_its_own_point() -> None:
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    assert place(figure, axes, [(0.10, 0.5, "left"), (0.14, 0.5, "right"), (0.8, 0.5, "far")]) == []
    left, right, _ = (text.get_position() for text in axes.texts)
    assert left[0] <= 0 <= right[0]  # offsets from their points
    assert all(text.arrow_patch is None for text in axes.texts)  # type: ignore[attr-defined]


def test_names_without_room_are_returned() -> None:
    figure = Figure(figsize=(2, 1.5), layout="constrained")
    axes = figure.subplots()
    assert place(figure, axes, [(0.5, 0.5, "x" * 100)]) == ["x" * 100]


def rows() -> list[Row]:
    return [
        Row(
            point=f"net-{method}-w{bits}",
            state="done",
            data="digits",
            bits=bits,
            method=method,
            figures={"accuracy": 0.9 + bits / 100, "sparsity": 0.1 * bits, "samples": 100},
            layers=[
                LayerCount(name="a", weights=10, nonzero=bits),
                LayerCount(name="b", weights=4, nonzero=0),
            ],
        )
        for method in ("imp", "none", "fmp")
        for bits in (4, 6)
    ]


def test_pictures_of_what_is_known_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "accuracy-lut.png").touch()
    assert plots.draw(tmp_path, rows()) == [
        f"{name}.{suffix}" for name in ("accuracy-sparsity", "sparsity-layers") for suffix in ("png", "svg")
    ]
    assert not (tmp_path / "accuracy-lut.png").exists()
    drawn = (tmp_path / "accuracy-sparsity.svg").read_text()
    assert drawn.index(">none<") < drawn.index(">imp<") < drawn.index(">fmp<")
    heat = (tmp_path / "sparsity-layers.svg").read_text()
    assert ">60<" in heat and ">100<" in heat


def at(point: str, fps: float, **figures: Value) -> Row:
    return Row(point=point, state="done", figures={"fps": fps, **figures})


def test_speed_stands_against_luts_in_one_panel_and_what_is_expected_is_marked(tmp_path: Path) -> None:
    fast = at("net-a", 9_000, fps_rtl=8_000, lut=5_000)
    slow = at("net-b", 1_000, fps_rtl=1_000, lut=900).model_copy(update={"data": "jets"})
    expected = at("net-c", 500, lut_estimate=800)
    figure = plots.against([fast, slow, expected, at("net-d", 7)], plots.RATE)
    assert figure is not None
    (axes,) = figure.axes
    assert (axes.get_ylabel(), axes.get_yscale(), axes.get_xscale()) == ("frames/s", "log", "linear")
    names = {text.get_text(): text.xy for text in axes.texts if isinstance(text, Annotation)}
    assert names == {"a": (5_000, 8_000), "b": (900, 1_000), "~c": (800, 500)}
    made = plots.draw(tmp_path, [fast, slow])
    assert made == ["fps-lut.png", "fps-lut.svg"]
    assert ">outside<" in (tmp_path / "fps-lut.svg").read_text()


def test_same_rows_make_the_same_files(tmp_path: Path) -> None:
    names = plots.draw(tmp_path, rows())
    before = [(tmp_path / name).read_bytes() for name in names]
    plots.draw(tmp_path, rows())
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_each_set_of_data_has_a_panel_of_its_own() -> None:
    other = [row.model_copy(update={"data": "jets (generated)"}) for row in rows()]
    figure = plots.against([*rows(), *other], plots.AXES[0])
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "digits: 100 test frames",
        "jets (generated): 100 test frames",
    ]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["net-w4-none", "net-w4-imp"], ["none", "imp"]),
        (["net-w4", "net-w4-imp"], ["w4", "w4-imp"]),
        (["a"], ["a"]),
        (["net-w4"], ["net-w4"]),
    ],
)
def test_names_without_what_all_have_in_common(names: list[str], found: list[str]) -> None:
    assert plots.short(names) == found


def deep(point: str, count: int) -> Row:
    """A network whose layer number n has n zeros among 100 weights."""
    layers = [LayerCount(name=f"n{n}", weights=100, nonzero=100 - n) for n in range(count)]
    return Row(point=point, state="done", layers=layers)


def test_layers_of_a_deep_network_go_on_below() -> None:
    figure = plots.layers([deep("a", 60), deep("b", 60), deep("c", 3)])
    assert figure is not None
    panels = figure.axes[:-1]  # the last is the colour bar
    assert [len(axes.get_xticks()) for axes in panels] == [26, 26, 8, 3]
    assert [[label.get_text() for label in axes.get_yticklabels()] for axes in panels] == [["a", "b"]] * 3 + [
        ["c"]
    ]
    texts = [text.get_text() for axes in panels[:3] for text in axes.texts]
    assert [texts[0], texts[26], texts[-8]] == ["0", "0", "52"]  # layer l has l per cent
