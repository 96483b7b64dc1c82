"""Integers to and from the bits that the accelerator reads and writes, vectorised.

A frame is the sequence of its integers, each `bits` wide, low bit first, filled up to whole bytes.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 17
"""Integers that are packed at a time: few enough for a small processor's second cache (512 KB) with what they
need beside them, enough to hide what each call of numpy costs."""
Constant = NDArray[Any]
QUICK = 16
"""Widest fields that are moved by a product: processors multiply many words of 32 bits at once, not of 64."""


def frame_bytes(values: int, bits: int) -> int:
    """Return the bytes of a frame of `values` integers of `bits` bits."""
    return (values * bits + 7) // 8


def pack(frames: NDArray[Any], bits: int, out: NDArray[np.uint8]) -> None:
    """Put integers (N, values), of 1 to 16 bits, as bytes into `out` (N, bytes).

    They are of type int8 or uint8, of more than 8 bits int16 or uint16.

    Fresh memory would cost as much as the packing, hence `out`; it must be contiguous.
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, not {bits}")
    size = 1 if bits <= 8 else 2
    if frames.dtype.kind not in "iu" or frames.dtype.itemsize != size:
        raise TypeError(
            f"integers of {bits} bits must be int{8 * size} or uint{8 * size}, not {frames.dtype}"
        )
    if bits > 8:
        _pack_wide(frames, bits, out)
        return
    octets = np.ascontiguousarray(frames).view(np.uint8)
    count, values = octets.shape
    if bits == 8:
        out[:] = octets
        return
    group = 8 // math.gcd(8, bits)  # integers that fill whole bytes
    filled = -(-values // group) * group
    flat = _padded(octets, filled).reshape(-1)
    direct = flat.size % 8 == 0 and out.size == flat.size // 8 * bits
    packed = out.reshape(-1) if direct else np.empty(-(-flat.size // 8) * bits, np.uint8)
    scratch = _scratch(flat.size)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        if block.size % 8:
            block = _padded(block[None], -(-block.size // 8) * 8).reshape(-1)
        place = start // 8 * bits
        _join(block.view("<u8"), bits, packed[place : place + block.size // 8 * bits], scratch)
    if not direct:
        used = flat.size // 8 * bits + flat.size % 8 * bits // 8
        out[:] = packed[:used].reshape(count, -1)[:, : out.shape[1]]


def _pack_wide(frames: NDArray[Any], bits: int, out: NDArray[np.uint8]) -> None:
    """Put integers (N, values) of 9 to 16 bits, in words of 16, into `out`; the inverse of `_gathered`."""
    words = np.ascontiguousarray(frames).view(np.uint16)
    if bits == 16:
        out[:] = words.astype("<u2", copy=False).view(np.uint8)
        return
    count, values = words.shape
    group = 8 // math.gcd(8, bits)  # integers that fill whole bytes
    groups, step = -(-values // group), group * bits // 8
    filled = np.zeros((count, groups * group), np.uint32)
    np.bitwise_and(words, np.uint16((1 << bits) - 1), out=filled[:, :values])
    fields = filled.reshape(count, groups, group)
    packed = np.zeros((count, groups, step), np.uint8)
    for place in range(group):
        first, shift = divmod(place * bits, 8)
        word = fields[:, :, place] << np.uint32(shift)
        for i in range((shift + bits + 7) // 8):
            packed[:, :, first + i] |= (word >> np.uint32(8 * i)).astype(np.uint8)
    out[:] = packed.reshape(count, -1)[:, : out.shape[1]]


def _padded(rows: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Return `rows` with zeros behind each up to `length`."""
    if rows.shape[1] == length:
        return rows
    padded = np.zeros((len(rows), length), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded


def _scratch(integers: int) -> NDArray[np.uint64]:
    """Return room for two blocks, made once: fresh memory for each block would cost more than the packing."""
    return np.empty((2, -(-min(integers + 7, BLOCK) // 8)), np.uint64)


@cache
def _number(value: int) -> Constant:
    """Return `value` as numpy takes it fastest: it would convert an integer at each call."""
    return np.array(value, np.uint64)


@cache
def _apart(width: int, used: int) -> Constant:
    """Return how much further a field counts at bit `width` than at bit `used`, as a word of both."""
    return np.array((1 << width) - (1 << used), f"<u{2 * width // 8}")


@cache
def _every(width: int, used: int, first: int = 0) -> Constant:
    """Return `used` ones at the bottom of every `width` bits of 64, all moved up by `first` bits."""
    return _number(sum(((1 << used) - 1) << position for position in range(0, 64, width)) << first)


def _join(
    octets: NDArray[np.uint64], bits: int, packed: NDArray[np.uint8], scratch: NDArray[np.uint64]
) -> None:
    """Put the low bits of eight bytes each side by side into `packed`.

    Neighbours move together: integers to pairs, pairs to fours, fours to eight, or until they fill bytes.
    """
    fields, moved = scratch[:, : octets.size]
    if bits == 1:
        np.bitwise_and(octets, _every(8, bits), out=fields)
        packed[:] = np.packbits(fields.view(np.uint8), bitorder="little")
        return
    if bits <= 4:  # a field moves next to its neighbour without touching it, if nothing is above it
        octets = np.bitwise_and(octets, _every(8, bits), out=fields)
    width, used = 8, bits
    while used != 8 and width < 64:
        if octets is fields and 2 * used > width and width <= QUICK:
            pairs, upper = (words.view(f"<u{2 * width // 8}") for words in (fields, moved))
            np.right_shift(pairs, width, out=upper)
            upper *= _apart(width, used)
            pairs -= upper
            width, used = 2 * width, 2 * used
        elif 2 * used > width:
            np.bitwise_and(octets, _every(2 * width, used, width), out=moved)
            moved >>= _number(width - used)
            octets = np.bitwise_and(octets, _every(2 * width, used), out=fields)
            fields |= moved
            width, used = 2 * width, 2 * used
        else:
            np.right_shift(fields, _number(width - used), out=moved)
            fields |= moved
            width, used = 2 * width, 2 * used
            if used != 8:
                fields &= _every(width, used)
    if width < 64:
        np.copyto(packed, fields.view(f"<u{width // 8}"), casting="unsafe")
    else:
        _store(fields, bits, packed)


def _store(fields: NDArray[np.uint64], count: int, packed: NDArray[np.uint8]) -> None:
    """Put the lowest `count` (3 to 7) bytes of each field, whose others are zero, side by side.

    Every field is put there with all its eight bytes, and the next one on top of those that are not its own.
    """
    whole = max((packed.size - 8) // count + 1, 0)  # that may have eight bytes
    apart: NDArray[Any] = np.ndarray((whole,), "<u8", packed, 0, (count,))
    apart[:] = fields[:whole]
    for place in range(whole, fields.size):
        value = int(fields[place]).to_bytes(8, "little")[:count]
        packed[place * count : (place + 1) * count] = np.frombuffer(value, np.uint8)


def _load(packed: NDArray[np.uint8], count: int, fields: NDArray[np.uint64]) -> None:
    """Put every `count` (3 to 7) bytes into a field, with what is behind them above; undoes `_store`."""
    whole = max((packed.size - 8) // count + 1, 0)  # that have eight bytes from their first on
    fields[:whole] = np.ndarray((whole,), "<u8", packed, 0, (count,))
    for place in range(whole, fields.size):
        fields[place] = int.from_bytes(packed[place * count : (place + 1) * count].tobytes(), "little")


def narrowest(bits: int, signed: bool) -> "np.dtype[Any]":
    """Return the smallest type of numpy that holds integers of `bits` bits."""
    return np.dtype(f"{'i' if signed else 'u'}{next(size for size in (1, 2, 4, 8) if bits <= 8 * size)}")


def unpack(data: NDArray[np.uint8], bits: int, signed: bool, out: NDArray[Any]) -> None:
    """Put the integers, of 1 to 57 bits, in frames of bytes (N, bytes) into `out` (N, values).

    `out` is of type `narrowest(bits, signed)` and contiguous.
    """
    if not 1 <= bits <= 57:
        raise ValueError(f"bits must be 1 to 57, not {bits}")
    values = out.shape[1]
    if bits == 8 * out.itemsize:
        out[:] = np.ascontiguousarray(data).view(out.dtype.newbyteorder("<"))
        return
    group = 8 // math.gcd(8, bits)  # integers that fill whole bytes
    groups, step = -(-values // group), group * bits // 8
    flat = np.ascontiguousarray(_padded(data, groups * step)).reshape(-1)
    if bits > 8:
        wide = _gathered(flat.reshape(-1, step), bits, group, signed)
        out[:] = wide.reshape(len(data), -1)[:, :values]
        return
    direct = flat.size % bits == 0 and out.size == flat.size // bits * 8
    integers = out.reshape(-1) if direct else np.empty(-(-flat.size // bits) * 8, out.dtype)
    scratch = _scratch(integers.size)
    for start in range(0, flat.size, BLOCK // 8 * bits):
        block = flat[start : start + BLOCK // 8 * bits]
        if block.size % bits:
            block = _padded(block[None], -(-block.size // bits) * bits).reshape(-1)
        place = start // bits * 8
        _split(block, bits, signed, integers[place : place + block.size // bits * 8], scratch)
    if not direct:
        out[:] = integers[: len(data) * groups * group].reshape(len(data), -1)[:, :values]


def _split(
    packed: NDArray[np.uint8],
    bits: int,
    signed: bool,
    integers: NDArray[Any],
    scratch: NDArray[np.uint64],
) -> None:
    """Put the integers of less than 8 bits in `packed` into `integers`; the inverse of `_join`."""
    octets = np.unpackbits(packed, bitorder="little") if bits == 1 else _spread(packed, bits, scratch)
    if signed:  # the sign's bit counts negative
        sign = np.uint8(1 << (bits - 1))
        octets ^= sign
        np.subtract(octets.view(np.int8), sign.view(np.int8), out=integers)
    else:
        integers[:] = octets


def _spread(packed: NDArray[np.uint8], bits: int, scratch: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the integers of 2 to 7 bits in `packed`, each in a byte, its upper bits zero."""
    fields, moved = scratch[:, : packed.size // bits]
    if 8 % bits == 0:
        width, used = 64 // bits, 8
        np.copyto(fields.view(f"<u{8 // bits}"), packed)
    else:
        width, used = 64, 8 * bits
        _load(packed, bits, fields)
        if 2 * used <= 64:
            fields &= _every(64, used)
    while width > 8:
        width, used = width // 2, used // 2
        if 2 * used > width and width <= QUICK:
            pairs, upper = (words.view(f"<u{2 * width // 8}") for words in (fields, moved))
            np.right_shift(pairs, used, out=upper)
            upper *= _apart(width, used)
            pairs += upper
            continue
        np.left_shift(fields, _number(width - used), out=moved)
        if 2 * used > width:  # a field would move onto its own bits
            moved &= _every(2 * width, used, width)
            fields &= _every(2 * width, used)
            fields |= moved
        else:
            fields |= moved
            fields &= _every(width, used)
    octets: NDArray[np.uint8] = fields.view(np.uint8)
    return octets


def _gathered(rows: NDArray[np.uint8], bits: int, group: int, signed: bool) -> NDArray[Any]:
    """Return the integers (groups, group), of more than 8 bits, in bytes (groups, group * bits / 8)."""
    wide = np.dtype(np.uint32 if bits + 7 <= 32 else np.uint64)
    columns = []
    for place in range(group):
        first, shift = divmod(place * bits, 8)
        word = rows[:, first].astype(wide)
        for i in range(1, (shift + bits + 7) // 8):
            word |= rows[:, first + i].astype(wide) << wide.type(8 * i)
        above = wide.type(8 * wide.itemsize - bits - shift)
        word <<= above
        if signed:
            word = word.view(f"i{wide.itemsize}")
        word >>= word.dtype.type(8 * wide.itemsize - bits)
        columns.append(word)
    return np.stack(columns, axis=1)
