"""Bench: requests over the link, with a machine made of the golden one; every reply must be the golden device's."""

import random

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import WINDOW, Op, Status, decode_frame, encode_frame
from ohmprop.model.link.identity import Identity
from ohmprop.model.link.packing import frame_bytes, pattern_bytes, unpack_pattern
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space
from tests.kit.command_bench import LAYOUT, PARAMETERS, SPEC, Bench, access, random_words


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def executes_every_op(dut):
    """Each op does what it says."""
    bench = Bench(dut)
    await bench.start()
    status, block = await bench.request(Op.IDENTIFY)
    assert status == Status.DONE and Identity.unpack(block) == Identity.of(SPEC)
    words = random_words(bench.rng)
    lanes = SPEC.lanes
    for address in range(LAYOUT.words):
        word = words[address * lanes : (address + 1) * lanes]
        assert await bench.request(Op.WRITE, access(Space.WEIGHTS, address, 1, word)) == (Status.DONE, b"")
    assert bench.machine.image.tobytes() == words
    most = min(LAYOUT.words, (frame_bytes(SPEC) - 7) // lanes)
    assert await bench.request(Op.READ, access(Space.WEIGHTS, 0, most)) == (Status.DONE, words[: most * lanes])
    for _ in range(3):
        status, report = await bench.request(Op.LEARN, bench.pattern() + bench.pattern())
        assert status == Status.DONE and LearnReply.unpack(report).lfsr == bench.machine.golden.lfsr
        status, report = await bench.request(Op.RECALL, bench.pattern())
        signs = report[RecallReply.size() :]
        assert np.array_equal(unpack_pattern(SPEC, signs), bench.machine.golden.states > 0)
        status, states = await bench.request(Op.READ, access(Space.STATES, 0, LAYOUT.blocks))
        assert states == LAYOUT.to_blocks(bench.machine.golden.states).tobytes()
    status, side = await bench.request(Op.READ, access(Space.SIDE, 0, 2 * LAYOUT.blocks))
    assert status == Status.DONE and len(side) == 2 * LAYOUT.blocks * lanes
    assert bench.machine.runs == 6


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def keeps_settings(dut):
    """Settings are the spec's at first, change byte by byte, and the LFSR changes with its last byte."""
    bench = Bench(dut)
    await bench.start()
    size = SettingsRegisters.size()
    everything = access(Space.SETTINGS, 0, size)
    first = SettingsRegisters.of(SPEC, SPEC.settings, bench.machine.golden.lfsr).pack()
    assert await bench.request(Op.READ, everything) == (Status.DONE, first)
    new = SettingsRegisters(9, 3, 7, 5, 4, 6, 5, 3, 1, 2, 1, 1, 0, 1, 1, 3, 15, 0xDEADBEEF).pack()
    for at in range(size):
        before = bench.machine.golden.lfsr
        await bench.request(Op.WRITE, access(Space.SETTINGS, at, 1, new[at : at + 1]))
        assert bench.machine.golden.lfsr == (before if at < size - 1 else 0xDEADBEEF)
    used = [*SettingsRegisters.used_bits(SPEC).values(), 8, 8, 8, 8]
    kept = bytes(byte & (1 << bits) - 1 for byte, bits in zip(new, used, strict=True))
    assert await bench.request(Op.READ, everything) == (Status.DONE, kept)
    await bench.request(Op.LEARN, bench.pattern() + bench.pattern())
    await bench.request(Op.WRITE, everything + first)
    assert await bench.request(Op.READ, everything) == (Status.DONE, first)
    assert bench.machine.lfsr_loads == 2
    assert await bench.request(Op.READ, access(Space.SETTINGS, 3, 4)) == (Status.DONE, first[3:7])


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def counts(dut):
    """The counters, the running clock among them."""
    bench = Bench(dut)
    await bench.start()
    await bench.request(Op.LEARN, bench.pattern() + bench.pattern())
    await bench.request(Op.RECALL, bench.pattern())
    await bench.request(Op.RECALL, bench.pattern(), sequence=bench.sequence - 1)
    await bench.request(0x55)
    await bench.exchange(b"\x05abcd\0")
    await bench.feed(b"".join(encode_frame(0x20, 200 + at, b"") for at in range(12)))
    replies = len(await bench.answers(WINDOW + 1))
    for _ in range(1000):
        await RisingEdge(dut.clk)
    replies += bench.sent.count(0)
    bench.sent.clear()
    seen = []
    for wait in (0, 100):
        for _ in range(wait):
            await RisingEdge(dut.clk)
        await bench.feed(encode_frame(Op.READ, bench.sequence, access(Space.COUNTERS, 0, Counters.size())))
        bench.sequence += 1
        (reply,) = await bench.answers(1)
        seen.append(Counters.unpack(decode_frame(reply[:-1])[2][1:]))
    first, second = seen
    golden = bench.machine.golden
    assert first.busy_clocks == golden.busy_clocks and first.steps == golden.steps
    assert (first.learnt, first.recalled, first.repeated) == (1, 1, 1)
    assert first.dropped == 12 - replies > 0
    assert first.refused == 2 + replies
    assert first.frames == 5 + replies + 1
    assert second.frames == first.frames + 1
    assert 100 < second.clocks - first.clocks < 1000


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def refuses_without_a_trace(dut):
    """Each wrong request gets its status, takes its number, and changes nothing."""
    bench = Bench(dut)
    await bench.start()
    size, lanes = pattern_bytes(SPEC), SPEC.lanes
    await bench.request(Op.WRITE, access(Space.SETTINGS, 5, 1, b"\3"))
    settings = (await bench.request(Op.READ, access(Space.SETTINGS, 0, SettingsRegisters.size())))[1]
    too_many = (frame_bytes(SPEC) - 7) // lanes + 1
    bytes_apart = SettingsRegisters.size()
    wrong = [
        (0x00, b"", Status.UNKNOWN_OP),
        (0x06, bytes(5), Status.UNKNOWN_OP),
        (0x7F, b"", Status.UNKNOWN_OP),
        (0xFF, b"", Status.UNKNOWN_OP),
        (Op.LEARN, b"", Status.BAD_LENGTH),
        (Op.LEARN, bytes(2 * size - 1), Status.BAD_LENGTH),
        (Op.LEARN, bytes(2 * size + 1), Status.BAD_LENGTH),
        (Op.RECALL, bytes(size - 1), Status.BAD_LENGTH),
        (Op.RECALL, bytes(2 * size), Status.BAD_LENGTH),
        (Op.READ, b"", Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, 0, 1)[:4], Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, 0, 1, b"\0"), Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, 0, 0), Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, 0, too_many), Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, 0, 65535), Status.BAD_LENGTH),
        (Op.READ, access(Space.WEIGHTS, LAYOUT.words, 1), Status.BAD_ADDRESS),
        (Op.READ, access(Space.WEIGHTS, 65535, 1), Status.BAD_ADDRESS),
        (Op.READ, access(Space.STATES, LAYOUT.blocks - 1, 2), Status.BAD_ADDRESS),
        (Op.READ, access(Space.SETTINGS, 0, bytes_apart + 1), Status.BAD_ADDRESS),
        (Op.READ, access(Space.COUNTERS, Counters.size(), 1), Status.BAD_ADDRESS),
        (Op.READ, access(Space.SIDE, 2 * LAYOUT.blocks, 1), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.SIDE, 0, 1, bytes(lanes)), Status.BAD_ADDRESS),
        (Op.READ, access(len(Space), 0, 1), Status.BAD_ADDRESS),
        (Op.READ, access(255, 0, 1), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.WEIGHTS, 0, 1), Status.BAD_LENGTH),
        (Op.WRITE, access(Space.WEIGHTS, 0, 1)[:3], Status.BAD_LENGTH),
        (Op.WRITE, access(Space.WEIGHTS, 0, 0), Status.BAD_LENGTH),
        (Op.WRITE, access(Space.WEIGHTS, 0, 1, bytes(lanes + 1)), Status.BAD_LENGTH),
        (Op.WRITE, access(Space.WEIGHTS, 0, 2, bytes(lanes)), Status.BAD_LENGTH),
        (Op.WRITE, access(Space.WEIGHTS, LAYOUT.words, 1, bytes(lanes)), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.WEIGHTS, 65535, 1, bytes(lanes)), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.STATES, 0, 1, bytes(lanes)), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.COUNTERS, 0, 1, b"\0"), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.SETTINGS, bytes_apart - 1, 2, bytes(2)), Status.BAD_ADDRESS),
        (Op.WRITE, access(Space.SETTINGS, bytes_apart, 1, b"\0"), Status.BAD_ADDRESS),
        (Op.WRITE, access(77, 0, 1, b"\0"), Status.BAD_ADDRESS),
    ]
    for op, payload, status in wrong:
        assert await bench.request(op, payload) == (status, b""), (op, payload)
    assert await bench.request(Op.IDENTIFY, b"?") == (Status.BAD_LENGTH, b"")
    assert (bench.machine.runs, bench.machine.writes, bench.machine.lfsr_loads) == (0, 0, 0)
    assert await bench.request(Op.READ, access(Space.SETTINGS, 0, bytes_apart)) == (Status.DONE, settings)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def executes_nothing_twice(dut):
    """The last WINDOW requests are answered from the cache, older and later numbers are refused with the right one."""
    bench = Bench(dut)
    await bench.start()
    patterns = [bench.pattern() + bench.pattern() for _ in range(4)]
    replies = [await bench.request(Op.LEARN, pattern) for pattern in patterns]
    for _ in range(2):
        for number in (2, 3, 3):
            assert await bench.request(Op.LEARN, patterns[number], sequence=number) == replies[number]
    for number in (1, 0, 5, 6, 132, 255):
        assert await bench.request(Op.LEARN, patterns[0], sequence=number) == (Status.OUT_OF_SEQUENCE, b"\4")
    assert await bench.request(Op.LEARN, patterns[3], sequence=3) == replies[3]
    assert bench.machine.runs == 4
    refused = await bench.request(0x44)
    assert await bench.request(0x44, sequence=4) == refused
    assert bench.machine.runs == 4


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def goes_on_from_identify(dut):
    """IDENTIFY is answered whatever its number, the next number follows from it, and it is no cached reply."""
    bench = Bench(dut)
    await bench.start()
    await bench.request(Op.LEARN, bench.pattern() + bench.pattern())
    for number in (0, 1, 100, 255, 254):
        status, block = await bench.request(Op.IDENTIFY, sequence=number)
        assert status == Status.DONE and len(block) == Identity.size()
        bench.sequence = number + 1
        assert await bench.request(Op.RECALL, bench.pattern(), sequence=number) == (
            Status.OUT_OF_SEQUENCE,
            bytes([bench.sequence & 255]),
        )
        assert (await bench.request(Op.RECALL, bench.pattern()))[0] == Status.DONE
    # Replies to requests from before IDENTIFY are forgotten, whatever slot they are in.
    for number in (50, 51):
        assert (await bench.request(Op.IDENTIFY, sequence=49))[0] == Status.DONE
        assert (await bench.request(Op.RECALL, bench.pattern(), sequence=50))[0] == Status.DONE
        assert (await bench.request(Op.IDENTIFY, sequence=number))[0] == Status.DONE
        assert (await bench.request(Op.RECALL, bench.pattern(), sequence=50))[0] == Status.OUT_OF_SEQUENCE


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def refuses_all_before_identify(dut):
    """After a reset nothing is executed for a host from before it, whatever number it is at."""
    bench = Bench(dut)
    await bench.start()
    await bench.request(Op.LEARN, bench.pattern() + bench.pattern())
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    bench.device = GoldenBoard(SPEC)
    for number in (0, 0, 1, 255):
        refused = await bench.request(Op.LEARN, bench.pattern() + bench.pattern(), sequence=number)
        assert refused == (Status.NOT_IDENTIFIED, b"\0")
    assert bench.machine.runs == 1
    assert (await bench.request(Op.IDENTIFY, sequence=255))[0] == Status.DONE
    assert (await bench.request(Op.READ, access(Space.SETTINGS, 0, 3), sequence=0))[0] == Status.DONE


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def answers_damaged_frames(dut):
    """BAD_CRC and TOO_LONG carry the expected number, and the next whole request is executed."""
    bench = Bench(dut)
    await bench.start()
    for number in range(3):
        frame = bytearray(encode_frame(Op.LEARN, number, bench.pattern() + bench.pattern()))
        frame[-3] ^= 1 if frame[-3] != 1 else 2
        answer = await bench.exchange(bytes(frame))
        assert answer == (Op.REFUSED | 0x80, 0, bytes([Status.BAD_CRC, number]))
        answer = await bench.exchange(encode_frame(Op.LEARN, number, bytes(frame_bytes(SPEC) - 5)))
        assert answer == (Op.REFUSED | 0x80, 0, bytes([Status.TOO_LONG, number]))
        assert (await bench.request(Op.RECALL, bench.pattern()))[0] == Status.DONE
    assert bench.machine.runs == 3


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(seed=[1, 2])
async def survives_anything(dut, seed):
    """Random requests, repeats, wrong numbers, damage and rubbish: always the golden device's reply."""
    bench = Bench(dut)
    await bench.start()
    bench.rng = rng = random.Random(seed)
    sequence = 0
    for _ in range(120):
        payloads = {
            Op.IDENTIFY: b"",
            Op.LEARN: bench.pattern() + bench.pattern(),
            Op.RECALL: bench.pattern(),
            Op.READ: access(rng.randrange(3), rng.randrange(6), rng.randrange(4)),
            Op.WRITE: access(Space.SETTINGS, rng.randrange(SettingsRegisters.size()), 1, bytes([rng.randrange(1, 8)])),
        }
        op = rng.choice((*payloads, Op.LEARN, Op.LEARN, Op.RECALL, rng.randrange(256)))
        payload = payloads.get(op, b"??")
        if rng.random() < 0.2:
            # Neither unequal copies of a weight nor the running clock are for the golden device.
            payload = bytes([rng.randrange(4, 256), *rng.randbytes(rng.randrange(2 * pattern_bytes(SPEC) + 4))])
        number = sequence + rng.choice((0, 0, 0, 0, -1, -2, -3, 1, rng.randrange(256)))
        frame = bytearray(encode_frame(op, number & 255, payload))
        if rng.random() < 0.15:
            frame[rng.randrange(len(frame) - 1)] = rng.randrange(1, 256)
        if rng.random() < 0.05:
            frame = bytearray(rng.randrange(1, 256) for _ in range(rng.randrange(1, 600))) + b"\0"
        await bench.exchange(bytes(frame))
        sequence = bench.device._expected
    assert bench.machine.runs == bench.device.machine.learnt + bench.device.machine.recalled > 8


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def accepts_a_window_of_requests(dut):
    """The next request arrives while one is executed, and the replies come in order."""
    bench = Bench(dut)
    await bench.start()
    for at in range(0, 40, WINDOW):
        frames = [
            encode_frame(Op.LEARN, number, bench.pattern() + bench.pattern()) for number in range(at, at + WINDOW)
        ]
        await bench.feed(b"".join(frames))
        assert b"".join(await bench.answers(WINDOW)) == bench.device.feed(b"".join(frames))
    assert bench.machine.runs == 40


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def has_the_declared_latency(dut):
    """From a request's entry to the first byte of IDENTIFY's reply."""
    bench = Bench(dut)
    await bench.start()
    feeding = cocotb.start_soon(bench.feed(encode_frame(Op.IDENTIFY, 0, b"")))
    clocks = {}
    for clock in range(60):
        await ReadOnly()
        for name, signal in (("request", dut.request), ("reply", dut.reply)):
            if signal.value:
                clocks.setdefault(name, clock)
        await RisingEdge(dut.clk)
    await feeding
    assert clocks["reply"] - clocks["request"] == PARAMETERS["latency"]
