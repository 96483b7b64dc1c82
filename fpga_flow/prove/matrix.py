"""The proof that a layer's RTL multiplies every vector with its matrix."""

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.design.design import Stream
from fpga_flow.finn.datatypes import is_bipolar, range_of
from fpga_flow.prove.cells import Bits
from fpga_flow.prove.forms import INVERTED, Forms, Integers, UnreadError, symbol
from fpga_flow.prove.machine import Machine
from fpga_flow.prove.netlist import Netlist
from fpga_flow.prove.streams import Rests, outputs

PATTERNS = (Rests(), Rests(0.3, 1))
"""Without rests, and with them on both sides."""
CROWD = 16
"""Words at least that go in before the vector, so that it comes into a full pipeline."""


def prove(netlist: Netlist, matrix: Integers, taken: Stream, given: Stream) -> None:
    """Prove that vectors of the stream `taken` come out of `netlist` times `matrix` (outputs, inputs).

    Raises `UnreadError` with the reason where that fails.
    """
    for rests in PATTERNS:
        _prove(netlist, matrix, taken, given, rests)


def _prove(netlist: Netlist, matrix: Integers, taken: Stream, given: Stream, rests: Rests) -> None:
    rows, columns = matrix.shape
    kind = DataType[taken.datatype]
    bipolar = is_bipolar(kind)
    # -1 and 1 are 2 * unknown + 1; the bit of the code is the opposite of the unknown's.
    low, high = (-1, 0) if bipolar else range_of(kind)
    forms = Forms([(low, high)] * columns)
    factors = np.zeros((rows, columns + 1), np.int64)
    factors[:, :-1] = matrix << int(bipolar)
    if bipolar:
        factors[:, -1] = matrix.sum(axis=1)
    machine = Machine(netlist, forms)
    words = _words(columns, taken.lanes, kind.bitwidth(), bipolar)
    count = rows // given.lanes
    before = max(1, -(-CROWD // max(count, len(words))))
    found = outputs(machine, words, count, before, rests)
    out = DataType[given.datatype]
    bits = out.bitwidth()
    for word, content in enumerate(found):
        for lane in range(given.lanes):
            row = word * given.lanes + lane
            least, most = forms.range_of(factors[row])
            if least < out.min() or most > out.max():
                raise UnreadError(f"output {row} goes from {least} to {most}, beyond {out.name}")
            try:
                _check(forms, content[lane * bits : (lane + 1) * bits], factors[row])
            except UnreadError as error:
                raise UnreadError(f"output {row}: {error}") from None


def _words(columns: int, lanes: int, bits: int, bipolar: bool) -> list[Bits]:
    vector = [symbol(column, bit) ^ (INVERTED * bipolar) for column in range(columns) for bit in range(bits)]
    return [vector[at : at + lanes * bits] for at in range(0, len(vector), lanes * bits)]


def _check(forms: Forms, bits: Bits, factors: Integers) -> None:
    found = forms.number(bits)
    wrong = np.flatnonzero((found.factors - factors) & (1 << len(bits)) - 1)
    if found.dropped or len(wrong):
        place = int(wrong[0]) if len(wrong) else 0
        raise UnreadError(f"takes input {place} {found.factors[place]} times, not {factors[place]} times")
