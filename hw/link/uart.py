"""The serial port, 8N1: a receiver and a transmitter for any ratio of clock to baud from four upwards."""

import math
from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.link.frames import transport_signature

#: Fewest clocks per bit; with fewer the receiver could not tolerate a baud error of 2 %.
LEAST_RATIO = 4
BITS = 10  # start, eight of data, stop


def check_rate(clock_hz: int, baud: int) -> None:
    """Raise ValueError if the clock is too slow for the baud rate."""
    if baud < 1 or clock_hz < LEAST_RATIO * baud:
        raise ValueError(f"baud {baud!r} at clock_hz {clock_hz!r} leaves fewer than {LEAST_RATIO} clocks per bit")


class BaudGenerator(wiring.Component):
    """Ticks once per bit, exactly ``baud`` times in ``clock_hz`` clocks, whatever their ratio.

    A phase accumulator: the phase gains ``baud`` per clock and loses ``clock_hz`` per tick, both divided by their greatest
    common divisor, so that no error builds up. A tick is where the phase is not negative: its sign bit, no comparator.
    Latency: the first tick after ``restart`` comes ceil(clock_hz / baud) clocks later, or floor(half of that ratio)
    if ``half``. No reset; ticks before the first ``restart`` mean nothing.
    """

    restart: In(1)  #: start a bit in the next clock
    tick: Out(1)  #: the last clock of a bit, or its middle if ``half``

    def __init__(self, clock_hz: int, baud: int, half: bool = False):
        check_rate(clock_hz, baud)
        divisor = math.gcd(clock_hz, baud)
        self._step, self._period = baud // divisor, clock_hz // divisor
        self._first = 2 * self._step - self._period // 2 - 1 if half else self._step - self._period
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        phase = Signal(signed(self._period.bit_length() + 1), reset_less=True)
        m.d.comb += self.tick.eq(phase >= 0)
        advance = Mux(self.tick, self._step - self._period, self._step)
        m.d.sync += phase.eq(Mux(self.restart, self._first, phase + advance))
        return m


class UartReceiver(wiring.Component):
    """Bytes from the serial line, each bit sampled once, in its middle.

    A low that ends before half a bit, in whole clocks, is no start bit. A byte whose stop bit is low is not delivered,
    and the line must be high once before the next one can start. Timing is taken from every start bit again, and
    survives +-2 % of baud error at any ratio of clock to baud from 4 upwards, without pauses between bytes.
    Latency: ``valid`` rises floor(9.5 * clock_hz / baud) + 2 clocks after the clock edge that first sees the start bit
    (one more in the synchroniser, one for the output). Throughput: the line's, a UART cannot stall. Reset drops the
    byte under way.
    """

    rx: In(1, init=1)  #: the pin, asynchronous
    data: Out(8)  #: the byte
    valid: Out(1)  #: one clock per byte
    error: Out(1)  #: one clock for each byte lost to a low stop bit

    def __init__(self, clock_hz: int, baud: int):
        self.latency = 19 * clock_hz // (2 * baud) + 2
        self._generator = BaudGenerator(clock_hz, baud, half=True)
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.generator = generator = self._generator
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1, stages=2)

        left = Signal(range(BITS), reset_less=True)
        m.d.sync += [self.valid.eq(0), self.error.eq(0)]
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += generator.restart.eq(1)
                m.d.sync += left.eq(BITS - 1)
                with m.If(~line):
                    m.next = "Start"
            with m.State("Start"):
                with m.If(line):
                    m.next = "Idle"
                with m.Elif(generator.tick):
                    m.next = "Bits"
            with m.State("Bits"), m.If(generator.tick):
                m.d.sync += left.eq(left - 1)
                with m.If(left != 1):
                    m.d.sync += self.data.eq(Cat(self.data[1:], line))
                with m.Elif(line):
                    m.d.sync += self.valid.eq(1)
                    m.next = "Idle"
                with m.Else():
                    m.d.sync += self.error.eq(1)
                    m.next = "Broken"
            with m.State("Broken"), m.If(line):
                m.next = "Idle"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to the serial line, without a gap while ``bytes`` stays valid.

    Latency: the start bit is on the line in the clock after the one that accepts its byte. Throughput: ten bits per byte.
    Reset raises the line and drops the byte under way.
    """

    bytes: In(stream.Signature(8))  #: what to send
    tx: Out(1, init=1)  #: the pin, high when idle

    latency = 1

    def __init__(self, clock_hz: int, baud: int):
        self._generator = BaudGenerator(clock_hz, baud)
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.generator = generator = self._generator
        rest = Signal(BITS - 1, reset_less=True)
        left = Signal(range(BITS + 1))
        idle = left == 0
        m.d.comb += self.bytes.ready.eq(idle | ((left == 1) & generator.tick))
        m.d.comb += generator.restart.eq(idle)
        with m.If(self.bytes.ready):
            m.d.sync += left.eq(Mux(self.bytes.valid, BITS, 0))
            m.d.sync += self.tx.eq(~self.bytes.valid)
            m.d.sync += rest.eq(Cat(self.bytes.payload, 1))
        with m.Elif(generator.tick):
            m.d.sync += left.eq(left - 1)
            m.d.sync += Cat(self.tx, rest).eq(Cat(rest, 1))
        return m


class Uart(wiring.Component):
    """Both directions of the serial port. Latencies, throughput and reset are the receiver's and the transmitter's."""

    bytes: Out(transport_signature())
    rx: In(1, init=1)  #: the pin, asynchronous
    tx: Out(1, init=1)  #: the pin, high when idle
    error: Out(1)  #: one clock for each byte lost to a low stop bit

    def __init__(self, clock_hz: int, baud: int):
        self.receiver, self.transmitter = UartReceiver(clock_hz, baud), UartTransmitter(clock_hz, baud)
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver, m.submodules.transmitter = self.receiver, self.transmitter
        m.d.comb += [
            self.receiver.rx.eq(self.rx),
            self.bytes.received.payload.eq(self.receiver.data),
            self.bytes.received.valid.eq(self.receiver.valid),
            self.error.eq(self.receiver.error),
            self.tx.eq(self.transmitter.tx),
        ]
        connect(m, flipped(self.bytes.sent), self.transmitter.bytes)
        return m
