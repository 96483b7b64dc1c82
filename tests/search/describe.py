"""A quantised network as plain data: what it is made of, how it is folded, how its streams stall.

Everything that the description leaves open (weights, scales, batch norms) follows from its seed, so a
description written as JSON is the network.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeVar

Part = TypeVar("Part")

WeightKind = Literal["narrow", "signed", "unsigned", "bipolar"]
Gamma = Literal["positive", "mixed", "zeros"]
GlobalKind = Literal["max", "average"]
Way = Literal["qonnx", "brevitas"]
ActKind = Literal["unsigned", "signed", "narrow", "bipolar"]
FUNCTIONS = ("sigmoid", "tanh", "silu", "elu", "softplus")
"""Of one number, in front of a quantiser."""


@dataclass(frozen=True)
class Weights:
    """How a kernel or matrix is quantised."""

    bits: int = 4
    kind: WeightKind = "narrow"
    per_channel: bool = False
    """One scale per output channel."""
    extreme: bool = False
    """Every weight at one end of its range: the largest sums there are."""
    zeros: float = 0.0
    """This share of them is pruned, where zero there is."""


@dataclass(frozen=True)
class Conv:
    """A convolution; kernel, stride and dilation have one number per spatial axis, pads two."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    dilation: tuple[int, ...]
    filters: int
    """Of a depthwise convolution: as many as channels."""
    weights: Weights = Weights()
    depthwise: bool = False
    bias: bool = False
    groups: int = 1
    """Of one that is not depthwise."""

    def groups_of(self, channels: int) -> int:
        """Return the groups of so many input channels."""
        return channels if self.depthwise else self.groups


@dataclass(frozen=True)
class Dense:
    """A dense layer."""

    neurons: int
    weights: Weights = Weights()
    bias: bool = False


@dataclass(frozen=True)
class Norm:
    """A batch norm; `mixed` has negative gammas, `zeros` also some that are 0."""

    gamma: Gamma = "mixed"


@dataclass(frozen=True)
class Act:
    """A quantiser, of a ReLU where `relu`."""

    bits: int = 4
    kind: ActKind = "unsigned"
    relu: bool = True
    spread: float = 1.0
    """Of the codes, against a scale that just fits: above 1 saturates."""
    tie: bool = False
    """Its scale is that of its input times a power of two: many values lie between two codes."""
    function: str = ""
    """One of `FUNCTIONS` that stands in front of it; none where empty."""


@dataclass(frozen=True)
class MaxPool:
    """Maximum over windows."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]


@dataclass(frozen=True)
class AvgPool:
    """Average over windows."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class GlobalPool:
    """Maximum or average over all positions."""

    kind: GlobalKind = "average"


@dataclass(frozen=True)
class Upsample:
    """Every position repeated, one factor per spatial axis."""

    factors: tuple[int, ...]


@dataclass(frozen=True)
class Flatten:
    """All values of a frame in a row."""


@dataclass(frozen=True)
class Residual:
    """The sum of two ways from one tensor, quantised alike by `act`, or each with a scale of its own."""

    main: "tuple[Block, ...]"
    skip: "tuple[Block, ...]"
    act: Act
    requantise: bool = False
    """An empty skip goes through a quantiser of its own; else the main way takes the scale of the skip."""
    unlike: bool = False
    """The ways have scales of their own, and the sum is quantised by `act` too."""
    gate: bool = False
    """Of unlike ways the product instead of the sum."""


@dataclass(frozen=True)
class Concat:
    """The channels of several ways from one tensor, quantised alike by `act`; an empty way is the tensor."""

    ways: "tuple[tuple[Block, ...], ...]"
    act: Act


@dataclass(frozen=True)
class Split:
    """The channels in groups, each its way, and put together again, quantised alike by `act`."""

    sizes: tuple[int, ...]
    ways: "tuple[tuple[Block, ...], ...]"
    act: Act


Block = (
    Conv
    | Dense
    | Norm
    | Act
    | MaxPool
    | AvgPool
    | GlobalPool
    | Upsample
    | Flatten
    | Residual
    | Concat
    | Split
)


@dataclass(frozen=True)
class Folding:
    """Cycles a frame to aim at, or every layer folded at random."""

    cycles: int | None = 1000
    seed: int = 0
    """Of the random folding, where there is no aim."""


@dataclass(frozen=True)
class Network:
    """A whole network; `blocks` ends on the tensor that `top_k` chooses from, or that comes out."""

    shape: tuple[int, ...]
    """Of a frame: (channels, length), (channels, height, width) or (features,)."""
    input: Act
    blocks: tuple[Block, ...]
    top_k: int = 1
    """0: the numbers themselves come out."""
    way: Way = "qonnx"
    seed: int = 0
    folding: Folding = Folding()
    board: str = "pynq-z1"
    stall: float = 0.3


KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Conv, Dense, Norm, Act, MaxPool, AvgPool, GlobalPool, Upsample, Flatten, Residual, Concat, Split),
        *(Weights, Folding, Network),
    )
}


def to_json(network: Network) -> str:
    """Return the description as one line of JSON."""
    return json.dumps(_plain(network))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if type(value) in KINDS.values():
        table = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"is": type(value).__name__, **table}
    return value


def from_json(text: str) -> Network:
    """Return the description that `to_json` wrote."""
    found = _built(json.loads(text))
    if not isinstance(found, Network):
        raise ValueError(f"is no network: {text[:60]}")
    return found


def _built(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_built(entry) for entry in value)
    if isinstance(value, dict):
        table = {key: _built(entry) for key, entry in value.items() if key != "is"}
        return KINDS[value["is"]](**table)
    return value


def every(value: Any, kind: type[Part]) -> Iterator[Part]:
    """Yield everything of one kind in a description, however deep."""
    if isinstance(value, kind):
        yield value
    parts = value if isinstance(value, tuple) else vars(value).values() if is_dataclass(value) else ()
    for part in parts:
        yield from every(part, kind)


def summary(network: Network) -> str:
    """Return a few words."""

    def names(blocks: tuple[Block, ...]) -> str:
        words = []
        for block in blocks:
            inner = (block.main, block.skip) if isinstance(block, Residual) else getattr(block, "ways", None)
            words.append(
                type(block).__name__.lower() + (f"({' | '.join(map(names, inner))})" if inner else "")
            )
        return " ".join(words) or "-"

    size = "x".join(map(str, network.shape))
    return f"{network.way} {size} {names(network.blocks)}"
