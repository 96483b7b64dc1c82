"""Low-rank factorisation: one layer becomes two or three thinner ones with a quantiser between them.

- `svd`: a dense layer's matrix, or a convolution's with all but the outputs flattened, by its singular
  values: a layer of r outputs, then a dense or 1 x 1 layer (Zhang et al. 2016, "Accelerating Very Deep
  Convolutional Networks", section 3.1).
- `spatial`: a k x k convolution as one down the columns, then one along the rows (Jaderberg et al. 2014,
  "Speeding up Convolutional Neural Networks with Low Rank Expansions", scheme 2).
- `tucker`: a convolution as 1 x 1, the kernel on fewer channels, 1 x 1 (Kim et al. 2016, "Compression of Deep
  Convolutional Neural Networks for Fast and Low Power Mobile Applications"), by the higher-order SVD.
"""

from collections.abc import Sequence
from typing import Any

import torch
from brevitas import nn as qnn
from torch import Tensor, nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.training import FactoriseRecipe
from fpga_flow.train.checkpoint import State
from fpga_flow.train.layers import signed, weight_bits, weight_options, weighted
from fpga_flow.train.mixed import spoken
from fpga_flow.train.spec import matches

Factors = dict[str, dict[str, Any]]
"""Layer -> {"method": str, "ranks": [int]}, as it stands in a checkpoint under `factors`."""


def shape_factors(network: nn.Module, factors: Factors, act_bits: int) -> None:
    """Replace the layers of `network` that `factors` names by their factors, of weights that mean nothing."""
    for path, layer in weighted(network).items():
        found = factors.get(spoken(network, path))
        if found is None:
            continue
        parent, _, name = path.rpartition(".")
        made = _thin_layers(layer, found["method"], found["ranks"])
        parts: list[nn.Module] = []
        for index, part in enumerate(made):
            parts += [signed(act_bits), part] if index else [part]
        setattr(network.get_submodule(parent), name, nn.Sequential(*parts))


def factorised(recipe: Recipe, network: nn.Module, state: State) -> State:
    """Return `state`, of the module `network`, with its layers factorised as the recipe says.

    A layer that would have no fewer weights stays as it is. Raises `InputError` where the recipe names a
    layer that there is not, or a rank that a layer cannot have.
    """
    settings = recipe.train.factorise
    names = {spoken(network, path): (path, layer) for path, layer in weighted(network).items()}
    for entry in (*settings.layers, *settings.ranks):
        if not any(matches(entry, name) for name in names):
            raise InputError(f"train.factorise: {entry!r} is no layer; there are {', '.join(names)}")
    layers, rest = dict[str, Any](), dict(state["rest"])
    factors: Factors = {}
    for name, (path, layer) in names.items():
        kept = state["layers"][name]
        pieces = _factors(name, layer, kept["weight"], settings)
        if pieces is None:
            layers[name] = kept
            continue
        ranks = [len(piece) for piece in pieces[:-1]]
        factors[name] = {"method": _method(layer, settings.method), "ranks": ranks}
        for index, piece in enumerate(pieces):
            layers[spoken(network, f"{path}.{2 * index}")] = {"weight": piece.contiguous(), "mask": None}
        bias = rest.pop(f"{path}.bias", None)
        if bias is not None:
            rest[f"{path}.{2 * len(pieces) - 2}.bias"] = bias
        before, after = kept["weight"].numel(), sum(piece.numel() for piece in pieces)
        say(f"  {name}: rank {', '.join(map(str, ranks))}, {after:,} weights for {before:,}")
    # What quantisers had learned for the layers that are no more is of no use.
    gone = tuple(f"{names[name][0]}.weight_quant." for name in factors)
    rest = {name: value for name, value in rest.items() if not (gone and name.startswith(gone))}
    return state | {"layers": layers, "rest": rest, "factors": factors}


def svd(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return (A, B) of shapes (rows, rank) and (rank, columns) whose product is nearest to `matrix`.

    The singular values are shared out evenly, so that both have weights of one size.
    """
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    root = s[:rank].sqrt()
    return (u[:, :rank] * root).to(matrix.dtype), (root[:, None] * vh[:rank]).to(matrix.dtype)


def rank_for(matrix: Tensor, energy: float) -> int:
    """Return the least rank that keeps this part of the sum of the squared singular values."""
    squares = torch.linalg.svdvals(matrix.double()) ** 2
    if not float(squares.sum()):
        return 1
    kept = torch.cumsum(squares, 0) / squares.sum()
    return min(int((kept < energy - 1e-12).sum()) + 1, len(squares))


def tucker(weight: Tensor, outer: int, inner: int) -> list[Tensor]:
    """Return (1 x 1 weights (inner, I), kernel (outer, inner, ...), 1 x 1 weights (O, outer)) of `weight`."""
    w = weight.double()
    left = torch.linalg.svd(w.flatten(1), full_matrices=False)[0][:, :outer]
    right = torch.linalg.svd(w.transpose(0, 1).flatten(1), full_matrices=False)[0][:, :inner]
    core = torch.einsum("oi...,or,is->rs...", w, left, right)
    return [right.T.to(weight.dtype), core.to(weight.dtype), left.to(weight.dtype)]


def _method(layer: Any, method: str) -> str:
    """Return the method for one layer: dense ones have only one, and a row is no square."""
    if not isinstance(layer, qnn.QuantConv1d | qnn.QuantConv2d):
        return "svd"
    if method == "spatial" and not isinstance(layer, qnn.QuantConv2d):
        return "svd"
    return method


def _factors(name: str, layer: Any, weight: Tensor, settings: FactoriseRecipe) -> list[Tensor] | None:
    """Return the weights of the factors of one layer, None where it stays."""
    given = next((rank for entry, rank in settings.ranks.items() if matches(entry, name)), None)
    wanted = given is not None or any(matches(entry, name) for entry in settings.layers)
    if not wanted or getattr(layer, "groups", 1) != 1:
        return None
    method, size = _method(layer, settings.method), weight.shape[2:]
    if method == "tucker":
        unfolded = (weight.flatten(1), weight.transpose(0, 1).flatten(1))
        outer, inner = (
            min(given, len(m)) if given is not None else rank_for(m, settings.energy) for m in unfolded
        )
        first, core, last = tucker(weight, outer, inner)
        ones = (1,) * len(size)
        pieces = [first.reshape(*first.shape, *ones), core, last.reshape(*last.shape, *ones)]
    else:
        matrix = weight.flatten(1)
        if method == "spatial":  # rows (O, KW), columns (I, KH)
            matrix = weight.permute(0, 3, 1, 2).flatten(2).flatten(0, 1)
        rank = given if given is not None else rank_for(matrix, settings.energy)
        if rank > min(matrix.shape):
            raise InputError(
                f"train.factorise.ranks: {name} must have a rank of at most {min(matrix.shape)}, not {rank}"
            )
        last, first = svd(matrix, rank)
        if method == "spatial":
            outputs, inputs, high, wide = weight.shape
            pieces = [
                first.reshape(rank, inputs, high, 1),
                last.reshape(outputs, wide, rank).permute(0, 2, 1).reshape(outputs, rank, 1, wide),
            ]
        else:
            pieces = [first.reshape(rank, *weight.shape[1:]), last.reshape(-1, rank, *(1 for _ in size))]
    if given is None and sum(piece.numel() for piece in pieces) >= weight.numel():
        return None
    return pieces


def _thin_layers(layer: Any, method: str, ranks: Sequence[int]) -> list[nn.Module]:
    """Return untrained layers that do what the factors of `layer` do."""
    options, bias = weight_options(weight_bits(layer)), layer.bias is not None
    thin = {**options, "bias": False}
    last = {**options, "bias": bias, "bias_quant": layer.bias_quant.quant_injector if bias else None}
    if not isinstance(layer, qnn.QuantConv1d | qnn.QuantConv2d):
        return [
            qnn.QuantLinear(layer.in_features, ranks[0], **thin),
            qnn.QuantLinear(ranks[0], layer.out_features, **last),
        ]
    kind = type(layer)
    axes = len(layer.kernel_size)
    whole = {"kernel_size": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    point = {"kernel_size": (1,) * axes}
    if method == "tucker":
        inner, outer = ranks
        return [
            kind(layer.in_channels, inner, **thin, **point),
            kind(inner, outer, **thin, **whole),
            kind(outer, layer.out_channels, **point, **last),
        ]
    if method == "spatial":
        (high, wide), (down, across) = layer.kernel_size, layer.stride
        top, side = layer.padding
        column = {"kernel_size": (high, 1), "stride": (down, 1), "padding": (top, 0)}
        row = {"kernel_size": (1, wide), "stride": (1, across), "padding": (0, side)}
        return [
            kind(layer.in_channels, ranks[0], **thin, **column),
            kind(ranks[0], layer.out_channels, **row, **last),
        ]
    return [
        kind(layer.in_channels, ranks[0], **thin, **whole),
        kind(ranks[0], layer.out_channels, **point, **last),
    ]
