"""An input for which a layer's RTL multiplies wrongly, in Verilator: what a failed proof is shown by."""

from collections.abc import Iterator

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.design.claims import Integers, Product
from fpga_flow.design.design import Stream
from fpga_flow.finn.datatypes import is_bipolar, range_of
from fpga_flow.prove.simulated import Simulated
from fpga_flow.results.verify import Counterexample

RANDOM = 200
"""Random vectors that are tried, behind all others."""
STALLS = (0.0, 0.3)


def tried(matrix: Integers, taken: Stream) -> Integers:
    """Return the vectors that are tried: of a single input, of each output's extremes, random ones."""
    return np.concatenate(list(_tried(matrix, taken)))


def _tried(matrix: Integers, taken: Stream) -> Iterator[Integers]:
    columns = matrix.shape[1]
    low, high = range_of(DataType[taken.datatype])
    generator = np.random.default_rng(1)
    if is_bipolar(DataType[taken.datatype]):
        yield np.ones((columns, columns), np.int64) - 2 * np.eye(columns, dtype=np.int64)
        yield 2 * generator.integers(0, 2, (RANDOM, columns)) - 1
    else:
        for value in sorted({1, high, low} - {0}, key=abs):
            if low <= value <= high:
                yield np.eye(columns, dtype=np.int64) * value
        yield generator.integers(low, high, (RANDOM, columns), endpoint=True)
    yield np.where(matrix > 0, high, low)
    yield np.where(matrix > 0, low, high)


def find(simulated: Simulated, product: Product) -> Counterexample | None:
    """Return the first vector of `tried` for which the RTL gives other numbers, None where there is none."""
    vectors = tried(product.matrix, simulated.taken)
    expected = vectors @ product.matrix.T
    for stall in STALLS:
        found = simulated.run(vectors, len(product.matrix), stall)
        wrong = np.argwhere(found != expected)
        if len(wrong):
            place, output = (int(at) for at in wrong[0])
            return Counterexample(
                inputs={int(at): int(vectors[place, at]) for at in np.flatnonzero(vectors[place])},
                output=output,
                expected=int(expected[place, output]),
                found=int(found[place, output]),
            )
    return None
