"""The proof that a layer's RTL multiplies every vector with its matrix."""

from qonnx.core.datatype import DataType

from fpga_flow.design.claims import Integers
from fpga_flow.design.design import Stream
from fpga_flow.finn.datatypes import is_bipolar, range_of
from fpga_flow.prove.cells import Bits
from fpga_flow.prove.forms import INVERTED, ONE, Form, Forms, UnreadError, differing, symbol
from fpga_flow.prove.machine import Machine
from fpga_flow.prove.netlist import Netlist
from fpga_flow.prove.streams import Rests, outputs

PATTERNS = (Rests(), Rests(0.3, 1), Rests(0.8, 2))
"""Without rests, and with some and with many on both sides."""
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
    kind, out = DataType[taken.datatype], DataType[given.datatype]
    bipolar = is_bipolar(kind)
    # -1 and 1 are 2 * unknown + 1; the bit of the code is the opposite of the unknown's.
    forms = Forms([(-1, 0) if bipolar else range_of(kind)] * columns)
    machine = Machine(netlist, forms)
    words = _words(columns, taken.lanes, kind.bitwidth(), bipolar)
    count = rows // given.lanes
    before = max(1, -(-CROWD // max(count, len(words))))
    found = outputs(machine, words, count, before, rests)
    bits = out.bitwidth()
    for row, weights in enumerate(matrix.tolist()):
        word, lane = divmod(row, given.lanes)
        wanted = {column: weight << bipolar for column, weight in enumerate(weights)}
        wanted[ONE] = sum(weights) * bipolar
        low, high = forms.range_of(wanted)
        if low < out.min() or high > out.max():
            raise UnreadError(f"output {row} goes from {low} to {high}, beyond {out.name}")
        try:
            _check(forms, found[word][lane * bits : (lane + 1) * bits], wanted)
        except UnreadError as error:
            raise UnreadError(f"output {row}: {error}") from None


def _words(columns: int, lanes: int, bits: int, bipolar: bool) -> list[Bits]:
    vector = [symbol(column, bit) ^ (INVERTED * bipolar) for column in range(columns) for bit in range(bits)]
    return [vector[at : at + lanes * bits] for at in range(0, len(vector), lanes * bits)]


def _check(forms: Forms, bits: Bits, wanted: Form) -> None:
    """Raise `UnreadError` where `bits` are not those of `wanted`, which has so many."""
    found = forms.number(bits)
    for at in differing(found, wanted, len(bits)):
        if at >= len(forms.unknowns):
            raise UnreadError("a carry or a sign is lost, or taken twice")
        if at != ONE:
            raise UnreadError(f"takes input {at} {found.get(at, 0)} times, not {wanted[at]} times")
        raise UnreadError(f"{found.get(at, 0)} are added, not {wanted[at]}")
