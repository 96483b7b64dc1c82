"""The choices that each layer allows, and what each means: cycles, widths of its streams, resources.

A choice is an implementation with a folding.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.layers.base import (
    Counts,
    Folding,
    Implementation,
    Timing,
    Weighing,
    Weights,
    constants_in,
    kind_of,
    streams_in,
)
from fpga_flow.target.family import MOST_LEVELS, Family
from fpga_flow.target.resources import Resources


class Choice(NamedTuple):
    """How a layer is built, and how much it does at once."""

    implementation: str
    """Name of one of its kind's implementations."""
    folding: Folding


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

Known = Callable[[str], Resources | None]
"""Returns the synthesised resources of the layer with a certain key, None where they are not known."""


def no_layer_known(key: str) -> Resources | None:
    """A `Known` that knows none."""
    return None


def choices(
    model: ModelWrapper, node: NodeProto, family: Family | None = None, weights: Weighing | None = None
) -> list[Choice]:
    """Return what the layer of `node`, as lowering left it, can be on `family`, by itself.

    Where it can have its weights as `weights` says, it is nothing else.
    What it needs of its neighbours is in `problem`: a pool or depthwise unit needs the lanes of its windows.
    """
    layer = getCustomOp(node)
    kind = kind_of(layer)
    return [
        Choice(one.name, folding)
        for one in kind.suitable(layer, family, weights)
        for folding in kind.foldings_of(_built_as(model, node, one))
    ]


def choice_of(layer: Any) -> Choice:
    """Return the choice that `layer` has."""
    kind = kind_of(layer)
    names = [name for name, _ in kind.foldings_of(layer)[0]]
    return Choice(kind.built(layer).name, tuple((name, int(layer.get_nodeattr(name))) for name in names))


def choices_of(model: ModelWrapper) -> dict[str, Choice]:
    """Return the choice that each layer of `model` has, by its name."""
    return {str(node.name): choice_of(getCustomOp(node)) for node in model.graph.node}


def build_as(model: ModelWrapper, node: NodeProto, choice: Choice) -> None:
    """Make the layer of `node`, a node of `model` or a copy of one, what `choice` says."""
    _implement(model, node, kind_of(getCustomOp(node)).implementation(choice.implementation))
    layer = getCustomOp(node)
    for name, value in choice.folding:
        layer.set_nodeattr(name, value)


def build_dense(model: ModelWrapper) -> list[str]:
    """Build each layer that has its weights otherwise as a dense one with equal words; return their names."""
    changed = []
    for node in model.graph.node:
        layer = getCustomOp(node)
        kind = kind_of(layer)
        if kind.built(layer).weights == "dense":
            continue
        _implement(model, node, kind.suitable(layer, weights="dense")[0])
        known = getCustomOp(node).get_nodeattr_types()
        kept = [attribute for attribute in node.attribute if attribute.name in known]
        del node.attribute[:]
        node.attribute.extend(kept)
        changed.append(str(node.name))
    return changed


LEVELS = "levels_of_logic"
"""Property of a graph: how many may lie between two registers."""


def pipeline(model: ModelWrapper, levels: int) -> None:
    """Have the layers of `model` built with at most `levels` of logic between registers, where they can."""
    model.set_metadata_prop(LEVELS, str(levels))


def _levels(model: ModelWrapper) -> int:
    return int(model.get_metadata_prop(LEVELS) or MOST_LEVELS)


def _implement(model: ModelWrapper, node: NodeProto, implementation: Implementation) -> None:
    """Build the layer of `node` as `implementation`, with whatever folding it has."""
    kind = kind_of(getCustomOp(node))
    node.op_type = implementation.operator
    layer = getCustomOp(node)
    types = layer.get_nodeattr_types()
    of_others = {name for other in kind.implementations for name in other.sets} - implementation.sets.keys()
    for name in sorted(of_others & types.keys()):
        layer.set_nodeattr(name, types[name][2])  # the attribute's default
    derived = implementation.derives(weights_of(model, node)) if implementation.derives else {}
    pipelined = implementation.pipelined(_levels(model)) if implementation.pipelined else {}
    for name, value in (*implementation.sets.items(), *derived.items(), *pipelined.items()):
        layer.set_nodeattr(name, value)


def _built_as(model: ModelWrapper, node: NodeProto, implementation: Implementation) -> Any:
    """Return a layer like that of `node` which is built as `implementation`."""
    copy = NodeProto()
    copy.CopyFrom(node)
    _implement(model, copy, implementation)
    return getCustomOp(copy)


def weights_of(model: ModelWrapper, node: NodeProto) -> Weights:
    """Return the first constant that `node` takes, None where it takes none."""
    constants = constants_in(model, node)
    return constants[0] if constants else None


@dataclass(frozen=True)
class Figures:
    """What a layer is with a certain choice."""

    cycles: int
    """Per frame, by FINN's count."""
    resources: Resources
    synthesised: bool
    """The resources are Yosys' counts, no estimate."""
    lanes_in: tuple[int, ...]
    """Elements per word of each input stream."""
    lanes_out: tuple[int, ...]


class LayerFigures:
    """The figures of one layer for any choice, each found once.

    `shared` holds the figures of equal layers, by their attributes; several layers may use the same one.
    """

    def __init__(
        self,
        model: ModelWrapper,
        node: NodeProto,
        family: Family,
        known: Known,
        shared: dict[str, dict[Choice, Figures]],
        weights: Weighing | None = None,
    ) -> None:
        """`node` itself is not changed."""
        self.name = str(node.name)
        self.kind = kind_of(getCustomOp(node))
        self.choices = choices(model, node, family, weights)
        self._weights = weights_of(model, node)
        self._family, self._known = family, known
        self._constants = digest_of(constants_in(model, node))
        streams = streams_in(model, node)
        self.streams_in = [i for i, name in enumerate(node.input) if name in streams]
        self.attributes = layer_attributes(getCustomOp(node))
        self._built: dict[str, tuple[Implementation, Any, dict[str, Any]]] = {}
        for name in dict.fromkeys(choice.implementation for choice in self.choices):
            layer = _built_as(model, node, self.kind.implementation(name))
            self._built[name] = (self.kind.implementation(name), layer, layer_attributes(layer))
        folded = {key for choice in self.choices for key, _ in choice.folding}
        free = {key: value for key, value in self.attributes.items() if key not in folded}
        self.found = shared.setdefault(_key(node.op_type, free, self._constants), {})

    def bits_in(self, stream: int) -> int:
        """Return the bits of a value of input `stream`."""
        return int(self._layer.get_input_datatype(self.streams_in[stream]).bitwidth())

    def bits_out(self, stream: int) -> int:
        """Return the bits of a value of output `stream`."""
        return int(self._layer.get_output_datatype(stream).bitwidth())

    @property
    def _layer(self) -> Any:
        return self._built[self.choices[0].implementation][1]

    def __getitem__(self, choice: Choice) -> Figures:
        """Return the figures of `choice`, which must be legal."""
        found = self.found.get(choice)
        if found is None:
            found = self.found[choice] = self._make(choice)
        return found

    def timing(self, choice: Choice) -> Timing:
        """Return when the layer gives its words with `choice`."""
        implementation = self._built[choice.implementation][0]
        return implementation.timing(self.attributes_with(choice), self[choice].cycles)

    def attributes_with(self, choice: Choice) -> dict[str, Any]:
        """Return the attributes that the layer has with `choice`."""
        return {**self._built[choice.implementation][2], **dict(choice.folding)}

    def _make(self, choice: Choice) -> Figures:
        implementation = self._built[choice.implementation][0]
        attributes = self.attributes_with(choice)
        synthesised = self._known(_key(implementation.operator, attributes, self._constants))
        cycles, lanes_in, lanes_out = self._counts(choice, attributes)
        return Figures(
            cycles=cycles,
            resources=synthesised
            or self._family.scaled(
                implementation.operator,
                implementation.resources(attributes, self._weights, self._family),
            ),
            synthesised=synthesised is not None,
            lanes_in=lanes_in,
            lanes_out=lanes_out,
        )

    def words_before(self, choice: Choice) -> int:
        """Return the depth of the FIFO in front that lets the layer run on with `choice`."""
        implementation = self._built[choice.implementation][0]
        return (implementation.words_before or self.kind.words_before)(self.attributes_with(choice))

    def _counts(self, choice: Choice, attributes: Mapping[str, Any]) -> Counts:
        implementation, layer, _ = self._built[choice.implementation]
        counts = implementation.counts or self.kind.counts
        if counts is not None:
            return counts(attributes)
        for name, value in choice.folding:
            layer.set_nodeattr(name, value)
        outputs = range(len(layer.onnx_node.output))
        return (
            int(layer.get_exp_cycles()),
            tuple(int(layer.get_folded_input_shape(i)[-1]) for i in self.streams_in),
            tuple(int(layer.get_folded_output_shape(i)[-1]) for i in outputs),
        )


def layer_attributes(layer: Any) -> dict[str, Any]:
    """Return all attributes of `layer` that decide what it is made of, as plain values."""
    return {
        name: plain(layer.get_nodeattr(name))
        for name in layer.get_nodeattr_types()
        if name not in PASSING
        and not any(part in name.split("_") for part in ("dir", "sim", "res", "rtlsim"))
    }


def layer_key(model: ModelWrapper, node: NodeProto) -> str:
    """Return what identifies the hardware of a layer: operator, attributes, constants; no FIFO depths."""
    return _key(node.op_type, layer_attributes(getCustomOp(node)), digest_of(constants_in(model, node)))


def digest_of(constants: Iterable[NDArray[Any]]) -> str:
    """Return a digest of the shapes and values of `constants`."""
    digest = hashlib.sha256()
    for values in constants:
        digest.update(repr(values.shape).encode() + np.ascontiguousarray(values, np.float32).tobytes())
    return digest.hexdigest()


def _key(operator: str, attributes: Mapping[str, Any], constants: str) -> str:
    text = json.dumps([operator, attributes, constants], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Return an attribute's `value` as JSON can hold it."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value
