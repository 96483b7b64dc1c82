"""A layer built of shared adders: foldings, cycles, schedule and estimate, by the layer's attributes.

The network of adders is found once, from the weights, and is an attribute of the layer (`Network`, as JSON),
with who found it (`Solver`). It does not depend on the type of the inputs, which only sets widths.

What is asked here of attributes is asked of those of a matrix unit (FINN's `MVAU`), with `Digit` and
`Network`. A layer of another kind is one too, of a larger matrix; its kind says which (`Form`).
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.core.progress import say
from fpga_flow.finn.datatypes import range_of
from fpga_flow.layers.base import (
    Attributes,
    Counts,
    Folding,
    Implementation,
    Timing,
    Weights,
    divisors,
    fold,
    waits_for_none,
)
from fpga_flow.layers.constant.adders import AdderGraph, Integers, Range
from fpga_flow.layers.constant.resources import resources
from fpga_flow.layers.constant.schedule import Digits
from fpga_flow.layers.constant.solvers import installed, solve
from fpga_flow.layers.constant.unit import Unit, Words
from fpga_flow.layers.schedules import Pattern, steps
from fpga_flow.layers.schedules import Schedule as Tokens
from fpga_flow.target.memory import bits_of

OPERATOR = "ConstantMatrix_rtl"
"""Of the nodes of matrix units."""
MOST_WEIGHTS = 16_384
"""Of a layer that can be built so: the search for its network takes seconds, and it fits a part."""
MOST_INPUTS = 2_304
"""Of its matrix: every value of the network is looked at for each (256 channels of 3 x 3)."""
SOLVED_FOR = Range(0, 15)
"""The inputs' range that the solvers are told, whatever it is."""


Matrix = Callable[[Integers], Integers]
"""Takes the weights of a layer, returns its matrix (outputs, inputs)."""


@dataclass(frozen=True)
class Form:
    """What layers of a kind that are built of adders are as matrix units."""

    operator: str
    """Of their nodes."""
    suits: Callable[[Any], bool]
    """Whether a layer, as lowering left it, can be built so."""
    matrix: Matrix
    widths: Callable[[Attributes], tuple[int, int]]
    """What PE and SIMD must divide."""
    as_matrix: Callable[[Attributes], Attributes] = lambda a: a
    """Takes the attributes of a layer, returns those of the matrix unit that does the same."""
    order: Callable[[Attributes], Integers] = lambda a: np.arange(a["MW"])
    """Which input of the matrix each value of a vector is, as they come."""

    def derives(self, weights: Weights) -> Mapping[str, Any]:
        """Return the network of `weights` and its solver."""
        assert weights is not None
        integers = np.rint(weights).astype(np.int64)
        return dict(_solved(self.matrix, integers.shape, integers.tobytes()))


@lru_cache(maxsize=256)
def _solved(matrix_of: Matrix, shape: tuple[int, ...], content: bytes) -> tuple[tuple[str, str], ...]:
    matrix = matrix_of(np.frombuffer(content, np.int64).reshape(shape))
    rows, columns = matrix.shape
    solution = solve(matrix, [SOLVED_FOR] * columns)
    if installed() == "csd":
        say(f"  adders of a {rows} x {columns} matrix by the plain solver: alkaid is not installed")
    network = json.dumps(solution.graph.table(), separators=(",", ":"))
    return ("Network", network), ("Solver", solution.solver)


@lru_cache(maxsize=256)
def graph_of(network: str, datatype: str) -> AdderGraph:
    """Return the network of the attribute `Network`, for inputs of `datatype`."""
    found = AdderGraph.of_table(json.loads(network))
    held = Range(*range_of(DataType[datatype]))
    return AdderGraph((held,) * len(found.inputs), found.adders, found.outputs)


def digits_of(a: Attributes) -> Digits:
    """Return how numbers are cut."""
    inputs = 2 if a["inputDataType"] == "BIPOLAR" else bits_of(a["inputDataType"])
    return Digits.of(max(inputs, bits_of(a["outputDataType"])), a["Digit"])


def interval_of(a: Attributes) -> int:
    """Return the cycles from vector to vector."""
    return max(digits_of(a).count, *words_of(a))


def unit_of(a: Attributes, *, packed: bool = True) -> Unit:
    """Return the unit of a layer with the attributes `a`."""
    types = str(a["inputDataType"]), str(a["outputDataType"])
    return _unit(a["Network"], *types, a["SIMD"], a["PE"], a["Digit"], a["Levels"], packed)


@lru_cache(maxsize=1024)
def _unit(
    network: str, taken: str, given: str, simd: int, pe: int, digit: int, levels: int, packed: bool
) -> Unit:
    bipolar = taken == "BIPOLAR"
    signed = not bipolar and bool(DataType[taken].signed())
    words = Words(simd, pe, bits_of(taken), signed, bipolar, bits_of(given))
    return Unit(graph_of(network, taken), digit, words, levels, packed)


def latency_of(a: Attributes) -> int:
    """Return the cycles from the last word of a vector in to the first word out."""
    return unit_of(a).latency


def attributes(layer: Any) -> dict[str, Any]:
    """Return all attributes of a layer (FINN's `HWCustomOp`)."""
    return {name: layer.get_nodeattr(name) for name in layer.get_nodeattr_types()}


def words_of(a: Attributes) -> tuple[int, int]:
    """Return the words of a vector in, and of its sums."""
    return int(a["MW"]) // a["SIMD"], int(a["MH"]) // a["PE"]


def counts(a: Attributes) -> Counts:
    """See `Implementation.counts`."""
    return interval_of(a) * math.prod(a["numInputVectors"]), (a["SIMD"],), (a["PE"],)


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when the unit gives its words."""
    taken, given = words_of(a)
    depth = latency_of(a)
    return Timing(cycles, 1 / math.prod(a["numInputVectors"]), taken, depth, depth + given)


def schedule(a: Attributes) -> Tokens:
    """Return when the unit takes and gives words."""
    return tokens_of(unit_of(a))


def tokens_of(unit: Unit) -> Tokens:
    """`df_digits_in.sv`, a network of adders and `df_digits_out.sv`; or the network alone."""
    if unit.whole:
        return steps((1,), (1,), latency=unit.latency, places=unit.latency, rigid=True)
    return Tokens(Pattern.DIGITS, (unit.words_in, unit.words_out, unit.interval, unit.latency))


def small(inputs: int, weights: int) -> bool:
    """Return whether a layer with so many inputs of its matrix and weights can be built of adders."""
    return inputs <= MOST_INPUTS and weights <= MOST_WEIGHTS


def constant(form: Form) -> Implementation:
    """Return the implementation as adders of the kind of layer that has `form`."""
    as_matrix = form.as_matrix

    def foldings(layer: Any) -> list[Folding]:
        """Return digits of all numbers of cycles, with words that keep up; with one bit also slower words."""
        a = attributes(layer)
        given, taken = (divisors(width) for width in form.widths(a))
        bits = digits_of(as_matrix({**a, "Digit": 1})).count
        found = []
        for digit in sorted({math.ceil(bits / count) for count in range(1, bits + 1)}):
            count = math.ceil(bits / digit)
            for pe in given:
                for simd in taken:
                    words = words_of(as_matrix({**a, "PE": pe, "SIMD": simd}))
                    if digit == 1 or max(words) <= count:
                        found.append(fold(PE=pe, SIMD=simd, Digit=digit))
        return found

    return Implementation(
        "constant",
        form.operator,
        lambda layer: schedule(as_matrix(attributes(layer))),
        lambda a, weights, family: resources(unit_of(as_matrix(a))),
        lambda a, cycles: timing(as_matrix(a), cycles),
        suits=form.suits,
        weights="constant",
        derives=form.derives,
        pipelined=lambda levels: {"Levels": levels},
        foldings=foldings,
        counts=lambda a: counts(as_matrix(a)),
        words_before=waits_for_none,
        proof="matrix",
        matrix=lambda layer, weights: form.matrix(weights)[:, form.order(as_matrix(attributes(layer)))],
    )


def suits(layer: Any) -> bool:
    """Return whether a matrix unit can be built of adders: it multiplies, and is not too large."""
    inputs, outputs = int(layer.get_nodeattr("MW")), int(layer.get_nodeattr("MH"))
    return not layer.get_nodeattr("binaryXnorMode") and small(inputs, inputs * outputs)


MATRICES = Form(OPERATOR, suits, lambda weights: weights.T, lambda a: (a["MH"], a["MW"]))
CONSTANT = constant(MATRICES)
"""Of matrix units."""
