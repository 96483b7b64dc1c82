"""Drives the accelerator on a board: frames in, classes or numbers out.

Needs numpy and pynq (3.0 and later), nothing else.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq import MMIO, Overlay, allocate
from pynq.ps import Clocks

from .packing import frame_bytes, narrowest, pack, unpack
from .quantise import quantise, values

HERE = Path(__file__).resolve().parent
IDENTITY = 0x46504746
VERSION = 1
RUNNING, READ_ERROR, WRITE_ERROR, RESETTING = 1, 4, 8, 16
REGISTERS = {
    "identity": 0x00, "version": 0x04, "control": 0x08, "status": 0x0C, "frames": 0x10, "done": 0x14,
    "source": 0x18, "destination": 0x20, "cycles": 0x28, "in_waits": 0x30, "out_waits": 0x34,
    "in_bytes": 0x38, "out_bytes": 0x3C, "digest": 0x40,
}  # fmt: skip
START, RESET = 1, 2
CHUNK_BYTES = 4 << 20
"""Of frames that are packed, moved and unpacked together."""
CLOCK_SLACK = 1.001
"""The clock may be above the one that the bitstream was made for by the rounding of its divisors only."""
PATIENCE = 20.0
"""A run may take so many times what its cycles should take, and a second more, before it is given up."""


class AcceleratorError(Exception):
    """The accelerator is not what it should be, or did not do what it should."""


@dataclass(frozen=True)
class Port:
    """What goes through one side of the accelerator."""

    values: int
    """Integers of a frame."""
    bits: int
    """Of an integer."""
    signed: bool
    bipolar: bool = False
    """-1 and 1, in one bit each."""

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest integer."""
        if self.bipolar:
            return -1, 1
        low = -(1 << (self.bits - 1)) if self.signed else 0
        return low, low + (1 << self.bits) - 1

    @property
    def bytes(self) -> int:
        """Of a frame in memory."""
        return frame_bytes(self.values, self.bits)


@dataclass
class Timing:
    """What the last call of `run` took."""

    frames: int = 0
    seconds: float = 0.0
    """By the wall clock, packing and unpacking included."""
    cycles: int = 0
    """Of the accelerator, counted by itself."""
    in_waits: int = 0
    """Cycles in which the accelerator's input waited for memory."""
    out_waits: int = 0


def set_clock(wanted_mhz: float) -> float:
    """Set the accelerator's clock to `wanted_mhz` or the next lower one there is, and return it in MHz.

    The image's first-stage boot loader has set the clocks for another design, and the divisors that Vivado
    writes beside a bitstream hold for its own idea of the board's oscillator.
    """
    asked = wanted_mhz
    Clocks.fclk0_mhz = asked
    while Clocks.fclk0_mhz > CLOCK_SLACK * wanted_mhz and asked > 0.5 * wanted_mhz:
        asked *= 0.98
        Clocks.fclk0_mhz = asked
    found = float(Clocks.fclk0_mhz)
    if not 0.5 * wanted_mhz <= found <= CLOCK_SLACK * wanted_mhz:
        raise AcceleratorError(f"the clock must be {wanted_mhz:g} MHz or a little less, it is {found:g} MHz")
    return found


class Accelerator:
    """The accelerator in the programmable logic."""

    def __init__(self, folder: Path = HERE, timeout: float | None = None) -> None:
        """Load the bitstream in `folder` and check that it is the one described beside it.

        A run that takes longer than `timeout` seconds is given up; None: than it can take.
        Raises `AcceleratorError` where it is another bitstream.
        """
        self.timeout = timeout
        self.description: dict[str, Any] = json.loads((folder / "accelerator.json").read_text())
        self.input = Port(**self.description["input"])
        self.output = Port(**self.description["output"])
        self.timing = Timing()
        self._overlay = Overlay(str(folder / "accelerator.bit"))
        address = self._overlay.ip_dict[self.description["ip"]]
        self._registers = MMIO(address["phys_addr"], address["addr_range"])
        self.clock_mhz = set_clock(self.description["clock_mhz"])
        self._check()
        size = max(self.input.bytes, self.output.bytes)
        self._chunk = max(1, CHUNK_BYTES // size)
        # Two of each: one that the accelerator works on, one that the processor fills or empties.
        self._sources = [allocate(self._chunk * self.input.bytes, dtype=np.uint8) for _ in range(2)]
        self._targets = [allocate(self._chunk * self.output.bytes, dtype=np.uint8) for _ in range(2)]
        for target in self._targets:  # nothing that waits in a cache shall fall on top of results
            target.flush()

    def _read(self, name: str, offset: int = 0) -> int:
        return int(self._registers.read(REGISTERS[name] + offset))

    def _write(self, name: str, value: int, offset: int = 0) -> None:
        self._registers.write(REGISTERS[name] + offset, int(value))

    def _check(self) -> None:
        found, version = self._read("identity"), self._read("version")
        if (found, version) != (IDENTITY, VERSION):
            raise AcceleratorError(
                f"the programmable logic holds no accelerator of fpga_flow: its identity reads {found:#010x} "
                f"and its version {version}, they must be {IDENTITY:#010x} and {VERSION}; load the bitstream "
                "of this package"
            )
        digest = "".join(f"{self._read('digest', 4 * i):08x}" for i in range(8))
        if digest != self.description["digest"]:
            raise AcceleratorError(
                f"the bitstream is of another network: its digest is {digest[:12]}..., this package's is "
                f"{self.description['digest'][:12]}...; build the package and the bitstream from one run"
            )
        for name, port in (("in_bytes", self.input), ("out_bytes", self.output)):
            if self._read(name) != port.bytes:
                raise AcceleratorError(f"{name} reads {self._read(name)}, this package's is {port.bytes}")

    def reset(self, seconds: float = 1.0) -> None:
        """Stop what runs; raises `AcceleratorError` where the bus does not let it."""
        self._write("control", RESET)
        end = time.monotonic() + seconds
        while self._read("status") & (RESETTING | RUNNING):
            if time.monotonic() > end:
                raise AcceleratorError(
                    "the accelerator does not reset: memory does not answer it; power-cycle"
                )

    def run_float(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Return what the network gives for frames of floats (N, ...) as it was trained with.

        That is the network's own numbers, as its file has them; where the accelerator gives the indices of
        the largest (`top_k` of its description), these, (N, top_k). Frames are quantised as the training did
        it. Raises `AcceleratorError` as `run` does.
        """
        return self.values(self.run(self.quantised(frames)))

    def quantised(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Return frames of floats (N, ...) as the integers that `run` takes."""
        return np.moveaxis(quantise(frames, self.description["host"]), 1, -1)

    def values(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the network's own values for the `outputs` of `run`; indices stay as they are."""
        if self.description["top_k"]:
            return outputs
        spec = self.description["numbers"]
        channels, *positions = spec["shape"]
        x = np.moveaxis(outputs.reshape(len(outputs), *positions, channels), -1, 1)
        found: NDArray[Any] = values(x, spec)
        return found

    def run(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs (N, values) for frames of integers (N, ...), channels last.

        Outputs are of the smallest type of numpy that holds them.

        Raises `AcceleratorError` on a timeout or a bus error.
        """
        begin = time.perf_counter()
        self.timing = Timing(frames=len(frames))
        flat = self._checked(frames)
        outputs = np.empty(
            (len(frames), self.output.values), narrowest(self.output.bits, self.output.range[0] < 0)
        )
        before: slice | None = None
        parts = list(self._parts(len(frames)))
        if parts:
            self._fill(0, flat[parts[0]])
        for number, part in enumerate(parts):
            side = number % 2
            self._start(side, part.stop - part.start)
            # While it works: the next frames, and the results before these.
            if number + 1 < len(parts):
                self._fill(1 - side, flat[parts[number + 1]])
            if before is not None:
                self._empty(1 - side, outputs[before])
            self._wait(part.stop - part.start)
            before = part
        if before is not None:
            self._empty((len(parts) - 1) % 2, outputs[before])
        self.timing.seconds = time.perf_counter() - begin
        return outputs

    def _checked(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Return `frames` in their narrowest type (N, values), ready to be packed; raises `ValueError`."""
        flat = frames.reshape(len(frames), math.prod(frames.shape[1:]))
        if flat.shape[1] != self.input.values:
            raise ValueError(f"a frame must have {self.input.values} integers, not {flat.shape[1]}")
        low, high = self.input.range
        if flat.size and not (flat.min() >= low and flat.max() <= high):
            raise ValueError(
                f"frames must hold integers from {low} to {high}, not {flat.min()} to {flat.max()}; "
                "run_float quantises frames of floats"
            )
        octets = flat.astype(narrowest(self.input.bits, low < 0), copy=False)
        if octets.dtype != flat.dtype and not np.array_equal(octets, flat):
            raise ValueError("frames must hold whole numbers; run_float quantises frames of floats")
        if not self.input.bipolar:
            return octets
        if not octets.all():
            raise ValueError("frames must hold -1 and 1 only")
        return (octets > 0).view(np.uint8)

    def _parts(self, frames: int) -> Iterator[slice]:
        return (slice(i, min(i + self._chunk, frames)) for i in range(0, frames, self._chunk))

    def _fill(self, side: int, frames: NDArray[Any]) -> None:
        buffer = self._sources[side][: len(frames) * self.input.bytes]
        pack(frames, self.input.bits, np.asarray(buffer).reshape(len(frames), -1))
        buffer.flush()  # only what is used: the whole takes longer than a frame

    def _empty(self, side: int, outputs: NDArray[Any]) -> None:
        buffer = self._targets[side][: len(outputs) * self.output.bytes]
        buffer.invalidate()
        data = np.asarray(buffer).reshape(len(outputs), -1)
        if self.output.bipolar:
            unpack(data, 1, False, outputs.view(np.uint8))
            outputs *= 2
            outputs -= 1
        else:
            unpack(data, self.output.bits, self.output.signed, outputs)

    def _start(self, side: int, frames: int) -> None:
        for name, buffer in (("source", self._sources[side]), ("destination", self._targets[side])):
            address = buffer.device_address
            self._write(name, address & 0xFFFFFFFF)
            self._write(name, address >> 32, 4)
        self._write("frames", frames)
        self._write("control", START)

    def _wait(self, frames: int) -> None:
        seconds = self.timeout
        if seconds is None:
            cycles = self.description["latency_cycles"] + frames * self.description["cycles_per_frame"]
            seconds = 1.0 + PATIENCE * cycles / (1e6 * self.clock_mhz)
        end = time.monotonic() + seconds
        while (status := self._read("status")) & RUNNING:
            if time.monotonic() > end:
                done = self._read("done")
                self.reset()
                raise AcceleratorError(
                    f"the accelerator did not end: {done} of {frames} frames came out; it was reset. "
                    "Is the clock running, and is the memory below the address that the bus reaches?"
                )
        self.timing.cycles += self._read("cycles") | self._read("cycles", 4) << 32
        self.timing.in_waits += self._read("in_waits")
        self.timing.out_waits += self._read("out_waits")
        for bit, side in ((READ_ERROR, "reading the frames"), (WRITE_ERROR, "writing the results")):
            if status & bit:
                raise AcceleratorError(
                    f"the bus answered with an error in {side}; are the buffers still allocated?"
                )
