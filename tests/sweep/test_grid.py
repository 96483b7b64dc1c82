from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli.building import outside_recipe
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import Change, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.sweep.grid import grid
from fpga_flow.sweep.plan import plan

Make = Callable[[Sequence[Change]], Recipe]


@pytest.fixture
def recipe(tmp_path: Path) -> Make:
    path = tmp_path / "net.toml"
    path.write_text("[quant]\nweight_bits = 5\n")
    return partial(load_recipe, path)


def test_points_are_all_combinations_with_their_names(recipe: Make) -> None:
    points = grid(recipe, bits="4..3", prune="none,fmp", over=["prune.criterion=magnitude,l1-filters"])
    assert [point.name for point in points] == [
        f"net-w{bits}-{method}-criterion_{criterion}"
        for bits in (4, 3)
        for method in ("none", "fmp")
        for criterion in ("magnitude", "l1_filters")
    ]
    last = points[-1].recipe
    assert (last.quant.weight_bits, last.quant.act_bits) == (3, 3)
    assert (last.prune.method, last.prune.criterion) == ("fmp", "l1-filters")


def test_without_axes_there_is_the_recipe_itself(recipe: Make) -> None:
    (point,) = grid(recipe, [Change("seed", 7)])
    assert (point.name, point.recipe.seed) == ("net-w5", 7)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=1..3", [1, 2, 3]),
        ("prune.rate=0.1,0.25", [0.1, 0.25]),
        ("model.parts=[6],[6, 12]", [(6,), (6, 12)]),
        ("data.file=null,a.npz", [None, str(Path("a.npz").resolve())]),
    ],
)
def test_values_of_an_axis(recipe: Make, text: str, values: list[object]) -> None:
    key = text.partition("=")[0].split(".")
    found = []
    for point in grid(recipe, over=[text]):
        value: object = point.recipe
        for part in key:
            value = getattr(value, part)
        found.append(value)
    assert found == values


def test_a_point_keeps_its_name_when_values_are_added(recipe: Make) -> None:
    few = {point.name for point in grid(recipe, bits="4", over=["seed=1"])}
    assert few <= {point.name for point in grid(recipe, bits="2..8", over=["seed=1..9"])}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"bits": "4..9"}, "--bits must be less than or equal to 8, not 9"),
        ({"bits": "a"}, "--bits: must be numbers of bits as in 4..8 or 4,6,8, not 'a'"),
        ({"bits": "4,,5"}, "--bits: must be values with commas between them, not '4,,5'"),
        ({"prune": "none,magic"}, "--prune: must be some of none, imp, "),
        ({"over": ["prune.rate"]}, "--over: must be key=value,value,... as in prune.rate=0.1,0.2, not "),
        ({"over": ["prune.rate=2"]}, "--over prune.rate: must be less than 1, not 2"),
        ({"over": ["prune.speed=2"]}, "--over prune.speed: is no key of a recipe; "),
        ({"over": ["seed=1", "seed=2"]}, "seed: is set twice in this sweep; leave one of the options out"),
        ({"changes": [Change("seed", 1)], "over": ["seed=2"]}, "seed: is set twice"),
        ({"over": ["seed=1,1"]}, "two points of this sweep are called net-w5-seed_1; "),
        ({"over": ["seed=1..99999"]}, "--over seed: 1..99999 are more than 10,000 values"),
        ({"over": ["seed=1..200", "data.seed=1..200"]}, "the axes make more than 10,000 points"),
    ],
)  # fmt: skip
def test_wrong_axes(recipe: Make, words: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        grid(recipe, **words)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def jobs(recipe: Make, until: str, **axes: object) -> list[tuple[str, str, int | None, bool]]:
    planned = plan(grid(recipe, **axes), until)  # type: ignore[arg-type]
    return [(job.point.name, job.until, job.after, job.last) for job in planned]


def test_what_points_have_in_common_is_built_once_before_what_differs(recipe: Make) -> None:
    assert jobs(recipe, "export", bits="4,5", prune="none,imp") == [
        ("net-w4-none", "train", None, False),
        ("net-w4-none", "export", 0, True),
        ("net-w4-imp", "export", 0, True),
        ("net-w5-none", "train", None, False),
        ("net-w5-none", "export", 3, True),
        ("net-w5-imp", "export", 3, True),
    ]


def test_sharing_goes_as_far_as_the_recipes_are_alike(recipe: Make) -> None:
    axes = {"prune": "imp,fmp", "over": ["hardware.fps=1000,2000"]}
    assert jobs(recipe, "synth", **axes) == [
        ("net-w5-imp-fps_1000", "train", None, False),
        ("net-w5-imp-fps_1000", "export", 0, False),
        ("net-w5-imp-fps_1000", "synth", 1, True),
        ("net-w5-imp-fps_2000", "synth", 1, True),
        ("net-w5-fmp-fps_1000", "export", 0, False),
        ("net-w5-fmp-fps_1000", "synth", 4, True),
        ("net-w5-fmp-fps_2000", "synth", 4, True),
    ]


def test_points_that_do_not_differ_in_what_is_built_take_all_from_the_first(recipe: Make) -> None:
    assert jobs(recipe, "train", prune="imp,fmp") == [
        ("net-w5-imp", "train", None, True),
        ("net-w5-fmp", "train", 0, True),
    ]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"graph")
    return path


def test_points_of_an_outside_network_are_named_after_it_and_begin_at_export(net: Path) -> None:
    points = grid(partial(outside_recipe, net), over=["hardware.fps=1000,2000"], model=net)
    assert [point.name for point in points] == ["net-fps_1000", "net-fps_2000"]
    assert [(point.recipe.hardware.fps, point.model) for point in points] == [(1000, net), (2000, net)]
    assert [(job.point.name, job.until, job.after) for job in plan(points, "hardware")] == [
        ("net-fps_1000", "export", None),
        ("net-fps_1000", "hardware", 0),
        ("net-fps_2000", "hardware", 0),
    ]
    with pytest.raises(InputError, match="--until: must be one of export, hardware, .*, not 'train'"):
        plan(points, "train")


@pytest.mark.parametrize(
    ("axes", "option"),
    [
        ({"bits": "4,5"}, "--bits"),
        ({"prune": "imp"}, "--prune"),
        ({"over": ["seed=1..2"]}, "--over seed:"),
    ],
)
def test_an_outside_network_is_not_trained_at_other_points(
    net: Path, axes: dict[str, Any], option: str
) -> None:
    with pytest.raises(InputError, match=f"^{option}.* a network from outside .--model. is trained already"):
        grid(partial(outside_recipe, net), model=net, **axes)


def test_wrong_stage(recipe: Make) -> None:
    with pytest.raises(InputError, match="--until: must be one of train, prune, .*, not 'deploy'"):
        plan(grid(recipe), "deploy")
