"""A stand-in for pynq on a machine that is no board: the bitstream is a simulator of the shell.

It has what the driver uses, with the same names: `Overlay`, `MMIO`, `allocate`.
"""

import atexit
import mmap
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BASE = 0x10000000
"""Address of the memory's first byte, as the shell sees it."""
MEMORY_BYTES = 256 << 20
REGISTERS = 0x40000000
"""Address of the shell's registers."""
IP = "fpga_flow_shell_0"


class _Board:
    """The simulator's process and the memory it shares with this one."""

    def __init__(self, program: Path) -> None:
        handle, name = tempfile.mkstemp(prefix="virtual-board-")
        os.truncate(handle, MEMORY_BYTES)  # a hole: pages are made when they are touched
        self.memory = mmap.mmap(handle, MEMORY_BYTES)
        os.close(handle)
        self.used = 0
        self.process = subprocess.Popen(
            [str(program), name],
            cwd=program.parent,  # where the contents of its memories are
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("r 0")  # it has opened the memory
        os.unlink(name)
        atexit.register(self.close)

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the virtual board has ended with exit code {self.process.wait()}")
        if "%Error" in answer or "%Fatal" in answer:  # the design's, or that a memory file is missing
            raise RuntimeError(f"the virtual board has stopped: {answer.strip()}")
        return answer.strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


_board: _Board | None = None


def _running() -> _Board:
    if _board is None:
        raise RuntimeError("no overlay is loaded")
    return _board


class Overlay:
    """Loads a `bitstream`: starts it."""

    def __init__(self, bitfile_name: str) -> None:
        """`bitfile_name` is the simulator's file."""
        global _board
        program = Path(bitfile_name).resolve()
        if not program.is_file():
            raise OSError(f"Bitstream file {bitfile_name} does not exist.")
        program.chmod(0o700)
        if _board is not None:
            _board.close()
        _board = _Board(program)
        self.ip_dict: dict[str, Any] = {IP: {"phys_addr": REGISTERS, "addr_range": 0x1000}}


class MMIO:
    """Registers."""

    def __init__(self, base_addr: int, length: int = 4) -> None:
        """`base_addr` as in `Overlay.ip_dict`."""
        if base_addr != REGISTERS:
            raise ValueError(f"there is nothing at {base_addr:#x}")
        self.length = length

    def read(self, offset: int = 0) -> int:
        """Return the register at `offset`."""
        return int(_running().ask(f"r {offset}"))

    def write(self, offset: int, data: int) -> None:
        """Set the register at `offset`."""
        _running().ask(f"w {offset} {data}")


class PynqBuffer(np.ndarray):
    """An array in the memory that the shell sees."""

    device_address: int

    def flush(self) -> None:
        """Nothing: this memory has no caches."""

    def invalidate(self) -> None:
        """Nothing: this memory has no caches."""


def allocate(shape: Any, dtype: Any = "u4") -> NDArray[Any]:
    """Return an array of zeros at an address of its own, as pynq does aligned to a page."""
    board, kind = _running(), np.dtype(dtype)
    count = int(np.prod(shape))
    if board.used + count * kind.itemsize > MEMORY_BYTES:
        raise RuntimeError("Failed to allocate Memory!")
    flat = np.frombuffer(board.memory, kind, count, board.used)
    buffer = flat.reshape(shape).view(PynqBuffer)
    buffer.device_address = BASE + board.used
    board.used += -(-count * kind.itemsize // 4096) * 4096
    return buffer
