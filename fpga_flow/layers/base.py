"""What a kind of hardware layer is: everything that the flow asks about one, in one place.

A file of this room describes one kind and registers it; nothing outside asks for operators by name. A kind
can be built in several ways, its implementations; which one a layer gets is chosen with its folding.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

Folding = tuple[tuple[str, int], ...]
"""Attributes that say how much a layer does at once, and their values."""
Attributes = Mapping[str, Any]
"""All attributes of a layer by name."""
Weights = NDArray[np.float32] | None
Weighing = Literal["dense", "sparse", "constant"]
Counts = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Cycles per frame, and the elements in a word of each input and of each output."""
Lower = Callable[[LayerGraph, NodeProto], None]
"""Appends the layers of a node of the integer network."""


@dataclass(frozen=True)
class Timing:
    """When a layer gives its words, in the simple model that the search for a latency goes by."""

    cycles: int
    """Per frame, at its own pace."""
    share: float
    """Of its input, that must be there for the first word out."""
    head: float
    """Cycles of its own pace that pass before the first word out."""
    depth: float
    """Cycles of its pipeline."""
    tail: float
    """Cycles from its last word in to its last word out."""

    @property
    def delay(self) -> float:
        """Cycles that it holds a frame back, about."""
        return self.head + self.depth + self.tail


def passing(a: Attributes, cycles: int) -> Timing:
    """Return the timing of a layer that gives a word for each that it takes, a cycle later."""
    return Timing(cycles, 0.0, 0, 1, 1)


def always(layer: Any) -> bool:
    """Return True: for an implementation that every layer of its kind can have."""
    return True


@dataclass(frozen=True)
class Implementation:
    """One way to build the layers of a kind in RTL."""

    name: str
    """In folding files, reports and recipes."""
    operator: str
    """Of its nodes in a hardware graph; the class of that name in FINN's registry generates its RTL."""
    schedule: Callable[[Any], Schedule] | None
    """Takes a layer (FINN's `HWCustomOp`), returns when it takes and gives words; None for a FIFO."""
    resources: Callable[[Attributes, Weights, Family], Resources]
    """Estimates what it takes of a part of the family."""
    timing: Callable[[Attributes, int], Timing] = passing
    """Takes attributes with a folding among them, and cycles per frame."""
    suits: Callable[[Any], bool] = always
    """Whether a layer, as lowering left it, can be built so."""
    sets: Mapping[str, Any] = field(default_factory=dict)
    """Attributes that tell it from another implementation with the same operator."""
    streams_weights: bool = False
    """It takes its weights as a second stream, from FINN's memory streamer beside it."""
    weights: Weighing = "dense"
    """How the weights are built into it: one place for each (`dense`), a list of those that are not zero
    (`sparse`), or as logic (`constant`)."""
    primitives: tuple[str, ...] = ()
    """Cells that its RTL instantiates, of which the family must have one; none: any family will do."""
    derives: Callable[[Weights], Mapping[str, Any]] | None = None
    """Takes the weights, returns attributes that say what its cycles and resources depend on besides."""
    pipelined: Callable[[int], Mapping[str, Any]] | None = None
    """Takes how many levels of logic may lie between two registers, returns attributes that follow."""
    foldings: Callable[[Any], list[Folding]] | None = None
    """As `LayerKind.foldings`, of a layer that is built so; None: those of the kind."""
    counts: Callable[[Attributes], Counts] | None = None
    """As `LayerKind.counts`; None: those of the kind."""
    words_before: Callable[[Attributes], int] | None = None
    """As `LayerKind.words_before`; None: those of the kind."""
    proof: Literal["matrix", "thresholds"] | None = None
    """What its RTL is proved to do with every input: multiply with the constants that the layer takes, or
    count how many of them a value reaches; None: it is simulated on samples only."""
    matrix: Callable[[Any, NDArray[np.int64]], NDArray[np.int64]] = lambda layer, weights: weights.T
    """Takes a layer and its weights, returns the matrix (outputs, inputs) of the proof, as they come."""

    def fits(self, family: Family) -> bool:
        """Return whether a part of `family` can have it."""
        return not self.primitives or any(cell in family.cells.dsp for cell in self.primitives)


def lanes(name: str) -> Callable[[Any], list[Folding]]:
    """Return what gives the foldings of a layer that folds over its channels by the attribute `name`."""

    def foldings(layer: Any) -> list[Folding]:
        return [fold(**{name: lanes}) for lanes in divisors(int(layer.get_normal_output_shape()[-1]))]

    return foldings


def divisors(number: int) -> list[int]:
    """Return the divisors of `number`, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


def fold(**values: int) -> Folding:
    """Return the folding with `values`, in their order."""
    return tuple(values.items())


def unfolded(layer: Any) -> list[Folding]:
    """Return the only folding of a layer that has none."""
    return [()]


def waits_for_none(a: Attributes) -> int:
    """Return the words that a FIFO in front of a layer must hold at least: two."""
    return 2


@dataclass(frozen=True)
class LayerKind:
    """A kind of hardware layer."""

    word: str
    """What reports call it."""
    finn: str
    """FINN's name of the layer whose attributes it has, or our own where FINN has no such layer."""
    implementations: tuple[Implementation, ...]
    """Those whose cost is equal are taken in this order."""
    lowers: Mapping[str, Lower] = field(default_factory=dict)
    """Operators of the integer network that become such a layer, and what appends it."""
    foldings: Callable[[Any], list[Folding]] = unfolded
    """Takes a layer, returns what it allows by itself; what it needs of its neighbours is `reads_windows`."""
    words_before: Callable[[Attributes], int] = waits_for_none
    """Takes attributes with a folding, returns the depth of the FIFO in front that lets it run on."""
    counts: Callable[[Attributes], Counts] | None = None
    """Takes attributes with a folding; where None, the layer itself is asked, which takes longer."""
    lane_words: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """Attribute of a folding -> what a lane of it works on, and the attribute with their number; where it is
    missing, a channel."""
    has_weights: bool = False
    """Its second input is a constant matrix that it multiplies with."""
    passes_on: bool = False
    """Its outputs are what came in: a simulation need not write them down."""
    between: bool = False
    """It stands between layers (a FIFO, a width converter) and is no layer of the network."""
    reads_windows: bool = False
    """It reads windows channel by channel, so it must have the lanes of the window generator before it."""
    makes_windows: bool = False
    """It is such a generator."""
    as_finn: Callable[[Any], list[NodeProto]] | None = None
    """Takes a layer that FINN has nothing like, returns layers of FINN's that do the same together."""

    def implementation(self, name: str) -> Implementation:
        """Return the implementation called `name`."""
        return next(one for one in self.implementations if one.name == name)

    def foldings_of(self, layer: Any) -> list[Folding]:
        """Return the foldings that `layer` allows, built as it is."""
        return (self.built(layer).foldings or self.foldings)(layer)

    def built(self, layer: Any) -> Implementation:
        """Return the implementation that `layer` has."""
        operator = layer.onnx_node.op_type
        fitting = [one for one in self.implementations if one.operator == operator]
        with_settings = [
            one
            for one in fitting
            if one.sets and all(layer.get_nodeattr(key) == value for key, value in one.sets.items())
        ]
        plain = [one for one in fitting if not one.sets]
        return (with_settings or plain or fitting)[0]

    def suitable(
        self, layer: Any, family: Family | None = None, weights: Weighing | None = None
    ) -> list[Implementation]:
        """Return the implementations that `layer`, as lowering left it, can have (on `family`, if known).

        Where some of them have their weights as `weights` says, it is those.
        """
        suited = [one for one in self.implementations if one.suits(layer)]
        found = [one for one in suited if family is None or one.fits(family)]
        return [one for one in found if one.weights == weights] or found


_kinds: dict[str, LayerKind] = {}
"""FINN's name, and each operator in hardware graphs -> kind."""


def register(kind: LayerKind) -> LayerKind:
    """Make `kind` known and return it; raises `ValueError` where another has one of its operators."""
    names = {kind.finn, *(one.operator for one in kind.implementations)}
    for name in names:
        if _kinds.get(name, kind) != kind:
            raise ValueError(f"{name} is an operator of the kind {_kinds[name].word} already")
    _kinds.update(dict.fromkeys(names, kind))
    return kind


def kinds() -> Iterator[LayerKind]:
    """Return every kind once."""
    seen: list[LayerKind] = []
    for kind in _kinds.values():
        if kind not in seen:
            seen.append(kind)
            yield kind


def forget(kind: LayerKind) -> None:
    """Take `kind` out again: for tests that add one."""
    for name in [name for name, known in _kinds.items() if known is kind]:
        del _kinds[name]


def find_kind(operator: str) -> LayerKind | None:
    """Return the kind of layer that `operator` of a hardware graph is, None where nobody registered it."""
    return _kinds.get(operator)


def stands_between(operator: str) -> bool:
    """Return whether `operator` of a hardware graph stands between layers: a FIFO, a width converter."""
    kind = find_kind(operator)
    return kind is not None and kind.between


def kind_of(layer: Any) -> LayerKind:
    """Return the kind of `layer` (FINN's `HWCustomOp`); raises `KeyError` where nobody registered it."""
    return _kinds[layer.onnx_node.op_type]


def implementation_of(layer: Any) -> Implementation:
    """Return how `layer` is built."""
    return kind_of(layer).built(layer)


def streams_in(model: Any, node: NodeProto) -> list[str]:
    """Return the tensors that `node` of the hardware graph takes as streams; the others are constants."""
    return [name for name in node.input if name and model.get_initializer(name) is None]


def constants_in(model: Any, node: NodeProto) -> list[NDArray[np.float32]]:
    """Return the constants that `node` of the hardware graph takes, in the order of its inputs."""
    return [values for name in node.input if (values := model.get_initializer(name)) is not None]
