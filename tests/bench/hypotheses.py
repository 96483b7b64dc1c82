"""Hypotheses of how the linear classes of the real set were made, each with where it comes from."""

from dataclasses import dataclass

import numpy as np

from fpga_flow.data.constellations import LINEAR, constellation
from tests.bench.convention_frames import Convention, Points

DVB_S2, DVB_S2X = "EN 302 307-1 (DVB-S2)", "EN 302 307-2 (DVB-S2X)"
LIQUID = "liquid-dsp, modem_apsk_const.c"
TUTORIAL = "GNU Radio, gr-tutorial, tutorial7/mpsk_rrc_rolloff.grc"
"""Points of QPSK at ±1±j, 4 samples a symbol, a root raised cosine of 0.35."""
OURS = "fpga_flow/data"
OLD = Convention(rolloff=0.35, gain=0.96)
"""Of version 2 of the generated frames."""
COMMON = tuple(name for name in LINEAR if name not in ("OQPSK", "128APSK"))
"""Classes on which what all have in common is judged: those that version 2 had recognised at all."""


@dataclass(frozen=True)
class Hypothesis:
    """What one class, or all of `COMMON`, may look like."""

    name: str
    what: str
    source: str
    convention: Convention = Convention()
    points: Points | None = None
    """Of another constellation than ours."""


def rings(counts: tuple[int, ...], radii: tuple[float, ...], turned: bool = True) -> Points:
    """Return rings of evenly spaced points, the first at half a step where `turned`, else at angle 0."""
    return np.concatenate(
        [
            radius * np.exp(2j * np.pi * (np.arange(count) + 0.5 * turned) / count)
            for count, radius in zip(counts, radii, strict=True)
        ]
    )


def grid(columns: int, rows: int) -> Points:
    """Return a rectangle of points two apart."""
    x, y = 2.0 * np.arange(columns) - (columns - 1), 2.0 * np.arange(rows) - (rows - 1)
    return (x[:, None] + 1j * y).ravel()


def _shared() -> list[Hypothesis]:
    made = [Hypothesis("all", "version 2: roll-off 0.35, gain 0.96", OURS, OLD)]
    for rolloff in (0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 1.0):
        source = {0.35: "GNU Radio, default of digital.generic_mod", 0.5: OURS}.get(rolloff, "")
        made.append(
            Hypothesis("all", f"raised cosine, roll-off {rolloff}", source, Convention(rolloff=rolloff))
        )
    for rolloff in (0.2, 0.35, 0.5):
        made.append(
            Hypothesis(
                "all",
                f"root raised cosine alone, roll-off {rolloff}",
                "no filter at the receiver",
                Convention(pulse="root raised cosine", rolloff=rolloff),
            )
        )
    windowed = Convention(pulse="windowed", rolloff=0.35)
    made.append(Hypothesis("all", "raised cosine, roll-off 0.35, Hamming window of 6 symbols", "", windowed))
    for gain in (0.9, 0.93, 0.96, 0.98, 1.02, 1.05, 1.1):
        made.append(Hypothesis("all", f"gain {gain}", "", Convention(gain=gain)))
    made.append(Hypothesis("all", "frames of unit power", "", Convention(scaled="power")))
    made.append(Hypothesis("all", "frames of unit peak", "", Convention(scaled="peak")))
    made += [Hypothesis("all", f"{n} samples a symbol", "", Convention(samples=n)) for n in (4, 6, 10, 16)]
    return made


def _amplitude_phase() -> list[Hypothesis]:
    made = [
        Hypothesis("16APSK", f"4+12, {radius}", f"{DVB_S2}, rate {rate}", points=rings((4, 12), (1, radius)))
        for rate, radius in (("2/3", 3.15), ("3/4", 2.85), ("4/5", 2.75), ("8/9", 2.6), ("9/10", 2.57))
    ]
    for rate, *radii in (("4/5", 2.72, 4.87), ("5/6", 2.64, 4.64), ("8/9", 2.54, 4.33), ("9/10", 2.53, 4.3)):
        points = rings((4, 12, 16), (1, *radii))
        made.append(Hypothesis("32APSK", f"4+12+16, {radii}", f"{DVB_S2}, rate {rate}", points=points))
    points = rings((4, 12, 16), (1, 2.85, 5.55))
    made.append(Hypothesis("32APSK", "4+12+16, [2.85, 5.55]", f"{DVB_S2X}, rate 2/3", points=points))
    points = rings((4, 12, 16), (0.27952856, 0.72980529, 1.25737989), turned=False)
    made.append(Hypothesis("32APSK", "4+12+16", LIQUID, points=points))
    for rate, counts, *radii in (
        ("128/180", (16, 16, 16, 16), 1.88, 2.72, 3.95),
        ("7/9", (8, 16, 20, 20), 2.2, 3.6, 5.2),
        ("5/6", (8, 16, 20, 20), 2.2, 3.5, 5.0),
        ("132/180", (4, 12, 20, 28), 2.4, 4.3, 7.0),
    ):
        what = f"{'+'.join(str(count) for count in counts)}, {radii}"
        points = rings(counts, (1, *radii))
        made.append(Hypothesis("64APSK", what, f"{DVB_S2X}, rate {rate}", points=points))
    points = rings((4, 14, 20, 26), (0.18916586, 0.52466476, 0.88613129, 1.30529201), turned=False)
    made.append(Hypothesis("64APSK", "4+14+20+26", LIQUID, points=points))
    points = rings((4, 12, 16, 32), (0.19348209, 0.50553697, 0.80761099, 1.25433850), turned=False)
    made.append(Hypothesis("64APSK", "4+12+16+32", f"{LIQUID} (before)", points=points))
    version_2 = Convention(gain=0.96)
    made += [Hypothesis(name, "gain 0.96", "", version_2) for name in ("64APSK", "128APSK")]
    points = rings((4, 14, 20, 26), (0.18916586, 0.52466476, 0.88613129, 1.30529201), turned=False)
    made.append(Hypothesis("64APSK", "4+14+20+26, gain 0.96", LIQUID, version_2, points))
    points = rings((8, 16, 24, 36, 44), (1, 2, 3, 4, 5.2))
    made.append(Hypothesis("128APSK", "8+16+24+36+44, version 2", OURS, points=points))
    outer = constellation("128APSK")
    radius = np.abs(outer)
    nearer = np.where(radius > 0.99 * radius.max(), outer * 3.733 / 3.819, outer)
    made.append(Hypothesis("128APSK", "16x5+48, outer 3.733", f"{DVB_S2X}, rate 140/180", points=nearer))
    radii128 = (0.2024103, 0.46255755, 0.70972824, 0.99172282, 1.34806108)
    points = rings((8, 18, 24, 36, 42), radii128, turned=False)
    made.append(Hypothesis("128APSK", "8+18+24+36+42", LIQUID, points=points))
    points = rings((4, 12, 20, 28, 64), (1, 2.64, 4.64, 6.54, 8.41))
    made.append(Hypothesis("128APSK", "4+12+20+28+64", "other generators of these classes", points=points))
    return made


def _grids() -> list[Hypothesis]:
    made = [
        Hypothesis("32QAM", "rectangle of 8 x 4", "liquid-dsp, LIQUID_MODEM_QAM32", points=grid(8, 4)),
        Hypothesis("128QAM", "rectangle of 16 x 8", "liquid-dsp, LIQUID_MODEM_QAM128", points=grid(16, 8)),
    ]
    for name in ("16QAM", "32QAM", "64QAM", "128QAM", "256QAM"):
        points = constellation(name)
        mean = float(np.mean(np.abs(points)))
        made.append(
            Hypothesis(
                name,
                "mean amplitude one",
                "GNU Radio, digital.constellation",
                Convention(gain=1 / mean),
            )
        )
    for name in ("64QAM", "128QAM", "256QAM"):
        made += [
            Hypothesis(name, f"gain {gain}", "", Convention(gain=gain)) for gain in (0.9, 0.95, 1.1, 1.15)
        ]
    return made


def _offset() -> list[Hypothesis]:
    both = float(np.sqrt(2))
    made = [Hypothesis("OQPSK", "version 2", OURS, Convention(offset=0.5, rolloff=0.35, gain=0.96))]
    for samples in (2, 3, 4, 5, 6, 8, 16):
        for gain, power in ((1.0, "unit power"), (both, "I and Q of unit power each")):
            what = f"root raised cosine, {samples} samples a symbol, {power}"
            root = Convention(samples, "root raised cosine", 0.5, gain, 0.5)
            made.append(Hypothesis("OQPSK", what, "", root))
    for rolloff in (0.2, 0.35):
        root = Convention(4, "root raised cosine", rolloff, both, 0.5)
        what = f"root raised cosine, 4 samples a symbol, I and Q of unit power each, roll-off {rolloff}"
        made.append(Hypothesis("OQPSK", what, TUTORIAL if rolloff == 0.35 else "", root))
    for offset in (0.0, 0.25):
        root = Convention(4, "root raised cosine", 0.5, both, offset)
        made.append(Hypothesis("OQPSK", f"as generated, Q {offset} symbols late", "", root))
    for shape, source in (("half sine", "IEEE 802.15.4"), ("rectangle", "")):
        for samples in (4, 8):
            for gain in (1.0, both):
                made.append(
                    Hypothesis(
                        "OQPSK",
                        f"{shape}, {samples} samples a symbol, gain {gain:.2f}",
                        source,
                        Convention(samples, shape, 0.5, gain, 0.5),  # type: ignore[arg-type]
                    )
                )
    return made


def all_hypotheses() -> list[Hypothesis]:
    """Return every hypothesis; the generator's own frames are none of them."""
    return [*_shared(), *_amplitude_phase(), *_grids(), *_offset()]
