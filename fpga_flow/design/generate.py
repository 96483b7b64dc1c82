"""The RTL of each layer, as FINN generates it, made independent of node names and of this machine.

FINN names a layer's modules and data files after the node and writes absolute paths into them.
Here they are named after their content, so equal layers share one module, and paths are relative
to the artifact's folder.
"""

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.design import layer
from fpga_flow.finn.backend import HDL
from fpga_flow.layers.base import implementation_of, streams_in

NOT_NEEDED = {
    "fifo_gauge.sv",  # FINN's behavioural FIFO for sizing
    "mvu_vvu_8sx9_dsp58.sv",  # Versal only
}
MEMSTREAM = ("axi/hdl/axilite.sv", "memstream/hdl/memstream.sv", "memstream/hdl/memstream_axi.sv")
"""FINN's weight streamer, which it leaves out of a matrix unit's file list."""


@dataclass(frozen=True)
class Generated:
    """The RTL of one layer, its texts free of the node's name."""

    op: str
    module: str
    """Its outer module, with its streams and nothing else."""
    key: str
    texts: dict[str, str]
    """Generated files: path in the artifact -> content."""
    library: tuple[Path, ...]
    """Files of FINN or of ours, used as they are."""

    @property
    def data(self) -> tuple[str, ...]:
        """Paths of the memories' contents."""
        return tuple(path for path in self.texts if path.endswith(".dat"))

    @property
    def sources(self) -> tuple[str, ...]:
        """Paths of the generated modules, in the order of compilation."""
        return tuple(path for path in self.texts if not path.endswith(".dat"))


def generate(model: ModelWrapper, index: int, part: str, clock_ns: float, scratch: Path) -> Generated:
    """Return the RTL of node `index` of the hardware graph."""
    node = model.graph.node[index]
    name = node.name
    node.name = f"layer_{index}"  # a user's name may be none for a file or a module
    try:
        return _generate(model, node, part, clock_ns, scratch)
    finally:
        node.name = name


def _generate(model: ModelWrapper, node: NodeProto, part: str, clock_ns: float, scratch: Path) -> Generated:
    layer_op = getCustomOp(node)
    folder = scratch / f"code_{node.name}"
    folder.mkdir()
    layer_op.set_nodeattr("code_gen_dir_ipgen", str(folder))
    layer_op.code_generation_ipgen(model, part, clock_ns)

    listed = [Path(file) for file in layer_op.get_rtl_file_list(abspath=True)]
    library = [file for file in listed if folder not in file.parents and file.name not in NOT_NEEDED]
    wrapper = layer_op.get_verilog_top_module_name()
    memory = implementation_of(layer_op).streams_weights
    if memory:
        rtllib = next(parent for parent in library[0].parents if parent.name == "finn-rtllib")
        library += [rtllib / file for file in MEMSTREAM]
        listed.append(folder / f"{wrapper}_memstream_wrapper.v")
    made = [file for file in listed if folder in file.parents]
    made += sorted(folder.glob("*.dat"))

    texts = {file.name: file.read_text(encoding="utf-8") for file in made}
    streams = range(len(streams_in(model, node)))
    outer = layer.text(
        f"{wrapper}_layer",
        wrapper,
        texts,
        in_bits=[int(layer_op.get_instream_width_padded(i)) for i in streams],
        out_bits=[int(layer_op.get_outstream_width_padded(i)) for i in range(len(node.output))],
        weight_bits=math.ceil(layer_op.get_instream_width(1) / 8) * 8 if memory else None,
    )
    texts[f"{wrapper}_layer.sv"] = outer
    return _rename(node.op_type, wrapper, folder, texts, tuple(replaced(file) for file in library))


def _rename(op: str, node: str, folder: Path, texts: dict[str, str], library: tuple[Path, ...]) -> Generated:
    """Call the files, the modules and the paths in `texts` after their content instead of the node."""
    word = re.compile(rf"\b{re.escape(node)}(?=_|\b)")

    def neutral(text: str, name: str) -> str:
        text = text.replace(f"{folder}/", "data/@_").replace(f'"./{node}_', '"data/@_')
        return word.sub(name, text)

    total = hashlib.sha256(op.encode())
    for name in sorted(texts):
        total.update(f"{word.sub('@', name)}\0{neutral(texts[name], '@')}\0".encode())
    key = total.hexdigest()
    module = f"{op.lower()}_{key[:10]}"
    renamed = {}
    for name, text in texts.items():
        path = word.sub(module, name)
        if name.endswith(".dat"):
            path = f"data/{path}" if path.startswith(module) else f"data/{module}_{path}"
        else:
            path = f"src/{path}"
        renamed[path] = neutral(text, module).replace("data/@_", f"data/{module}_")
    return Generated(op, f"{module}_layer", key, renamed, library)


def replaced(file: Path) -> Path:
    """Return our module in the place of FINN's `file`, where `layers/hdl` has one of that name."""
    own = HDL / file.name
    return own if own.is_file() else file
