"""Stage `rtl`: the hardware graph becomes SystemVerilog with a stitched top."""

import shutil
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow import artifact
from fpga_flow.design import Design, LayerRtl, Stream
from fpga_flow.errors import UnsupportedError
from fpga_flow.finn_adapter.backend import HDL
from fpga_flow.finn_adapter.session import finn_session
from fpga_flow.flow import Context
from fpga_flow.progress import bar
from fpga_flow.rtl import stitch
from fpga_flow.rtl.generate import Generated, generate

TAP = HDL / "df_tap.sv"


def run(context: Context) -> dict[str, Any]:
    """Write `src/`, `data/` and `design.json`; return what the design consists of."""
    hardware = artifact.read_result(context.inputs["hardware"])
    model = ModelWrapper(str(context.inputs["hardware"] / "hardware.onnx"))
    _check_chain(model)
    made: list[Generated] = []
    with finn_session() as scratch, bar("RTL of each layer", len(model.graph.node)) as advance:
        for index in range(len(model.graph.node)):
            made.append(generate(model, index, hardware["part"], 1000 / hardware["clock_mhz"], scratch))
            advance()
    layers = [_layer(model, index, one) for index, one in enumerate(made)]
    first = _stream(model, 0, output=False)
    library = _copy_library(made, context.folder)
    for one in made:
        for path, content in one.texts.items():
            file = context.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    top = f"src/{stitch.TOP}.sv"
    (context.folder / top).write_text(stitch.top_text(first, layers), encoding="utf-8")
    generated = dict.fromkeys(source for one in made for source in one.sources)
    design = Design(
        top=stitch.TOP,
        part=hardware["part"],
        clock_mhz=hardware["clock_mhz"],
        cycles_per_frame=hardware["cycles_per_frame"],
        bottleneck=hardware["bottleneck"],
        input=first,
        output=layers[-1].output,
        layers=tuple(layers),
        sources=(*library, *generated, top),
    )
    design.save(context.folder)
    return {"layers": len(layers), "distinct": len({layer.key for layer in layers}), "top": stitch.TOP}


def _check_chain(model: ModelWrapper) -> None:
    """The top is a chain; refuse forks and joins by name (they need stream forks in RTL)."""
    previous = model.graph.input[0].name
    for node in model.graph.node:
        if node.input[0] != previous or len(node.output) != 1:
            raise UnsupportedError(
                node.name,
                f"it does not take the stream {previous!r} of the layer before it",
                "only networks without branches can be stitched yet",
            )
        previous = node.output[0]


def _stream(model: ModelWrapper, index: int, *, output: bool) -> Stream:
    node = model.graph.node[index]
    layer = getCustomOp(node)
    if output:
        tensor, datatype = node.output[0], layer.get_output_datatype()
        shape, width = layer.get_folded_output_shape(), layer.get_outstream_width_padded()
    else:
        tensor, datatype = node.input[0], layer.get_input_datatype()
        shape, width = layer.get_folded_input_shape(), layer.get_instream_width_padded()
    return Stream(tensor, datatype.name, tuple(int(size) for size in shape), int(width))


def _layer(model: ModelWrapper, index: int, made: Generated) -> LayerRtl:
    node = model.graph.node[index]
    stream = _stream(model, index, output=True)
    computes = node.op_type not in ("StreamingFIFO_rtl", "StreamingDataWidthConverter_rtl", "FMPadding_rtl")
    return LayerRtl(
        name=node.name,
        op=made.op,
        module=made.module,
        key=made.key,
        sources=(*(_library_path(file) for file in made.library), *made.sources),
        data=made.data,
        output=stream,
        expected=computes and node.op_type != "ConvolutionInputGenerator_rtl",
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
