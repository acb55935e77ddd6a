"""The counters that a machine keeps itself."""

from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.signatures import MACHINE_COUNTERS, counters_layout, events_layout
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.spec import MachineSpec


class Counters(wiring.Component):
    """The sums of the events, which wrap around. Latency two clocks from an event to its sum. Reset clears them."""

    def __init__(self, spec: MachineSpec):
        super().__init__({"events": In(events_layout(spec)), "counters": Out(counters_layout())})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # A clock later, since a decision of the sequencer has made a long way already.
        counted = delayed(m, self.events, 1)
        m.d.sync += [self.counters[name].eq(self.counters[name] + counted[name]) for name in MACHINE_COUNTERS]
        return m
