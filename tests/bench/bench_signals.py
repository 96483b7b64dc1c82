"""Speed of the signal generator against a plain one, which makes a frame at a time with numpy and scipy.

    python tests/bench/bench_signals.py [--length 1024] [--frames 512] [--threads N] [--repeats 3]

Every round makes `--frames` frames of each of the 24 classes at 10 dB; printed is the best round in frames
per second, and the processor time per frame, which other work on the machine changes less. Frames are made
in memory, then in a file as `flow build` does; the plain generator makes fewer and is not threaded.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal as dsp

from fpga_flow.core.recipe_parts.data import Impairments
from fpga_flow.core.toolchain import CPU_COUNT
from fpga_flow.data import generate, signals
from fpga_flow.data.constellations import CLASSES, LINEAR, constellation

SNR_DB = 10
SYMBOL = signals.SAMPLES_PER_SYMBOL


def root_raised_cosine(rolloff: float, samples: int, reach: int = 8) -> NDArray[np.float64]:
    """Return the pulse over `reach` symbols to either side, of unit energy."""
    t = (
        np.arange(-reach * samples, reach * samples + 1) / samples + 1e-9
    )  # beside its removable singularities
    above = np.sin(np.pi * t * (1 - rolloff)) + 4 * rolloff * t * np.cos(np.pi * t * (1 + rolloff))
    pulse = above / (np.pi * t * (1 - (4 * rolloff * t) ** 2))
    return np.asarray(pulse / np.sqrt(np.sum(pulse**2)))


def message(rng: np.random.Generator, length: int, bandwidth: float) -> NDArray[np.float64]:
    """Return noise through a low-pass filter, of peak 1."""
    taps = dsp.firwin(255, 2 * bandwidth)
    filtered = dsp.lfilter(taps, 1, rng.standard_normal(length + 255))[255:]
    return np.asarray(filtered / np.abs(filtered).max())


def plain_signal(name: str, rng: np.random.Generator, length: int) -> NDArray[np.complex128]:
    """Return one frame of class `name` before carrier and noise."""
    samples = signals.OFFSET_SAMPLES_PER_SYMBOL if name == "OQPSK" else SYMBOL
    margin = 20 * samples
    start = margin + rng.integers(samples)
    if name in LINEAR:
        points = constellation(name)
        symbols = rng.choice(points, (length + 3 * margin) // samples)
        impulses = np.zeros(len(symbols) * samples, dtype=complex)
        impulses[::samples] = symbols
        pulse = root_raised_cosine(0.5, samples)
        shaped = np.convolve(impulses, pulse, "same")
        if name == "OQPSK":
            shaped = np.sqrt(2 * samples) * (shaped.real + 1j * np.roll(shaped.imag, samples // 2))
        else:
            shaped = np.convolve(shaped, pulse, "same")
        return np.asarray(shaped[start : start + length])
    if name == "GMSK":
        bits = np.repeat(rng.choice([-1.0, 1.0], (length + 3 * margin) // SYMBOL), SYMBOL)
        sigma = np.sqrt(np.log(2)) / (2 * np.pi * signals.GMSK_BT) * SYMBOL
        gaussian = dsp.windows.gaussian(4 * SYMBOL + 1, sigma)
        turns = np.convolve(bits, gaussian / gaussian.sum(), "same") * np.pi / 2 / SYMBOL
        return np.asarray(signals.GMSK_GAIN * np.exp(1j * np.cumsum(turns)))[start : start + length]
    if name == "FM":
        turns = signals.FM_DEVIATION * message(rng, length, signals.FM_BANDWIDTH)
        return np.asarray(np.exp(2j * np.pi * np.cumsum(turns)))
    voice = message(rng, length, signals.AM_BANDWIDTH)
    modulated = dsp.hilbert(voice) if "SSB" in name else voice + 0j
    if name.endswith("WC"):
        modulated = 1 + signals.AM_INDEX * modulated
    return np.asarray(modulated / np.std(modulated))


def plain_frame(name: str, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """Return one frame of class `name`, float32 (length, 2)."""
    turns = rng.uniform() + rng.normal(0, 1e-4) * np.arange(length)
    carried = plain_signal(name, rng, length) * np.exp(2j * np.pi * turns)
    noise = rng.standard_normal(length) + 1j * rng.standard_normal(length)
    ratio = 10 ** (SNR_DB / 10)
    frame = (carried + noise / np.sqrt(2 * ratio)) / np.sqrt(1 + 1 / ratio)
    return np.stack([frame.real, frame.imag], axis=-1).astype(np.float32)


def best(work: Callable[[], object], frames: int, repeats: int) -> tuple[float, float]:
    """Return frames per second of the fastest round, and the least processor time per frame in seconds."""
    seconds, used = [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
    return frames / min(seconds), min(used) / frames


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=512, help="per class")
    parser.add_argument("--threads", type=int, default=CPU_COUNT)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    length, frames, threads = options.length, options.frames, options.threads

    def in_memory() -> None:
        for _ in generate.chunks((SNR_DB,), frames, length, 1, Impairments(), threads):
            pass

    def in_file() -> None:
        with tempfile.TemporaryDirectory() as folder:
            generate.write(Path(folder) / "frames.h5", (SNR_DB,), frames, length, 1, Impairments(), threads)

    rng = np.random.default_rng(1)
    few = 8

    def plain() -> None:
        for name in CLASSES:
            for _ in range(few):
                plain_frame(name, rng, length)

    in_memory()  # warm
    slow, slow_used = best(plain, len(CLASSES) * few, options.repeats)
    print(f"frames of length {length}, 24 classes, {threads} threads")
    print(f"  plain, a frame at a time   {slow:9,.0f} frames/s   {1e6 * slow_used:7.1f} us of a core a frame")
    for what, work in (("in memory", in_memory), ("in a file", in_file)):
        rate, used = best(work, len(CLASSES) * frames, options.repeats)
        print(
            f"  {what}                  {rate:9,.0f} frames/s   {1e6 * used:7.1f} us of a core a frame"
            f"   {rate / slow:.1f} times plain ({slow_used / used:.1f} by processor time)"
        )


if __name__ == "__main__":
    main()
