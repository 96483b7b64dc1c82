"""Generated radio signals: frames of the 24 classes of RadioML 2018.01A, many at a time.

Symbols are shaped in the frequency domain: a batch of frames is the inverse Fourier transform of the
repeated spectrum of its symbols times a raised cosine (a root-raised-cosine pair), where roll-off and
timing of every frame cost nothing extra. Frames are cut out of a longer period, so that they are not
periodic themselves.

A frame depends on the seed, its class, its SNR and its place in the block alone: not on the number of
threads, of frames, or on the other blocks. Equal seeds give equal frames on one machine; between machines
the last bits differ, as libraries sum in another order.

The conventions are those, out of standards and GNU Radio's tools, which a network trained on the real set
recognises; docs/signals.md has what was tried for every class. The audio behind AM is our own.
"""

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import erf

from fpga_flow.core.recipe_parts.data import Impairments
from fpga_flow.data.constellations import CLASSES, LINEAR, constellation

VERSION = 3
"""Goes up whenever the same seed gives other frames, so that cached files are made again."""
SAMPLES_PER_SYMBOL = 8
OFFSET_SAMPLES_PER_SYMBOL = 4
"""Of OQPSK: as in GNU Radio's tutorial on PSK (gr-tutorial, mpsk_rrc_rolloff.grc), whose points are ±1±j."""
CHUNK = 64
"""Frames that are computed at once, from one seed: small enough for the cache of a core."""

GUARD = 8
"""Symbols of the period that are cut away on either side, so that the ends of a frame do not meet."""
GMSK_GAIN = 1.02
GMSK_BT = 0.35
"""Bandwidth of the Gaussian filter times the duration of a bit: the default of GNU Radio's gmsk_mod."""
AM_BANDWIDTH = 0.1
"""Of the message, in cycles per sample."""
AM_INDEX = 0.5
FM_BANDWIDTH = 0.01
FM_DEVIATION = 0.05
"""Frequency at the peak of the message, in cycles per sample."""
MESSAGE_SAMPLES = 2048
"""At least so long is the period of a message, of which a frame shows a part."""

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]


def parameters(length: int, seed: int, impairments: Impairments) -> dict[str, Any]:
    """Return everything that generated frames depend on, as JSON."""
    return {"version": VERSION, "length": length, "seed": seed, "impairments": impairments.model_dump()}


def block(
    label: int, snr_db: int, count: int, length: int, seed: int, impairments: Impairments | None = None
) -> Real:
    """Return the first `count` frames of class `label` at `snr_db`, float32 (count, length, 2)."""
    frames = np.empty((count, length, 2), dtype=np.float32)
    for start in range(0, count, CHUNK):
        part = chunk(label, snr_db, start // CHUNK, length, seed, impairments or Impairments())
        frames[start : start + CHUNK] = part[: count - start]
    return frames


def chunk(label: int, snr_db: int, index: int, length: int, seed: int, impairments: Impairments) -> Real:
    """Return frames `CHUNK * index` and following of a block, float32 (CHUNK, length, 2), I and Q last.

    SNR is the variance of the symbols, one, to the power of the noise in the whole sampled band. Frames
    are scaled so that both together are one. (OQPSK and AM-SSB-WC are stronger, and keep that noise.)
    """
    key = (label, snr_db % 2**32, index)  # a key has no sign
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))
    signal = clean(CLASSES[label], rng, length, impairments)
    noise = 10.0 ** (-snr_db / 20)
    scale = 1 / np.sqrt(1 + noise**2)
    signal *= _carrier(rng, length, impairments, scale)
    frames = rng.standard_normal((CHUNK, length, 2), dtype=np.float32)
    frames *= np.float32(noise * scale / np.sqrt(2))
    frames += signal.view(np.float32).reshape(CHUNK, length, 2)
    return frames


def clean(name: str, rng: np.random.Generator, length: int, impairments: Impairments) -> Complex:
    """Return frames of class `name` before carrier and noise, complex64 (CHUNK, length)."""
    if name in LINEAR:
        return _linear(name, rng, length, impairments)
    if name == "GMSK":
        signal = _gmsk(rng, length, impairments)
    elif name == "FM":
        message = _message(rng, length, FM_BANDWIDTH).real
        signal = _turn(np.cumsum(np.float32(2 * np.pi * FM_DEVIATION) * message, axis=1))
    else:
        signal = _am(name, rng, length)
    if impairments.delay_spread:
        spectrum = scipy.fft.fft(signal, axis=1)
        frequency = scipy.fft.fftfreq(signal.shape[1])
        signal = scipy.fft.ifft(spectrum * _echoes(rng, frequency, impairments), axis=1)
    start = (signal.shape[1] - length) // 2
    return np.ascontiguousarray(signal[:, start : start + length])


def _linear(name: str, rng: np.random.Generator, length: int, impairments: Impairments) -> Complex:
    """Return shaped symbols: of unit variance through a root-raised-cosine pair of peak 1.

    OQPSK is two BPSK signals, each of unit power, one of them half a symbol late (Proakis, Digital
    Communications), through the transmitter's root raised cosine alone.
    """
    offset = name == "OQPSK"
    samples = OFFSET_SAMPLES_PER_SYMBOL if offset else SAMPLES_PER_SYMBOL
    count = _symbols(length, samples)
    points = (samples * constellation(name)).astype(np.complex64)
    symbols = points[rng.integers(0, len(points), (CHUNK, count), dtype=np.uint16)]
    bins = np.arange(-count, count, dtype=np.float32)  # a roll-off of at most 1 ends at one cycle a symbol
    frequency = (bins / count).astype(np.float32)
    shape = _raised_cosine(frequency, rng.uniform(*impairments.rolloff, (CHUNK, 1)).astype(np.float32))
    delay = rng.uniform(0, impairments.timing, (CHUNK, 1)).astype(np.float32)
    if offset:
        in_phase = np.tile(scipy.fft.fft(symbols.real.astype(np.complex64), axis=1), 2)
        quadrature = np.tile(scipy.fft.fft(1j * symbols.imag, axis=1), 2)
        repeated = in_phase + quadrature * _turn(-np.pi * frequency)
        shape = np.sqrt(2 * shape)
    else:
        repeated = np.tile(scipy.fft.fft(symbols, axis=1), 2)
    repeated *= shape * _turn(-2 * np.pi * frequency * delay)
    if impairments.delay_spread:
        repeated *= _echoes(rng, frequency / samples, impairments)
    spectrum = np.zeros((CHUNK, count * samples), dtype=np.complex64)
    spectrum[:, :count] = repeated[:, count:]
    spectrum[:, -count:] = repeated[:, :count]
    signal = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)
    start = GUARD * samples
    return np.ascontiguousarray(signal[:, start : start + length])


def _raised_cosine(frequency: Real, rolloff: Real) -> Real:
    """Return the spectrum of the pulse that is 1 at its centre; `frequency` in cycles per symbol."""
    beyond = np.clip((np.abs(frequency) - (1 - rolloff) / 2) / rolloff, 0, 1)
    shape: Real = np.float32(0.5) + np.float32(0.5) * np.cos(np.float32(np.pi) * beyond)
    return shape


def _gmsk(rng: np.random.Generator, length: int, impairments: Impairments) -> Complex:
    """Return a phase that turns by a quarter per bit, smoothed by a Gaussian filter, over the guard too."""
    reach = 3  # bits, to either side, beyond which the filtered bit is below 1e-9
    count = _symbols(length, SAMPLES_PER_SYMBOL)
    bits = 2.0 * rng.integers(0, 2, (CHUNK, count + 2 * reach), dtype=np.int8) - 1
    delay = rng.uniform(0, impairments.timing, (CHUNK, 1, 1))
    steps = np.arange(SAMPLES_PER_SYMBOL) / SAMPLES_PER_SYMBOL
    time = np.arange(reach, -reach - 1, -1)[:, None] + steps - delay
    sigma = np.sqrt(np.log(2)) / (2 * np.pi * GMSK_BT)
    pulse = erf((time + 0.5) / (sigma * np.sqrt(2))) - erf((time - 0.5) / (sigma * np.sqrt(2)))
    windows = np.lib.stride_tricks.sliding_window_view(bits.astype(np.float32), 2 * reach + 1, axis=1)
    turns = np.matmul(windows, (np.pi / 4 / SAMPLES_PER_SYMBOL * pulse).astype(np.float32))
    return np.asarray(GMSK_GAIN * _turn(np.cumsum(turns.reshape(CHUNK, -1), axis=1)), dtype=np.complex64)


def _am(name: str, rng: np.random.Generator, length: int) -> Complex:
    signal = _message(rng, length, AM_BANDWIDTH)
    if "DSB" in name:
        signal = signal.real.astype(np.complex64)
    if name.endswith("WC"):
        signal = 1 + np.float32(AM_INDEX) * signal
    middle = _middle(signal)
    # AM-SSB-WC is scaled as the symbols are, by its variance, so that its carrier stands above the range of
    # an input quantiser: networks trained on the real set recognise it so. AM-DSB-WC has unit power.
    mean = 0 if name == "AM-DSB-WC" else middle.mean(axis=1, keepdims=True)
    power: Real = np.mean(np.abs(middle - mean) ** 2, axis=1, keepdims=True)
    return np.asarray(signal / np.sqrt(power), dtype=np.complex64)


def _message(rng: np.random.Generator, length: int, bandwidth: float) -> Complex:
    """Return noise without its negative frequencies, of which the real part is the message, of peak 1."""
    period = scipy.fft.next_fast_len(max(MESSAGE_SAMPLES, 2 * length))
    top = int(bandwidth * period)
    spectrum = np.zeros((CHUNK, period), dtype=np.complex64)
    spectrum[:, 1 : top + 1] = rng.standard_normal((CHUNK, 2 * top), dtype=np.float32).view(np.complex64)
    signal = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)
    peak: Real = np.max(np.abs(_middle(signal).real), axis=1, keepdims=True)
    return np.asarray(signal / peak, dtype=np.complex64)


def _middle(signal: Complex) -> Complex:
    """Return the middle half of a message's period, where its peak and its deviation are taken.

    It holds the frame; a frame that is shorter shows a part of a message that is scaled like a longer one.
    """
    quarter = signal.shape[1] // 4
    return signal[:, quarter : signal.shape[1] - quarter]


def _echoes(rng: np.random.Generator, frequency: NDArray[Any], impairments: Impairments) -> Complex:
    """Return the channel's response at `frequency` (cycles per sample): the direct path and two echoes."""
    delay = rng.exponential(impairments.delay_spread, (CHUNK, 2, 1)).astype(np.float32)
    gain = rng.standard_normal((CHUNK, 4), dtype=np.float32).view(np.complex64)[:, :, None]
    paths = gain * np.float32(np.sqrt(impairments.echo_power / 2)) * _turn(-2 * np.pi * frequency * delay)
    return np.asarray(1 + paths.sum(axis=1), dtype=np.complex64)


def _carrier(rng: np.random.Generator, length: int, impairments: Impairments, scale: float) -> Complex:
    """Return `scale` times the carrier of every frame, complex64 (CHUNK, length)."""
    phase = rng.uniform(0, impairments.phase, (CHUNK, 1, 1))
    offset = rng.normal(0, impairments.cfo_std, (CHUNK, 1, 1))
    # a product of coarse and fine steps: 32 + length/32 exponentials instead of `length`
    coarse = np.exp(2j * np.pi * (phase + offset * 32 * np.arange(-(-length // 32))[:, None]))
    fine = np.exp(2j * np.pi * offset * np.arange(32))
    carrier = (scale * coarse).astype(np.complex64) * fine.astype(np.complex64)
    return np.asarray(carrier.reshape(CHUNK, -1)[:, :length])


def _turn(phase: NDArray[Any]) -> Complex:
    """Return exp(j phase), complex64."""
    turned = np.empty(phase.shape, dtype=np.complex64)
    np.cos(phase, out=turned.real, casting="same_kind")
    np.sin(phase, out=turned.imag, casting="same_kind")
    return turned


def _symbols(length: int, samples: int) -> int:
    """Return the symbols of a period: those of a frame and the guards, a length that transforms fast."""
    return int(scipy.fft.next_fast_len(-(-length // samples) + 2 * GUARD))
