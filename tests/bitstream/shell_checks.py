"""What runs inside the simulator (cocotb): the shell under everything that a bus and a driver may do."""

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, with_timeout

from tests.bitstream.shell_bench import (
    CONTROL,
    CORE,
    CYCLES,
    DIGEST,
    DONE,
    FINISHED,
    FRAMES,
    HALF,
    IN_WAITS,
    OUT_WAITS,
    READ_ERROR,
    RUNNING,
    SOURCE,
    STATUS,
    TARGET,
    WRITE_ERROR,
    Bench,
    place,
)

MANY = 1 << 31
"""Frames for which there is no memory, but for which nothing has to come out either."""


async def started(dut: Any, latency: int = 0) -> Bench:
    bench = Bench(dut, latency)
    await bench.begin()
    return bench


@cocotb.test()
async def identity_and_digest_can_be_read(dut: Any) -> None:
    bench = await started(dut)
    bench.stall(0.3)
    assert await bench.read(0) == 0x46504746
    assert await bench.read(4) == 1
    words = [await bench.read(0x40 + 4 * i) for i in range(8)]
    assert "".join(f"{word:08x}" for word in words) == DIGEST
    assert await bench.read(0x38) == CORE.frame_bytes
    for address in (0x60, 0xFC, 0x100, 0x140, 0x800 + FRAMES):
        assert await bench.read(address) == 0


@cocotb.test()
async def a_register_takes_address_and_data_in_any_order(dut: Any) -> None:
    bench = await started(dut)
    port = bench.processor.write_if
    for first, second in ((port.aw_channel, port.w_channel), (port.w_channel, port.aw_channel)):
        first.pause, second.pause = False, True
        for address in (FRAMES, SOURCE, TARGET):
            value = random.getrandbits(32)
            write = cocotb.start_soon(bench.write(address, value))
            await bench.cycles(random.randrange(3, 9))
            assert not write.done()
            second.pause = False
            await write
            second.pause = True
            assert await bench.read(address) == value
        second.pause = False


@cocotb.test()
async def only_bytes_with_a_strobe_are_written(dut: Any) -> None:
    bench = await started(dut)
    await bench.write(FRAMES, 0x44332211)
    await bench.processor.write(FRAMES + 2, b"\xaa")
    assert await bench.read(FRAMES) == 0x44AA2211
    await bench.processor.write(CONTROL + 1, b"\xff\xff\xff")  # control is the lowest byte
    assert await bench.read(STATUS) == 0
    for address, value in ((0, 1), (STATUS, 0xFF), (DONE, 7), (0x40, 3), (0x800 + FRAMES, 9)):
        before = await bench.read(address)
        await bench.write(address, value)
        assert await bench.read(address) == before
    assert await bench.read(FRAMES) == 0x44AA2211


@cocotb.test()
async def frames_come_back_from_and_to_any_address(dut: Any) -> None:
    bench = await started(dut)
    for chance in (0.0, 0.2, 0.6):
        bench.stall(chance)
        for _ in range(4):
            await bench.works()


@cocotb.test()
async def runs_follow_each_other_without_a_gap(dut: Any) -> None:
    """The next run is asked for in the cycle after the last one is seen to have ended."""
    bench = await started(dut, latency=20)
    for frames in (1, 1, 2, 1, 3, 1):
        await bench.works(frames)


@cocotb.test()
async def a_start_while_running_does_nothing(dut: Any) -> None:
    bench = await started(dut, latency=20)
    frames = min(16, HALF // 2 // CORE.frame_bytes)
    expected = bench.prepare(frames, 3, HALF + 5)
    await bench.start(frames, 3, HALF + 5)
    await bench.start(1, 0, HALF + 9000)
    assert await bench.finished() == FINISHED
    assert bytes(bench.memory.bytes) == expected


@cocotb.test()
async def no_frames_end_at_once_and_move_nothing(dut: Any) -> None:
    bench = await started(dut)
    bench.memory.broken = set(range(0, HALF, 8))
    await bench.start(1, 0, HALF)
    assert await bench.finished() == FINISHED | READ_ERROR
    before = bytes(bench.memory.bytes)
    await bench.start(0, place(), HALF + place())
    assert await with_timeout(bench.finished(), 10, "us") == FINISHED  # and the error is of the last run
    assert bytes(bench.memory.bytes) == before
    bench.memory.broken = set()
    await bench.works()


@cocotb.test()
async def counters_hold_the_largest_number_of_frames(dut: Any) -> None:
    bench = await started(dut)
    most = (1 << 32) - 1
    await bench.start(most, 0, HALF)
    await bench.cycles(3)
    shell = dut.shell
    assert int(shell.in_bytes_q.value) == most * CORE.frame_bytes
    words = -(-most * CORE.frame_bytes // 8)
    assert words - 1000 < int(shell.reader.left_q.value) <= words
    words = -(-int(shell.out_bytes_q.value) // 8)
    assert words - 1000 < int(shell.writer.send_q.value) <= words
    # As it would be after 43 seconds, 40 cycles before the low word of the cycles overflows.
    shell.cycles_q.value = (1 << 32) - 40
    last = 0
    for _ in range(12):
        low = await bench.read(CYCLES)
        now = low | await bench.read(CYCLES + 4) << 32
        assert last < now < (1 << 32) + 1000
        last = now
    assert last > 1 << 32
    await bench.write(CONTROL, 2)
    await bench.at_rest()
    await bench.works()


@cocotb.test()
async def a_reset_in_mid_frame_leaves_no_trace(dut: Any) -> None:
    bench = await started(dut, latency=random.randrange(40))
    for chance in (0.0, 0.5):
        bench.stall(chance)
        for times in (1, 1, 2, 3):
            await bench.start(MANY, place(), HALF)
            await bench.cycles(random.randrange(1, 400))
            for _ in range(times):
                await bench.write(CONTROL, random.choice((2, 3)))
                await bench.cycles(random.choice((0, 0, 5, 20)))
            await bench.at_rest()
            for _ in range(30):
                await bench.cycles(1)
                assert not any(int(getattr(dut, f"m_axi_{c}valid").value) for c in ("ar", "aw", "w"))
            await bench.works(random.randrange(1, 9))


@cocotb.test()
async def a_reset_of_the_system_in_mid_frame_leaves_no_trace(dut: Any) -> None:
    bench = await started(dut)
    for _ in range(3):
        await bench.start(MANY, place(), HALF)
        await bench.cycles(random.randrange(1, 300))
        await bench.reset()
        assert await bench.read(STATUS) == 0
        assert await bench.read(FRAMES) == 0
        await bench.works(random.randrange(1, 9))


@cocotb.test()
async def errors_in_mid_burst_are_told_and_do_not_hang(dut: Any) -> None:
    bench = await started(dut, latency=10)
    bench.stall(0.2)
    frames = -(-700 // CORE.frame_bytes)
    for reads, writes in ((1, 0), (0, 1), (2, 2), (0, 0)):
        source, target = place(), HALF + place()
        expected = bytearray(bench.prepare(frames, source, target))
        made = len(CORE.pack(CORE.run(_frames(frames))))
        spots = [source + random.randrange(frames * CORE.frame_bytes) for _ in range(reads)]
        spots += [target + random.randrange(made) for _ in range(writes)]
        bench.memory.broken = {spot // 8 * 8 for spot in spots}
        found = bench.memory.bytes
        await bench.start(frames, source, target)
        status = await with_timeout(bench.finished(), 20, "ms")
        assert status == FINISHED | READ_ERROR * bool(reads) | WRITE_ERROR * bool(writes)
        if not reads:  # what was not read is not known, but all other words are where they should be
            for spot in bench.memory.broken:
                expected[spot : spot + 8] = found[spot : spot + 8]
            assert found == expected
        bench.memory.broken = set()
    await bench.works()


def _frames(count: int) -> Any:
    import numpy as np

    return np.zeros((count, CORE.words, CORE.bits), np.uint8)


@cocotb.test()
async def a_memory_may_wait_for_the_data_before_it_takes_the_address(dut: Any) -> None:
    """AXI lets a slave do so, hence a master must not wait for the one before it offers the other."""
    bench = await started(dut)

    def until(signal: Any) -> Iterator[bool]:
        while True:
            yield not int(signal.value)

    bench.slave.write_if.aw_channel.set_pause_generator(until(dut.m_axi_wvalid))
    await bench.works(8)


@cocotb.test()
async def at_most_sixteen_bursts_wait_for_their_answers(dut: Any) -> None:
    """A memory that answers late shall not overflow the count of what it owes."""
    bench = await started(dut)
    answers = bench.slave.write_if.b_channel
    answers.queue_occupancy_limit, answers.pause = 1000, True
    made = len(CORE.pack(CORE.run(_frames(1))))
    frames = min(HALF // CORE.frame_bytes, -(-24 * 128 // made))
    expected = bench.prepare(frames, 0, HALF)
    await bench.start(frames, 0, HALF)
    await bench.cycles(min(frames * CORE.words, 24 * 128 * 8) + 500)
    bursts = -(-frames * made // 128)
    assert int(dut.shell.writer.answers_q.value) == min(bursts, 16)
    answers.pause = False
    assert await with_timeout(bench.finished(), 20, "ms") == FINISHED
    assert bytes(bench.memory.bytes) == expected


@cocotb.test()
async def cycles_in_which_the_core_waits_for_memory_are_counted(dut: Any) -> None:
    bench = await started(dut)
    bench.stall(0.7)
    frames = 12
    taken = given = waits_in = waits_out = 0

    async def count() -> None:
        nonlocal taken, given, waits_in, waits_out
        shell = dut.shell
        while taken < frames * CORE.words or given < frames * len(CORE.run(_frames(1))[0]):
            await RisingEdge(dut.aclk)
            if not int(dut.aresetn.value):
                continue
            valid, ready = int(shell.in_valid_o.value), int(shell.in_ready_i.value)
            waits_in += running() and ready and not valid and taken < frames * CORE.words
            taken += valid and ready
            valid, ready = int(shell.out_valid_i.value), int(shell.out_ready_o.value)
            waits_out += running() and valid and not ready
            given += valid and ready

    def running() -> bool:
        return int(dut.shell.state_q.value) == 2

    counting = cocotb.start_soon(count())
    assert (await bench.run(frames, place(), HALF + place()))[0] == FINISHED
    await with_timeout(counting, 1, "ms")
    assert (await bench.read(IN_WAITS), await bench.read(OUT_WAITS)) == (waits_in, waits_out)
    assert waits_in > 0


@cocotb.test()
async def the_shell_keeps_nine_tenths_of_the_ports_rate(dut: Any) -> None:
    """Also where a word comes a hundred cycles after it was asked for."""
    bench = await started(dut, latency=100)
    size = CORE.frame_bytes
    frames = max(1, min(24576 // size, 8192 // CORE.words))
    assert (await bench.run(frames, 0, HALF))[0] == FINISHED
    cycles = await bench.read(CYCLES) - 100  # the first word's latency is there once
    # The port moves 8 bytes a cycle, the core takes a word a cycle.
    least = max(frames * size / 8, frames * CORE.words)
    dut._log.warning("%d bytes in %d cycles: %.1f %%", frames * size, cycles, 100 * least / cycles)
    assert cycles <= least / 0.9
    assert await bench.read(STATUS) & RUNNING == 0
