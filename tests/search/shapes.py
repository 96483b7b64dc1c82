"""What a block makes of a tensor: the shape and kind of its output, its work, and whether it is legal."""

from dataclasses import dataclass, replace
from math import prod

from tests.search.describe import (
    Act,
    AvgPool,
    Block,
    Concat,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    MaxPool,
    Network,
    Norm,
    Residual,
    Split,
    Upsample,
    Weights,
    every,
)

MOST_WORK = 6_000
"""Multiply-accumulates of a layer, and words of a stream: the cycles per frame of unfolded hardware."""
MOST_WEIGHTS = 4_000
MOST_SUM = 2**22
"""Of an accumulator: below float32's limit, with room for what stands behind it."""


class IllegalError(ValueError):
    """A block cannot stand where it does; says why."""


@dataclass(frozen=True)
class State:
    """A tensor between two blocks."""

    shape: tuple[int, ...]
    """(channels, ...) without the batch."""
    low: int
    high: int
    """Bounds of its integers."""
    quantised: bool = True
    """On the grid of one positive scale: what a convolution may read."""
    matrix: bool = False
    """Straight from a convolution or dense layer: channels may still be negated there."""
    bipolar: bool = False
    work: int = 0
    """The most of any layer so far."""

    def to(self, shape: tuple[int, ...], work: int, **changes: object) -> "State":
        """Return the state of a layer's output; raises `IllegalError` where it is too much work."""
        most = max(self.work, work, prod(self.shape), prod(shape))
        if most > MOST_WORK:
            raise IllegalError(f"too much work: {most}")
        if min(shape, default=0) < 1:
            raise IllegalError(f"nothing left of {self.shape}")
        return replace(self, shape=shape, work=most, **changes)  # type: ignore[arg-type]


def code_limits(act: Act) -> tuple[int, int]:
    """Return the least and largest code of a quantiser."""
    if act.kind == "bipolar":
        return -1, 1
    if act.kind == "unsigned":
        return 0, 2**act.bits - 1
    return -(2 ** (act.bits - 1)) + (act.kind == "narrow"), 2 ** (act.bits - 1) - 1


def start(network: Network) -> State:
    """Return the state behind the input quantiser."""
    low, high = code_limits(network.input)
    return State(network.shape, low, high, bipolar=network.input.kind == "bipolar")


def final(network: Network) -> State:
    """Return the state at the output; raises `IllegalError` where the network is not legal."""
    state = after_all(start(network), network.blocks)
    if network.top_k > state.shape[0] or (network.top_k and prod(state.shape) != state.shape[0]):
        raise IllegalError(f"no {network.top_k} classes in {state.shape}")
    if not network.blocks:
        raise IllegalError("an empty network")
    if network.way == "brevitas":
        _check_torch(network)
    return state


def _check_torch(network: Network) -> None:
    """Raise `IllegalError` for what torch or Brevitas cannot say."""
    for pool in every(network, MaxPool):
        half = len(pool.kernel)
        if pool.pads[:half] != pool.pads[half:]:
            raise IllegalError("torch pools with equal padding on both ends")
    quantisers: list[Act | Weights] = [*every(network, Act), *every(network, Weights)]
    for part in quantisers:
        if part.bits == 1 and part.kind == "unsigned":
            raise IllegalError("Brevitas exports every quantiser of one bit as a bipolar one")


def after_all(state: State, blocks: tuple[Block, ...]) -> State:
    """Return the state behind `blocks`."""
    for block in blocks:
        state = after(state, block)
    return state


def window(size: tuple[int, ...], block: Conv | MaxPool | AvgPool) -> tuple[int, ...]:
    """Return the spatial shape behind a sliding window."""
    axes = len(size)
    pads = getattr(block, "pads", (0,) * (2 * axes))
    dilation = getattr(block, "dilation", (1,) * axes)
    if not len(block.kernel) == len(block.stride) == len(dilation) == axes == len(pads) // 2:
        raise IllegalError(f"a window over {len(block.kernel)} axes of {axes}")
    return tuple(
        (size[i] + pads[i] + pads[i + axes] - dilation[i] * (block.kernel[i] - 1) - 1) // block.stride[i] + 1
        for i in range(axes)
    )


def after(state: State, block: Block) -> State:
    """Return the state behind `block`; raises `IllegalError` where it cannot stand here."""
    channels, *spatial = state.shape
    quantised_only = Conv | Dense | AvgPool | Residual | Concat | Split
    if isinstance(block, quantised_only) and not state.quantised:
        raise IllegalError("needs a quantised input")
    spatial_only = Conv | MaxPool | AvgPool | GlobalPool | Upsample | Flatten
    if isinstance(block, spatial_only) and not spatial:
        raise IllegalError("needs a spatial input")
    if isinstance(block, Conv):
        return _conv(state, block)
    if isinstance(block, Dense):
        if spatial:
            raise IllegalError("needs a flat input")
        state = _sums(state, block, channels, channels * block.neurons)
        return state.to((block.neurons,), channels * block.neurons, quantised=False, matrix=True)
    if isinstance(block, Norm):
        if block.gamma != "positive" and not state.matrix:
            raise IllegalError("negative gammas need a matrix right before")
        return replace(state, quantised=False, matrix=False)
    if isinstance(block, Act):
        low, high = code_limits(block)
        made = state.to(state.shape, 0, quantised=True, matrix=False, bipolar=block.kind == "bipolar")
        return replace(made, low=low, high=high)
    if isinstance(block, MaxPool):
        return _max_pool(state, block)
    if isinstance(block, AvgPool):
        if state.bipolar:
            raise IllegalError("an average of bipolar values")
        size = prod(block.kernel)
        shape = (channels, *window(tuple(spatial), block))
        made = state.to(shape, prod(shape) * size, quantised=False, matrix=False)
        return replace(made, low=state.low * size, high=state.high * size)
    if isinstance(block, GlobalPool):
        if block.kind == "max":
            return state.to((channels, *[1] * len(spatial)), 0, matrix=False)
        if not state.quantised or state.bipolar:
            raise IllegalError("an average of what is not quantised")
        made = state.to((channels, *[1] * len(spatial)), 0, quantised=False, matrix=False)
        return replace(made, low=state.low * prod(spatial), high=state.high * prod(spatial))
    if isinstance(block, Upsample):
        if len(block.factors) != len(spatial):
            raise IllegalError("one factor per axis")
        shape = (channels, *(s * f for s, f in zip(spatial, block.factors, strict=True)))
        return state.to(shape, 0, matrix=False)
    if isinstance(block, Flatten):
        return state.to((prod(state.shape),), 0, matrix=False)
    return _branches(state, block)


def _sums(state: State, block: Conv | Dense, terms: int, weights: int) -> State:
    if weights > MOST_WEIGHTS:
        raise IllegalError(f"{weights} weights")
    most = terms * 2 ** (block.weights.bits - (block.weights.kind != "unsigned"))
    low, high = min(state.low, 0), max(state.high, 0)
    reach = max(most * max(high, -low), 1)
    if reach > MOST_SUM:
        raise IllegalError(f"sums reach {reach}")
    return replace(state, low=-reach, high=reach, bipolar=False)


def _conv(state: State, block: Conv) -> State:
    channels, *spatial = state.shape
    if block.depthwise and block.filters != channels:
        raise IllegalError("depthwise: a filter a channel")
    if state.bipolar and any(block.pads):
        raise IllegalError("zero padding of bipolar values")
    groups = block.groups_of(channels)
    if channels % groups or block.filters % groups:
        raise IllegalError(f"{groups} groups of {channels} channels to {block.filters}")
    terms = channels // groups * prod(block.kernel)
    products = terms if block.depthwise else channels * prod(block.kernel)  # groups are one in hardware
    shape = (block.filters, *window(tuple(spatial), block))
    state = _sums(state, block, terms, products * block.filters)
    padded = channels * prod(
        size + block.pads[axis] + block.pads[axis + len(spatial)] for axis, size in enumerate(spatial)
    )
    return state.to(shape, max(prod(shape) * products, padded), quantised=False, matrix=True)


def _max_pool(state: State, block: MaxPool) -> State:
    channels, *spatial = state.shape
    if any(block.pads) and (not state.quantised or state.low < 0):
        raise IllegalError("padding of negative values")
    axes = len(spatial)
    if len(block.kernel) != axes:
        raise IllegalError("a window of other axes")
    if any(block.pads[i % axes] >= block.kernel[i % axes] for i in range(2 * axes)):
        raise IllegalError("more padding than window")
    shape = (channels, *window(tuple(spatial), block))
    return state.to(shape, prod(shape) * prod(block.kernel), matrix=False)


def _branches(state: State, block: Residual | Concat | Split) -> State:
    channels = state.shape[0]
    low, high = code_limits(block.act)
    if isinstance(block, Residual):
        ends = [after_all(state, block.main), after_all(state, block.skip)]
        if ends[0].shape != ends[1].shape:
            raise IllegalError(f"a sum of {ends[0].shape} and {ends[1].shape}")
        own = not block.skip and not block.requantise and not block.unlike
        if own and state.bipolar:
            raise IllegalError("a sum of bipolar values")
        sides = 1 if block.unlike else 2
        shape, low, high = ends[0].shape, sides * low, sides * high
    else:
        if isinstance(block, Split):
            if sum(block.sizes) != channels or len(block.ways) != len(block.sizes) or min(block.sizes) < 1:
                raise IllegalError("groups that are not the channels")
            starts = [replace(state, shape=(size, *state.shape[1:])) for size in block.sizes]
        else:
            starts = [state] * len(block.ways)
        ends = [after_all(one, way) for one, way in zip(starts, block.ways, strict=True)]
        if len({end.shape[1:] for end in ends}) != 1:
            raise IllegalError("ways that end in different sizes")
        shape = (sum(end.shape[0] for end in ends), *ends[0].shape[1:])
    work = max(end.work for end in ends)
    bipolar = block.act.kind == "bipolar" and not isinstance(block, Residual)
    made = state.to(shape, work, quantised=True, matrix=False, bipolar=bipolar)
    return replace(made, low=min(low, state.low), high=max(high, state.high))
