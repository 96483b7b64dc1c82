"""Draws random networks that are legal and small enough to compile and simulate in seconds."""

from collections.abc import Callable
from dataclasses import replace
from math import gcd

from hypothesis import strategies as st

from tests.search.choices import Choices, DrawnChoices, Menu, SeededChoices
from tests.search.describe import (
    FUNCTIONS,
    Act,
    AvgPool,
    Block,
    Concat,
    Conv,
    Dense,
    Flatten,
    Folding,
    Gamma,
    GlobalKind,
    GlobalPool,
    MaxPool,
    Network,
    Norm,
    Residual,
    Split,
    Upsample,
    Way,
    Weights,
)
from tests.search.shapes import IllegalError, State, after, after_all, final, start

MOST_BLOCKS = 4
BOARDS = ("pynq-z1", "zcu104")


def _weights(choose: Choices) -> Weights:
    kind = choose.one(choose.menu.weights)
    bits = 1 if kind == "bipolar" else choose.integer(_least_bits(choose, kind), 8)
    zeros = 0.0 if kind == "bipolar" else choose.one([0.0, 0.0, 0.5, 0.9])
    return Weights(bits, kind, choose.once_in(2), choose.once_in(8), zeros)


def _act(choose: Choices, bipolar: bool = True) -> Act:
    kind = choose.one([kind for kind in choose.menu.acts if bipolar or kind != "bipolar"])
    least = _least_bits(choose, kind)
    bits = 1 if kind == "bipolar" else choose.one([b for b in (1, 2, 3, 4, 5, 6, 8) if b >= least])
    return Act(bits, kind, choose.once_in(2), choose.one([1.0, 1.0, 0.4, 4.0]), choose.once_in(4))


def _least_bits(choose: Choices, kind: str) -> int:
    return max(1 if kind == "unsigned" else 2, choose.menu.least_bits)


def _sizes(choose: Choices, axes: int, values: list[int]) -> tuple[int, ...]:
    return tuple(choose.one(values) for _ in range(axes))


def _conv(choose: Choices, state: State, *, same: bool = False) -> Conv:
    """Draw a convolution; with `same` one that keeps the size."""
    axes, depthwise = len(state.shape) - 1, choose.menu.depthwise and choose.once_in(4)
    filters = state.shape[0] if depthwise else choose.integer(1, 8)
    groups = 1
    if not depthwise and choose.menu.depthwise and choose.once_in(4):
        common = gcd(state.shape[0], filters)
        groups = choose.one([n for n in range(1, common + 1) if common % n == 0])
    if same:
        kernel = _sizes(choose, axes, [3, 1])
        pads = tuple(k // 2 for k in kernel) * 2
        return Conv(
            kernel, (1,) * axes, pads, (1,) * axes, filters, _weights(choose), depthwise, groups=groups
        )
    kernel = _sizes(choose, axes, [3, 1, 2, 4, 5])
    stride = _sizes(choose, axes, [1, 1, 2, 3])
    dilation = _sizes(choose, axes, [1, 1, 1, 2])
    pads = (0,) * (2 * axes)
    if choose.once_in(2) and not state.bipolar:
        pads = tuple(choose.integer(0, k // 2) for k in kernel * 2)
    bias = choose.once_in(4)
    return Conv(kernel, stride, pads, dilation, filters, _weights(choose), depthwise, bias, groups)


def _functions(choose: Choices, matrix: bool) -> list[Block]:
    """Draw what stands between a sum and the next one: a batch norm perhaps, a quantiser."""
    blocks: list[Block] = []
    if choose.once_in(2):
        gammas: list[Gamma] = ["mixed", "zeros", "positive"] if matrix else ["positive"]
        blocks.append(Norm(choose.one(gammas)))
    act = _act(choose)
    if act.kind != "bipolar" and choose.once_in(4):
        act = replace(act, relu=False, tie=False, function=choose.one(FUNCTIONS))
    return [*blocks, act]


def _max_pool(choose: Choices, state: State) -> MaxPool:
    axes = len(state.shape) - 1
    kernel = _sizes(choose, axes, [2, 1, 3])
    stride = tuple(choose.one([k, 1, 2]) for k in kernel)
    pads = (0,) * (2 * axes)
    if state.low >= 0 and state.quantised and choose.once_in(4):
        pads = tuple(choose.integer(0, k // 2) for k in kernel * 2)
    return MaxPool(kernel, stride, pads)


def _layer(choose: Choices, state: State) -> list[Block]:
    """Draw the blocks of one convolution or dense layer, from a quantised tensor to the next."""
    if len(state.shape) == 1:
        neurons = choose.integer(1, 16)
        return [Dense(neurons, _weights(choose), choose.once_in(4)), *_functions(choose, True)]
    blocks: list[Block] = [_conv(choose, state), *_functions(choose, True)]
    if choose.once_in(4):  # a pool in front of the quantiser
        blocks.insert(1, _max_pool(choose, after(state, blocks[0])))
        if isinstance(blocks[2], Norm):
            blocks[2] = Norm("positive")
    return blocks


def _way(choose: Choices, state: State) -> tuple[Block, ...]:
    """Draw one or two layers that keep the size and end unquantised."""
    blocks: list[Block] = []
    for last in (False, True):
        if not last and choose.once_in(2):
            continue
        blocks.append(_conv(choose, state, same=True) if len(state.shape) > 1 else _dense(choose))
        if not last:
            blocks.append(_act(choose, bipolar=False))
        elif choose.once_in(2):
            blocks.append(Norm())
        state = after_all(state, tuple(blocks[-2:] if not last else ()))
    return tuple(blocks)


def _dense(choose: Choices) -> Dense:
    return Dense(choose.integer(1, 12), _weights(choose))


def _with_filters(way: tuple[Block, ...], filters: int) -> tuple[Block, ...]:
    """Return `way` with so many channels at its end."""
    blocks = list(way)
    for i in reversed(range(len(blocks))):
        block = blocks[i]
        if isinstance(block, Conv):
            blocks[i] = Conv(**{**vars(block), "filters": filters, "depthwise": False, "groups": 1})
            break
        if isinstance(block, Dense):
            blocks[i] = Dense(**{**vars(block), "neurons": filters})
            break
    return tuple(blocks)


def _residual(choose: Choices, state: State) -> list[Block]:
    main, act = _way(choose, state), _act(choose, bipolar=False)
    if choose.once_in(2):
        requantise, unlike = choose.once_in(2), choose.once_in(2)
        gate = unlike and choose.once_in(2)
        return [Residual(_with_filters(main, state.shape[0]), (), act, requantise, unlike, gate)]
    filters = choose.integer(1, 6)
    skip = _with_filters(_way(choose, state), filters)
    unlike = choose.once_in(2)
    return [Residual(_with_filters(main, filters), skip, act, False, unlike, unlike and choose.once_in(2))]


def _concat(choose: Choices, state: State) -> list[Block]:
    ways = [_way(choose, state) for _ in range(choose.integer(1, 2))]
    if len(ways) == 1 or choose.once_in(2):
        ways.insert(choose.integer(0, 1), ())
    return [Concat(tuple(ways), _act(choose, bipolar=False))]


def _split(choose: Choices, state: State) -> list[Block]:
    channels = state.shape[0]
    if channels < 2:
        raise IllegalError("one channel cannot be split")
    first = choose.integer(1, channels - 1)
    parts = [State((size, *state.shape[1:]), state.low, state.high) for size in (first, channels - first)]
    ways = tuple(_way(choose, part) if choose.once_in(2) else () for part in parts)
    return [Split((first, channels - first), ways, _act(choose, bipolar=False))]


def _average(choose: Choices, state: State) -> list[Block]:
    kernel = _sizes(choose, len(state.shape) - 1, [2, 1, 3])
    stride = tuple(choose.one([k, 1]) for k in kernel)
    return [AvgPool(kernel, stride), *_functions(choose, False)]


def _global(choose: Choices, state: State) -> list[Block]:
    kinds: list[GlobalKind] = ["average", "max"]
    kind = choose.one(kinds)
    return [GlobalPool(kind), *(_functions(choose, False) if kind == "average" else [])]


SPATIAL: dict[str, Callable[[Choices, State], list[Block]]] = {
    "layer": _layer,
    "max_pool": lambda choose, state: [_max_pool(choose, state)],
    "average": _average,
    "global": _global,
    "upsample": lambda choose, state: [Upsample(_sizes(choose, len(state.shape) - 1, [2, 1, 3]))],
    "requantise": lambda choose, state: _functions(choose, False),
    "residual": _residual,
    "concat": _concat,
    "split": _split,
}
FLAT = ("layer", "requantise", "residual", "concat", "split")
EVERYTHING = Menu(tuple(SPATIAL))
CHAINS = Menu(("layer", "max_pool", "requantise"))
"""Without branches."""
NARROW = Menu(tuple(SPATIAL), ("narrow",), ("unsigned", "signed", "narrow"), least_bits=2, depthwise=False)
"""What FINN's own matrix unit can."""
MENUS = {"everything": EVERYTHING, "chains": CHAINS, "narrow": NARROW}


def _blocks(choose: Choices, state: State) -> tuple[list[Block], State]:
    blocks: list[Block] = []
    wanted = choose.integer(1, MOST_BLOCKS)
    for _ in range(wanted):
        names = [n for n in choose.menu.blocks if len(state.shape) > 1 or n in FLAT]
        kind = choose.one(["layer", "layer", *names])
        try:
            more = SPATIAL[kind](choose, state)
            following = after_all(state, tuple(more))
        except IllegalError:
            continue
        blocks, state = [*blocks, *more], following
        if len(state.shape) > 1 and choose.once_in(8):
            blocks, state = [*blocks, Flatten()], after(state, Flatten())
    return blocks, state


def _ending(choose: Choices, state: State) -> tuple[list[Block], int]:
    """Draw the end: classes or numbers of a dense layer, or of a convolution, or the tensor as it is."""
    kind = choose.one(choose.menu.endings)
    if kind == "tensor":
        return [], 0
    if kind == "conv" and len(state.shape) > 1:
        return [_conv(choose, state)], 0
    blocks: list[Block] = [Flatten()] if len(state.shape) > 1 else []
    classes = choose.integer(2, 10)
    weights = _weights(choose)
    weights = Weights(**{**vars(weights), "per_channel": False})
    blocks.append(Dense(classes, weights))
    top = 0 if kind == "logits" else choose.one([1, 1, min(2, classes), min(5, classes)])
    return blocks, top


def _shape(choose: Choices) -> tuple[int, ...]:
    axes = choose.one([1, 2, 2, 0])
    if axes == 0:
        return (choose.integer(2, 40),)
    channels = choose.integer(1, 6)
    if axes == 1:
        return (channels, choose.integer(4, 32))
    return (channels, choose.integer(3, 9), choose.integer(3, 9))


def choose_network(choose: Choices) -> Network:
    """Return a network of what is on the menu."""
    source = _act(choose)
    shape = _shape(choose)
    kind = "signed" if source.kind == "narrow" else source.kind
    source = Act(source.bits, kind, relu=False)
    blank = Network(shape, source, ())
    blocks, state = _blocks(choose, start(blank))
    try:
        ending, top_k = _ending(choose, state)
        after_all(state, tuple(ending))
    except IllegalError:
        ending, top_k = [], 0
    if not [*blocks, *ending]:
        ending = [Act(3, "unsigned")]
    at_random = choose.once_in(2)
    way: Way = "brevitas" if choose.once_in(4) else "qonnx"
    cycles = choose.one([1, 50, 200, 1000, 100_000])
    folding = Folding(None, choose.integer(0, 999)) if at_random else Folding(cycles)
    network = Network(
        shape,
        source,
        (*blocks, *ending),
        top_k,
        way,
        choose.integer(0, 10**6),
        folding,
        choose.one(BOARDS),
        choose.one([0.3, 0.1, 0.6, 0.9]),
    )
    try:
        final(network)
    except IllegalError:  # what torch has no module for
        network = replace(network, way="qonnx")
        final(network)
    return network


def network_of(seed: int, menu: Menu = EVERYTHING) -> Network:
    """Return the network that `seed` draws."""
    return choose_network(SeededChoices(seed, menu))


def networks(menu: Menu = EVERYTHING) -> st.SearchStrategy[Network]:
    """Draw networks evenly: hypothesis chooses a seed, so no two are alike, and `shrink` makes them small."""
    return st.integers(0, 2**32 - 1).map(lambda seed: network_of(seed, menu))


@st.composite
def networks_choice_by_choice(draw: st.DrawFn, menu: Menu = EVERYTHING) -> Network:
    """Draw networks that hypothesis itself varies and shrinks; where an example costs little."""
    return choose_network(DrawnChoices(draw, menu))
