"""A whole design from a hardware graph: every layer's RTL, the library files it needs, the top."""

import shutil
from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.progress import bar
from fpga_flow.design import claims, stitch
from fpga_flow.design.design import Design, LayerRtl, Stream
from fpga_flow.design.generate import Generated, generate
from fpga_flow.finn.backend import HDL
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.base import constants_in, implementation_of, kind_of, streams_in
from fpga_flow.results.hardware import Predicted

TAP = HDL / "df_tap.sv"


def build_design(model: ModelWrapper, hardware: Predicted, folder: Path) -> Design:
    """Write `src/`, `data/` and `design.json` of the hardware graph `model` into `folder`."""
    made: list[Generated] = []
    with finn_session() as scratch, bar("RTL of each layer", len(model.graph.node), "layers") as advance:
        for index in range(len(model.graph.node)):
            made.append(generate(model, index, hardware.part, 1000 / hardware.clock_mhz, scratch))
            advance()
    layers = [_layer(model, index, one, folder) for index, one in enumerate(made)]
    library = _copy_library(made, folder)
    for one in made:
        for path, content in one.texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    streams = {stream.tensor: stream for layer in layers for stream in layer.outputs}
    first, last = _input(model), streams[model.graph.output[0].name]
    top = f"src/{stitch.TOP}.sv"
    (folder / top).write_text(stitch.top_text(first, last, layers), encoding="utf-8")
    generated = dict.fromkeys(source for one in made for source in one.sources)
    design = Design(
        top=stitch.TOP,
        part=hardware.part,
        clock_mhz=hardware.clock_mhz,
        cycles_per_frame=hardware.cycles_per_frame,
        bottleneck=hardware.bottleneck,
        top_k=hardware.top_k,
        input=first,
        output=last,
        layers=tuple(layers),
        sources=(*library, *generated, top),
        latency_cycles=hardware.latency_cycles,
    )
    design.save(folder)
    return design


def _input(model: ModelWrapper) -> Stream:
    """Return the stream of the graph's input."""
    tensor = model.graph.input[0].name
    node = model.find_consumer(tensor)
    layer, index = getCustomOp(node), list(node.input).index(tensor)
    shape, width = layer.get_folded_input_shape(index), layer.get_instream_width_padded(index)
    return Stream(
        tensor, layer.get_input_datatype(index).name, tuple(int(size) for size in shape), int(width)
    )


def _outputs(model: ModelWrapper, index: int) -> tuple[Stream, ...]:
    node = model.graph.node[index]
    layer = getCustomOp(node)
    return tuple(
        Stream(
            tensor,
            layer.get_output_datatype(i).name,
            tuple(int(size) for size in layer.get_folded_output_shape(i)),
            int(layer.get_outstream_width_padded(i)),
        )
        for i, tensor in enumerate(node.output)
    )


def _layer(model: ModelWrapper, index: int, made: Generated, folder: Path) -> LayerRtl:
    node = model.graph.node[index]
    claim, file = _claim(model, index), f"{claims.FOLDER}/{made.module}.npz"
    if claim is not None:
        claims.save(claim, folder / file)
    outputs, kind = _outputs(model, index), kind_of(getCustomOp(node))
    return LayerRtl(
        name=node.name,
        op=made.op,
        module=made.module,
        key=made.key,
        sources=(*(_library_path(file) for file in made.library), *made.sources),
        data=made.data,
        inputs=tuple(streams_in(model, node)),
        outputs=outputs,
        taps=() if kind.passes_on else tuple(stream.tensor for stream in outputs),
        has_weights=kind.has_weights,
        claim="" if claim is None else file,
    )


def _claim(model: ModelWrapper, index: int) -> claims.Claim | None:
    """Return what node `index` of the hardware graph claims, None where its kind is not proved."""
    node = model.graph.node[index]
    layer = getCustomOp(node)
    implementation = implementation_of(layer)
    if implementation.proof is None:
        return None
    constants = np.rint(constants_in(model, node)[0]).astype(np.int64)
    if implementation.proof == "matrix":
        return claims.Product(np.ascontiguousarray(implementation.matrix(layer, constants)))
    channels = int(layer.get_nodeattr("NumChannels"))
    return claims.Steps(
        np.ascontiguousarray(np.broadcast_to(constants, (channels, constants.shape[1]))),
        int(layer.get_nodeattr("ActVal")),
    )


def _library_path(file: Path) -> str:
    return f"src/{file.name}"


def _copy_library(made: list[Generated], folder: Path) -> list[str]:
    """Copy the library files that are used, packages first; returns their paths in order."""
    files = {file.name: file for one in made for file in one.library}
    files[TAP.name] = TAP
    ordered = sorted(files.values(), key=lambda file: not file.stem.endswith("_pkg"))
    (folder / "src").mkdir(exist_ok=True)
    for file in ordered:
        shutil.copyfile(file, folder / _library_path(file))
    return [_library_path(file) for file in ordered]
