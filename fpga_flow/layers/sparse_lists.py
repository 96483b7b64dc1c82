"""The lists that the lanes of `hdl/df_sparse_matrix.sv` walk: which products each makes in which step.

A lane sees one position of the input words, and gives one position of the output words. So a matrix falls
into SIMD x PE groups; in each, the part of a row that a lane sees is a unit of work, and the units are dealt
over the lanes of the group so that these finish together: the longest unit first, each to the lane with the
least work (Graham, "Bounds on multiprocessing timing anomalies", 1969), then moved or exchanged while that
helps.

Rows dealt over lanes that each walk a list of (index, weight) are what EIE has (Han et al., 2016), with
queues to even out what only the data tell there; here all is known before.
"""

import heapq
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Lists:
    """What the lanes do for a vector; lane `(p * SIMD + s) * K + k` is lane k of the group (p, s)."""

    index: Integers
    """(steps, lanes) word of the vector that a step takes; 0 where a lane has nothing left to do."""
    weight: Integers
    """(steps, lanes) weight; 0 there."""
    ends: NDArray[np.bool_]
    """(steps, lanes) whether the step is the last one of a unit."""
    lane: Integers
    """(words out, PE, SIMD) lane of the group that has the unit of this row."""
    place: Integers
    """(words out, PE, SIMD) how many units that lane has done before; for a unit without weights a place that
    is never written, which holds 0."""

    @property
    def steps(self) -> int:
        """Steps of a vector, at least one."""
        return len(self.index)

    @property
    def places(self) -> int:
        """Results that a lane must have room for."""
        return int(self.place.max()) + 1

    def entries(self, word_bits: int, weight_bits: int) -> Integers:
        """Return (steps, lanes) the steps as the module reads them: end, weight, and word in the low bits."""
        weight = self.weight & ((1 << weight_bits) - 1)
        return (self.ends.astype(np.int64) << weight_bits | weight) << word_bits | self.index

    def order(self, lane_bits: int) -> Integers:
        """Return (words out, PE x SIMD) place and lane of each part of a row, as the module reads them."""
        return (self.place << lane_bits | self.lane).reshape(len(self.place), -1)

    @property
    def used(self) -> float:
        """The share of steps in which a lane has a product to make."""
        return float(np.count_nonzero(self.weight)) / self.weight.size


def address_bits(count: int) -> int:
    """Return the bits of an address of `count` places: at least one."""
    return max(1, (count - 1).bit_length())


def work(nonzero: NDArray[np.bool_], simd: int) -> Integers:
    """Return (MH, SIMD) the nonzero weights of each unit; `nonzero` is (MH, MW)."""
    rows, columns = nonzero.shape
    units: Integers = nonzero.reshape(rows, columns // simd, simd).sum(axis=1, dtype=np.int64)
    return units


def part_range(weights: Integers, simd: int, low: int, high: int) -> tuple[int, int]:
    """Return the least and greatest sum of a unit of `weights` (MH, MW), activations from `low` to `high`."""
    rows, columns = weights.shape
    ends = np.stack([low * weights, high * weights]).reshape(2, rows, columns // simd, simd)
    return int(ends.min(axis=0).sum(axis=1).min()), int(ends.max(axis=0).sum(axis=1).max())


def deal(units: Integers, pe: int, lanes: int) -> Integers:
    """Return (MH, SIMD) the lane of its group that does each unit of `units`, as `work` gives them.

    `lanes` of all groups together, a multiple of PE x SIMD.
    """
    simd, rows = units.shape[1], len(units)
    share = lanes // (pe * simd)
    groups = units.reshape(rows // pe, pe, simd)
    # No group needs to be done before the one with the most work can be.
    enough = max(int((-(-groups.sum(axis=0) // share)).max()), int(units.max(initial=0)))
    dealt = np.zeros_like(units)
    for p, s in product(range(pe), range(simd)):
        dealt[p::pe, s] = _balance(units[p::pe, s], share, enough)
    return dealt


def steps(units: Integers, pe: int, lanes: int) -> int:
    """Return the steps of a vector for units as `work` gives them: the work of the busiest lane, or 1."""
    simd = units.shape[1]
    share = lanes // (pe * simd)
    group = np.arange(len(units))[:, None] % pe * simd + np.arange(simd)
    loads = np.bincount((group * share + deal(units, pe, lanes)).ravel(), units.ravel())
    return max(1, int(loads.max()))


def cycles(walk: int, words_in: int, words_out: int) -> int:
    """Return the cycles of a vector: of the steps of its walk, its words in, or its words out."""
    return max(walk, words_in, words_out)


def compile_lists(weights: Integers, simd: int, pe: int, lanes: int) -> Lists:
    """Return the lists for `weights` (MH, MW)."""
    rows = len(weights)
    share = lanes // (pe * simd)
    units = work(weights != 0, simd)
    dealt = deal(units, pe, lanes)
    walks: list[list[tuple[int, int, bool]]] = [[] for _ in range(lanes)]
    place = np.zeros((rows // pe, pe, simd), np.int64)
    for p, s in product(range(pe), range(simd)):
        first = (p * simd + s) * share
        done = np.zeros(share, np.int64)
        for row in range(p, rows, pe):
            columns = np.flatnonzero(weights[row, s::simd])
            if len(columns) == 0:
                continue
            k = dealt[row, s]
            place[row // pe, p, s] = done[k]
            done[k] += 1
            values = weights[row, s::simd][columns]
            last = len(columns) - 1
            walks[first + k] += [
                (int(c), int(w), i == last) for i, (c, w) in enumerate(zip(columns, values, strict=True))
            ]
        empty = np.arange(p, rows, pe)[units[p::pe, s] == 0]
        dealt[empty, s] = done.argmin()
        place[empty // pe, p, s] = done.min()
    length = max(1, *map(len, walks))
    index, weight = np.zeros((2, length, lanes), np.int64)
    ends = np.zeros((length, lanes), np.bool_)
    for lane, walk in enumerate(walks):
        for step, entry in enumerate(walk):
            index[step, lane], weight[step, lane], ends[step, lane] = entry
    return Lists(index, weight, ends, dealt.reshape(rows // pe, pe, simd), place)


def _balance(sizes: Integers, lanes: int, enough: int) -> Integers:
    """Return the lane of each unit of `sizes`; none of more than `enough` work where that can be had."""
    dealt = np.zeros(len(sizes), np.int64)
    if lanes == 1:
        return dealt
    least = [(0, 0, lane) for lane in range(lanes)]  # its work, its units
    for unit in np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)].tolist():
        done, count, lane = least[0]
        heapq.heapreplace(least, (done + int(sizes[unit]), count + 1, lane))
        dealt[unit] = lane
    loads = np.bincount(dealt, sizes, lanes).astype(np.int64)
    while loads.max() > enough and _improve(sizes, dealt, loads):
        pass
    return dealt


def _improve(sizes: Integers, dealt: Integers, loads: Integers) -> bool:
    """Move a unit from the busiest lane, or exchange it for a smaller one; return whether that helped."""
    busy = int(loads.argmax())
    mine = np.flatnonzero((dealt == busy) & (sizes > 0))
    others = np.flatnonzero((dealt != busy) & (sizes > 0))
    # What goes from the busiest lane to another: a unit, less the one that comes back for it.
    goes = np.concatenate(
        [sizes[mine][:, None] - sizes[others], np.repeat(sizes[mine][:, None], len(loads), 1)], 1
    )
    to = np.concatenate([dealt[others], np.arange(len(loads))])
    after = np.maximum(loads[busy] - goes, loads[to] + goes)
    after[(goes <= 0) | (to == busy)] = loads[busy]
    best = np.unravel_index(after.argmin(), after.shape)
    if after[best] >= loads[busy]:
        return False
    unit, lane = mine[best[0]], to[best[1]]
    loads[busy] -= goes[best]
    loads[lane] += goes[best]
    dealt[unit] = lane
    if best[1] < len(others):
        dealt[others[best[1]]] = busy
    return True
