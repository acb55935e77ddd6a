"""Bench: replies with random stalls on both sides, against ohmprop.model.link.frames.encode_frame."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from ohmprop.model.link.frames import encode_frame
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import rest

PARAMETERS = bench_parameters()
WINDOW = 2


class Bench:
    """Writes replies and takes what is sent."""

    def __init__(self, dut, seed=0):
        self.dut = dut
        self.rng = random.Random(seed)
        self.readiness = 1.0
        self.sent = bytearray()

    async def start(self):
        """Clock and reset."""
        dut = self.dut
        rest(dut)
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        cocotb.start_soon(self._take())

    async def _take(self):
        dut = self.dut
        while True:
            ready = self.rng.random() < self.readiness
            dut.bytes__ready.value = ready
            await ReadOnly()
            if ready and dut.bytes__valid.value:
                self.sent.append(int(dut.bytes__payload.value))
            await RisingEdge(dut.clk)

    async def write(self, slot, data, activity=1.0):
        """A reply; ``activity`` is the share of clocks in which a byte is offered."""
        dut = self.dut
        dut.replies__slot.value = slot
        for at, byte in enumerate(data):
            while self.rng.random() >= activity:
                await RisingEdge(dut.clk)
            dut.replies__bytes__valid.value = 1
            dut.replies__bytes__payload.value = byte | (at == len(data) - 1) << 8
            await ReadOnly()
            while not dut.replies__bytes__ready.value:
                await RisingEdge(dut.clk)
                await ReadOnly()
            await RisingEdge(dut.clk)
            dut.replies__bytes__valid.value = 0

    async def resend(self, slot):
        """The slot once more, as soon as it is free."""
        self.dut.replies__slot.value = slot
        await ReadOnly()
        while not self.dut.replies__free.value:
            await RisingEdge(self.dut.clk)
            await ReadOnly()
        await RisingEdge(self.dut.clk)
        self.dut.replies__resend.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.replies__resend.value = 0

    async def quiet(self):
        """Wait until nothing was sent for a while."""
        before = -1
        while len(self.sent) != before:
            before = len(self.sent)
            for _ in range(200):
                await RisingEdge(self.dut.clk)


def random_reply(rng):
    """Op, sequence, status, payload; hard on COBS."""
    limit = PARAMETERS["frame_bytes"] - 4
    length = rng.choice((1, 2, 3, rng.randrange(3, 20), rng.randrange(3, limit + 1), *range(247, 253), limit))
    zeros = rng.choice((0.0, 0.0, 0.05, 0.5, 1.0))
    return bytes(0 if rng.random() < zeros else rng.randrange(1, 256) for _ in range(length))


def wire(reply):
    """The reply as it must go over the line."""
    # The codec wants op and sequence apart; a shorter reply is no frame but encodes all the same.
    return encode_frame(reply[0], reply[1], reply[2:])


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(seed=[1, 2], activity=[1.0, 0.4], readiness=[1.0, 0.2])
async def sends_what_the_codec_encodes(dut, seed, activity, readiness):
    """Random replies into random slots come out whole, in order and alone."""
    bench = Bench(dut, seed)
    await bench.start()
    bench.readiness = readiness
    rng = random.Random(seed)
    expected = b""
    for _ in range(15):
        reply = random_reply(rng) + bytes([rng.randrange(256)])
        await bench.write(rng.randrange(WINDOW + 1), reply, activity)
        expected += wire(reply)
    await bench.quiet()
    assert bytes(bench.sent) == expected


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(seed=[3, 4])
async def sends_again(dut, seed):
    """Each slot keeps its reply until the next one is written into it."""
    bench = Bench(dut, seed)
    await bench.start()
    rng = random.Random(seed)
    expected, kept = b"", {}
    for _ in range(30):
        slot = rng.randrange(WINDOW + 1)
        if slot in kept and rng.random() < 0.6:
            await bench.resend(slot)
        else:
            kept[slot] = random_reply(rng) + b"\1"
            await bench.write(slot, kept[slot])
        expected += wire(kept[slot])
    await bench.quiet()
    assert bytes(bench.sent) == expected


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def stalls_while_the_slot_is_sent(dut):
    """A reply under way is not overwritten, and other slots are not held up."""
    bench = Bench(dut)
    await bench.start()
    bench.readiness = 0.0
    first, second, third = bytes([1, 1, 1]), bytes([2, 2, 2, 2]), bytes([3, 3, 3, 3])
    await bench.write(0, first)
    await bench.write(1, second)
    writing = cocotb.start_soon(bench.write(0, third))
    for _ in range(100):
        await RisingEdge(dut.clk)
    assert not writing.done() and not bench.sent
    bench.readiness = 1.0
    await writing
    await bench.quiet()
    assert bytes(bench.sent) == wire(first) + wire(second) + wire(third)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def has_the_declared_latency(dut):
    """From the clock edge that accepts a reply's last byte to the first byte offered."""
    bench = Bench(dut)
    await bench.start()
    bench.readiness = 0.0
    await bench.write(0, bytes([1, 2, 0, 4]))
    clocks = 0
    await ReadOnly()
    while not dut.bytes__valid.value:
        await RisingEdge(dut.clk)
        await ReadOnly()
        clocks += 1
    # ``write`` returns just after the edge, where the first of the latency's clocks begins.
    assert clocks + 1 == PARAMETERS["latency"]
