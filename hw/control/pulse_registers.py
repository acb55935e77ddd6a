"""The link's side of the pulse units: their registers, writes of their tables and stuck cells, counters."""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import lane_shape
from ohmprop.hw.shapes.pulses import (
    device_layout,
    entry_write_layout,
    request_layout,
    stuck_write_layout,
    word_counts_layout,
)
from ohmprop.model.layout import bits_for
from ohmprop.model.link.pulses import COUNTER_BYTES
from ohmprop.model.link.registers import PulseRegisters, PulseRequest
from ohmprop.model.link.spaces import OF_DEVICES, PULSE_BYTES, STEP_BYTES, Space
from ohmprop.model.memristors.tables import ENTRY_BITS
from ohmprop.model.spec import MachineSpec

#: Counters of a matrix: pulses up, down and lost.
COUNTERS = 3


class PulseCounters(wiring.Component):
    """Pulses up, down and lost of each matrix, 32 bits each, which wrap around; read as model.link.spaces.Space.PULSES.

    Latency one clock from ``counts`` to the counters, and from ``address`` to ``value``. Reset clears them.
    """

    def __init__(self, spec: MachineSpec):
        self.matrices = len(spec.matrices)
        super().__init__({"counts": In(word_counts_layout(spec)), "address": In(16), "value": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        matrices = []
        for number in range(self.matrices):
            counters = [Signal(8 * COUNTER_BYTES, name=f"counter_{number}_{kind}") for kind in range(COUNTERS)]
            with m.If(self.counts.valid & (self.counts.matrix == number)):
                for counter, name in zip(counters, ("up", "down", "lost"), strict=True):
                    m.d.sync += counter.eq(counter + self.counts[name])
            matrices.append(
                Cat(counters, Signal(8 * PULSE_BYTES - 8 * COUNTERS * COUNTER_BYTES, name=f"none_{number}"))
            )
        image = Cat(matrices)
        m.d.sync += self.value.eq(image.word_select(self.address[: bits_for(len(image) // 8)], 8))
        return m


class DeviceRegisters(wiring.Component):
    """The spaces DEVICE, STEPS, STUCK, PULSES and PROGRAM of model/link/spaces.py, a byte at a time.

    An entry of STEPS is written with its last byte, a word of STUCK with its last lane's, and PROGRAM's last byte completes
    a request. Latency: a byte takes effect two
    clocks after ``access`` at the latest, and ``read`` is that of ``space`` and ``address`` two clocks before. Reset: all
    registers are 0, so that the cells are linear.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "access": In(1),  #: one clock: read or write a byte; the other inputs hold for two more
                "space": In(Space),
                "write": In(1),
                "address": In(16),
                "lane": In(lane_shape(spec)),
                "data": In(8),
                "read": Out(8),
                "device": Out(device_layout()),
                "table": Out(entry_write_layout(spec)),
                "stuck": Out(stuck_write_layout(spec)),
                "rewritten": Out(1),  #: one clock: one of the registers was written
                "request": Out(
                    request_layout(spec)
                ),  #: the host's pulses; hold until the next byte of STEPS or PROGRAM
                "requested": Out(1),  #: one clock: they are to be given
                "counts": In(word_counts_layout(spec)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, address = self.spec, self.address
        m.submodules.counters = counters = PulseCounters(spec)
        m.d.comb += [counters.counts.eq(self.counts), counters.address.eq(address)]
        writes = self.access & self.write
        registers = self._registers(m, writes & (self.space == Space.DEVICE))
        m.d.sync += self.read.eq(Mux(self.space == Space.PULSES, counters.value, Array(registers)[address[:4]]))

        gathered, cells = Signal(8 * PulseRequest.size()), Signal(spec.lanes)
        steps, stuck = writes & (self.space == Space.STEPS), writes & (self.space == Space.STUCK)
        programs = writes & (self.space == Space.PROGRAM)
        with m.If(steps | programs):
            m.d.sync += gathered.eq(Cat(gathered[8:], self.data))
        with m.If(stuck):
            m.d.sync += cells.eq(Cat(cells[1:], self.data[0]))
        last_byte = address[: bits_for(STEP_BYTES)] == STEP_BYTES - 1
        m.d.sync += [
            self.table.write.eq(steps & last_byte),
            self.stuck.write.eq(stuck & (self.lane == spec.lanes - 1)),
            self.rewritten.eq(writes & Cat(self.space == one for one in OF_DEVICES).any() & ~programs),
            self.requested.eq(programs & (address == PulseRequest.size() - 1)),
        ]
        entry = gathered[-8 * STEP_BYTES :]
        asked = data.StructLayout({name: 8 * width for name, width in PulseRequest.widths().items()})
        m.d.comb += [
            *(self.request[name].eq(data.View(asked, gathered)[name]) for name in PulseRequest.widths()),
            self.table.entry.eq(address[bits_for(STEP_BYTES) :]),
            self.table.step.eq(entry[:ENTRY_BITS]),
            self.table.noise.eq(entry[len(entry) // 2 :]),
            self.stuck.address.eq(address),
            self.stuck.cells.eq(cells),
        ]
        return m

    def _registers(self, m: Module, writes: Value) -> list[Value]:
        """The registers' bytes."""
        widths, used = PulseRegisters.widths(), PulseRegisters.used_bits()
        result: list[Value] = []
        for name, bits in used.items():
            register = Signal(bits, name=f"device_{name}")
            m.d.comb += self.device[name].eq(register)
            for byte in range(widths[name]):
                with m.If(writes & (self.address == len(result))):
                    m.d.sync += register[8 * byte : 8 * byte + 8].eq(self.data)
                result.append(register[8 * byte : 8 * byte + 8])
        return result
