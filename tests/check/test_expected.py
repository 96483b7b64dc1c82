"""Outputs that the user expects, against golden integers: a number is right where its integer is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.check.expected import Compared, compare
from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.integer import quantise
from fpga_flow.integer.output import Output, Step
from tests.fake_results import results


def export(
    folder: Path,
    integers: Any,
    *steps: Step,
    scale: float = 0.25,
    behind: tuple[str, ...] = (),
    error: float = 0.0,
    index: Any = None,
    **more: Any,
) -> Path:
    """An artifact `export` with the golden outputs `integers` (frames, channels, ...)."""
    logits = np.asarray(integers)
    output = Output(
        shape=logits.shape[1:], decides=False, reason="", scale=scale, offset=0.5, steps=steps, behind=behind
    )
    table = {**output.model_dump(mode="json"), **more}
    result = results()["export"]
    result |= {"output": table, "logits": {**result["logits"], "error": error}}
    artifact.write_json(folder / artifact.RESULT, result)
    np.savez(folder / "vectors.npz", logits=logits, index=np.arange(len(logits)) if index is None else index)
    return folder


def test_equal_numbers_are_equal_though_they_are_float32(tmp_path: Path) -> None:
    integers = np.array([[3, -4], [1000, 0]])
    expected = np.float32(0.25) * integers.astype(np.float32) + np.float32(0.5)
    assert compare(export(tmp_path, integers), expected * np.float32(1 + 1e-7)) == Compared(2, 0)


def test_another_integer_is_named_with_frame_and_channel(tmp_path: Path) -> None:
    found = compare(export(tmp_path, [[3, -4], [5, 0]]), np.array([[1.25, -0.5], [1.75, 0.75]]))
    first = "frame 1, channel 1: the network gives 0.5 (integer 0), out has 0.75 (integer 1)"
    assert found == Compared(2, 1, first)


def test_no_number_at_all_is_different(tmp_path: Path) -> None:
    found = compare(export(tmp_path, [[3]]), np.array([[np.nan]]))
    assert found.first == "frame 0, channel 0: the network gives 1.25 (integer 3), out has nan"


def test_frames_of_the_vectors_are_in_their_own_order(tmp_path: Path) -> None:
    folder = export(tmp_path, [[1], [2], [3]], index=[2, 0, 1])
    assert compare(folder, np.array([[1.0], [1.25], [0.75]])) == Compared(3, 0)
    assert compare(folder, np.array([[1.0], [1.25], [1.0]])).first.startswith("frame 2, ")


def test_bound_of_the_integers_error_is_allowed(tmp_path: Path) -> None:
    expected = np.array([[1.25 + 0.2]])
    assert compare(export(tmp_path, [[3]]), expected).differing == 1
    assert compare(export(tmp_path, [[3]], error=0.1), expected).differing == 0


@pytest.mark.parametrize(
    "steps", [[("sigmoid", ())], [("softmax", (1.0,))], [("log_softmax", (1.0,))], [("tanh", ())]]
)
def test_functions_that_the_host_applies_show_one_integers_difference(
    tmp_path: Path, steps: list[Step]
) -> None:
    integers = np.array([[1, -1, 2], [0, 0, -2]])
    folder = export(tmp_path, integers, *steps, scale=2.0)
    spec = {"shape": (3,), "scale": 2.0, "offset": 0.5, "steps": steps}
    right = quantise.values(integers, spec)
    assert compare(folder, right).differing == 0
    for frame, channel in np.ndindex(2, 3):
        for change in (-1, 1):
            other = integers.copy()
            other[frame, channel] += change
            found = compare(folder, quantise.values(other, spec))
            assert (found.differing, found.first[:8]) == (1, f"frame {frame},"), (frame, channel, change)


def test_places_of_a_map_are_compared_as_the_file_has_them(tmp_path: Path) -> None:
    integers = np.arange(24).reshape(1, 2, 3, 4)
    folder = export(tmp_path, integers, ("transpose", (0.0, 2.0, 3.0, 1.0)))
    expected = 0.25 * integers.transpose(0, 2, 3, 1) + 0.5
    assert compare(folder, expected) == Compared(1, 0)
    expected[0, 2, 1, 0] += 0.25
    assert "frame 0, index [2, 1, 0]: the network gives 2.75 (integer 9)" in compare(folder, expected).first


def test_indices_are_compared_where_the_file_gives_them(tmp_path: Path) -> None:
    integers = [[3, 9, 1], [7, 0, 7]]
    folder = export(tmp_path, integers, behind=("TopK",), decides=True, k=2)
    assert compare(folder, np.array([[1, 0], [0, 2]])) == Compared(2, 0)
    assert compare(folder, np.array([[1, 2], [0, 2]])).first == (
        "frame 0, channel 1: the network gives 0, out has 2"
    )


def test_largest_at_each_place_of_a_map_is_compared(tmp_path: Path) -> None:
    integers = np.array([[[3, 1], [2, 5]]])
    folder = export(tmp_path, integers, ("arg_max", (1.0,)), behind=("ArgMax",))
    assert compare(folder, np.array([[0, 1]])) == Compared(1, 0)
    assert compare(folder, np.array([[1, 1]])).differing == 1


def test_another_shape_is_refused_and_named(tmp_path: Path) -> None:
    folder = export(tmp_path, [[3, -4], [5, 0]])
    with pytest.raises(InputError) as refused:
        compare(folder, np.zeros((2, 3)))
    assert str(refused.value) == (
        "--vectors: out must have the shape (2, 2), as the network's output has it, not (2, 3)"
    )
    assert compare(folder, np.array([[[1.25], [-0.5]], [[1.75], [0.5]]])).differing == 0, "unit axes"
