"""Finds the network of adders of a matrix: by `alkaid` where it is installed, else by a plain solver of ours.

alkaid (Sun et al., "da4ml: Distributed Arithmetic for Real-time Neural Networks on FPGAs", arXiv 2507.04535)
is used through its Python interface. Its values may be fractions; here they are integers, each its adder's
own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fpga_flow.core.errors import InputError
from fpga_flow.layers.constant import csd
from fpga_flow.layers.constant.adders import AdderGraph, Integers, Range
from fpga_flow.layers.constant.building import Builder, Term, assembled
from fpga_flow.layers.constant.proof import Proof, prove

MOST = 1 << 24
"""Factors must be below it: alkaid takes them as numbers of single precision."""


@dataclass(frozen=True)
class Solution:
    """A network of adders, who found it, and the proof that it is right."""

    graph: AdderGraph
    solver: str
    """Its name with its version."""
    proof: Proof


def installed() -> str:
    """Return the name of the solver that `solve` takes by itself."""
    return "alkaid" if find_spec("alkaid") else "csd"


def solve(matrix: Integers, inputs: Sequence[Range], solver: str = "auto") -> Solution:
    """Return a network that gives `matrix` (outputs, inputs) times a vector; inputs have these ranges.

    `solver` is "alkaid", "csd" or "auto". Equal arguments give equal networks. Raises `InputError` for a
    solver that is not there, and for factors of more than 24 bits.
    """
    chosen = installed() if solver == "auto" else solver
    if chosen not in SOLVERS:
        raise InputError(f"the solver must be auto or one of {', '.join(SOLVERS)}, not {solver}")
    if chosen != "csd" and installed() != chosen:
        raise InputError(f"the solver {chosen} is not installed; take auto or csd, or pip install {chosen}")
    matrix = np.asarray(matrix, np.int64)
    if matrix.ndim != 2 or matrix.shape[1] != len(inputs):
        raise ValueError(
            f"the matrix must have a column for each of {len(inputs)} inputs, not {matrix.shape}"
        )
    if matrix.size and np.abs(matrix).max() >= MOST:
        raise InputError(f"weights must be below {MOST} in magnitude, not {np.abs(matrix).max()}")
    parts = (
        (rows, columns, SOLVERS[chosen](matrix[np.ix_(rows, columns)], [inputs[i] for i in columns]))
        for rows, columns in blocks(matrix)
    )
    graph = assembled(inputs, len(matrix), parts)
    return Solution(graph, named(chosen), prove(graph, matrix))


def blocks(matrix: Integers) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the rows and columns of the parts of `matrix` that share neither, without those that are empty.

    Nothing is to be gained by solving them together: the channels of a depthwise convolution, or the groups
    of a grouped one.
    """
    rows, columns = np.nonzero(matrix)
    height, size = len(matrix), sum(matrix.shape)
    edges = coo_array((np.ones(len(rows), bool), (rows, columns + height)), shape=(size, size))
    labels = connected_components(edges, directed=False)[1]
    for label in np.unique(labels[rows]):
        own = labels == label
        yield np.flatnonzero(own[:height]).tolist(), np.flatnonzero(own[height:]).tolist()


def named(solver: str) -> str:
    """Return the solver's name with its version."""
    try:
        return f"{solver} {version(solver)}"
    except PackageNotFoundError:
        return solver


def _by_alkaid(matrix: Integers, inputs: Sequence[Range]) -> AdderGraph:
    from alkaid.cmvm import cmvm_solve  # only here: it need not be installed

    builder = Builder(inputs)
    # An input that is always 0 has no bits there.
    ranges = [(float(low), 1.0 if low == high == 0 else float(high), 1.0) for low, high in inputs]
    stages = cmvm_solve(np.ascontiguousarray(matrix.T, dtype=np.float32), qintervals=ranges)
    terms: list[Term | None] = [Term(i) for i in range(len(inputs))]
    for stage in stages:
        terms = _run(builder, stage, terms)
    return builder.graph(terms)


def _run(builder: Builder, stage: Any, terms: list[Term | None]) -> list[Term | None]:
    """Add what `stage` (alkaid's `CombLogic`) computes of `terms` to the network; return its outputs."""
    values: list[Term | None] = []
    for op in stage.ops:
        if op.opcode == -1:
            (place,) = op.data
            values.append(_shifted(terms[place], stage.inp_shifts[place]))
        elif op.opcode in (0, 1):
            x, y = values[op.addr[0]], _shifted(values[op.addr[1]], op.data[0])
            values.append(_sum(builder, x, _negated(y) if op.opcode else y))
        else:
            raise ValueError(f"alkaid's operation {op.opcode} must be a sum, a difference or an input")
    found = []
    for place, shift, negative in zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True):
        term = _shifted(values[place], shift) if place >= 0 else None
        found.append(_negated(term) if negative else term)
    return found


def _sum(builder: Builder, x: Term | None, y: Term | None) -> Term | None:
    if x is None or y is None:
        return x if y is None else y
    return builder.add(x, y)


def _negated(term: Term | None) -> Term | None:
    return term and term._replace(negative=not term.negative)


def _shifted(term: Term | None, shift: float) -> Term | None:
    if term is None:
        return None
    if shift != int(shift):
        raise ValueError(f"alkaid's shift must be an integer, not {shift}")
    return term._replace(shift=term.shift + int(shift))


SOLVERS: dict[str, Callable[[Integers, Sequence[Range]], AdderGraph]] = {
    "alkaid": _by_alkaid,
    "csd": csd.solve,
}
"""They take matrices without empty rows and columns."""
