"""`Reorder_rtl` against ONNX' operators, run by onnxruntime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from fpga_flow.integer.golden import session
from fpga_flow.integer.moves import moved
from fpga_flow.layers.reorder import Loops, loops_of
from tests.layers.one_layer import OneLayer, run

SHUFFLE = np.arange(6).reshape(2, 3).T.reshape(-1)


def by_onnx(values: NDArray[Any], operator: str, attributes: dict[str, Any]) -> NDArray[Any]:
    """Return what onnxruntime makes of (N, C, H, W)."""
    inputs, tensors = ["x"], []
    if operator == "Gather":
        inputs, tensors = ["x", "i"], [onnx.numpy_helper.from_array(SHUFFLE, "i")]
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ["y"], **attributes)],
        "move",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, values.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found: NDArray[Any] = session(model).run(None, {"x": values.astype(np.float32)})[0]
    return found


CASES = [
    ("Transpose", {"perm": [0, 3, 1, 2]}, (4, 3, 5), 1),
    ("Transpose", {"perm": [0, 1, 3, 2]}, (4, 3, 5), 2),  # positions only: words stay whole
    ("Transpose", {"perm": [0, 2, 1, 3]}, (6, 4, 1), 1),
    ("DepthToSpace", {"blocksize": 2, "mode": "DCR"}, (8, 2, 3), 2),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, (8, 2, 3), 1),
    ("DepthToSpace", {"blocksize": 3, "mode": "CRD"}, (9, 2, 2), 1),
    ("SpaceToDepth", {"blocksize": 2}, (3, 4, 6), 3),
    ("Gather", {"axis": 1}, (6, 2, 2), 1),
]


@pytest.mark.parametrize(("operator", "attributes", "shape", "pe"), CASES)
def test_values_come_in_the_order_of_onnx(
    operator: str,
    attributes: dict[str, Any],
    shape: tuple[int, ...],
    pe: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    channels, height, width = shape
    places = np.arange(math.prod(shape)).reshape(height, width, channels).transpose(2, 0, 1)[None]
    found = by_onnx(places, operator, attributes)
    coded = {k: v.encode() if isinstance(v, str) else v for k, v in attributes.items()}
    np.testing.assert_array_equal(found, moved(places, operator, coded, SHUFFLE))
    order = found[0].transpose(1, 2, 0).reshape(-1).astype(np.int64)
    loops = loops_of(order)
    assert loops is not None
    np.testing.assert_array_equal(loops.order(), order)

    def reordered(values: Any) -> Any:
        out = by_onnx(values[0].transpose(0, 3, 1, 2), operator, attributes)
        return [out.transpose(0, 2, 3, 1).astype(np.int64)]

    layer = {
        "InShape": [height, width, channels],
        "OutShape": list(found.transpose(0, 2, 3, 1).shape[1:]),
        "Sizes": loops.sizes,
        "Strides": loops.strides,
        "NumChannels": found.shape[1],
        "PE": pe,
        "inputDataType": "INT4",
    }
    ran = run(OneLayer("Reorder_rtl", ["INT4"], layer), simulators, tmp_path, python=reordered)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
    run(OneLayer("Reorder_rtl", ["INT4"], layer), simulators, tmp_path, stalls=[(0.0, 0.0)])


def test_only_the_block_that_changes_is_held() -> None:
    # 4 rows of 6 words, each turned for itself
    assert Loops((4, 3, 2), (6, 1, 3)).block() == Loops((3, 2), (1, 3))
    assert Loops((4, 6), (1, 4)).block() == Loops((4, 6), (1, 4))


def test_an_order_without_loops_is_told() -> None:
    assert loops_of(np.array([0, 2, 1, 3, 5, 4])) is None
    assert loops_of(np.array([1, 0])) is None
