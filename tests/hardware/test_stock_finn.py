"""What stock FINN, without this project, makes of the graphs made here."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.cli import stock_finn
from fpga_flow.core.recipe import make_recipe
from fpga_flow.finn.backend import OwnRtl
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold, lower
from fpga_flow.hardware.fold.file import IMPLEMENTATION
from fpga_flow.hardware.fold.problem import Problem, apply
from fpga_flow.layers.backends import AsHls, load_graph
from fpga_flow.layers.constant.choice import OPERATOR
from fpga_flow.layers.fifo import is_fifo
from fpga_flow.layers.graph import DOMAIN
from fpga_flow.layers.sparse import SPARSE
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import hardware as hardware
from fpga_flow.target.board import board
from tests import networks

OPEN_IN_FINN = """
import json, sys
from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

model, unknown = ModelWrapper(sys.argv[1]), []
for node in model.graph.node:
    try:
        getCustomOp(node)
    except Exception:
        unknown.append(node.op_type)
cycles = {} if unknown else {k: int(v) for k, v in model.analysis(exp_cycles_per_layer).items()}
assert not any(name.startswith("fpga_flow") for name in sys.modules)
print(json.dumps([unknown, cycles]))
"""


APPLY_FOLDING = """
import json, sys
from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.general import ApplyConfig
from finn.transformation.qonnx.give_unique_node_names_recursive import GiveUniqueNodeNamesRecursive
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

folder, part = sys.argv[1:]
model = ModelWrapper(folder + "/dataflow.onnx")
for node in model.graph.node:
    for key in ("PE", "SIMD"):
        if key in getCustomOp(node).get_nodeattr_types():
            getCustomOp(node).set_nodeattr(key, 1)
names = [node.name for node in model.graph.node]
apply_config = ApplyConfig(folder + "/folding.json")
for step in (GiveUniqueNodeNamesRecursive(), apply_config):
    model = model.transform(step)
assert not apply_config.missing_configurations
assert set(apply_config.used_configurations) == {"Defaults", *names}
cycles = list(map(int, model.analysis(exp_cycles_per_layer).values()))
for step in (InsertDWC(), InsertFIFO(create_shallow_fifos=True), SpecializeLayers(part)):
    model = model.transform(step)
fifos = model.get_nodes_by_op_type("StreamingFIFO_rtl")
depths = [getCustomOp(node).get_nodeattr("depth") for node in fifos]
assert not any(name.startswith("fpga_flow") for name in sys.modules)
print(json.dumps([cycles, sorted(depths)]))
"""

LOWER = """
import json, sys
from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import (
    InferElementwiseBinaryOperation,
)
from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import InferDuplicateStreamsLayer
from finn.transformation.fpgadataflow.convert_to_hw.label_select import InferLabelSelectLayer
from finn.transformation.fpgadataflow.convert_to_hw.pool import InferPool
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.move_reshape import RemoveCNVtoFCFlatten
from finn.transformation.streamline import Streamline
from finn.transformation.streamline.absorb import (
    AbsorbConsecutiveTransposes, AbsorbTransposeIntoMultiThreshold,
)
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.insert_topk import InsertTopK
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

model = ModelWrapper(sys.argv[1])
for step in (
    InsertTopK(k=1), Streamline(), LowerConvsToMatMul(), MakeMaxPoolNHWC(),
    AbsorbTransposeIntoMultiThreshold(), MakeMaxPoolNHWC(), AbsorbConsecutiveTransposes(), Streamline(),
    InferThresholdingLayer(), InferQuantizedMatrixVectorActivation(), InferLabelSelectLayer(), InferPool(),
    InferConvInpGen(), RemoveCNVtoFCFlatten(), InferElementwiseBinaryOperation(),
    InferDuplicateStreamsLayer(), AbsorbConsecutiveTransposes(),
):
    model = model.transform(step)
assert not any(name.startswith("fpga_flow") for name in sys.modules)
print(json.dumps([[node.op_type, node.domain] for node in model.graph.node]))
"""


def in_stock_finn(script: str, *arguments: object) -> Any:
    """Run `script` in a Python without this project; returns the JSON of its last line."""
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def open_in_finn(path: Path) -> tuple[list[str], dict[str, int]]:
    """Return the operators that FINN does not know, and the cycles it counts where it knows all."""
    unknown, cycles = in_stock_finn(OPEN_IN_FINN, path)
    return unknown, cycles


def test_finn_opens_all_layers_but_those_it_has_no_rtl_for(tmp_path: Path) -> None:
    with finn_session():
        lowered = lower.lower(networks.vgg(), board("pynq-z1").part)
        problem = Problem(lowered, board("pynq-z1"), weights="dense")
        model = stock_finn.in_layers_of_finn(apply(lowered, problem.solve(200).choices))
        mine = {layer.name: layer.cycles for layer in fold.layers(model)}
        ours = {node.op_type for node in model.graph.node if isinstance(getCustomOp(node), OwnRtl)}
        model.save(str(tmp_path / "ours.onnx"))
        model.transform(AsHls()).save(str(tmp_path / "as_hls.onnx"))
    unknown, _ = open_in_finn(tmp_path / "ours.onnx")
    assert set(unknown) == ours > {"Pool_rtl", "LabelSelect_rtl"}
    unknown, cycles = open_in_finn(tmp_path / "as_hls.onnx")
    assert (unknown, cycles) == ([], mine)


def residual() -> ModelWrapper:
    """A network whose short way round a convolution needs a deep FIFO, with a depthwise layer."""
    net = networks.Builder((4, 24, 1)).conv(8).threshold(3, 200)
    short = net.tensor
    net.conv(8).threshold(3).conv(8).threshold(3).residual(short).threshold(3, 4).depthwise(3).threshold(3)
    return net.flatten().dense(5).build()


def folder_for_finn(
    network: ModelWrapper, folder: Path, implementation: str = "dense"
) -> tuple[Path, ModelWrapper]:
    """Return the files for stock FINN of a run of `network`, and the run's graph of hardware."""
    recipe = make_recipe({"name": "small", "hardware": {"fps": 400_000, "implementation": implementation}})
    for name in ("export", "hardware"):
        (folder / name).mkdir(parents=True)
    network.save(str(folder / "export" / "network.onnx"))
    hardware.run(Context(recipe, folder / "hardware", {"export": folder / "export"}, folder / "cache"))
    return stock_finn.write(folder), load_graph(folder / "hardware" / hardware.GRAPH)


@pytest.mark.parametrize("network", [networks.vgg, residual])
def test_finn_applies_the_folding_and_makes_the_same_fifos(
    network: Callable[[], ModelWrapper], tmp_path: Path
) -> None:
    folder, graph = folder_for_finn(network(), tmp_path)
    assert folder == tmp_path / "finn"
    cycles, depths = in_stock_finn(APPLY_FOLDING, folder, board("pynq-z1").part)
    fifos = [getCustomOp(node).get_nodeattr("depth") for node in graph.graph.node if is_fifo(node.op_type)]
    ours = stock_finn.without_streams(graph)
    before = len(ours.graph.node)
    with finn_session():
        theirs = stock_finn.in_layers_of_finn(ours)
        known = {layer.name: layer.cycles for layer in fold.layers(theirs)}
    assert cycles == [known[node.name] for node in theirs.graph.node]
    # A window generator and the pool behind it, for one layer of ours, have a FIFO between them.
    fifos += [stock_finn.SHALLOW] * (len(theirs.graph.node) - before)
    assert depths == sorted(max(stock_finn.SHALLOW, depth) for depth in fifos)
    assert max(depths) > stock_finn.SHALLOW or network is not residual


@pytest.mark.parametrize("implementation", ["sparse", "constant"])
def test_finn_gets_dense_layers_for_those_that_it_has_no_units_for(
    implementation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, graph = folder_for_finn(networks.vgg(), tmp_path, implementation)
    unlike = [
        node.name for node in graph.graph.node if node.op_type in (SPARSE, OPERATOR, "ConstantThresholds_rtl")
    ]
    assert len(unlike) > 2
    assert f"so of other cycles: {', '.join(unlike)}" in capsys.readouterr().err
    unknown, _ = open_in_finn(folder / stock_finn.DATAFLOW)
    assert unknown == []


def test_folding_for_finn_says_what_folding_json_says(tmp_path: Path) -> None:
    folder, _ = folder_for_finn(residual(), tmp_path)
    ours = json.loads((tmp_path / "hardware" / hardware.FOLDING).read_text())
    for values in ours.values():
        values.pop(IMPLEMENTATION, None)
    theirs = json.loads((folder / stock_finn.FOLDING).read_text())
    assert theirs.pop("Defaults") == {}
    depths = ("inFIFODepths", "outFIFODepths")
    folding = [{k: v for k, v in values.items() if k not in depths} for values in theirs.values()]
    assert folding == list(ours.values())
    assert max(values.get(name, 1) for values in folding for name in ("PE", "SIMD")) > 1


def test_finn_lowers_the_integers_to_layers_of_its_own(tmp_path: Path) -> None:
    folder, _ = folder_for_finn(networks.vgg(), tmp_path)
    nodes = in_stock_finn(LOWER, folder / stock_finn.STREAMLINED)
    assert [operator for operator, domain in nodes if domain != DOMAIN] == ["Transpose"]  # of the input
    assert [operator for operator, _ in nodes].count("MVAU") == 4


def test_layer_that_finn_has_nothing_like_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = networks.Builder((4, 8, 1)).conv(4).threshold(3).global_pool("GlobalMaxPool").flatten().dense(5)
    folder, _ = folder_for_finn(net.build(), tmp_path)
    assert "stock FINN has no layer like GlobalMaxPool_rtl_0" in capsys.readouterr().err
    unknown, _ = open_in_finn(folder / stock_finn.DATAFLOW)
    assert unknown == ["GlobalMaxPool_rtl"]
