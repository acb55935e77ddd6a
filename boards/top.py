"""The design as a board's FPGA holds it: clock, reset, pins and LEDs around hw.top.Top."""

from amaranth import ClockDomain, ClockSignal, DomainRenamer, Elaboratable, Module, Signal
from amaranth.lib.cdc import FFSynchronizer

from boards.board import Board
from hw.top import Top
from model.spec import MachineSpec

#: An LED stays on for at least 2**21 clocks after what it shows, so that it can be seen: a twentieth of a second.
SEEN_BITS = 21


class BoardTop(Elaboratable):
    """The machine on a board. The learning machine and the link share one clock, from the board's PLL.

    There is no reset: configuration gives every register its initial value, and the serial line counts as idle until the
    PLL is locked, so that nothing begins before. Logic for a reset would cost a small FPGA every tenth of its cells. A host
    that disconnects changes nothing.
    """

    def __init__(self, board: Board, spec: MachineSpec):
        self.board, self.spec = board, spec

    def elaborate(self, platform):
        m = Module()
        m.submodules.clock = clock = self.board.clock(self.spec.clock_hz)
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(clock.clk)
        steady = Signal()
        m.submodules.steady = FFSynchronizer(clock.locked, steady)

        m.submodules.top = top = DomainRenamer({"core": "sync"})(Top(self.spec))
        uart = platform.request("uart", 0)
        m.d.comb += [top.rx.eq(uart.rx.i | ~steady), uart.tx.o.eq(top.tx)]
        count = Signal(SEEN_BITS + 1)
        m.d.sync += count.eq(count[:-1] + 1)
        for led, event in ((self.board.led_busy, top.busy), (self.board.led_refused, top.refused)):
            left = Signal(2)
            with m.If(event):
                m.d.sync += left.eq(3)
            with m.Elif((left != 0) & count[-1]):
                m.d.sync += left.eq(left - 1)
            m.d.comb += platform.request(*led).o.eq(left != 0)
        return m
