"""A plain solver: signed digits, and the pair of them that is found most often becomes a value of its own.

Greedy elimination of common pairs as of R. I. Hartley, "Subexpression sharing in filters using canonic signed
digit multipliers" (1996), over the whole matrix. A row is a sum of digits, each a value times a power of two
with a sign; the most frequent pair of digits (two values, their distance, their relative sign) is added once
and takes the place of the pair wherever it stands, until none stands twice.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from fpga_flow.layers.constant.adders import AdderGraph, Integers, Range
from fpga_flow.layers.constant.building import Builder, Term

Digit = tuple[int, int]
"""Value and shift."""
Row = dict[Digit, int]
"""Digits with their signs, 1 or -1."""
Pair = tuple[int, int, int, int]
"""First value, second value, shift of the second less that of the first, product of the signs."""
MOST_PAIRS = 4_000_000
"""That are counted at a time; a matrix with more is solved in blocks of columns."""


def signed_digits(number: int) -> Iterator[tuple[int, int]]:
    """Return (shift, sign) of the digits of `number`, of which no two stand side by side."""
    shift = 0
    while number:
        if number % 2:
            sign = 2 - number % 4
            yield shift, sign
            number -= sign
        number //= 2
        shift += 1


def solve(matrix: Integers, inputs: Sequence[Range]) -> AdderGraph:
    """Return a network that multiplies with `matrix` (outputs, inputs)."""
    builder = Builder(inputs)
    rows = [
        {
            (column, shift): sign
            for column, factor in enumerate(row)
            for shift, sign in signed_digits(int(factor))
        }
        for row in matrix
    ]
    done: list[list[Term]] = [[] for _ in rows]
    for block in _blocks(rows, len(inputs)):
        _eliminate(builder, block)
        for terms, row in zip(done, block, strict=True):
            terms += [Term(value, shift, sign < 0) for (value, shift), sign in row.items()]
    return builder.graph(builder.total(terms) for terms in done)


def _blocks(rows: list[Row], columns: int) -> Iterator[list[Row]]:
    """Return the rows' digits by blocks of columns, as few as `MOST_PAIRS` allows."""
    count = 1
    while True:
        size = -(-columns // count) or 1
        blocks = [
            [{digit: sign for digit, sign in row.items() if digit[0] // size == block} for row in rows]
            for block in range(-(-columns // size))
        ]
        if all(sum(len(row) ** 2 for row in block) // 2 <= MOST_PAIRS for block in blocks) or size == 1:
            yield from blocks
            return
        count *= 2


def _pair(x: Digit, y: Digit, signs: int) -> Pair:
    (a, i), (b, j) = min(x, y), max(x, y)
    return a, b, j - i, signs


def _eliminate(builder: Builder, rows: list[Row]) -> None:
    counts: Counter[Pair] = Counter()
    for row in rows:
        digits = list(row.items())
        for place, (x, sign) in enumerate(digits):
            counts.update(_pair(x, y, sign * other) for y, other in digits[:place])
    queue = [(-count, pair) for pair, count in counts.items() if count > 1]
    heapify(queue)
    while queue:
        count, pair = heappop(queue)
        if -count != counts[pair]:  # the count has changed since
            if counts[pair] > 1:
                heappush(queue, (-counts[pair], pair))
            continue
        _replace(builder, rows, pair, counts, queue)
        counts[pair] = 0


def _replace(
    builder: Builder, rows: list[Row], pair: Pair, counts: Counter[Pair], queue: list[tuple[int, Pair]]
) -> None:
    """Put the sum of `pair` in its place in all rows, if it stands there twice or more."""
    first, second, distance, signs = pair
    places = []
    for number, row in enumerate(rows):
        taken: set[Digit] = set()
        for value, shift in sorted(digit for digit in row if digit[0] == first):
            x, y = (value, shift), (second, shift + distance)
            if y in row and x != y and not {x, y} & taken and row[x] * row[y] == signs:
                taken |= {x, y}
                places.append((number, x, y))
    if len(places) < 2:
        return
    found = builder.add(Term(first), Term(second, distance, signs < 0))
    for number, x, y in places:
        row = rows[number]
        sign = row[x]
        for gone in (x, y):
            own = row.pop(gone)
            counts.subtract(_pair(gone, other, own * theirs) for other, theirs in row.items())
        new = (found.value, x[1] + found.shift)
        for other, theirs in row.items():
            fresh = _pair(new, other, sign * theirs)
            counts[fresh] += 1
            if counts[fresh] > 1:
                heappush(queue, (-counts[fresh], fresh))
        row[new] = sign
