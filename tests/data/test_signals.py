"""What is measured here is measured on the frames, with nothing taken from the generator but its classes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.core.recipe_parts.data import Impairments
from fpga_flow.data import signals
from fpga_flow.data.constellations import CLASSES, LINEAR, constellation

CLEAN_DB = 100
IDEAL = Impairments(cfo_std=0, phase=0, timing=0)
LENGTH = 1024


def frames(
    name: str,
    snr_db: int = CLEAN_DB,
    count: int = 64,
    length: int = LENGTH,
    impairments: Impairments | None = None,
) -> NDArray[np.complex128]:
    made = signals.block(CLASSES.index(name), snr_db, count, length, 7, impairments).astype(np.float64)
    return made[..., 0] + 1j * made[..., 1]


def spectrum(x: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies (cycles per sample) and the mean power at each; the sum of these is the power."""
    window = np.blackman(x.shape[1])
    power = np.abs(np.fft.fft(x * window, axis=1)) ** 2
    frequency = np.asarray(np.fft.fftfreq(x.shape[1]), dtype=np.float64)
    return frequency, power.mean(axis=0) / x.shape[1] / np.sum(window**2)


def share(x: NDArray[np.complex128], low: float, high: float) -> float:
    """Return the part of the power at frequencies from `low` to `high`."""
    frequency, power = spectrum(x)
    return float(power[(frequency >= low) & (frequency <= high)].sum() / power.sum())


@pytest.mark.parametrize("name", [name for name in LINEAR if name != "OQPSK"])
def test_symbols_are_the_points_of_the_constellation(name: str) -> None:
    at_symbols = frames(name, count=128, impairments=IDEAL)[:, ::8].ravel()
    points = constellation(name)
    distance = np.abs(at_symbols[:, None] - points[None, :])
    assert distance.min(axis=1).max() < 2e-3
    counts = np.bincount(distance.argmin(axis=1), minlength=len(points))
    expected = len(at_symbols) / len(points)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_oqpsk_is_two_bpsk_signals_half_a_symbol_of_four_samples_apart() -> None:
    x = frames("OQPSK", length=2048, impairments=IDEAL)
    frequency = np.abs(np.fft.fftfreq(2048)) * 4  # cycles per symbol
    matched = np.sqrt((1 + np.cos(np.pi * np.clip((frequency - 0.25) / 0.5, 0, 1))) / 2)
    received = np.fft.ifft(np.fft.fft(x, axis=1) * matched, axis=1)[:, 256:-256]  # away from the frames' ends
    assert np.abs(np.abs(received.real[:, ::4]) - 1).max() < 0.01
    assert np.abs(np.abs(received.imag[:, 2::4]) - 1).max() < 0.01
    assert np.abs(np.abs(received.imag[:, ::4]) - 1).max() > 0.1


@pytest.mark.parametrize("name", [name for name in LINEAR if name != "OQPSK"])
def test_power_is_that_of_the_shaped_symbols(name: str) -> None:
    x = frames(name, count=128)
    mean = constellation(name).mean()
    # a raised cosine passes the mean, and all but a quarter of the roll-off of the variance
    expected = abs(mean) ** 2 + 1 - 0.5 / 4
    assert np.mean(np.abs(x) ** 2) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("rolloff", [0.1, 0.5, 1.0])
def test_oqpsk_has_unit_power_in_each_of_i_and_q_whatever_its_pulse(rolloff: float) -> None:
    x = frames("OQPSK", count=256, impairments=Impairments(rolloff=(rolloff, rolloff)))
    assert np.mean(x.real**2) == pytest.approx(1, rel=0.02)
    assert np.mean(x.imag**2) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("name", "power"), [("AM-SSB-SC", 1), ("AM-DSB-WC", 1), ("AM-DSB-SC", 1), ("FM", 1), ("GMSK", 1.04)]
)
def test_power_of_the_other_classes_is_one(name: str, power: float) -> None:
    assert np.mean(np.abs(frames(name)) ** 2) == pytest.approx(power, rel=0.02)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("snr_db", [-20, 0, 10])
def test_noise_is_as_strong_as_the_snr_says(name: str, snr_db: int) -> None:
    x = frames(name, snr_db)
    frequency, power = spectrum(x)
    outside = np.abs(frequency) > 0.3  # no class reaches so far
    noise = power[outside].mean() * len(frequency)
    ratio = 10 ** (snr_db / 10)
    assert noise == pytest.approx(1 / (1 + ratio), rel=0.03)


@pytest.mark.parametrize("name", CLASSES)
def test_power_is_one_in_heavy_noise(name: str) -> None:
    strongest = 20  # of a clean frame: AM-SSB-WC
    power = np.mean(np.abs(frames(name, -40)) ** 2)
    assert power == pytest.approx(1, abs=0.02 + strongest * 1e-4)


@pytest.mark.parametrize("rolloff", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(
    ("name", "samples", "power"), [("BPSK", 8, 0.25), ("64QAM", 8, 0.25), ("OQPSK", 4, 0.5)]
)
def test_linear_classes_fill_the_band_of_the_pulse(
    name: str, samples: int, power: float, rolloff: float
) -> None:
    x = frames(name, count=128, impairments=Impairments(rolloff=(rolloff, rolloff), cfo_std=0))
    half = 1 / (2 * samples)
    edge = half * (1 + rolloff)
    assert share(x, -edge - 0.002, edge + 0.002) > 0.9999
    frequency, density = spectrum(x)
    at_half = density[np.abs(np.abs(frequency) - half) < 0.0015].mean()
    at_centre = density[np.abs(frequency) < max(half * (1 - rolloff) - 0.004, 0.004)].mean()
    assert at_half / at_centre == pytest.approx(power, rel=0.2)  # of the pair; of its first filter alone


def test_single_side_band_has_one_side_and_double_has_two() -> None:
    for name, lower in (("AM-SSB-SC", 0.0), ("AM-DSB-SC", 0.5)):
        x = frames(name, count=128, impairments=IDEAL)
        assert share(x, -0.5, -0.004) == pytest.approx(lower, abs=0.03)
        assert share(x, -0.103, 0.103) > 0.999
    assert np.abs(frames("AM-DSB-SC", impairments=IDEAL).imag).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "least"), [("AM-SSB-WC", 0.9), ("AM-DSB-WC", 0.9), ("AM-SSB-SC", 0.0), ("AM-DSB-SC", 0.0)]
)
def test_carrier_is_there_where_the_name_says_so(name: str, least: float) -> None:
    carrier = share(frames(name, impairments=IDEAL), -0.003, 0.003)
    assert least <= carrier <= least + 0.1


def test_fm_has_a_constant_envelope_and_keeps_its_deviation() -> None:
    x = frames("FM", impairments=IDEAL)
    assert np.allclose(np.abs(x), 1, atol=1e-3)
    frequency = np.angle(x[:, 1:] * x[:, :-1].conj()) / (2 * np.pi)
    assert np.median(np.abs(frequency).max(axis=1)) == pytest.approx(0.05, rel=0.02)
    assert np.abs(frequency).max() < 0.0501
    slope = np.abs(np.diff(frequency, axis=1)).max()
    assert slope < 2 * np.pi * 0.01 * 0.05 * 1.01  # a message of this band and peak cannot turn faster


def test_gmsk_has_a_constant_envelope_and_turns_a_quarter_per_bit_at_most() -> None:
    x = frames("GMSK", impairments=IDEAL)
    assert np.allclose(np.abs(x), 1.02, atol=1e-3)
    turns = np.diff(np.unwrap(np.angle(x), axis=1)[:, ::8], axis=1) / (np.pi / 2)
    assert np.abs(turns).max() == pytest.approx(1, abs=1e-3)  # in a run of equal bits
    assert np.mean(turns > 0) == pytest.approx(0.5, abs=0.02)
    assert share(x, -0.06, 0.06) > 0.99


def test_carrier_offset_has_the_deviation_asked_for() -> None:
    x = frames("AM-DSB-WC", count=512, impairments=Impairments(cfo_std=1e-3, phase=0))
    phase = np.unwrap(np.angle(x), axis=1)
    offset = (phase[:, -1] - phase[:, 0]) / (2 * np.pi * (LENGTH - 1))
    assert np.std(offset) == pytest.approx(1e-3, rel=0.1)
    assert np.abs(np.mean(offset)) < 2e-4


def test_phase_is_uniform_over_the_turns_asked_for() -> None:
    for turns, spread in ((1.0, 2 * np.pi), (0.25, np.pi / 2)):
        x = frames("AM-DSB-WC", count=512, impairments=Impairments(cfo_std=0, phase=turns))
        phase = np.angle(x[:, 0]) % (2 * np.pi)
        assert np.std(phase) == pytest.approx(spread / np.sqrt(12), rel=0.1)


@pytest.mark.parametrize("name", ["BPSK", "GMSK"])
def test_timing_is_uniform_over_a_symbol(name: str) -> None:
    x = frames(name, count=1024, impairments=Impairments(cfo_std=0, phase=0))
    # BPSK has most power at its symbols; GMSK turns least where bits change: lines at the symbol rate
    line = np.abs(x) ** 2 if name == "BPSK" else np.angle(x[:, 1:] * x[:, :-1].conj()) ** 2
    angle = np.angle((line * np.exp(-2j * np.pi * np.arange(line.shape[1]) / 8)).sum(axis=1))
    assert abs(np.exp(1j * angle).mean()) < 0.1
    assert np.histogram(angle, 8)[0] == pytest.approx(np.full(8, 128), abs=50)


@pytest.mark.parametrize("name", ["QPSK", "GMSK"])
def test_echoes_bend_the_spectrum_and_add_their_power(name: str) -> None:
    plain = frames(name, count=512)
    bent = frames(name, count=512, impairments=Impairments(delay_spread=8, echo_power=0.25))
    ratio = np.mean(np.abs(bent) ** 2) / np.mean(np.abs(plain) ** 2)
    assert ratio == pytest.approx(1.5, rel=0.1)
    assert np.std(np.mean(np.abs(bent) ** 2, axis=1)) > 3 * np.std(np.mean(np.abs(plain) ** 2, axis=1))


def test_frames_are_not_periodic() -> None:
    for name in ("QPSK", "GMSK", "AM-DSB-SC"):
        x = frames(name, length=128, impairments=IDEAL)
        jump = np.abs(x[:, 0] - x[:, -1])
        assert np.mean(jump**2) > np.mean(np.abs(np.diff(x, axis=1)) ** 2) * 2


@pytest.mark.parametrize("length", [16, 100, 128, 257, 2048])
def test_frames_have_the_length_asked_for(length: int) -> None:
    for label in range(24):
        made = signals.block(label, 10, 3, length, 1)
        assert made.shape == (3, length, 2)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()


def test_a_frame_does_not_depend_on_how_many_are_made() -> None:
    many = signals.block(4, 6, 150, 128, 3)
    few = signals.block(4, 6, 70, 128, 3)
    assert np.array_equal(many[:70], few)
    assert len(np.unique(many[:, 0, 0])) == 150


def test_seed_class_and_snr_each_give_other_frames() -> None:
    first = signals.block(4, 6, 4, 128, 3)
    for label, snr_db, seed in ((5, 6, 3), (4, 8, 3), (4, -6, 3), (4, 6, 4)):
        assert not np.any(first == signals.block(label, snr_db, 4, 128, seed))


PINNED = [
    *([-1.13900, -0.26741], [3.43339, -4.13367], [0.10397, -0.96928], [-0.97397, -0.67541]),
    *([0.85639, 0.89855], [-0.82215, 0.99711]),
]
"""Where these change on purpose, VERSION must go up, so that cached files are made again."""


def test_frames_are_those_of_this_version() -> None:
    assert signals.VERSION == 3
    found = [
        signals.block(CLASSES.index(name), 10, 1, 128, 2018)[0, 64]
        for name in ("16QAM", "AM-SSB-WC", "FM", "GMSK", "128APSK", "OQPSK")
    ]
    assert np.array(found) == pytest.approx(np.array(PINNED), abs=1e-4)
