"""Bench: receiver against a line with baud errors, glitches and broken bytes; transmitter clock by clock."""

import math
import random
from fractions import Fraction

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import rest

CLOCK = 10_000  # picoseconds


class Line:
    """The far end of the receiver's line, with its own idea of the baud rate."""

    def __init__(self, dut, error=0.0):
        parameters = bench_parameters()
        self.dut = dut
        self.ratio = Fraction(parameters["clock_hz"], parameters["baud"])
        self.error = error
        self.received = []
        self.errors = 0

    async def start(self, seed):
        """Clock, reset and the record of what is received; the line starts at a random phase of the clock."""
        rest(self.dut)
        self.dut.rx.value = 1
        self.dut.rst.value = 1
        cocotb.start_soon(Clock(self.dut.clk, CLOCK, unit="ps").start())
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await self.high(2)
        cocotb.start_soon(self._record())
        cocotb.start_soon(self._count_errors())
        await Timer(random.Random(seed).randrange(1, CLOCK), unit="ps")

    async def _record(self):
        # Waiting for the strobes, not for every clock, keeps the bench quick; they never last two clocks.
        while True:
            await RisingEdge(self.dut.bytes__received__valid)
            await ReadOnly()
            self.received.append(int(self.dut.bytes__received__payload.value))

    async def _count_errors(self):
        while True:
            await RisingEdge(self.dut.error)
            self.errors += 1

    async def drive(self, level, bits):
        """Hold the line for a number of bits, which need not be whole."""
        self.dut.rx.value = level
        await Timer(max(1, round(bits * float(self.ratio) * CLOCK / (1 + self.error))), unit="ps")

    async def high(self, bits):
        """An idle line."""
        await self.drive(1, bits)

    async def send(self, byte, stop=1):
        """One byte."""
        for bit in (0, *((byte >> at) & 1 for at in range(8)), stop):
            await self.drive(bit, 1)


@cocotb.test()
@cocotb.parametrize(error=[-0.02, 0.0, 0.02], seed=[1, 2, 3])
async def receives_back_to_back(dut, error, seed):
    """200 bytes with a single stop bit, whatever the far end's baud rate within 2 %."""
    line = Line(dut, error)
    await line.start(seed)
    rng = random.Random(seed)
    sent = [rng.choice((0, 255, 0x55, 0xAA, rng.randrange(256))) for _ in range(200)]
    for byte in sent:
        await line.send(byte)
    await line.high(2)
    assert line.received == sent
    assert line.errors == 0


@cocotb.test()
async def loses_only_the_broken_byte(dut):
    """A low stop bit loses its byte, a long break one byte, and the next byte is whole."""
    line = Line(dut)
    await line.start(4)
    for byte in (0x00, 0xA5, 0xFF):
        await line.send(byte, stop=0)
        await line.high(1)
        await line.send(0x3C)
    await line.drive(0, 35)
    await line.high(1)
    await line.send(0xC3)
    await line.high(2)
    assert line.received == [0x3C, 0x3C, 0x3C, 0xC3]
    assert line.errors == 4


@cocotb.test()
async def ignores_glitches(dut):
    """Lows shorter than half a bit are no start bits, and a byte may follow at once."""
    line = Line(dut)
    await line.start(5)
    rng = random.Random(5)
    clocks = math.floor(line.ratio / 2)
    expected = []
    for _ in range(40):
        dut.rx.value = 0
        await Timer(rng.randrange(CLOCK // 10, clocks * CLOCK), unit="ps")
        dut.rx.value = 1
        await Timer(2 * CLOCK + rng.randrange(CLOCK), unit="ps")
        if rng.random() < 0.5:
            expected.append(rng.randrange(256))
            await line.send(expected[-1])
            await line.high(rng.random())
    await line.high(12)
    assert line.received == expected
    assert line.errors == 0


@cocotb.test()
async def has_the_declared_latency(dut):
    """From the clock edge that first sees the start bit to ``valid``."""
    line = Line(dut)
    await line.start(6)
    await RisingEdge(dut.clk)
    await Timer(CLOCK // 2, unit="ps")
    cocotb.start_soon(line.send(0x5A))
    await RisingEdge(dut.clk)
    await ReadOnly()
    clocks = 0
    while not dut.bytes__received__valid.value:
        await RisingEdge(dut.clk)
        await ReadOnly()
        clocks += 1
    assert clocks == bench_parameters()["latency"]


async def transmit(dut, data, pause):
    """Offer bytes, with random pauses if asked for; returns the line's level clock by clock from the first bit on."""
    line = Line(dut)
    await line.start(7)
    levels = []

    async def record():
        while True:
            await RisingEdge(dut.clk)
            await ReadOnly()
            levels.append(int(dut.tx.value))

    await RisingEdge(dut.clk)
    recorder = cocotb.start_soon(record())
    rng = random.Random(8)
    for byte in data:
        if pause:
            for _ in range(rng.randrange(math.ceil(20 * line.ratio))):
                await RisingEdge(dut.clk)
        dut.bytes__sent__valid.value = 1
        dut.bytes__sent__payload.value = byte
        while True:
            await ReadOnly()
            ready = int(dut.bytes__sent__ready.value)
            await RisingEdge(dut.clk)
            if ready:
                break
        dut.bytes__sent__valid.value = 0
    await Timer(math.ceil(12 * line.ratio) * CLOCK, unit="ps")
    recorder.cancel()
    return levels, line.ratio


@cocotb.test()
async def transmits_without_gaps(dut):
    """Every bit of every byte lasts from one exact multiple of the bit time to the next, rounded up to clocks."""
    rng = random.Random(9)
    data = [rng.randrange(256) for _ in range(20)]
    levels, ratio = await transmit(dut, data, pause=False)
    bits = [bit for byte in data for bit in (0, *((byte >> at) & 1 for at in range(8)), 1)]
    wave = [bit for k, bit in enumerate(bits) for _ in range(math.ceil(k * ratio), math.ceil((k + 1) * ratio))]
    # The first byte is accepted at the first clock edge, so the start bit is seen at that edge, one clock after it.
    assert levels[: len(wave)] == wave
    assert all(levels[len(wave) :])


@cocotb.test()
async def transmits_with_pauses(dut):
    """Bytes at random moments."""
    rng = random.Random(10)
    data = [rng.randrange(256) for _ in range(20)]
    levels, ratio = await transmit(dut, data, pause=True)
    decoded, at = [], 0
    while 0 in levels[at:]:
        at = levels.index(0, at)
        bits = [levels[at + math.floor((k + Fraction(1, 2)) * ratio)] for k in range(10)]
        assert bits[0] == 0 and bits[9] == 1
        decoded.append(sum(bit << k for k, bit in enumerate(bits[1:9])))
        at += math.floor(Fraction(19, 2) * ratio)
    assert decoded == data
