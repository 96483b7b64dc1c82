"""What must hold before an export is done: three descriptions of one network give the same integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import DifferenceError
from fpga_flow.core.progress import bar, say
from fpga_flow.data.frames import Frames
from fpga_flow.export import host
from fpga_flow.export.compare import Comparison, Reference, compare
from fpga_flow.export.evaluate import NetworkRunner
from fpga_flow.export.golden import batch_size, batches
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.integer.golden import Golden
from fpga_flow.results.export import FloatCheck, NetworkCheck

LAYER_FRAMES = 64
"""Frames on which network.onnx and golden.onnx are compared tensor by tensor."""


def check_network(model: ModelWrapper, golden: Golden, codes: NDArray[Any], batch: int) -> NetworkCheck:
    """Compare `network.onnx` with the golden model on `codes`: all logits, and all tensors of some frames.

    Raises `DifferenceError` at the first difference.
    """
    runner = NetworkRunner(model)
    with bar("comparing the integer network with the golden model", len(codes), "frames") as advance:
        for part in batches(len(codes), batch):
            _equal("logits", golden.run(codes[part])[0], runner.run(codes[part]), part.start)
            advance(part.stop - part.start)
    some = codes[: min(LAYER_FRAMES, batch)]
    expected, found = golden.layers(some), NetworkRunner(model, layers=True).layers(some)
    for name, values in found.items():
        _equal(name, expected[name], values, 0)
    return NetworkCheck(frames=len(codes), tensors=len(found), differences=0)


def _equal(name: str, expected: NDArray[Any], found: NDArray[Any], start: int) -> None:
    unequal = np.argwhere(expected != found)
    if len(unequal):
        place = tuple(int(i) for i in unequal[0])
        raise DifferenceError(
            f"export: network.onnx differs from the golden model in tensor {name!r}, "
            f"frame {start + place[0]}, index {list(place[1:])}: expected {expected[place]}, "
            f"found {found[place]} ({len(unequal)} values differ)"
        )


def floats_and_codes(
    source: Frames, indices: NDArray[np.int64], spec: dict[str, Any]
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return frames as the network's file takes them, (N, *frame_shape), and their codes."""
    codes = host.quantise(source.read(indices), spec)
    floats = source.prepared(indices).reshape(-1, *spec["frame_shape"])
    return (host.dequantise(codes, spec) if spec["declared"] else floats), codes


def check_float(
    network: IntegerNetwork,
    golden: Golden,
    reference: Reference,
    source: Frames,
    indices: NDArray[np.int64],
    spec: dict[str, Any],
    label: str,
) -> FloatCheck:
    """Compare the golden model with the float network it was made from, called `label`.

    Raises `DifferenceError` where a difference is not explained by float32's rounding.
    """

    def frames(part: slice) -> tuple[NDArray[np.float32], NDArray[Any]]:
        return floats_and_codes(source, indices[part], spec)

    with bar(f"comparing the golden model with {label}", len(indices), "frames") as advance:
        parts = list(batches(len(indices), min(64, batch_size(network))))
        found = compare(network, golden, reference, frames, parts, advance)
    _judge(found, label)
    return FloatCheck(against=label, **vars(found), unexplained=found.unexplained)


def _judge(found: Comparison, label: str) -> None:
    if found.unexplained or found.class_unexplained:
        first = found.first or {}
        where = ", ".join(f"{key} {value}" for key, value in first.items()) or "only the class differs"
        raise DifferenceError(
            f"export: the golden model differs from {label} in {found.unexplained} of {found.frames} frames "
            f"for another reason than float32 rounding; first: {where}"
        )
    say(
        f"  {found.frames:,} frames, {found.values:,} integers: {found.differences:,} differ from {label}, "
        f"{found.class_differences:,} classes"
    )
    if found.explained:
        say(
            f"  integers: in {found.explained} frames {label} meets a tie of two codes to "
            "within float32's rounding error, and decides it by that error; the golden model is exact there"
        )
    if found.rounded:
        say(
            f"  integers: in {found.rounded} frames {label} rounds to other ones; in float64 it gives "
            "those of the golden model"
        )
    if found.class_ties:
        say(
            f"  classes: in {found.class_ties} frames two logits are "
            + (
                f"nearer than twice {found.logit_error:.3g}, the bound of the integers' error, and float32's"
                if found.logit_error
                else "the same integer, and the lower index is taken"
            )
        )
