"""The design as a board's FPGA holds it: clock, reset, pins and LEDs around ohmprop.hw.top.Top."""

from typing import Any

from amaranth import ClockDomain, ClockSignal, DomainRenamer, Elaboratable, Module, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import connect

from ohmprop.boards.description import BoardDescription
from ohmprop.boards.sdram import SdramPins
from ohmprop.hw.top import Top
from ohmprop.model.spec import MachineSpec


class BoardTop(Elaboratable):
    """The machine on a board. The learning machine and the link share one clock, from the board's PLL.

    There is no reset: configuration gives every register its initial value, and the serial line counts as idle until the
    PLL is locked, so that nothing begins before. A host that disconnects changes nothing.
    """

    def __init__(self, board: BoardDescription, spec: MachineSpec, clock: Any):
        self.board, self.spec, self.clock = board, spec, clock

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clock = self.clock
        m.submodules.clock = clock
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(clock.clk)
        steady = Signal()
        m.submodules.steady = FFSynchronizer(clock.locked, steady)

        design = Top(self.spec)
        m.submodules.top = top = DomainRenamer({"core": "sync"})(design)
        if self.spec.sdram:
            m.domains.quarter = ClockDomain(reset_less=True)
            m.d.comb += ClockSignal("quarter").eq(clock.quarter)
            m.submodules.sdram = sdram = SdramPins(platform)
            connect(m, design.sdram, sdram.fabric)
        uart = platform.request("uart", 0)
        m.d.comb += [top.rx.eq(uart.rx.i | ~steady), uart.tx.o.eq(top.tx)]
        for (resource, number, *colour), lit in (
            (self.board.led_busy, top.busy),
            (self.board.led_refused, top.refused),
        ):
            led = platform.request(resource, number)
            m.d.comb += (getattr(led, colour[0]) if colour else led).o.eq(lit)
        return m
