"""The fine bits of the word that a serial machine programs: they turn beside what the multipliers take."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.serial.weights import SinglePortMemory
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.validation import NIBBLE


class FineBits(wiring.Component):
    """A register that turns as the word does, and one that waits beside it.

    A word's fine bits are read before the word before it has turned round, so they wait; when they are taken, those that have
    learnt wait in their place, and are written in the next clock. So the weight memory, which has one port, is read twice and
    written twice per word without a clock more; words must follow each other in exactly ``lanes`` clocks, or not at all.
    Latency one clock from any strobe. No reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.place = NIBBLE if spec.fine_bits <= NIBBLE else 8  #: bits of memory that a lane's fine bits take
        width = spec.lanes * spec.weight.bits
        super().__init__(
            {
                "data": In(width),  #: a word of the memory that holds fine bits
                "half": In(1),  #: they are in its upper half; where two words share it
                "arrives": In(1),  #: one clock: ``data`` are those of the word that is programmed next
                "hosts": In(1),  #: one clock: ``data`` are the host's, whose word turns from the next clock on
                "takes": In(1),  #: one clock: the word that is programmed next turns from the next clock on
                "turns": In(1),  #: the lowest lane leaves, and comes back at the top as ``new``
                "last": In(1),  #: with ``turns``: of the last lane
                "lowest": Out(spec.fine_bits),  #: the lowest lane's
                "new": In(spec.fine_bits),
                "word": Out(width),  #: in the clock after ``last``: what is to be written, in each half
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits, lanes = self.spec.fine_bits, self.spec.lanes
        chosen = Mux(self.half, self.data[len(self.data) // 2 :], self.data) if self.place == NIBBLE else self.data
        read = Cat(chosen[self.place * lane :][:bits] for lane in range(lanes))
        turning, waiting = (Signal(bits * lanes, name=name, reset_less=True) for name in ("turning", "waiting"))
        turned = Cat(turning[bits:], self.new)
        with m.If(self.takes):
            m.d.sync += turning.eq(waiting)
        with m.Elif(self.hosts):
            m.d.sync += turning.eq(read)
        with m.Elif(self.turns):
            m.d.sync += turning.eq(turned)
        with m.If(self.last):
            m.d.sync += waiting.eq(turned)
        with m.Elif(self.arrives):
            m.d.sync += waiting.eq(read)
        gap = Const(0, self.place - bits)
        spread = Cat(Cat(waiting[bits * lane :][:bits], gap) for lane in range(lanes))
        m.d.comb += [
            self.lowest.eq(turning),
            self.word.eq(Cat(spread, spread) if self.place == NIBBLE else spread),
        ]
        return m


def move_fine_bits(
    m: Module,
    memory: SinglePortMemory,
    unit: FineBits,
    hosts: tuple[Value, Value],
    programs: tuple[Value, Value],
    learnt: tuple[Value, Value],
) -> None:
    """Reads the fine bits of the host's word or of one that is programmed, and writes those that have learnt.

    Each pair is a strobe and the address of the weights whose fine bits they are.
    """
    place, half = memory.fine_place(Mux(hosts[0], hosts[1], programs[1]))
    with m.If(hosts[0] | programs[0]):
        m.d.comb += [memory.read.eq(1), memory.read_address.eq(place)]
    target, upper = memory.fine_place(learnt[1])
    with m.If(learnt[0]):
        halves = Mux(upper, 0b10, 0b01) if memory.shared else 0b11
        m.d.comb += [memory.write.eq(halves), memory.write_address.eq(target), memory.write_data.eq(unit.word)]
    m.d.comb += [
        unit.data.eq(memory.data),
        unit.half.eq(delayed(m, half, 1) if memory.shared else 0),
        unit.arrives.eq(delayed(m, programs[0], 1)),
        unit.hosts.eq(delayed(m, hosts[0], 1)),
    ]
