"""The foldings that each layer allows, and what each means: cycles, widths of its streams, resources."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.finn.windows import can_generate
from fpga_flow.hardware.fold.resources import FORMULAS, OTHER, Attributes, estimate
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

Folding = tuple[tuple[str, int], ...]
"""Attributes and their values."""

PASSING = (
    "inFIFODepths",
    "outFIFODepths",
    "cycles_estimate",
    "exec_mode",
    "executable_path",
    "gen_top_module",
    "ipgen_path",
    "ip_path",
    "ip_vlnv",
    "partition_id",
    "slr",
    "mem_port",
    "hls_style",
    "preferred_impl_style",
    "backend",
)
"""Attributes that do not change what a layer is made of; nor do those with `dir`, `sim` or `res` in it."""

WINDOW = ("ConvKernelDim", "IFMChannels", "IFMDim", "OFMDim", "Dilation", "depthwise")
"""Attributes that decide which foldings of a window generator there are."""
UNFOLDED = frozenset({"MatrixVector", "StreamingFIFO", "StreamingDataWidthConverter"})
"""Of `FORMULAS`, those that are no layers to fold: a backend, and what stands between layers."""

Known = Callable[[str], Resources | None]
"""Returns the synthesised resources of the layer with a certain key, None where they are not known."""


def no_layer_known(key: str) -> Resources | None:
    """A `Known` that knows none."""
    return None


def divisors(number: int) -> list[int]:
    """Return the divisors of `number`, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


def abstract_name(layer: Any) -> str:
    """Return the name of FINN's abstract layer that `layer` is a backend of, `OTHER` for an unknown one."""
    return _named(layer, FORMULAS.keys() - UNFOLDED)


def formula_name(layer: Any) -> str:
    """Return the name in `FORMULAS` of what estimates `layer`."""
    return _named(layer, FORMULAS.keys())


def _named(layer: Any, names: Set[str]) -> str:
    """Return the first of the classes of `layer`, without the suffix of a backend, that is one of `names`."""
    classes = (kind.__name__.removesuffix("_rtl").removesuffix("_hls") for kind in type(layer).__mro__)
    return next((name for name in classes if name in names), OTHER)


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings that `layer` (a `HWCustomOp` of FINN's) allows, by itself.

    What it needs of its neighbours is in `problem`: a pool or depthwise unit needs the lanes of its windows.
    """
    kind = abstract_name(layer)
    get = layer.get_nodeattr
    if kind == "MVAU":
        return [_fold(PE=pe, SIMD=simd) for pe in divisors(get("MH")) for simd in divisors(get("MW"))]
    if kind == "VVAU":
        kernel = math.prod(int(k) for k in get("Kernel"))
        return [_fold(PE=pe, SIMD=simd) for pe in divisors(get("Channels")) for simd in divisors(kernel)]
    if kind == "ConvolutionInputGenerator":
        return _window_foldings({name: get(name) for name in WINDOW})
    if kind in ("StreamingConcat", "StreamingSplit"):
        return [_fold(SIMD=simd) for simd in divisors(math.gcd(*map(int, get("ChannelsPerStream"))))]
    if kind == "LabelSelect":
        return [_fold(PE=pe) for pe in divisors(get("Labels"))]
    name = next((name for name in ("PE", "SIMD") if name in layer.get_nodeattr_types()), None)
    if name is None:
        return [()]
    return [_fold(**{name: lanes}) for lanes in divisors(int(layer.get_normal_output_shape()[-1]))]


def _window_foldings(attributes: Attributes) -> list[Folding]:
    """Return the foldings of a window generator; whole windows of all channels together need all of them."""
    lanes = divisors(int(attributes["IFMChannels"]))
    found = [_fold(SIMD=simd, parallel_window=0) for simd in lanes if can_generate(attributes, simd, False)]
    if math.prod(attributes["ConvKernelDim"]) > 1:
        whole = lanes if attributes["depthwise"] else lanes[-1:]
        found += [
            _fold(SIMD=simd, parallel_window=1) for simd in whole if can_generate(attributes, simd, True)
        ]
    return found


def _fold(**values: int) -> Folding:
    return tuple(values.items())


def foldings_of(model: ModelWrapper) -> dict[str, Folding]:
    """Return the folding that each layer of `model` has, by its name."""
    found = {}
    for node in model.graph.node:
        layer = getCustomOp(node)
        found[node.name] = tuple((key, int(layer.get_nodeattr(key))) for key, _ in foldings(layer)[0])
    return found


@dataclass(frozen=True)
class Figures:
    """What a layer is with a certain folding."""

    cycles: int
    """Per frame, by FINN's count."""
    resources: Resources
    synthesised: bool
    """The resources are Yosys' counts, no estimate."""
    lanes_in: tuple[int, ...]
    """Elements per word of each input stream."""
    lanes_out: tuple[int, ...]


class LayerFigures:
    """The figures of one layer for any folding, each found once.

    `shared` holds the figures of equal layers, by their attributes; several layers may use the same one.
    """

    def __init__(
        self,
        model: ModelWrapper,
        node: NodeProto,
        family: Family,
        known: Known,
        shared: dict[str, dict[Folding, Figures]],
    ) -> None:
        """`node` itself is not changed."""
        self.name = str(node.name)
        copy = NodeProto()
        copy.CopyFrom(node)
        self._layer = getCustomOp(copy)
        self.kind, self._formula = abstract_name(self._layer), formula_name(self._layer)
        self.foldings = foldings(self._layer)
        self.streams_in = [
            i for i, name in enumerate(node.input) if name and model.get_initializer(name) is None
        ]
        constants = [
            model.get_initializer(name) for name in node.input if model.get_initializer(name) is not None
        ]
        self._weights: NDArray[np.float32] | None = constants[0] if constants else None
        self._family, self._known = family, known
        self.attributes = attributes_of(self._layer)
        self._constants = digest_of(constants)
        free = {key: value for key, value in self.attributes.items() if key not in dict(self.foldings[0])}
        self.found = shared.setdefault(_key(node.op_type, free, self._constants), {})

    def bits_in(self, stream: int) -> int:
        """Return the bits of a value of input `stream`."""
        return int(self._layer.get_input_datatype(self.streams_in[stream]).bitwidth())

    def bits_out(self, stream: int) -> int:
        """Return the bits of a value of output `stream`."""
        return int(self._layer.get_output_datatype(stream).bitwidth())

    def __getitem__(self, folding: Folding) -> Figures:
        """Return the figures with `folding`, which must be legal."""
        found = self.found.get(folding)
        if found is None:
            found = self.found[folding] = self._make(folding)
        return found

    def _make(self, folding: Folding) -> Figures:
        attributes = {**self.attributes, **dict(folding)}
        synthesised = self._known(_key(self._layer.onnx_node.op_type, attributes, self._constants))
        cycles, lanes_in, lanes_out = self._words(folding)
        return Figures(
            cycles=cycles,
            resources=synthesised or estimate(self._formula, attributes, self._weights, self._family),
            synthesised=synthesised is not None,
            lanes_in=lanes_in,
            lanes_out=lanes_out,
        )

    def _words(self, folding: Folding) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """Return the cycles per frame and the elements per word of each input and output."""
        if self.kind == "MVAU":  # as FINN has it; asking FINN for each of its many foldings takes long
            a, values = self.attributes, dict(folding)
            steps = a["MW"] // values["SIMD"] * (a["MH"] // values["PE"])
            return steps * math.prod(a["numInputVectors"]) * a["TH"], (values["SIMD"],), (values["PE"],)
        layer = self._layer
        for name, value in folding:
            layer.set_nodeattr(name, value)
        outputs = range(len(layer.onnx_node.output))
        return (
            int(layer.get_exp_cycles()),
            tuple(int(layer.get_folded_input_shape(i)[-1]) for i in self.streams_in),
            tuple(int(layer.get_folded_output_shape(i)[-1]) for i in outputs),
        )


def attributes_of(layer: Any) -> dict[str, Any]:
    """Return all attributes of `layer` that decide what it is made of, as plain values."""
    return {
        name: _plain(layer.get_nodeattr(name))
        for name in layer.get_nodeattr_types()
        if name not in PASSING
        and not any(part in name.split("_") for part in ("dir", "sim", "res", "rtlsim"))
    }


def layer_key(model: ModelWrapper, node: NodeProto) -> str:
    """Return what identifies the hardware of a layer: operator, attributes, constants; no FIFO depths."""
    constants = [model.get_initializer(name) for name in node.input]
    return _key(
        node.op_type, attributes_of(getCustomOp(node)), digest_of(c for c in constants if c is not None)
    )


def digest_of(constants: Iterable[NDArray[Any]]) -> str:
    """Return a digest of the shapes and values of `constants`."""
    digest = hashlib.sha256()
    for values in constants:
        digest.update(repr(values.shape).encode() + np.ascontiguousarray(values, np.float32).tobytes())
    return digest.hexdigest()


def _key(operator: str, attributes: Mapping[str, Any], constants: str) -> str:
    text = json.dumps([operator, attributes, constants], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value
