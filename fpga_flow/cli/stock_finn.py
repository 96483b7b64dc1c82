"""A run's network and hardware as files that stock FINN, without this project, goes on with.

`streamlined.onnx` is the integer network before it is lowered, where FINN's own flow is after streamlining.
`dataflow.onnx` has the folded layers under FINN's names, where that flow is after its folding step.
`folding.json` is the folding, with the depths of the FIFOs, as FINN's `ApplyConfig` reads it.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes

from fpga_flow.core import artifact
from fpga_flow.core.progress import say
from fpga_flow.finn.backend import OwnRtl
from fpga_flow.hardware.fold.file import settings_of
from fpga_flow.hardware.fold.options import build_dense
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import AsHls, load_graph
from fpga_flow.layers.base import find_kind, stands_between
from fpga_flow.layers.fifo import is_fifo

FOLDER = "finn"
STREAMLINED, DATAFLOW, FOLDING = "streamlined.onnx", "dataflow.onnx", "folding.json"
SHALLOW = 2
"""FINN's depth of a FIFO that nothing is said of, and the least that it builds."""


def write(run: Path) -> Path:
    """Write the files for the run in the folder `run`, which has its hardware; return their folder.

    Layers that FINN has nothing like are named on the terminal: it opens the file, but not these.
    """
    model = without_streams(load_graph(run / "hardware" / GRAPH))
    dense = build_dense(model)
    if dense:
        say(f"  dense in these files, for FINN has no other units, so of other cycles: {', '.join(dense)}")
    model = in_layers_of_finn(model).transform(AsHls())
    # As FINN names them itself, again and again: its folding step looks them up by these names.
    model = model.transform(GiveUniqueNodeNames())
    scratch, final = run / f"{FOLDER}.new", run / FOLDER
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    shutil.copyfile(run / "export" / "network.onnx", scratch / STREAMLINED)
    model.save(str(scratch / DATAFLOW))
    artifact.write_json(scratch / FOLDING, folding_config(model))
    shutil.rmtree(final, ignore_errors=True)
    os.replace(scratch, final)
    unknown = [node.name for node in model.graph.node if isinstance(getCustomOp(node), OwnRtl)]
    if unknown:
        say(f"  {final / DATAFLOW}: stock FINN has no layer like {', '.join(unknown)}")
    return final


def folding_config(model: ModelWrapper) -> dict[str, dict[str, Any]]:
    """Return the folding of `model` and its FIFOs' depths as FINN's files have them, by layer."""
    config: dict[str, dict[str, Any]] = {"Defaults": {}}
    for node in model.graph.node:
        layer = getCustomOp(node)
        depths = {key: list(layer.get_nodeattr(key)) for key in ("inFIFODepths", "outFIFODepths")}
        config[node.name] = {**settings_of(layer), **depths}
    return config


def without_streams(model: ModelWrapper) -> ModelWrapper:
    """Take FIFOs and width converters out of `model`.

    The FIFOs' depths become attributes of the layers before and behind them, where `InsertFIFO` finds them.
    """
    givers = {tensor: node for node in model.graph.node for tensor in node.output}
    takers = {tensor: node for node in model.graph.node for tensor in node.input}
    ends = {output.name for output in model.graph.output}
    layers = [node for node in model.graph.node if not is_stream(node)]
    for node in layers:
        layer = getCustomOp(node)
        streams = [tensor for tensor in node.input if model.get_initializer(tensor) is None]
        layer.set_nodeattr("inFIFODepths", [_depth(givers.get(tensor)) for tensor in streams])
        layer.set_nodeattr("outFIFODepths", [_depth(takers.get(tensor)) for tensor in node.output])
    for node in layers:
        for index, tensor in enumerate(node.input):
            node.input[index] = _start(tensor, givers)
        for index, tensor in enumerate(node.output):
            end = _end(tensor, takers)
            node.output[index] = end if end in ends else tensor
    del model.graph.node[:]
    model.graph.node.extend(layers)
    return model


def in_layers_of_finn(model: ModelWrapper) -> ModelWrapper:
    """Return `model` with FINN's layers in the place of those of ours that know some."""
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        kind = find_kind(node.op_type)
        nodes += [node] if kind is None or kind.as_finn is None else kind.as_finn(getCustomOp(node))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.transform(InferShapes()).transform(InferDataTypes())


def is_stream(node: NodeProto | None) -> bool:
    """Return whether `node` stands between layers; FINN inserts such nodes anew."""
    return node is not None and stands_between(node.op_type)


def _depth(neighbour: NodeProto | None) -> int:
    """Return the depth of `neighbour` where that is a FIFO."""
    if neighbour is None or not is_fifo(neighbour.op_type):
        return SHALLOW
    return max(SHALLOW, int(getCustomOp(neighbour).get_nodeattr("depth")))


def _start(tensor: str, givers: Mapping[str, NodeProto]) -> str:
    """Return the tensor, of a layer or the graph's input, that reaches `tensor` by streams only."""
    while is_stream(givers.get(tensor)):
        tensor = givers[tensor].input[0]
    return tensor


def _end(tensor: str, takers: Mapping[str, NodeProto]) -> str:
    """Return the tensor that `tensor` reaches by streams only and that a layer, or nothing, takes."""
    while is_stream(takers.get(tensor)):
        tensor = takers[tensor].output[0]
    return tensor
