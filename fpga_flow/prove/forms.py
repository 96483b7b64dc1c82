"""Bits of which is known which sum of the unknowns they are a digit of.

A bit is 0, 1, `UNKNOWN`, which may be either at any time, or a symbol: a place of a node, maybe inverted.
A node is an unknown, or the sum or difference of two lists of bits. Its form says which number it is: an
integer combination of the unknowns, 1, and quotients (the floors of forms divided by powers of two). What a
list of bits is follows from one identity: bit k of an integer F is `F // 2**k - 2 * (F // 2**(k + 1))`.
Numbers that were cut, shifted, joined or went on with their sign are whole again where quotients cancel.

Nothing is assumed of how many bits a sum needs. A list of n bits is known modulo 2**n, and so is a sum of two
of them; only the ranges, which follow from those of the unknowns, say that a quotient is always 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fpga_flow.core.errors import FlowError

Bit = int
UNKNOWN: Bit = 2
INVERTED = 1
PLACES = 1 << 7
"""More than any number has bits."""
Range = tuple[int, int]
"""The least and the greatest."""
Form = Mapping[int, int]
"""Variable -> factor, not 0. Variables from 0 on are the unknowns, then the quotients."""
ONE = -1
"""The variable that is always 1."""


class UnreadError(FlowError):
    """RTL that does something else than it must, or that a proof cannot follow."""


def symbol(node: int, place: int) -> Bit:
    """Return bit `place` of `node`."""
    if place >= PLACES:
        raise UnreadError(f"a number must have at most {PLACES} bits")
    return ((node + 1) * PLACES + place) << 1


@dataclass
class Sum:
    """A node that adds; a number that comes digit by digit grows at the end."""

    a: list[Bit]
    b: list[Bit]
    subtract: bool


@dataclass
class Forms:
    """The nodes of a circuit, the unknowns first, and the numbers that they are."""

    unknowns: Sequence[Range]
    sums: list[Sum] = field(default_factory=list)
    _known: dict[tuple[tuple[Bit, ...], tuple[Bit, ...], bool], int] = field(default_factory=dict)
    _forms: dict[int, Form] = field(default_factory=dict)
    _quotients: dict[tuple[tuple[tuple[int, int], ...], int], int] = field(default_factory=dict)
    """Form and power of two -> variable."""
    _divided: list[tuple[Form, int]] = field(default_factory=list)
    """The same the other way round."""
    _asked: set[int] = field(default_factory=set)
    """Nodes whose forms are being looked for."""

    def add(self, a: Sequence[Bit], b: Sequence[Bit], subtract: bool) -> list[Bit]:
        """Return the bits of a sum, as many as `a` and `b` have each."""
        key = (tuple(a), tuple(b), subtract)
        if key not in self._known:
            self._known[key] = self.begin(subtract, key[0], key[1])
        return [symbol(self._known[key], place) for place in range(len(a))]

    def begin(self, subtract: bool, a: Sequence[Bit] = (), b: Sequence[Bit] = ()) -> int:
        """Return a new node whose operands may still grow; nobody must ask for its form before."""
        self.sums.append(Sum([*a], [*b], subtract))
        return len(self.unknowns) + len(self.sums) - 1

    def sum_of(self, node: int) -> Sum:
        """Return the sum that `node` is."""
        return self.sums[node - len(self.unknowns)]

    def form(self, node: int) -> Form:
        """Return what `node` is, modulo 2 to the power of its bits.

        Raises as `number`, and where the node takes itself.
        """
        if node < len(self.unknowns):
            return {node: 1}
        if node not in self._forms:
            if node in self._asked:
                raise UnreadError("a sum takes itself, again and again")
            self._asked.add(node)
            found = self.sum_of(node)
            sign = -1 if found.subtract else 1
            try:
                self._forms[node] = _combined((self.number(found.a), 1), (self.number(found.b), sign))
            finally:
                self._asked.remove(node)
        return self._forms[node]

    def number(self, bits: Sequence[Bit]) -> Form:
        """Return the number of `bits`, the lowest first, modulo 2 to the power of how many they are.

        Raises `UnreadError` where one is unknown.
        """
        parts: list[tuple[Form, int]] = []
        at, count = 0, len(bits)
        while at < count:
            bit = bits[at]
            if bit == UNKNOWN:
                raise UnreadError(
                    "a bit depends on something else than the vector, or on it in an unknown way"
                )
            end = at + 1
            if bit < UNKNOWN:
                parts.append(({ONE: 1}, bit << at))
            else:
                while end < count and bits[end] == bits[end - 1] + 2:
                    end += 1
                node, low = divmod(bit >> 1, PLACES)
                sign = -1 if bit & INVERTED else 1
                form = self.form(node - 1)
                parts.append((self.quotient(form, low), sign << at))
                if end < count:
                    parts.append((self.quotient(form, low + end - at), -sign << end))
                if sign < 0:
                    parts.append(({ONE: 1}, (1 << end) - (1 << at)))
            at = end
        found = _combined(*parts)
        return {variable: factor for variable, factor in found.items() if factor & (1 << count) - 1}

    def quotient(self, form: Form, power: int) -> Form:
        """Return `form // 2**power`, equal ones by the same variables."""
        if not power:
            return form
        form, more = self._lifted(form)
        power += more
        while power and all(factor % 2 == 0 for at, factor in form.items() if at != ONE):
            form = {at: factor // 2 for at, factor in form.items() if factor // 2}
            power -= 1
        low, high = self.range_of(form)
        if low >> power == high >> power:
            return {ONE: low >> power} if low >> power else {}
        # The sign alone is left: the same whatever the power is.
        power = min(power, max((-low - 1).bit_length(), high.bit_length()))
        if not power:
            return form
        key = (tuple(sorted(form.items())), power)
        if key not in self._quotients:
            self._quotients[key] = len(self.unknowns) + len(self._divided)
            self._divided.append((form, power))
        return {self._quotients[key]: 1}

    def _lifted(self, form: Form) -> tuple[Form, int]:
        """Return a form and a power of two of which `form` is the quotient, and no quotient is in it once.

        F // 2**e + S is (F + 2**e * S) // 2**e.
        """
        power, known = 0, len(self.unknowns)
        inner = next((at for at, factor in form.items() if factor == 1 and at >= known), None)
        while inner is not None:
            divided, more = self._divided[inner - known]
            form = _combined((divided, 1), (form, 1 << more), ({inner: 1}, -1 << more))
            power += more
            inner = next((at for at, factor in form.items() if factor == 1 and at >= known), None)
        return form, power

    def range_of(self, form: Form) -> Range:
        """Return between what `form` is; where it has quotients it may not come up to the ends."""
        form, power = self._lifted(form)
        low = high = 0
        for variable, factor in form.items():
            least, most = self._range(variable)
            low += factor * (least if factor > 0 else most)
            high += factor * (most if factor > 0 else least)
        return low >> power, high >> power

    def _range(self, variable: int) -> Range:
        if variable == ONE:
            return 1, 1
        if variable < len(self.unknowns):
            return self.unknowns[variable]
        form, power = self._divided[variable - len(self.unknowns)]
        low, high = self.range_of(form)
        return low >> power, high >> power


def _combined(*parts: tuple[Form, int]) -> Form:
    """Return the sum of forms times numbers."""
    found: dict[int, int] = {}
    for form, times in parts:
        for variable, factor in form.items():
            found[variable] = found.get(variable, 0) + factor * times
    return {variable: factor for variable, factor in found.items() if factor}


def differing(found: Form, wanted: Form, bits: int) -> list[int]:
    """Return the variables whose factors differ modulo 2**`bits`, ascending."""
    between = _combined((found, 1), (wanted, -1))
    return sorted(at for at, factor in between.items() if factor & (1 << bits) - 1)
