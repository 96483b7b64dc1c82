from pathlib import Path

import numpy as np
import pytest

from fpga_flow.core.errors import ToolError
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.results.verify import Difference
from fpga_flow.verify.compare import first_difference, first_layer


def design() -> Design:
    def layer(name: str, source: str, tensor: str, tapped: bool = True) -> LayerRtl:
        output = Stream(tensor, "INT4", (1, 2, 1, 2), 8)
        taps = (tensor,) if tapped else ()
        return LayerRtl(name, "MVAU_rtl", "m", "key", (), (), (source,), (output,), taps)

    layers = (
        layer("first", "x", "a"),
        layer("between", "a", "b", tapped=False),
        layer("second", "b", "c"),
    )
    first, last = layers[0].outputs[0], layers[-1].outputs[0]
    return Design("top", "part", 100.0, 1, "first", 1, first, last, layers, ())


def write(folder: Path, name: str, values: list[int]) -> None:
    pairs = np.array(values).reshape(-1, 2) & 15
    (folder / f"u_{name}_0.txt").write_text("".join(f"{high << 4 | low:02x}\n" for low, high in pairs))


FRAMES = np.array([[[1, 2], [3, -4]], [[5, 6], [7, -8]]])
"""(frames, channels, length); the stream sends channel after channel for each position."""
STREAM = [1, 3, 2, -4, 5, 7, 6, -8]


def test_equal_streams_have_no_difference(tmp_path: Path) -> None:
    write(tmp_path, "first", STREAM)
    write(tmp_path, "second", STREAM)
    compared = {"first": FRAMES.size, "second": FRAMES.size}
    assert first_layer(design(), tmp_path, {"a": FRAMES, "c": FRAMES}) == (None, compared)


def test_the_first_differing_layer_is_named_with_its_values(tmp_path: Path) -> None:
    write(tmp_path, "first", STREAM)
    write(tmp_path, "second", [*STREAM[:6], 1, -8])
    difference, _ = first_layer(design(), tmp_path, {"a": FRAMES, "c": FRAMES})
    assert difference == Difference(layer="second", tensor="c", frame=1, index=(1, 0), expected=6, found=1)


def test_a_stream_that_ends_early_is_a_difference() -> None:
    expected = np.array([[1, 2], [3, 4]])
    difference = first_difference("l", "t", expected, expected[:1])
    assert difference == Difference(layer="l", tensor="t", frame=1, index=(0,), expected=3, found=None)


def test_layers_the_golden_model_does_not_have_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "second", STREAM)
    assert first_layer(design(), tmp_path, {"c": FRAMES})[1] == {"second": FRAMES.size}


def test_wrong_missing_recording_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"first_0\.txt"):
        first_layer(design(), tmp_path, {"a": FRAMES})
