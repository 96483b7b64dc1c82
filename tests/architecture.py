"""The pictures of `docs/architecture.md`, and its list of rooms, from the code.

python -m tests.architecture
"""

import ast
import io
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as MplPath

from fpga_flow.core import places
from fpga_flow.core.closure import PACKAGE
from fpga_flow.core.import_graph import room_graph, room_of
from fpga_flow.pipeline.order import STAGES
from tests.test_imports import MODULES, ROOMS

Point = tuple[float, float]
DOCS = places.CODE / "docs"
PAGE = DOCS / "architecture.md"
FILES = {
    "train": ("checkpoint.pt",),
    "prune": ("checkpoint.pt", "history.json"),
    "export": ("network.onnx", "golden.onnx", "vectors.npz"),
    "hardware": ("hardware.onnx", "folding.json"),
    "estimate": ("result.json",),
    "rtl": ("design.json", "src/", "data/", "claims/"),
    "verify": ("result.json",),
    "synth": ("result.json",),
    "bitstream": ("accelerator.bit", "accelerator.hwh"),
}
"""What later stages and the report read of each stage's artifact."""
BEGINS = "recipe, data, model"
OUTSIDE = "net.onnx\nfrom outside"
COLUMN = {"verify": -1, "synth": 1, "estimate": 1}
"""Of a stage in the picture; the others stand one below the other in the middle."""
ASIDE = {("export", "verify"): -0.4, ("rtl", "verify"): 0.4}
"""How far from a box's middle an input arrives at its top."""
BETWEEN = {("hardware", "synth"): (0.34, 0.17), ("rtl", "synth"): (0.17, -0.17)}
"""Inputs that go down between two columns: how far right of the box, and where at the other's side."""
WIDTH, HEIGHT, ACROSS, DOWN = 1.8, 0.96, 2.35, 1.3
"""Of a box, and from one to the next, in inches."""
BLUE, GREY, DARK, PALE = "#2b6cb0", "#8a94a3", "#1f2937", "#eef3f9"
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "fpga_flow",  # the same picture is the same file
    "font.family": "sans-serif",
    "font.size": 8,
}


def edges() -> list[tuple[str, str]]:
    """Return every stage's inputs, as (input, stage)."""
    return [(source, stage.name) for stage in STAGES for source in stage.inputs]


def rooms_of(stage: str) -> list[str]:
    """Return the rooms that the stage's module imports, in their order, without `core`, which all import."""
    found = {room_of(name) for name in MODULES[f"{PACKAGE}.stages.{stage}"]}
    return [room for room, _ in ROOMS if room in found - {"core"}]


def entered() -> tuple[str, str]:
    """Return the first stage, and the first that a network from outside goes through."""
    return STAGES[0].name, next(stage.name for stage in STAGES if not stage.needs_training)


def data_picture() -> str:
    """Draw the stages from top to bottom, each with what it leaves and the rooms it works in, as SVG."""
    row: dict[str, int] = {}
    for stage in STAGES:
        row[stage.name] = max((row[name] + 1 for name in stage.inputs), default=0)
    at = {name: (COLUMN.get(name, 0) * ACROSS, -y * DOWN) for name, y in row.items()}
    side = ACROSS + WIDTH / 2 + 0.1
    with rc_context(STYLE):
        figure, axes = _canvas((-side, side), (-max(row.values()) * DOWN - 0.6, 1.05))
        for name, place in at.items():
            _stage(axes, name, place)
        for source, name in edges():
            _line(axes, f"{source}-{name}", _route(source, name, at[source], at[name]))
        first, outside = entered()
        (x, y), (other_x, other_y) = at[first], at[outside]
        axes.text(x, y + 0.92, BEGINS, ha="center", va="center", color=DARK)
        _line(axes, f"begin-{first}", [(x, y + 0.82), (x, y + HEIGHT / 2)])
        axes.text(other_x + ACROSS, other_y, OUTSIDE, ha="center", va="center", color=DARK)
        ends = [(other_x + ACROSS - 0.45, other_y), (other_x + WIDTH / 2, other_y)]
        _line(axes, f"outside-{outside}", ends)
        return _svg(figure)


def rooms_picture() -> str:
    """Draw which room imports which: a row for each room, a column for each that it may import, as SVG."""
    graph, names = room_graph(MODULES), [room for room, _ in ROOMS[1:]]
    step, last = 0.24, len(names) - 1
    with rc_context(STYLE):
        figure, axes = _canvas((-1.4, len(names) * step + 0.9), (-len(names) * step - 0.1, 0.3))
        for row, room in enumerate(names):
            y = -row * step
            axes.text(-0.2, y, room, ha="right", va="center", color=DARK)
            axes.plot((-0.12, row * step - 0.1), (y, y), color=PALE, linewidth=0.8, zorder=0)
            if row < last:
                axes.plot((row * step,) * 2, (y - 0.1, -last * step), color=PALE, linewidth=0.8, zorder=0)
            axes.text(row * step - 0.05, y, room, ha="left", va="center", color=GREY)
            for column, other in enumerate(names[:row]):
                if number := graph[room][other]:
                    (dot,) = axes.plot(
                        column * step, y, "o", color=BLUE, markersize=2.5 + min(number, 25) ** 0.5
                    )
                    dot.set_gid(f"{room}-{other}")
        return _svg(figure)


def _stage(axes: Axes, name: str, place: tuple[float, float]) -> None:
    x, y = place
    box = FancyBboxPatch(
        (x - WIDTH / 2, y - HEIGHT / 2),
        WIDTH,
        HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor=PALE,
        edgecolor=BLUE,
        linewidth=1,
    )
    box.set_gid(name)
    axes.add_patch(box)
    axes.text(x, y + 0.32, name, ha="center", va="center", color=DARK, fontsize=11, fontweight="bold")
    for line, height in zip(_wrapped(FILES[name], 26), (0.12, -0.01), strict=False):
        axes.text(x, y + height, line, ha="center", va="center", color=DARK)
    for line, height in zip(_wrapped(rooms_of(name), 30), (-0.18, -0.32), strict=False):
        axes.text(x, y + height, line, ha="center", va="center", color=GREY, fontsize=7.5)


def _wrapped(words: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return lines


def _route(source: str, name: str, start: Point, end: Point) -> list[Point]:
    """Return the corners of the way from the box at `start` to that at `end`, which stands lower."""
    (x, y), (other_x, other_y) = start, end
    if x == other_x:
        return [(x, y - HEIGHT / 2), (x, other_y + HEIGHT / 2)]
    way = 1 if other_x > x else -1
    if COLUMN.get(name, 0) == 0:
        return [(x, y - HEIGHT / 2), (x, other_y), (other_x - way * WIDTH / 2, other_y)]
    begin = (x + way * WIDTH / 2, y)
    if (source, name) in BETWEEN:
        right, up = BETWEEN[source, name]
        between = begin[0] + way * right
        return [begin, (between, y), (between, other_y + up), (other_x - way * WIDTH / 2, other_y + up)]
    top = other_x + ASIDE.get((source, name), 0)
    return [begin, (top, y), (top, other_y + HEIGHT / 2)]


def _line(axes: Axes, name: str, corners: list[Point]) -> None:
    arrow = FancyArrowPatch(
        path=MplPath(corners),
        arrowstyle="-|>",
        mutation_scale=9,
        color=GREY,
        linewidth=1,
        fill=False,
        joinstyle="round",
    )
    arrow.set_gid(name)
    axes.add_patch(arrow)


def _canvas(across: tuple[float, float], up: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return a figure whose coordinates are inches."""
    figure = Figure(figsize=(across[1] - across[0], up[1] - up[0]))
    axes = figure.add_axes((0, 0, 1, 1), xlim=across, ylim=up)
    axes.axis("off")
    return figure, axes


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", facecolor="white", metadata={"Date": None})
    return re.sub(r"[ \t]+$", "", stream.getvalue(), flags=re.MULTILINE)


PICTURES = {"architecture.svg": data_picture, "architecture-rooms.svg": rooms_picture}


def rooms() -> str:
    """Return the list of rooms with the first sentence of each one's docstring."""
    lines = ["| room | |", "|---|---|"]
    lines += [f"| `{room}` | {_summary(room)} |" for room, _ in ROOMS[1:]]
    return "\n".join(lines)


def _summary(room: str) -> str:
    path = places.CODE / PACKAGE / room
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def with_rooms(page: str) -> str:
    """Return `page` with the list of rooms as it is now."""
    return re.sub(r"^\| room \| \|\n(\|.*\n)+", f"{rooms()}\n", page, flags=re.MULTILINE)


def content(svg: str) -> tuple[set[str], list[str]]:
    """Return what a picture shows, however it is drawn: the names of its parts, and its texts."""
    names = set(re.findall(r'<g id="([a-z_]+(?:-[a-z_]+)?)">', svg))
    return names, re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def main(folder: Path = DOCS) -> None:
    for name, draw in PICTURES.items():
        (folder / name).write_text(draw(), encoding="utf-8")
    PAGE.write_text(with_rooms(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
