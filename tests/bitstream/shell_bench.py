"""The shell with a processor and a memory that are not ours (cocotbext-axi), and the rules of the bus."""

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.triggers import RisingEdge, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiSlave

from tests.bitstream.cores import Core

DEFAULT = '{"lanes": 1, "datatype": "UINT8", "words": 1, "kind": "pass"}'
CORE = Core(**json.loads(os.environ.get("SHELL_CORE", DEFAULT)))
DIGEST = "0123456789abcdef" * 4
SIZE = 1 << 16
BASE = (1 << CORE.address_bits) - SIZE
"""Of the memory: the last bytes that the bus reaches."""
HALF = SIZE // 2
"""Frames come from the lower half, results go to the upper one."""
PERIOD = 10
CONTROL, STATUS, FRAMES, DONE, SOURCE, TARGET, CYCLES = 0x08, 0x0C, 0x10, 0x14, 0x18, 0x20, 0x28
IN_WAITS, OUT_WAITS = 0x30, 0x34
RUNNING, FINISHED, READ_ERROR, WRITE_ERROR, RESETTING = 1, 2, 4, 8, 16


class Memory:
    """Bytes; words at the offsets in `broken` answer with an error."""

    def __init__(self) -> None:
        self.bytes = bytearray(random.randbytes(SIZE))
        self.broken: set[int] = set()

    def _offset(self, address: int, length: int) -> int:
        offset = address - BASE
        assert 0 <= offset <= SIZE - length, f"address {address:#x} is none of the memory's"
        if any(
            offset // 8 * 8 <= place < offset + length for place in self.broken
        ):  # also by a part of a word
            raise ValueError("a broken address")
        return offset

    async def read(self, address: int, length: int) -> bytes:
        offset = self._offset(address, length)
        return bytes(self.bytes[offset : offset + length])

    async def write(self, address: int, data: bytes) -> None:
        offset = self._offset(address, len(data))
        self.bytes[offset : offset + len(data)] = data


class Late:
    """A channel whose bursts arrive so many `cycles` later, but no further apart."""

    def __init__(self, channel: Any, clock: Any, cycles: int) -> None:
        self._channel, self._clock, self._cycles = channel, clock, cycles
        self._under_way: Queue[tuple[int, Any]] = Queue()
        cocotb.start_soon(self._move())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def _move(self) -> None:
        while True:
            burst = await self._channel.recv()
            self._under_way.put_nowait((int(get_sim_time("ns")) + PERIOD * self._cycles, burst))

    async def recv(self) -> Any:
        due, burst = await self._under_way.get()
        while get_sim_time("ns") < due:
            await RisingEdge(self._clock)
        return burst


class Bench:
    """The shell with a processor and a memory; `latency` cycles from a read's address to its data."""

    def __init__(self, dut: Any, latency: int = 0) -> None:
        self.dut = dut
        self.memory = Memory()
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self.processor = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
        self.slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, target=self.memory, **reset)
        if latency:
            self.slave.read_if.ar_channel = Late(self.slave.read_if.ar_channel, dut.aclk, latency)

    async def cycles(self, count: int) -> None:
        """Wait."""
        for _ in range(count):
            await RisingEdge(self.dut.aclk)

    async def begin(self) -> None:
        """Start clock and reset."""
        cocotb.start_soon(Clock(self.dut.aclk, PERIOD, unit="ns").start())
        cocotb.start_soon(watch(self.dut))
        await self.reset()

    async def reset(self) -> None:
        """Reset the whole system."""
        self.dut.aresetn.value = 0
        await self.cycles(5)
        self.dut.aresetn.value = 1
        await self.cycles(30)

    def stall(self, chance: float) -> None:
        """Let every channel of the memory and of the processor rest at random, addresses and data apart."""

        def pauses() -> Iterator[bool]:
            while True:
                yield random.random() < chance

        memory, processor = self.slave, self.processor
        for channel in (
            memory.read_if.ar_channel,
            memory.read_if.r_channel,
            memory.write_if.aw_channel,
            memory.write_if.w_channel,
            memory.write_if.b_channel,
            processor.read_if.r_channel,
            processor.write_if.aw_channel,
            processor.write_if.w_channel,
            processor.write_if.b_channel,
        ):
            channel.set_pause_generator(pauses())

    async def write(self, address: int, value: int) -> None:
        """Write a register."""
        await self.processor.write(address, value.to_bytes(4, "little"))

    async def read(self, address: int) -> int:
        """Read a register."""
        return int.from_bytes((await self.processor.read(address, 4)).data, "little")

    async def start(self, frames: int, source: int, target: int) -> None:
        """Begin a run; addresses are offsets in the memory."""
        await self.write(FRAMES, frames)
        for register, address in ((SOURCE, BASE + source), (TARGET, BASE + target)):
            await self.write(register, address & 0xFFFFFFFF)
            await self.write(register + 4, address >> 32)
        await self.write(CONTROL, 1)

    async def finished(self) -> int:
        """Wait for the end of the run; returns the status."""
        while (status := await self.read(STATUS)) & RUNNING:
            pass
        return status

    async def at_rest(self) -> None:
        """Wait for the end of a reset."""
        while await self.read(STATUS):
            pass

    def prepare(self, frames: int, source: int, target: int) -> bytes:
        """Put random frames into the memory; returns what it should hold after their run."""
        generator = np.random.default_rng(random.randrange(1 << 30))
        words = generator.integers(0, 2, (frames, CORE.words, CORE.bits), np.uint8)
        given, made = CORE.pack(words), CORE.pack(CORE.run(words))
        assert source + len(given) <= HALF <= target and target + len(made) <= SIZE
        self.memory.bytes[source : source + len(given)] = given
        expected = bytearray(self.memory.bytes)
        expected[target : target + len(made)] = made
        return bytes(expected)

    async def run(self, frames: int, source: int, target: int) -> tuple[int, bytes, bytes]:
        """Run random frames; returns the status, what the memory should hold behind it, and what it does."""
        expected = self.prepare(frames, source, target)
        await self.start(frames, source, target)
        status = await with_timeout(self.finished(), 20, "ms")
        return status, expected, bytes(self.memory.bytes)

    async def works(self, frames: int | None = None) -> None:
        """Check that a run of random place and length does what it should."""
        count = frames or random.randrange(1, 30)
        status, expected, found = await self.run(count, place(), HALF + place())
        assert status == FINISHED
        assert expected == found
        assert await self.read(DONE) == count


def place() -> int:
    """Return an offset that is rarely aligned."""
    return random.randrange(4096)


async def watch(dut: Any) -> None:
    """Check what the models do not: offers stay, bursts stay within 4 KB and end right, resets are quiet."""
    offers = {
        "m_axi_ar": ("addr", "len"),
        "m_axi_aw": ("addr", "len"),
        "m_axi_w": ("data", "strb", "last"),
        "s_axi_r": ("data", "resp"),
        "s_axi_b": ("resp",),
    }
    held: dict[str, list[int]] = {}
    lengths: list[int] = []  # of the bursts whose addresses were taken
    sent: list[int] = []  # of the bursts whose words were taken
    place = since_reset = 0
    while True:
        await RisingEdge(dut.aclk)
        if not int(dut.aresetn.value):
            held, lengths, sent, place = {}, [], [], 0
            since_reset += 1
            if since_reset > 2:
                assert not any(int(getattr(dut, f"{c}valid").value) for c in offers), "valid in reset"
            continue
        since_reset = 0
        for channel, names in offers.items():
            if not int(getattr(dut, f"{channel}valid").value):
                assert channel != "m_axi_w" or not place, "a burst of writes waits for its words"
                assert channel not in held, f"{channel}: an offer was taken back"
                continue
            values = [int(getattr(dut, f"{channel}{name}").value) for name in names]
            assert held.pop(channel, values) == values, f"{channel}: an offer changed before it was taken"
            if not int(getattr(dut, f"{channel}ready").value):
                held[channel] = values
            elif channel == "m_axi_w":
                place += 1
                if values[2]:
                    sent.append(place)
                    place = 0
            elif channel in ("m_axi_ar", "m_axi_aw"):
                address, beats = values[0], values[1] + 1
                assert address % 8 == 0 and address // 4096 == (address + 8 * beats - 1) // 4096
                assert beats <= 16, "an AXI3 port takes 16 words"
                if channel == "m_axi_aw":
                    lengths.append(beats)
        while lengths and sent:
            assert lengths.pop(0) == sent.pop(0), "wlast is at the wrong place"
