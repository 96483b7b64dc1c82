"""A netlist clock by clock, on bits that may be unknown, or symbols (`forms.py`).

Control is followed as it is, data as symbols.
"""

from collections.abc import Sequence

from fpga_flow.prove.adder import MODULE, DigitAdder
from fpga_flow.prove.cells import Bits, evaluate, value
from fpga_flow.prove.forms import UNKNOWN, Bit, Forms, UnreadError
from fpga_flow.prove.netlist import Netlist, unknowns


class Machine:
    """A netlist and the values of its nets; registers are unknown at first."""

    def __init__(self, netlist: Netlist, forms: Forms) -> None:
        """`forms` is where sums are kept."""
        self.netlist, self.forms = netlist, forms
        self.values = unknowns(netlist.nets)
        cells = netlist.cells
        self._adders = {at: DigitAdder(cell, forms) for at, cell in enumerate(cells) if cell.kind == MODULE}
        self._readers: list[list[int]] = [[] for _ in range(netlist.nets)]
        for at, cell in enumerate(cells):
            for net in {net for bits in cell.inputs.values() for net in bits}:
                self._readers[net].append(at)
        self._changed = bytearray(b"\1" * len(cells))

    def get(self, port: str) -> Bits:
        """Return the bits of `port`; `settle` first."""
        return [self.values[net] for net in self.netlist.ports[port]]

    def set(self, port: str, bits: Sequence[Bit]) -> None:
        """Set the bits of the input `port`; those that are missing are unknown."""
        nets = self.netlist.ports[port]
        self._write(nets, [*bits, *[UNKNOWN] * (len(nets) - len(bits))])

    def _write(self, nets: Sequence[int], bits: Sequence[Bit]) -> None:
        values, changed = self.values, self._changed
        for net, bit in zip(nets, bits, strict=True):
            if values[net] != bit:
                values[net] = bit
                for reader in self._readers[net]:
                    changed[reader] = 1

    def settle(self) -> None:
        """Let all values follow the inputs and registers."""
        values, cells, changed = self.values, self.netlist.cells, self._changed
        at = changed.find(1)
        while at >= 0:
            changed[at] = 0
            if at in self._adders:
                adder = self._adders[at]
                self._write(adder.output, adder.sum(values))
            else:
                cell = cells[at]
                ((_, nets),) = cell.outputs.items()
                found = {port: [values[net] for net in bits] for port, bits in cell.inputs.items()}
                self._write(nets, evaluate(self.forms, cell, found, len(nets)))
            at = changed.find(1, at)

    def clock(self) -> None:
        """Let the settled values go into the registers: a rising edge."""
        values = self.values
        moved = []
        for data, output in self.netlist.registers:
            if any(values[d] != values[q] for d, q in zip(data, output, strict=True)):
                moved.append((output, [values[net] for net in data]))
        for at, adder in self._adders.items():
            if adder.clock(values):
                self._changed[at] = 1
        for nets, bits in moved:
            self._write(nets, bits)

    def flag(self, port: str) -> bool:
        """Return the settled value of a `port` of one bit; raises `UnreadError` where it depends on data."""
        found = value(self.get(port))
        if found is None:
            raise UnreadError(f"{port} must not depend on data")
        return bool(found)
