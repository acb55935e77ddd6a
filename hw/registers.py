"""Settings and counters, a byte at a time as the link sees them."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cells import cells_signature
from hw.port import MACHINE_COUNTERS, counters_layout, settings_layout
from model.arithmetic import DEFAULT_LFSR
from model.layout import bits_for
from model.protocol import Counters, SettingsRegisters, Space
from model.spec import MachineSpec

SETTINGS_BYTES = SettingsRegisters.size() - SettingsRegisters.widths()["lfsr"]


class Registers(wiring.Component):
    """The spaces SETTINGS and COUNTERS of model/protocol.py.

    The LFSR's four bytes are gathered, and loaded together after the last of them is written. Counters wrap around;
    those that count while they are read out are read as they were at ``snapshot``.
    Latency: a settings byte takes effect, and ``done`` comes, one clock after ``access``; ``lfsr_load`` with ``done``.
    Throughput: a byte every two clocks. Reset brings back the spec's settings and clears the counters kept here.
    """

    latency = 1

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
        for name in MACHINE_COUNTERS:
            m.d.comb += shown[name].eq(self.machine[name])
        for name in ("frames", "refused", "repeated"):
            m.d.comb += shown[name].eq(running[name])
        with m.If(self.snapshot):
            m.d.sync += [shown.clocks.eq(running.clocks), shown.dropped.eq(running.dropped)]

        reset = SettingsRegisters.of(spec, spec.settings, DEFAULT_LFSR).pack()
        values = [Signal(8, name=f"setting_{at}", init=reset[at]) for at in range(SETTINGS_BYTES)]
        m.d.comb += self.settings.as_value().eq(Cat(values))
        cells = self.cells
        last = SettingsRegisters.size() - 1
        m.d.sync += cells.done.eq(cells.access)
        m.d.sync += self.lfsr_load.eq(cells.access & cells.write & (cells.address == last))
        with m.If(cells.access & cells.write), m.Switch(cells.address):
            for at in range(SETTINGS_BYTES):
                with m.Case(at):
                    m.d.sync += values[at].eq(cells.data)
            for at in range(SETTINGS_BYTES, last + 1):
                with m.Case(at):
                    m.d.sync += self.lfsr_next.word_select(at - SETTINGS_BYTES, 8).eq(cells.data)
        for space, image in ((Space.SETTINGS, Cat(values, self.lfsr)), (Space.COUNTERS, shown.as_value())):
            with m.If(cells.space == space):
                m.d.sync += cells.read.eq(image.word_select(cells.address[: bits_for(len(image) // 8)], 8))
        return m
