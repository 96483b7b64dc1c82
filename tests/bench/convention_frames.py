"""Frames under a hypothesis of how the real set was made: a plain generator, for trying conventions.

It takes what `fpga_flow.data.signals` has fixed as parameters: symbols, rate, pulse, offset, scale.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal as dsp

LENGTH = 1024
SNR_DB = 30
REACH = 12
"""Symbols to either side, behind which a pulse is cut off."""
FRAMES_PER_DELAY = 16

Points = NDArray[np.complex128]


@dataclass(frozen=True)
class Convention:
    """How symbols become a frame."""

    samples: int = 8
    """Per symbol."""
    pulse: Literal["raised cosine", "root raised cosine", "windowed", "half sine", "rectangle"] = (
        "raised cosine"
    )
    rolloff: float = 0.5
    gain: float = 1.0
    """Amplitude of a symbol of unit variance, for a pulse of peak 1 (the root: of unit energy a symbol)."""
    offset: float = 0.0
    """How late Q is, in symbols."""
    scaled: Literal["", "power", "peak"] = ""
    """Every frame scaled to unit power, or to unit peak."""


def pulse(convention: Convention, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pulse at `time`, in symbols from its centre."""
    a = convention.rolloff
    t = time + 1e-7  # beside the removable singularities
    if convention.pulse == "rectangle":
        return ((t >= -0.5) & (t < 0.5)).astype(np.float64)
    if convention.pulse == "half sine":
        return np.where(np.abs(t) < 0.5, np.cos(np.pi * t), 0.0)
    if convention.pulse == "root raised cosine":
        above = np.sin(np.pi * t * (1 - a)) + 4 * a * t * np.cos(np.pi * t * (1 + a))
        return np.asarray(above / (np.pi * t * (1 - (4 * a * t) ** 2)))
    raised = np.sinc(t) * np.cos(np.pi * a * t) / (1 - (2 * a * t) ** 2)
    if convention.pulse == "windowed":  # a Hamming window of three symbols to either side
        raised = raised * np.where(np.abs(t) <= 3, 0.54 + 0.46 * np.cos(np.pi * t / 3), 0.0)
    return np.asarray(raised)


def frames(points: Points, convention: Convention, count: int, seed: int = 1) -> NDArray[np.float32]:
    """Return `count` frames of random symbols out of `points`, float32 (count, 2, LENGTH), I and Q first."""
    rng = np.random.default_rng(seed)
    made = [_batch(points, convention, rng) for _ in range(-(-count // FRAMES_PER_DELAY))]
    x = np.concatenate(made)[:count]
    x *= np.exp(2j * np.pi * rng.uniform(size=(count, 1)))
    x *= np.exp(2j * np.pi * rng.normal(0, 1e-4, (count, 1)) * np.arange(LENGTH))
    noise = 10 ** (-SNR_DB / 20)
    x += noise / np.sqrt(2) * (rng.standard_normal(x.shape) + 1j * rng.standard_normal(x.shape))
    x /= np.sqrt(1 + noise**2)
    if convention.scaled == "power":
        x /= np.sqrt(np.mean(np.abs(x) ** 2, axis=1, keepdims=True))
    elif convention.scaled == "peak":
        x /= np.max(np.abs(x), axis=1, keepdims=True)
    return np.stack([x.real, x.imag], axis=1).astype(np.float32)


def _batch(points: Points, convention: Convention, rng: np.random.Generator) -> Points:
    """Return frames of one timing, before carrier and noise."""
    samples = convention.samples
    count = LENGTH // samples + 2 * REACH + 2
    symbols = convention.gain * rng.choice(points / np.std(points), (FRAMES_PER_DELAY, count))
    impulses = np.zeros((FRAMES_PER_DELAY, count * samples), dtype=complex)
    impulses[:, ::samples] = symbols
    time = np.arange(-REACH * samples, REACH * samples + 1) / samples - rng.uniform()
    in_phase, quadrature = pulse(convention, time), pulse(convention, time - convention.offset)
    x = dsp.fftconvolve(impulses.real, in_phase[None], axes=1) + 1j * dsp.fftconvolve(
        impulses.imag, quadrature[None], axes=1
    )
    start = 2 * REACH * samples
    return np.asarray(x[:, start : start + LENGTH])
