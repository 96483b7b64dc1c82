"""Where the RTL differs first: layer, frame, index, expected and found value."""

from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import ToolError
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.results.verify import Difference
from fpga_flow.sim.packing import channels_last, unpack


def first_difference(
    layer: str, tensor: str, expected: NDArray[np.generic], found: NDArray[np.generic]
) -> Difference | None:
    """Compare `found` (frames, values) with `expected` (frames, ...), channels last."""
    flat = expected.reshape(len(expected), -1)
    whole = found.reshape(-1)[: flat.size]
    wrong = np.flatnonzero(flat.reshape(-1)[: len(whole)] != whole)
    if len(wrong):
        place = int(wrong[0])
        value: int | None = int(whole[place])
    elif len(whole) < flat.size:
        place, value = len(whole), None
    else:
        return None
    frame, *index = (int(i) for i in np.unravel_index(place, expected.shape))
    return Difference(
        layer=layer,
        tensor=tensor,
        frame=frame,
        index=tuple(index),
        expected=int(flat.reshape(-1)[place]),
        found=value,
    )


def read_tap(taps: Path, layer: LayerRtl, stream: Stream) -> NDArray[np.int64]:
    """Return the integers (whole frames, values) that a tap of the simulation wrote for an output."""
    path = taps / f"{layer.tap(stream)}.txt"
    if not path.is_file():
        raise ToolError(f"verilator: the simulation wrote no {path.name}; run again with --debug")
    size = stream.width // 8
    lines = path.read_text(encoding="ascii").split()
    raw = bytes.fromhex("".join(line.zfill(size * 2) for line in lines))
    words = np.frombuffer(raw, np.uint8).reshape(-1, size)[:, ::-1]
    return unpack(words[: len(words) // stream.words * stream.words], stream)


def first_layer(
    design: Design, taps: Path, expected: Mapping[str, NDArray[np.generic]]
) -> tuple[Difference | None, dict[str, int]]:
    """Return the first difference over all layers that `expected` (tensor -> frames first) has.

    `taps` is the folder the simulation wrote the layers' streams to. Also returns the layers compared, each
    with the number of its values that were.
    """
    compared: dict[str, int] = {}
    for layer, stream in comparable(design, expected):
        found = read_tap(taps, layer, stream)
        values = channels_last(expected[stream.tensor])
        compared[layer.name] = compared.get(layer.name, 0) + values.size
        difference = first_difference(layer.name, stream.tensor, values, found)
        if difference is not None:
            return difference, compared
    return None, compared


def comparable(design: Design, tensors: Container[str]) -> list[tuple[LayerRtl, Stream]]:
    """Return the outputs of layers that a simulation writes down and that `tensors` has, in their order."""
    return [
        (layer, stream)
        for layer in design.layers
        for stream in layer.outputs
        if stream.tensor in layer.taps and stream.tensor in tensors
    ]
