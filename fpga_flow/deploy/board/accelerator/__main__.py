"""The package's test frames through the accelerator, or the user's, and what came out.

`python3 -m accelerator --test`, or `python3 -m accelerator --run FRAMES.npz --out OUTPUTS.npz`.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .driver import HERE, Accelerator, AcceleratorError

LATENCY_FRAMES = 20
"""Frames that are sent one by one to measure the latency."""
TOLD = 10
"""Frames that disagree are listed up to so many."""


def measure(accelerator: Accelerator, frames: int | None) -> dict[str, Any]:
    """Return accuracy, agreement with the golden outputs, rate, latency and power."""
    vectors = np.load(HERE / "vectors.npz")
    x, expected, labels = (vectors[name][:frames] for name in ("x", "y", "label"))
    power = Power()
    found = accelerator.run(x)
    timing, watts = accelerator.timing, power.watts()
    wrong = np.flatnonzero((found != expected).any(axis=1))
    known = labels >= 0
    latencies = []
    for frame in x[:LATENCY_FRAMES]:
        begin = time.perf_counter()
        accelerator.run(frame[None])
        latencies.append((time.perf_counter() - begin, accelerator.timing.cycles))
    right = classes(found, accelerator.description["top_k"])[known] == labels[known]
    return {
        "digest": accelerator.description["digest"],
        "samples": len(x),
        "accuracy": float(right.mean()) if known.any() else None,
        "agreement": 1.0 - len(wrong) / len(x),
        "mismatches": len(wrong),
        "first_mismatches": [
            {"frame": int(i), "expected": expected[i].tolist(), "found": found[i].tolist()}
            for i in wrong[:TOLD]
        ],
        "fps": len(x) / timing.seconds,
        "accelerator_fps": 1e6 * accelerator.clock_mhz * len(x) / max(timing.cycles, 1),
        "cycles_per_frame": timing.cycles / len(x),
        "in_waits": timing.in_waits,
        "out_waits": timing.out_waits,
        "latency_us": 1e6 * float(np.median([seconds for seconds, _ in latencies])),
        "latency_cycles": int(np.median([cycles for _, cycles in latencies])),
        "power_w": watts,
    }


def classes(outputs: NDArray[Any], top_k: int) -> NDArray[Any]:
    """Return the class of each frame, from the indices of the largest logits or from the logits."""
    best: NDArray[Any] = outputs[:, 0] if top_k else outputs.argmax(axis=1)
    return best


class Power:
    """Power of the board in watts, where it has sensors (the ZCU104 has, a PYNQ-Z1 has none)."""

    def __init__(self) -> None:
        """Look for a rail of the programmable logic."""
        try:
            from pynq import get_rails

            rails = get_rails()
        except Exception:  # noqa: BLE001  a board without sensors, by whatever error its release tells it
            rails = {}
        self._sensors = [rail.power for rail in rails.values() if getattr(rail, "power", None) is not None]

    def watts(self) -> float | None:
        """Return the sum over all rails, None where there are none."""
        return float(sum(sensor.value for sensor in self._sensors)) if self._sensors else None


def run_frames(accelerator: Accelerator, file: Path, out: Path) -> None:
    """Write into `out` what comes out for the frames x (N, ...), floats, in the .npz `file`.

    `y` is what the network gives for them (see `Accelerator.run_float`), `integers` (N, values) what comes
    out of the accelerator. Raises `OSError` and `ValueError` where the files are not so.
    """
    with np.load(file) as held:
        if "x" not in held:
            raise ValueError(f"{file}: must hold an array x of frames")
        frames = held["x"]
    integers = accelerator.run(accelerator.quantised(frames))
    scratch = out.with_suffix(".part.npz")
    np.savez(scratch, y=accelerator.values(integers), integers=integers)
    scratch.replace(out)


def main() -> int:
    """Run what is asked for; returns 0 where every output of the test is the golden one."""
    parser = argparse.ArgumentParser(prog="python3 -m accelerator", description=__doc__)
    parser.add_argument("--test", action="store_true", help="run the test frames (what is done anyway)")
    parser.add_argument("--frames", type=int, help="only so many of them")
    parser.add_argument("--timeout", type=float, help="seconds after which a run is given up")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--run", type=Path, metavar="FRAMES.npz", help="run the frames x in this file instead"
    )
    parser.add_argument("--out", type=Path, metavar="OUTPUTS.npz", help="where their outputs y go")
    options = parser.parse_args()
    if (options.run is None) != (options.out is None):
        parser.error("--run and --out go together")
    try:
        if options.run is not None:
            run_frames(Accelerator(timeout=options.timeout), options.run, options.out)
            return 0
        result = measure(Accelerator(timeout=options.timeout), options.frames)
    except (AcceleratorError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.json is not None:
        scratch = options.json.with_suffix(".part")
        scratch.write_text(json.dumps(result, indent=2))
        scratch.replace(options.json)
    if result["accuracy"] is not None:
        print(f"accuracy   {100 * result['accuracy']:.2f} % of {result['samples']} test frames")
    print(f"agreement  {result['mismatches']} of {result['samples']} outputs differ from the golden ones")
    for one in result["first_mismatches"]:
        print(f"           frame {one['frame']}: expected {one['expected']}, found {one['found']}")
    print(f"rate       {result['fps']:,.0f} frames/s, the accelerator alone {result['accelerator_fps']:,.0f}")
    alone = f"the accelerator alone {result['latency_cycles']:,} cycles"
    print(f"latency    {result['latency_us']:,.0f} us, {alone}")
    if result["power_w"] is not None:
        print(f"power      {result['power_w']:.2f} W")
    return 0 if result["mismatches"] == 0 else 3


if __name__ == "__main__":
    sys.exit(main())
