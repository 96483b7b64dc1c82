"""Makes a failing network smaller, as long as it fails in the same way."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.search.describe import (
    Act,
    Block,
    Concat,
    Conv,
    Dense,
    Folding,
    Network,
    Norm,
    Residual,
    Split,
    Weights,
)
from tests.search.shapes import IllegalError, final


def shrink(
    network: Network, fails: Callable[[Network], bool], seconds: float, step: Callable[[Network], None]
) -> Network:
    """Return a smaller network for which `fails` still holds; `step` is told of every smaller one."""
    until, tried = time.monotonic() + seconds, {network}
    again = True
    while again:
        again = False
        for candidate in candidates(network):
            if time.monotonic() > until:
                return network
            if candidate in tried or not legal(candidate):
                continue
            tried.add(candidate)
            if fails(candidate):
                network, again = candidate, True
                step(network)
                break
    return network


def legal(network: Network) -> bool:
    """Whether the description is one of a network."""
    try:
        final(network)
    except IllegalError:
        return False
    return bool(network.blocks)


def candidates(network: Network) -> Iterator[Network]:
    """Yield simpler networks, those that save most first."""
    for blocks in _fewer(network.blocks):
        yield replace(network, blocks=blocks)
    if network.top_k:
        yield replace(network, top_k=0)
        yield replace(network, top_k=1)
    for size in _smaller(network.shape):
        yield replace(network, shape=size)
    for blocks in _simpler_blocks(network.blocks):
        yield replace(network, blocks=blocks)
    if network.folding != Folding(100_000):
        yield replace(network, folding=Folding(100_000))
    if network.folding.cycles is None:
        yield replace(network, folding=Folding(1))
        for seed in range(3):
            yield replace(network, folding=Folding(None, seed))
    changes: dict[str, Any]
    for changes in ({"board": "pynq-z1"}, {"way": "qonnx"}, {"seed": 0}, {"stall": 0.3}):
        yield replace(network, **changes)
    for act in _simpler_act(network.input):
        yield replace(network, input=replace(act, relu=False))


def _fewer(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, ...]]:
    """Yield `blocks` with some left out, or with a branching one's way in its place."""
    for count in (4, 2, 1):
        for start in range(len(blocks) - count, -1, -1):
            yield (*blocks[:start], *blocks[start + count :])
    for i, block in enumerate(blocks):
        ways: tuple[tuple[Block, ...], ...] = ()
        if isinstance(block, Residual):
            ways = (block.main, block.skip)
        elif isinstance(block, Concat):
            ways = block.ways
        for way in ways:
            yield (*blocks[:i], *way, block.act, *blocks[i + 1 :])  # type: ignore[union-attr]


def _simpler_blocks(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, ...]]:
    for i, block in enumerate(blocks):
        for simpler in _simpler(block):
            yield (*blocks[:i], simpler, *blocks[i + 1 :])


def _smaller(sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for i, size in enumerate(sizes):
        for less in dict.fromkeys((1, size // 2, size - 1)):
            if 0 < less < size:
                yield (*sizes[:i], less, *sizes[i + 1 :])


def _simpler(block: Block) -> Iterator[Block]:
    """Yield simpler versions of one block."""
    if isinstance(block, Conv | Dense):
        for weights in _simpler_weights(block.weights):
            yield replace(block, weights=weights)
        if block.bias:
            yield replace(block, bias=False)
        if isinstance(block, Conv) and block.groups > 1:
            yield replace(block, groups=1)
        size = "filters" if isinstance(block, Conv) else "neurons"
        for (less,) in _smaller((getattr(block, size),)):
            yield replace(block, **{size: less})  # type: ignore[arg-type]
    for key in ("kernel", "stride", "dilation", "factors"):
        for sizes in _smaller(getattr(block, key, ())):
            yield replace(block, **{key: sizes})  # type: ignore[arg-type]
    pads = getattr(block, "pads", ())
    for i, pad in enumerate(pads):
        if pad:
            yield replace(block, **{"pads": (*pads[:i], 0, *pads[i + 1 :])})  # type: ignore[arg-type]
    if isinstance(block, Norm) and block.gamma != "positive":
        yield Norm("positive")
    if isinstance(block, Act):
        yield from _simpler_act(block)
    if isinstance(block, Residual):
        for main in (*_fewer(block.main), *_simpler_blocks(block.main)):
            yield replace(block, main=main)
        for skip in (*_fewer(block.skip), *_simpler_blocks(block.skip)):
            yield replace(block, skip=skip)
    if isinstance(block, Concat | Split):
        for i, way in enumerate(block.ways):
            for other in (*_fewer(way), *_simpler_blocks(way)):
                yield replace(block, ways=(*block.ways[:i], other, *block.ways[i + 1 :]))
            if isinstance(block, Concat) and len(block.ways) > 2:
                yield replace(block, ways=(*block.ways[:i], *block.ways[i + 1 :]))
    if isinstance(block, Residual | Concat | Split):
        for act in _simpler_act(block.act):
            yield replace(block, act=act)


def _simpler_weights(weights: Weights) -> Iterator[Weights]:
    simple: list[dict[str, Any]] = [{"kind": "narrow", "bits": max(2, weights.bits)}]
    simple += [{"per_channel": False}, {"extreme": False}, {"zeros": 0.0}]
    if weights.kind != "bipolar":
        simple += [{"bits": 2}, {"bits": 4}]
    yield from (new for change in simple if (new := replace(weights, **change)) != weights)


def _simpler_act(act: Act) -> Iterator[Act]:
    simple: list[dict[str, Any]] = [{"kind": "unsigned", "bits": max(2, act.bits)}]
    simple += [{"tie": False}, {"relu": False}, {"spread": 1.0}]
    if act.kind != "bipolar":
        simple += [{"bits": 2}, {"bits": 4}]
    yield from (new for change in simple if (new := replace(act, **change)) != act)
