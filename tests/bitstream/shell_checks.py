"""What runs inside the simulator (cocotb): the shell against the AXI models of cocotbext-axi."""

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiSlave
from cocotbext.axi.address_space import Region

from tests.bitstream.cores import Core

DEFAULT = '{"lanes": 1, "datatype": "UINT8", "words": 1, "folds": false}'
CORE = Core(**json.loads(os.environ.get("SHELL_CORE", DEFAULT)))
DIGEST = "0123456789abcdef" * 4
SIZE = 1 << 16
CONTROL, STATUS, FRAMES, DONE, SOURCE, TARGET, CYCLES = 0x08, 0x0C, 0x10, 0x14, 0x18, 0x20, 0x28
FINISHED, READ_ERROR, WRITE_ERROR = 2, 4, 8


class Memory(Region):
    """Bytes; addresses in `broken` answer with an error."""

    def __init__(self) -> None:
        super().__init__(SIZE)
        self.bytes = bytearray(random.randbytes(SIZE))
        self.broken: range = range(0)

    def _check(self, address: int, length: int) -> None:
        if address < self.broken.stop and address + length > self.broken.start:
            raise ValueError("a broken address")

    async def _read(self, address: int, length: int, **_: Any) -> bytes:
        self._check(address, length)
        return bytes(self.bytes[address : address + length])

    async def _write(self, address: int, data: bytes, **_: Any) -> None:
        self._check(address, len(data))
        self.bytes[address : address + len(data)] = data


class Bench:
    """The shell with a processor and a memory."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.memory = Memory()
        self.processor = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, reset_active_level=False
        )
        self.slave = AxiSlave(
            AxiBus.from_prefix(dut, "m_axi"),
            dut.aclk,
            dut.aresetn,
            reset_active_level=False,
            target=self.memory,
        )

    async def begin(self) -> None:
        """Start clock and reset."""
        cocotb.start_soon(Clock(self.dut.aclk, 10, unit="ns").start())
        cocotb.start_soon(self.watch())
        self.dut.aresetn.value = 0
        for _ in range(5):
            await RisingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        for _ in range(30):
            await RisingEdge(self.dut.aclk)

    async def watch(self) -> None:
        """Check what the model does not: offers stay, bursts stay within 4 KB and end right."""
        dut, held, lengths, place = self.dut, {}, [], 0
        payload = {"ar": ("addr", "len"), "aw": ("addr", "len"), "w": ("data", "strb", "last")}
        while True:
            await RisingEdge(dut.aclk)
            if not int(dut.aresetn.value):
                continue
            for channel, names in payload.items():
                signal = lambda name, c=channel: getattr(dut, f"m_axi_{c}{name}").value  # noqa: E731
                values = [int(signal(name)) for name in names] if int(signal("valid")) else None
                if channel in held:
                    assert values == held[channel], f"{channel}: an offer changed before it was taken"
                held.pop(channel, None)
                if values is None:
                    continue
                if not int(signal("ready")):
                    held[channel] = values
                    continue
                if channel == "w":
                    assert lengths, "data before its address"
                    place += 1
                    assert bool(values[2]) == (place == lengths[0]), "wlast is at the wrong place"
                    if values[2]:
                        lengths.pop(0)
                        place = 0
                    continue
                address, beats = values[0], values[1] + 1
                assert address % 8 == 0 and address // 4096 == (address + 8 * beats - 1) // 4096
                assert beats <= 16, "an AXI3 port takes 16 words"
                if channel == "aw":
                    lengths.append(beats)

    def stall(self, chance: float) -> None:
        """Let every channel of the memory, and the processor's, rest at random."""

        def pauses() -> Iterator[bool]:
            while True:
                yield random.random() < chance

        channels = [
            self.slave.read_if.ar_channel,
            self.slave.read_if.r_channel,
            self.slave.write_if.aw_channel,
            self.slave.write_if.w_channel,
            self.slave.write_if.b_channel,
            self.processor.read_if.r_channel,
            self.processor.write_if.b_channel,
        ]
        for channel in channels:
            channel.set_pause_generator(pauses())

    async def write(self, address: int, value: int) -> None:
        """Write a register."""
        await self.processor.write(address, value.to_bytes(4, "little"))

    async def read(self, address: int) -> int:
        """Read a register."""
        return int.from_bytes((await self.processor.read(address, 4)).data, "little")

    async def start(self, frames: int, source: int, target: int) -> None:
        """Begin a run."""
        await self.write(FRAMES, frames)
        await self.write(SOURCE, source)
        await self.write(TARGET, target)
        await self.write(CONTROL, 1)

    async def finished(self) -> int:
        """Wait for the end of the run; returns the status."""
        while (status := await self.read(STATUS)) & 1:
            pass
        return status

    async def run(self, frames: int, source: int, target: int) -> tuple[int, bytes, bytes]:
        """Run random frames; returns the status, what the memory should hold behind it, and what it does."""
        generator = np.random.default_rng(random.randrange(1 << 30))
        words = generator.integers(0, 2, (frames, CORE.words, CORE.bits), np.uint8)
        given, made = CORE.pack(words), CORE.pack(CORE.run(words))
        self.memory.bytes[source : source + len(given)] = given
        expected = bytearray(self.memory.bytes)
        expected[target : target + len(made)] = made
        await self.start(frames, source, target)
        status = await with_timeout(self.finished(), 20, "ms")
        return status, bytes(expected), bytes(self.memory.bytes)


def place() -> int:
    """Return an address that is rarely aligned, in a page of its own."""
    return random.randrange(4096)


@cocotb.test()
async def identity_and_digest_can_be_read(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    bench.stall(0.3)
    assert await bench.read(0) == 0x46504746
    assert await bench.read(4) == 1
    words = [await bench.read(0x40 + 4 * i) for i in range(8)]
    assert "".join(f"{word:08x}" for word in words) == DIGEST
    assert await bench.read(0x38) == (CORE.bits * CORE.words + 7) // 8


@cocotb.test()
async def frames_come_back_from_and_to_any_address(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    for chance in (0.0, 0.2, 0.7):
        bench.stall(chance)
        for _ in range(4):
            frames = random.randrange(1, 30)
            status, expected, found = await bench.run(frames, place(), 1 << 15 | place())
            assert status == FINISHED
            assert expected == found
            assert await bench.read(DONE) == frames


@cocotb.test()
async def no_frames_end_at_once_and_move_nothing(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    before = bytes(bench.memory.bytes)
    await bench.start(0, place(), place())
    assert await with_timeout(bench.finished(), 10, "us") == FINISHED
    assert bytes(bench.memory.bytes) == before
    assert (await bench.run(3, 0, 1 << 15))[0] == FINISHED


@cocotb.test()
async def a_reset_in_mid_frame_leaves_no_trace(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    for chance in (0.0, 0.5):
        bench.stall(chance)
        for _ in range(6):
            await bench.start(1 << 31, place(), 1 << 15)  # more than there is memory for
            for _ in range(random.randrange(1, 400)):
                await RisingEdge(dut.aclk)
            await bench.write(CONTROL, 2)
            while await bench.read(STATUS):
                pass
            status, expected, found = await bench.run(random.randrange(1, 9), place(), 1 << 15 | place())
            assert status == FINISHED
            assert expected == found


@cocotb.test()
async def errors_of_the_memory_are_told_and_do_not_hang(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    bench.stall(0.2)
    source, target = 64, 1 << 15
    for broken, error in ((range(source, source + 8), READ_ERROR), (range(target, target + 8), WRITE_ERROR)):
        bench.memory.broken = broken
        words = random.randrange(2, 9)
        await bench.start(words, source, target)
        assert await with_timeout(bench.finished(), 20, "ms") == FINISHED | error
        bench.memory.broken = range(0)
        status, expected, found = await bench.run(words, source, target)
        assert status == FINISHED
        assert expected == found


@cocotb.test()
async def the_shell_keeps_nine_tenths_of_the_ports_rate(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    size = (CORE.bits * CORE.words + 7) // 8
    frames = min(max(1, 16384 // size), max(1, 8192 // CORE.words))
    assert (await bench.run(frames, 0, 1 << 15))[0] == FINISHED
    cycles = await bench.read(CYCLES)
    # The port moves 8 bytes a cycle, the core takes a word a cycle.
    least = max(frames * size / 8, frames * CORE.words)
    dut._log.info("%d bytes in %d cycles: %.1f %%", frames * size, cycles, 100 * least / cycles)
    assert cycles <= least / 0.9
