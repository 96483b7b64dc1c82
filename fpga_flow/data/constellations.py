"""The 24 classes of RadioML 2018.01A and the symbols of those that are constellations."""

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "OOK", "4ASK", "8ASK", "BPSK", "QPSK", "8PSK", "16PSK", "32PSK", "16APSK", "32APSK", "64APSK", "128APSK",
    "16QAM", "32QAM", "64QAM", "128QAM", "256QAM", "AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM",
    "GMSK", "OQPSK",
)  # fmt: skip
"""In the order of the labels. (The `classes.txt` that comes with the data set has another, wrong order.)"""

ANALOG = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM")
LINEAR = tuple(name for name in CLASSES if name not in (*ANALOG, "GMSK"))
"""Classes whose frames are symbols through a linear filter."""

_RINGS: dict[str, tuple[tuple[int, float, float], ...]] = {
    # points, radius, angle of the first point
    "16APSK": ((4, 1.0, np.pi / 4), (12, 2.7, np.pi / 12)),  # EN 302 307-1 (DVB-S2), rate 5/6
    "32APSK": ((4, 1.0, np.pi / 4), (12, 2.84, np.pi / 12), (16, 5.27, np.pi / 16)),  # the same, rate 3/4
    # The rings of EN 302 307-2 (DVB-S2X), rate 132/180. Its radii, 2.4, 4.3 and 7.0, are not recognised
    # (docs/signals.md); these lie nearly evenly.
    "64APSK": ((4, 1.0, np.pi / 4), (12, 2.73, np.pi / 12), (20, 4.52, np.pi / 20), (28, 6.31, np.pi / 28)),
}

_APSK128: tuple[tuple[float, tuple[tuple[int, int], ...]], ...] = (
    # EN 302 307-2 (DVB-S2X), 128APSK, rate 135/180: radius, angles of the first quadrant in parts of pi
    (1.0, ((83, 1260), (103, 560), (177, 560), (243, 560))),
    (1.715, ((121, 2520), (113, 560), (167, 560), (1139, 2520))),
    (2.118, ((23, 280), (169, 1008), (239, 720), (117, 280))),
    (2.681, ((61, 720), (139, 840), (281, 840), (349, 840))),
    (2.75, ((19, 720), (563, 2520), (199, 720), (341, 720))),
    (
        3.819,
        (
            *((37, 1680), (11, 168), (11, 105), (61, 420), (929, 5040), (383, 1680)),
            *((49, 180), (53, 168), (1789, 5040), (1993, 5040), (73, 168), (43, 90)),
        ),
    ),
)


def constellation(name: str) -> NDArray[np.complex128]:
    """Return the points of the class `name` of `LINEAR`, scaled to unit variance.

    OOK and ASK are unipolar, so their mean is not zero and their power is above one.
    """
    if name == "OOK":
        points = np.array([0, 1], dtype=complex)
    elif name in _RINGS:
        points = np.concatenate([_ring(*ring) for ring in _RINGS[name]])
    elif name == "128APSK":
        points = _quadrants(_APSK128)
    elif name in ("QPSK", "OQPSK"):
        points = _ring(4, 1.0, np.pi / 4)
    elif name == "BPSK":
        points = np.array([-1, 1], dtype=complex)
    elif name.endswith("ASK"):
        points = np.arange(int(name[:-3]), dtype=complex)
    elif name.endswith("PSK"):
        points = _ring(int(name[:-3]), 1.0, 0.0)
    else:
        points = _qam(int(name[:-3]))
    return np.asarray(points / np.std(points), dtype=np.complex128)


def _ring(count: int, radius: float, start: float) -> NDArray[np.complex128]:
    angle = start + 2 * np.pi * np.arange(count) / count
    return np.asarray(radius * np.exp(1j * angle), dtype=np.complex128)


def _quadrants(rings: tuple[tuple[float, tuple[tuple[int, int], ...]], ...]) -> NDArray[np.complex128]:
    """Return the points of the first quadrant and their images in the two axes and the centre."""
    first = np.array([radius * np.exp(1j * np.pi * n / d) for radius, angles in rings for n, d in angles])
    return np.concatenate([first, first.conj(), -first.conj(), -first])


def _qam(order: int) -> NDArray[np.complex128]:
    """Return a square grid, or where `order` is no square a cross: a larger grid less its corners."""
    side = int(np.ceil(np.sqrt(order)))
    corner = 0
    if side * side != order:
        side = 3 * int(np.sqrt(order / 8))  # 6 for 32, 12 for 128: corners of side/6 squared
        corner = side // 6
    axis = 2.0 * np.arange(side) - (side - 1)
    grid = (axis[:, None] + 1j * axis[None, :]).ravel()
    inner = side - 2 * corner
    return grid[~((np.abs(grid.real) >= inner) & (np.abs(grid.imag) >= inner))] if corner else grid
