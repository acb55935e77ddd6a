"""Settings and counters, a byte at a time as the link sees them."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.port import counters_layout, settings_layout
from model.arithmetic import DEFAULT_LFSR
from model.layout import bits_for
from model.protocol import Counters, SettingsRegisters
from model.spec import MachineSpec

SETTINGS_BYTES = SettingsRegisters.size() - SettingsRegisters.widths()["lfsr"]


class Registers(wiring.Component):
    """The spaces SETTINGS and COUNTERS of model/protocol.py.

    A settings byte takes effect in the clock after ``write``. The LFSR's four bytes are gathered, and loaded together two
    clocks after the last of them is written. Counters wrap around; those that count while they are read out are read
    as they were at ``snapshot``. Latency: ``byte`` follows ``address`` in the same clock. Throughput: a byte a clock.
    Reset brings back the spec's settings and clears the counters that are kept here.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "counters": In(1),  #: the space: COUNTERS, else SETTINGS
                "address": In(range(max(Counters.size(), SettingsRegisters.size()))),
                "byte": Out(8),  #: what stands at ``address``
                "write": In(1),  #: put ``data`` there; only into SETTINGS
                "data": In(8),
                "snapshot": In(1),  #: one clock: the values of ``clocks`` and ``dropped`` to be read
                "settings": Out(settings_layout()),
                "lfsr": In(32),  #: the machine's random register
                "lfsr_load": Out(1),  #: one clock: the machine takes ``lfsr_next``
                "lfsr_next": Out(32, init=DEFAULT_LFSR),
                "machine": In(counters_layout()),  #: what the machine counts itself
                "frame": In(1),  #: count a frame received whole
                "refused": In(1),  #: count a request refused
                "repeated": In(1),  #: count a request answered from the cache
                "dropped": In(1),  #: count a frame that found no free buffer
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        running = Signal(data.StructLayout({name: 8 * width for name, width in Counters.widths().items()}))
        shown = Signal.like(running)
        m.d.sync += running.clocks.eq(running.clocks + 1)
        for count, event in (
            (running.frames, self.frame),
            (running.refused, self.refused),
            (running.repeated, self.repeated),
            (running.dropped, self.dropped),
        ):
            m.d.sync += count.eq(count + event)
        for name in ("busy_clocks", "steps", "learnt", "recalled"):
            m.d.comb += shown[name].eq(self.machine[name])
        for name in ("frames", "refused", "repeated"):
            m.d.comb += shown[name].eq(running[name])
        with m.If(self.snapshot):
            m.d.sync += [shown.clocks.eq(running.clocks), shown.dropped.eq(running.dropped)]

        reset = SettingsRegisters.of(spec, spec.settings, DEFAULT_LFSR).pack()
        values = [Signal(8, name=f"setting_{at}", init=reset[at]) for at in range(SETTINGS_BYTES)]
        m.d.comb += self.settings.as_value().eq(Cat(values))
        last = SettingsRegisters.size() - 1
        m.d.sync += self.lfsr_load.eq(self.write & (self.address == last))
        with m.If(self.write), m.Switch(self.address):
            for at in range(SettingsRegisters.size()):
                with m.Case(at):
                    if at < SETTINGS_BYTES:
                        m.d.sync += values[at].eq(self.data)
                    else:
                        m.d.sync += self.lfsr_next.word_select(at - SETTINGS_BYTES, 8).eq(self.data)

        with m.If(self.counters):
            m.d.comb += self.byte.eq(shown.as_value().word_select(self.address, 8))
        with m.Else():
            m.d.comb += self.byte.eq(Cat(values, self.lfsr).word_select(self.address[: bits_for(last + 1)], 8))
        return m
