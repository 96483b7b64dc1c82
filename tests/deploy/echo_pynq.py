"""A stand-in for pynq whose accelerator gives back what it gets; for tests of the driver alone.

It is copied beside the driver as `pynq`; `ps.py` is made from `Clocks`. What it does wrong is set in `STATE`.
"""

from typing import Any

import numpy as np

BASE = 0x10000000
MEMORY = np.zeros(64 << 20, np.uint8)


class State:
    """The registers' contents, and what the tests want to go wrong."""

    registers: dict[int, int]
    digest = ""
    bytes_in = bytes_out = 0
    used = 0
    hangs = False
    never_resets = False
    error = 0
    """Status bits of a bus error."""
    starts: list[tuple[int, int, int]]
    """Source, destination, frames of every start."""


STATE = State()
STATUS, FRAMES, DONE, SOURCE, DESTINATION, DIGEST = 0x0C, 0x10, 0x14, 0x18, 0x20, 0x40


class Overlay:
    def __init__(self, bitfile_name: str) -> None:
        self.ip_dict = {"shell_0": {"phys_addr": 0x40000000, "addr_range": 0x1000}}
        STATE.starts = []
        STATE.used = 0
        STATE.registers = {0: 0x46504746, 4: 1, STATUS: 0, 0x38: STATE.bytes_in, 0x3C: STATE.bytes_out}
        for i in range(8):
            STATE.registers[DIGEST + 4 * i] = int(STATE.digest[8 * i : 8 * i + 8], 16)


class MMIO:
    def __init__(self, base_addr: int, length: int = 4) -> None:
        self.length = length

    def read(self, offset: int = 0) -> int:
        return STATE.registers.get(offset, 0)

    def write(self, offset: int, data: int) -> None:
        if offset != 0x08:
            STATE.registers[offset] = data
        elif data == 2:
            STATE.registers[STATUS] = 8 | 16 if STATE.never_resets else 0
        else:
            self._start()

    def _start(self) -> None:
        registers = STATE.registers
        if STATE.hangs:
            registers[STATUS], registers[DONE] = 1, 3
            return
        source = registers[SOURCE] | registers[SOURCE + 4] << 32
        destination = registers[DESTINATION] | registers[DESTINATION + 4] << 32
        frames = registers[FRAMES]
        STATE.starts.append((source, destination, frames))
        size = frames * STATE.bytes_in
        MEMORY[destination - BASE :][:size] = MEMORY[source - BASE :][:size]
        registers[STATUS] = STATE.error
        registers[0x28] = 10 * frames


class Buffer(np.ndarray):
    device_address: int

    def flush(self) -> None: ...

    def invalidate(self) -> None: ...


def allocate(shape: int, dtype: Any = "u4") -> Any:
    assert np.dtype(dtype) == np.uint8
    buffer = MEMORY[STATE.used : STATE.used + shape].view(Buffer)
    buffer.device_address = BASE + STATE.used
    STATE.used += shape
    return buffer


class _Clocks:
    """Clocks that are the next multiple of a divisor, as those of a Zynq are."""

    source_mhz = 1000.0
    _mhz = 50.0

    @property
    def fclk0_mhz(self) -> float:
        return self._mhz

    @fclk0_mhz.setter
    def fclk0_mhz(self, wanted: float) -> None:
        self._mhz = self.source_mhz / max(1, round(self.source_mhz / wanted))


Clocks = _Clocks()
