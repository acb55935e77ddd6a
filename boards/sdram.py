"""The pins of an SDRAM chip, with the registers that lie in them."""

from typing import Any

from amaranth import Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from ohmprop.hw.store.sdram import sdram_pins

#: What is on each pin of the signature, from the lowest bit of a command on.
COMMAND = ("we", "cas", "ras")


class SdramPins(wiring.Component):
    """What ohmprop.hw.store.sdram.PinRegisters is to the virtual board, in the pins of a board's resource ``sdram``.

    The chip's clock is that of the domain ``quarter``, a quarter of a clock after that of ``sync``.
    Latency: a clock each way. No reset.
    """

    fabric: In(sdram_pins())

    def __init__(self, platform: Any):
        names = ("clk", "clk_en", "cs", "ba", "a", "dq", "dqm", *COMMAND)
        self.ports = platform.request("sdram", 0, dir=dict.fromkeys(names, "-"))
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports, fabric = self.ports, self.fabric
        always = {"clk_en": 1, "cs": 1, "dqm": 0}
        said = {"ba": fabric.bank, "a": fabric.address} | {
            name: fabric.command.as_value()[bit] for bit, name in enumerate(COMMAND)
        }
        for name, value in (always | said).items():
            m.submodules[name] = pin = io.FFBuffer("o", getattr(ports, name))
            m.d.comb += pin.o.eq(value)
        m.submodules.dq = words = io.FFBuffer("io", ports.dq)
        m.d.comb += [words.o.eq(fabric.value), words.oe.eq(fabric.drive), fabric.read.eq(words.i)]
        m.submodules.clk = clock = io.DDRBuffer("o", ports.clk, o_domain="quarter")
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        return m
