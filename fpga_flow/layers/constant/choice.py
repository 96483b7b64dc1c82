"""A matrix unit built of shared adders: foldings, cycles, schedule and estimate, by the layer's attributes.

The network of adders is found once, from the weights, and is an attribute of the layer (`Network`, as JSON),
with who found it (`Solver`). It does not depend on the type of the inputs, which only sets widths.
"""

import json
import math
from collections.abc import Mapping
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
from fpga_flow.layers.constant.adders import AdderGraph, Range
from fpga_flow.layers.constant.schedule import Digits, Schedule
from fpga_flow.layers.constant.solvers import installed, solve
from fpga_flow.layers.constant.unit import Unit, Words
from fpga_flow.layers.schedules import Pattern, steps
from fpga_flow.layers.schedules import Schedule as Tokens
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources

OPERATOR = "ConstantMatrix_rtl"
"""Of its nodes."""
MOST_WEIGHTS = 16_384
"""Of a matrix that can be built so: the search for its network takes seconds, and it fits a part."""
SOLVED_FOR = Range(0, 15)
"""The inputs' range that the solvers are told, whatever it is."""


def derives(weights: Weights) -> Mapping[str, Any]:
    """Return the network of `weights` (MW, MH) and its solver."""
    assert weights is not None
    integers = np.rint(weights).astype(np.int64).T
    return dict(_solved(integers.shape, integers.tobytes()))


@lru_cache(maxsize=256)
def _solved(shape: tuple[int, ...], content: bytes) -> tuple[tuple[str, str], ...]:
    matrix = np.frombuffer(content, np.int64).reshape(shape)
    solution = solve(matrix, [SOLVED_FOR] * shape[1])
    if installed() == "csd":
        say(f"  adders of a {shape[0]} x {shape[1]} matrix by the plain solver: alkaid is not installed")
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
    return max(digits_of(a).count, int(a["MW"] // a["SIMD"]), int(a["MH"] // a["PE"]))


def unit_of(a: Attributes, *, packed: bool = True) -> Unit:
    """Return the unit of a layer with the attributes `a`."""
    types = str(a["inputDataType"]), str(a["outputDataType"])
    return _unit(a["Network"], *types, a["SIMD"], a["PE"], a["Digit"], packed)


@lru_cache(maxsize=1024)
def _unit(network: str, taken: str, given: str, simd: int, pe: int, digit: int, packed: bool) -> Unit:
    bipolar = taken == "BIPOLAR"
    signed = not bipolar and bool(DataType[taken].signed())
    words = Words(simd, pe, bits_of(taken), signed, bipolar, bits_of(given))
    return Unit(graph_of(network, taken), digit, words, packed=packed)


def latency_of(a: Attributes) -> int:
    """Return the cycles from the last word of a vector in to the first word out."""
    return unit_of(a).latency


def attributes(layer: Any) -> dict[str, Any]:
    """Return what the functions here ask for, of a layer (FINN's `HWCustomOp`)."""
    names = (
        "MW",
        "MH",
        "SIMD",
        "PE",
        "inputDataType",
        "outputDataType",
        "Digit",
        "Network",
        "numInputVectors",
    )
    return {name: layer.get_nodeattr(name) for name in names}


def foldings(layer: Any) -> list[Folding]:
    """Return digits of every number of cycles, with words that keep up; with one bit also slower words."""
    a = attributes(layer)
    bits = digits_of({**a, "Digit": 1}).count
    found = []
    for digit in sorted({math.ceil(bits / count) for count in range(1, bits + 1)}):
        count = math.ceil(bits / digit)
        found += [
            fold(PE=pe, SIMD=simd, Digit=digit)
            for pe in divisors(a["MH"])
            for simd in divisors(a["MW"])
            if digit == 1 or max(a["MW"] // simd, a["MH"] // pe) <= count
        ]
    return found


def counts(a: Attributes) -> Counts:
    """See `Implementation.counts`."""
    return interval_of(a) * math.prod(a["numInputVectors"]), (a["SIMD"],), (a["PE"],)


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when the unit gives its words."""
    words, depth = int(a["MW"]) // a["SIMD"], latency_of(a)
    return Timing(cycles, 1 / math.prod(a["numInputVectors"]), words, depth, depth + int(a["MH"]) // a["PE"])


def schedule(layer: Any) -> Tokens:
    """Return when the unit takes and gives words."""
    return tokens_of(unit_of(attributes(layer)))


def tokens_of(unit: Unit) -> Tokens:
    """`df_digits_in.sv`, a network of adders and `df_digits_out.sv`; or the network alone."""
    if unit.whole:
        return steps((1,), (1,), latency=unit.latency, places=unit.latency, rigid=True)
    return Tokens(Pattern.DIGITS, (unit.words_in, unit.words_out, unit.interval, unit.latency))


def suits(layer: Any) -> bool:
    """Return whether the layer's matrix can be built of adders: it multiplies, and is not too large."""
    get = layer.get_nodeattr
    return not get("binaryXnorMode") and int(get("MW")) * int(get("MH")) <= MOST_WEIGHTS


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    unit = unit_of(a)
    if unit.whole:
        return _network(unit.schedule) + Resources(lut=2, ff=unit.latency)
    digits, words = unit.digits, unit.words
    inputs, outputs = len(unit.graph.inputs), len(unit.graph.outputs)
    in_bits = words.in_bits + words.bipolar
    streams = Resources(
        # A value is loaded or shifted; words are chosen.
        lut=inputs * max(0, in_bits - digits.width) + words.pe * words.out_bits * ((unit.words_out + 1) // 4),
        ff=inputs * (in_bits + words.in_bits * (unit.words_in - 1) / unit.words_in)
        + outputs * (digits.count - 1) * digits.width
        + words.pe * words.out_bits,
    )
    return _network(unit.schedule) + streams + Resources(lut=40, ff=50)


@lru_cache(maxsize=256)
def _network(timed: Schedule) -> Resources:
    """Return what the adders take, and the delays between them."""
    graph, digits = timed.graph, timed.digits
    delays: dict[int, int] = {}
    uses = [use for place in range(len(graph.adders)) for use in timed.operands(place)]
    for use in (*uses, *timed.outputs()):
        if use is not None:
            more = digits.serial and use.bits > 0
            delays[use.value] = max(delays.get(use.value, 0), use.delay + more)
    lut = ff = 0.0
    for value, delay in delays.items():
        bits = digits.width if digits.serial else graph.ranges[value].bits
        ff += bits * min(delay, 2)
        lut += bits * (delay > 3)
    if digits.serial:
        return Resources(lut=lut + len(graph.adders) * digits.width, ff=ff + len(graph.adders))
    held = graph.ranges[len(graph.inputs) :]
    return Resources(lut=lut + 0.85 * sum(found.bits for found in held), ff=ff)


CONSTANT = Implementation(
    "constant",
    OPERATOR,
    schedule,
    resources,
    timing,
    suits=suits,
    weights="constant",
    derives=derives,
    foldings=foldings,
    counts=counts,
    words_before=waits_for_none,
)
"""Of the kind of layer that multiplies with a matrix."""
