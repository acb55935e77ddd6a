"""Settings and counters, a byte at a time as the link sees them."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.access import cells_signature
from ohmprop.hw.link.counter_memory import CounterMemory
from ohmprop.hw.shapes.signatures import MACHINE_COUNTERS, counters_layout, events_layout, settings_layout
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.layout import bits_for
from ohmprop.model.link.records import Counters
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec

#: Bytes of a record of which one is chosen in a clock.
GROUP = 4
SETTINGS_BYTES = SettingsRegisters.size() - SettingsRegisters.widths()["lfsr"]


class Registers(wiring.Component):
    """The spaces SETTINGS and COUNTERS of model/link.

    The LFSR's four bytes are gathered, and loaded together after the last of them is written. Counters wrap around;
    those that count while they are read out are read as they were at ``snapshot``.
    Latency: a settings byte takes effect, and ``done`` comes, ``latency`` clocks after ``access``; ``lfsr_load`` with ``done``;
    in a serial machine a counter's byte takes longer (hw/link/counter_memory.py).
    Throughput: a byte every three clocks. Reset brings back the spec's settings and clears the counters kept here.
    """

    latency = 2

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "cells": In(cells_signature(spec)),
                "snapshot": In(1),  #: one clock: the values of ``clocks`` and ``dropped`` to be read
                "settings": Out(settings_layout()),
                "lfsr": In(32),  #: the machine's random register
                "lfsr_load": Out(1),  #: one clock: the machine takes ``lfsr_next``
                "lfsr_next": Out(32, init=DEFAULT_LFSR),
                #: What the machine counts itself; of a serial machine the events.
                "machine": In(events_layout(spec) if spec.serial else counters_layout()),
                "frame": In(1),  #: count a frame received whole
                "refused": In(1),  #: count a request refused
                "repeated": In(1),  #: count a request answered from the cache
                "dropped": In(1),  #: count a frame that found no free buffer
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        values = self._settings(m)
        cells = self.cells
        asked = delayed(m, cells.access, 1)
        with m.If(cells.space == Space.SETTINGS):
            m.d.sync += cells.read.eq(self._byte(m, Cat(values, self.lfsr)))
        if self.spec.serial:
            self._count_in_memory(m, asked)
        else:
            m.d.sync += cells.done.eq(asked)
            counters = self._count(m)
            with m.If(cells.space == Space.COUNTERS):
                m.d.sync += cells.read.eq(self._byte(m, counters.as_value()))
        return m

    def _byte(self, m: Module, image: Value) -> Value:
        """The byte of a record that is asked for, chosen in two clocks; the address holds until the answer."""
        address, bytes_ = self.cells.address, len(image) // 8
        groups = [image[8 * at : 8 * (at + GROUP)] for at in range(0, bytes_, GROUP)]
        chosen = Cat(delayed(m, group.word_select(address[: bits_for(GROUP)], 8), 1) for group in groups)
        return chosen.word_select(address[bits_for(GROUP) : bits_for(bytes_)], 8)

    def _settings(self, m: Module) -> list[Signal]:
        """The settings' registers, those bits that the machine looks at."""
        spec, cells = self.spec, self.cells
        reset = SettingsRegisters.of(spec, spec.settings, DEFAULT_LFSR).pack()
        used = SettingsRegisters.used_bits(spec)
        registers = [
            Signal(bits, name=f"setting_{name}", init=reset[at] & (1 << bits) - 1)
            for at, (name, bits) in enumerate(used.items())
        ]
        last = SettingsRegisters.size() - 1
        # The address holds until the answer, and so need not be looked at in the clock in which it comes.
        writes = delayed(m, cells.access & cells.write, 1)
        ends = delayed(m, cells.address == last, 1)
        m.d.sync += self.lfsr_load.eq(writes & ends)
        with m.If(writes), m.Switch(cells.address):
            for at in range(SETTINGS_BYTES):
                with m.Case(at):
                    m.d.sync += registers[at].eq(cells.data)
            for at in range(SETTINGS_BYTES, last + 1):
                with m.Case(at):
                    m.d.sync += self.lfsr_next.word_select(at - SETTINGS_BYTES, 8).eq(cells.data)
        values = [Signal(8, name=f"value_{name}") for name in used]
        m.d.comb += [value.eq(register) for value, register in zip(values, registers, strict=True)]
        m.d.comb += self.settings.as_value().eq(Cat(values))
        return values

    def _events(self) -> dict[str, Value]:
        """What the link counts."""
        return {"frames": self.frame, "refused": self.refused, "repeated": self.repeated, "dropped": self.dropped}

    def _count(self, m: Module) -> data.View:
        """The counters as registers."""
        running = Signal(data.StructLayout({name: 8 * width for name, width in Counters.widths().items()}))
        shown = Signal.like(running)
        m.d.sync += running.clocks.eq(running.clocks + 1)
        for name, event in self._events().items():
            m.d.sync += running[name].eq(running[name] + event)
        for name in MACHINE_COUNTERS:
            m.d.comb += shown[name].eq(self.machine[name])
        for name in ("frames", "refused", "repeated"):
            m.d.comb += shown[name].eq(running[name])
        with m.If(self.snapshot):
            m.d.sync += [shown.clocks.eq(running.clocks), shown.dropped.eq(running.dropped)]
        return shown

    def _count_in_memory(self, m: Module, asked: Value) -> None:
        """The counters in a block RAM, which takes its time to answer."""
        cells = self.cells
        m.submodules.counters = counters = CounterMemory(self.spec)
        counting = cells.space == Space.COUNTERS
        m.d.comb += [
            counters.machine.eq(self.machine),
            *(counters.link[name].eq(event) for name, event in self._events().items()),
            counters.snapshot.eq(self.snapshot),
            counters.read.eq(cells.access & counting),
            counters.address.eq(cells.address),
        ]
        m.d.sync += cells.done.eq(Mux(counting, counters.done, asked))
        with m.If(counting):
            m.d.sync += cells.read.eq(counters.value)
