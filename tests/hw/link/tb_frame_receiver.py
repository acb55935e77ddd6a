"""Bench: frames whole, damaged, cut, too long and empty, against model.link.frames.encode_frame and decode_frame."""

import random

import cocotb
from cobs import cobs
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from ohmprop.model.link.frames import Status, decode_frame, encode_frame
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import rest

PARAMETERS = bench_parameters()
WINDOW = 2


class Bench:
    """Feeds bytes and takes frames."""

    def __init__(self, dut):
        self.dut = dut
        self.dropped = 0

    async def start(self):
        """Clock and reset."""
        dut = self.dut
        rest(dut)
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        cocotb.start_soon(self._count_dropped())

    async def _count_dropped(self):
        while True:
            await RisingEdge(self.dut.clk)
            await ReadOnly()
            # Seen just after a clock edge, before the next one: the strobe belongs to the byte that is offered.
            self.dropped += int(self.dut.requests__dropped.value)

    async def feed(self, data, rng=None):
        """Bytes one clock each, with random pauses if there is an rng."""
        for byte in data:
            self.dut.bytes__payload.value = byte
            self.dut.bytes__valid.value = 1
            await RisingEdge(self.dut.clk)
            self.dut.bytes__valid.value = 0
            if rng and rng.random() < 0.3:
                for _ in range(rng.randrange(4)):
                    await RisingEdge(self.dut.clk)

    async def take(self, rng=None):
        """The oldest frame as (status, op, sequence, payload), None for the last three if damaged; then release it."""
        dut = self.dut
        await ReadOnly()
        while not dut.requests__valid.value:
            await RisingEdge(dut.clk)
            await ReadOnly()
        frame = int(dut.requests__status.value), None, None, None
        length = int(dut.requests__length.value)
        await RisingEdge(dut.clk)
        if frame[0] == Status.DONE:
            payload = bytearray()
            for address in range(length):
                dut.requests__address.value = address
                await RisingEdge(dut.clk)
                await ReadOnly()
                payload.append(int(dut.requests__byte.value))
                await RisingEdge(dut.clk)
            frame = Status.DONE, int(dut.requests__op.value), int(dut.requests__sequence.value), bytes(payload)
        for _ in range(rng.randrange(30) if rng else 0):
            await RisingEdge(dut.clk)
        dut.requests__release.value = 1
        await RisingEdge(dut.clk)
        dut.requests__release.value = 0
        return frame


def expected(wire):
    """What the receiver must say about one frame, its zero byte taken off."""
    decoded = decode_frame(wire)
    try:
        length = len(cobs.decode(wire))
    except cobs.DecodeError:
        return Status.BAD_CRC, None, None, None
    if length > PARAMETERS["frame_bytes"]:
        return Status.TOO_LONG, None, None, None
    return (Status.DONE, *decoded) if decoded else (Status.BAD_CRC, None, None, None)


def random_frame(rng, limit):
    """A frame with a payload that is hard on COBS."""
    length = rng.choice((0, 1, rng.randrange(20), rng.randrange(limit - 5), limit - 6, 246, 247, 248, 249, 250))
    zeros = rng.choice((0.0, 0.05, 0.5, 1.0))
    payload = bytes(0 if rng.random() < zeros else rng.randrange(1, 256) for _ in range(min(length, limit - 6)))
    return encode_frame(rng.randrange(256), rng.randrange(256), payload)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(seed=[1, 2], stalls=[False, True])
async def receives_what_the_codec_encodes(dut, seed, stalls):
    """Random frames, while the frames before them are read out; empty frames in between say nothing."""
    bench = Bench(dut)
    await bench.start()
    rng = random.Random(seed)
    for _ in range(15):
        first, second = (random_frame(rng, PARAMETERS["frame_bytes"]) for _ in range(WINDOW))
        await bench.feed(first + bytes(rng.randrange(3)), rng if stalls else None)
        reading = cocotb.start_soon(bench.take())
        await bench.feed(second, rng if stalls else None)
        assert await reading == expected(first[:-1])
        assert await bench.take(rng) == expected(second[:-1])
    assert not bench.dropped


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def notices_damage_at_every_byte(dut):
    """One byte changed, wherever: BAD_CRC, or two damaged pieces if it became zero; then all is well again."""
    bench = Bench(dut)
    await bench.start()
    rng = random.Random(3)
    good = encode_frame(2, 7, bytes([0, 0, 5, 0, *range(250, 256), 0, 9]))
    for at in range(len(good) - 1):
        for change in (1 << rng.randrange(8), good[at]):
            wire = bytearray(good)
            wire[at] ^= change
            pieces = [piece for piece in bytes(wire).split(b"\0") if piece]
            feeding = cocotb.start_soon(bench.feed(wire))
            for piece in pieces:
                assert expected(piece)[0] == Status.BAD_CRC
                assert (await bench.take())[0] == Status.BAD_CRC
            await feeding
            await bench.feed(good)
            assert await bench.take() == expected(good[:-1])
    assert not bench.dropped


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def notices_cut_frames(dut):
    """A frame that lost its end, and one that lost its beginning."""
    bench = Bench(dut)
    await bench.start()
    good = encode_frame(2, 7, bytes(range(40)))
    for at in range(1, len(good) - 1, 3):
        for wire in (good[:at] + b"\0", good[at:]):
            await bench.feed(wire)
            assert await bench.take() == expected(wire[:-1])
    await bench.feed(good)
    assert (await bench.take())[0] == Status.DONE


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def notices_a_run_that_is_cut(dut):
    """The last COBS run promises more bytes than there are, though all bytes and the CRC are right."""
    bench = Bench(dut)
    await bench.start()
    for payload in (b"", bytes(5), bytes(range(1, 20))):
        wire = bytearray(encode_frame(2, 7, payload))
        code = 0
        while code + wire[code] < len(wire) - 1:
            code += wire[code]
        wire[code] += 1
        await bench.feed(wire)
        assert expected(bytes(wire[:-1]))[0] == Status.BAD_CRC
        assert (await bench.take())[0] == Status.BAD_CRC


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def never_writes_past_its_slot(dut):
    """Too long frames, up to several slots, leave the other slot's frame as it was and end at the zero byte."""
    bench = Bench(dut)
    await bench.start()
    rng = random.Random(4)
    limit = PARAMETERS["frame_bytes"]
    for excess in (0, 1, 3 * limit):
        for zeros in (False, True):
            kept = encode_frame(3, 9, bytes(rng.randrange(256) for _ in range(limit - 6)))
            payload = bytes(0 if zeros else rng.randrange(1, 256) for _ in range(limit - 6 + excess))
            long = encode_frame(2, 8, payload)
            await bench.feed(kept + long)
            assert await bench.take() == expected(kept[:-1])
            assert await bench.take() == expected(long[:-1])
    assert expected(long[:-1])[0] == Status.TOO_LONG
    assert not bench.dropped


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def drops_whole_frames_when_full(dut):
    """With all slots taken a frame is dropped to its last byte, even if a slot becomes free meanwhile."""
    bench = Bench(dut)
    await bench.start()
    frames = [encode_frame(op, op, bytes([op] * 30)) for op in range(1, 6)]
    await bench.feed(frames[0] + frames[1] + frames[2] + frames[3][:10])
    assert bench.dropped == 2
    assert await bench.take() == expected(frames[0][:-1])
    await bench.feed(frames[3][10:] + frames[4])
    assert await bench.take() == expected(frames[1][:-1])
    assert await bench.take() == expected(frames[4][:-1])
    assert bench.dropped == 2
    await ReadOnly()
    assert not dut.requests__valid.value


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def has_the_declared_latency(dut):
    """From the clock edge that takes the zero byte to the entry."""
    bench = Bench(dut)
    await bench.start()
    frame = encode_frame(1, 2, b"")
    await bench.feed(frame[:-1])
    dut.bytes__payload.value = 0
    dut.bytes__valid.value = 1
    clocks = 0
    await ReadOnly()
    while not dut.requests__valid.value:
        await RisingEdge(dut.clk)
        await ReadOnly()
        clocks += 1
    assert clocks == PARAMETERS["latency"]
