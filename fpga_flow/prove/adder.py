"""`df_digit_adder.sv` on bits that may be unknown, or symbols: the one module that is not looked into.

It adds two numbers that come digit by digit, and begins anew behind a digit with `more_i` 0.
"""

from fpga_flow.prove.cells import Bits, Cell
from fpga_flow.prove.forms import UNKNOWN, Bit, Forms, UnreadError, symbol

MODULE = "df_digit_adder"


class DigitAdder:
    """One of them: in which number it is, and how far."""

    def __init__(self, cell: Cell, forms: Forms) -> None:
        """`forms` is where sums are kept."""
        at = cell.inputs
        self.a, self.b = at["a_i"], at["b_i"]
        (self.mask,), (self.more,), (self.enable,) = at["mask_i"], at["more_i"], at["enable_i"]
        self.output = cell.outputs["sum_o"]
        self.forms, self.subtract = forms, bool(cell.parameters["Subtract"])
        self._node: int | None = None
        """None: in a number whose beginning, or a digit of it, is not known."""
        self._begun = False
        """The next digit is a number's first."""
        self._place = 0
        """Bits of the number that came in earlier cycles."""
        self._seen: tuple[Bits, Bits] | None = None
        """The digits of this cycle and of those before it in which it stood still."""

    def _digits(self, values: list[Bit]) -> tuple[Bits, Bits] | None:
        """Return the digits that are there, None where they are not known."""
        a = [values[net] for net in self.a]
        mask = values[self.mask]
        if mask == 0:
            b = [0] * len(a)
        elif mask == 1:
            b = [values[net] for net in self.b]
        else:
            return None
        return None if UNKNOWN in a or UNKNOWN in b else (a, b)

    def sum(self, values: list[Bit]) -> Bits:
        """Return the digit of the sum."""
        if not (self._begun or self._node is not None) or self._digits(values) is None:
            return [UNKNOWN] * len(self.output)
        if self._node is None:
            self._node, self._place = self.forms.begin(self.subtract), 0
        return [symbol(self._node, self._place + bit) for bit in range(len(self.output))]

    def clock(self, values: list[Bit]) -> bool:
        """Take the digits of this cycle; return whether there will be another number, or place in it.

        Raises `UnreadError` where digits are others than before, while it stood still.
        """
        enable, more = values[self.enable], values[self.more]
        if self._begun or self._node is not None:
            found = self._digits(values)
            if self._seen is not None and found != self._seen:
                raise UnreadError("the digits of a sum change while it stands still")
            if enable == 0:
                self._seen = found
                return False
            if found is None:
                self._node = None
            elif self._node is not None:
                total = self.forms.sum_of(self._node)
                total.a += found[0]
                total.b += found[1]
                self._place += len(self.a)
        elif enable == 0:
            return False
        was = self._begun or self._node is not None
        self._seen, self._begun = None, enable == 1 and more == 0
        if self._begun or enable != 1 or more != 1:
            self._node = None
        return was or self._begun
