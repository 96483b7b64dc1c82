"""One reader per operator of QONNX: what is known about its output, given what is known about its inputs.

A reader raises `UnsupportedError` with the node's name, the reason and what would work.
"""

from collections.abc import Callable

from fpga_flow.export.nodes import Node
from fpga_flow.export.readers.function import arithmetic, batch_norm, clip, leaky_relu, negate, relu
from fpga_flow.export.readers.join import concat
from fpga_flow.export.readers.matrix import conv, dense
from fpga_flow.export.readers.part import part
from fpga_flow.export.readers.pool import average_pool, max_pool, reduce
from fpga_flow.export.readers.quant import quant, trunc
from fpga_flow.export.readers.shape import identity, move, pad, reshape, resize, transpose
from fpga_flow.export.readers.transposed import conv_transpose
from fpga_flow.export.state import Walk
from fpga_flow.export.values import Known

READERS: dict[str, Callable[[Walk, Node], Known | tuple[Known, ...]]] = {
    "Quant": quant,
    "IntQuant": quant,
    "BipolarQuant": quant,
    "MultiThreshold": quant,
    "Trunc": trunc,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MatMul": dense,
    "Gemm": dense,
    "BatchNormalization": batch_norm,
    "Add": arithmetic,
    "Sub": arithmetic,
    "Mul": arithmetic,
    "Div": arithmetic,
    "Neg": negate,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "Clip": clip,
    "Concat": concat,
    "Split": part,
    "Slice": part,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalMaxPool": reduce,
    "GlobalAveragePool": reduce,
    "ReduceMax": reduce,
    "ReduceMean": reduce,
    "ReduceSum": reduce,
    "Resize": resize,
    "Upsample": resize,
    "Flatten": reshape,
    "Reshape": reshape,
    "Squeeze": reshape,
    "Unsqueeze": reshape,
    "Transpose": transpose,
    "DepthToSpace": move,
    "SpaceToDepth": move,
    "Gather": move,
    "Pad": pad,
    "Identity": identity,
    "Dropout": identity,
}
