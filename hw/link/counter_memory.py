"""The counters of a serial machine in a block RAM, counted up a byte at a time."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.signatures import events_layout
from ohmprop.model.link.records import Counters
from ohmprop.model.spec import MachineSpec

#: Counters that would count too often for the memory, and their bytes that are registers: the lowest.
FAST = {"clocks": 1, "busy_clocks": 1, "rows_skipped": 2}
#: Counters that count while they are read out, of which a copy is read.
COPIED = ("clocks", "dropped")
#: Those that the link counts.
LINK_COUNTERS = ("frames", "refused", "repeated", "dropped")
#: Where the copies begin, in bytes.
COPIES = 64
#: Events of one kind that may wait; the next one comes after all that wait have been counted.
WAITING = 3


class CounterMemory(wiring.Component):
    """Counts events; the host reads bytes at the offsets of ohmprop.model.link.records.Counters.

    Each kind of event waits until its counter's bytes have been read, counted up and written, two clocks per byte that
    carries. At ``snapshot`` the clocks are kept as they are, with their upper bytes and the dropped frames copied; a
    byte that is read before waits. Latency of ``read``: two clocks, and what waits. Reset clears the registers, and
    power-up the memory.
    """

    def __init__(self, spec: MachineSpec):
        super().__init__(
            {
                "machine": In(events_layout(spec)),  #: what the machine counts
                "link": In(data.StructLayout(dict.fromkeys(LINK_COUNTERS, 1))),  #: and what the link does
                "snapshot": In(1),  #: one clock: keep the clocks for the reads that follow
                "read": In(1),  #: one clock: read the byte at ``address``, which holds until ``done``
                "address": In(6),
                "done": Out(1),  #: one clock: ``value`` is the byte
                "value": Out(8),
            }
        )
        self._offsets, end = {}, 0
        for name, width in Counters.widths().items():
            self._offsets[name] = end
            end += width

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=2 * COPIES, init=[])
        read, write = memory.read_port(), memory.write_port()
        frozen, shown = Signal(), Signal(8)
        machine = Signal.like(self.machine)
        m.d.sync += machine.eq(self.machine)
        low, waiting, taken = self._count(m, machine, frozen, shown)
        asked = Signal()
        with m.If(self.read):
            m.d.sync += asked.eq(1)

        # The byte that is counted up, and how many of its counter there are behind it.
        place, more, copied = Signal(6), Signal(3), Signal(3)
        copies = [
            self._offsets[name] + byte for name in COPIED for byte in range(FAST.get(name, 0), Counters.widths()[name])
        ]
        source = Signal(6)
        with m.Switch(copied):
            for number, offset in enumerate(copies):
                with m.Case(number):
                    m.d.comb += source.eq(offset)
        first_copied = (self.address < Counters.widths()["clocks"]) | (self.address >= self._offsets["dropped"])
        m.d.comb += read.addr.eq(place)
        with m.FSM():
            with m.State("Idle"):
                with m.If(Cat(count != 0 for count in waiting.values()).any()):
                    self._take(m, waiting, taken, place, more)
                    m.next = "Fetch"
                with m.Elif(frozen):
                    m.d.sync += copied.eq(0)
                    m.next = "FetchCopy"
                with m.Elif(asked & ~self.snapshot):
                    m.d.comb += read.addr.eq(self.address + Mux(first_copied, COPIES, 0))
                    m.next = "Answer"
            with m.State("Fetch"):
                m.next = "CountUp"
            with m.State("CountUp"):
                m.d.comb += [write.en.eq(1), write.addr.eq(place), write.data.eq(read.data + 1)]
                m.d.sync += [place.eq(place + 1), more.eq(more - 1)]
                m.next = "Idle"
                with m.If((read.data == 255) & (more != 0)):
                    m.next = "Fetch"
            with m.State("FetchCopy"):
                m.d.comb += read.addr.eq(source)
                m.next = "Copy"
            with m.State("Copy"):
                m.d.comb += [write.en.eq(1), write.addr.eq(COPIES + source), write.data.eq(read.data)]
                m.d.sync += copied.eq(copied + 1)
                m.next = "FetchCopy"
                with m.If(copied == len(copies) - 1):
                    m.d.sync += frozen.eq(0)
                    m.next = "Idle"
            with m.State("Answer"):
                m.d.comb += [self.done.eq(1), self.value.eq(read.data)]
                m.d.sync += asked.eq(0)
                for name, register in (low | {"clocks": shown}).items():
                    for byte in range(FAST[name]):
                        with m.If(self.address == self._offsets[name] + byte):
                            m.d.comb += self.value.eq(register.word_select(byte, 8))
                m.next = "Idle"
        with m.If(self.snapshot):
            m.d.sync += frozen.eq(1)
        return m

    def _count(
        self, m: Module, machine: data.View, frozen: Value, shown: Value
    ) -> tuple[dict[str, Signal], dict[str, Signal], dict[str, Signal]]:
        """The registers; returns those of the fast counters, what waits of each, and how one that waits is taken."""
        low = {name: Signal(8 * size, name=f"low_{name}") for name, size in FAST.items()}
        waiting, taken = {}, {}
        late = Signal()  # the clocks' carry while they are copied
        for name in Counters.widths():
            gained = 1 if name == "clocks" else (self.link if name in LINK_COUNTERS else machine)[name]
            if name in FAST:
                total = low[name] + gained
                m.d.sync += low[name].eq(total)
                gained = total[len(low[name])]
            if name == "clocks":
                keeps = frozen | self.snapshot
                m.d.sync += late.eq(keeps & (late | gained))
                gained = Mux(keeps, 0, late | gained)
            waiting[name], taken[name] = Signal(range(WAITING + 1), name=f"waiting_{name}"), Signal(name=f"take_{name}")
            m.d.sync += waiting[name].eq(waiting[name] + gained - taken[name])
        with m.If(self.snapshot):
            m.d.sync += shown.eq(low["clocks"])
        return low, waiting, taken

    def _take(self, m: Module, waiting: dict[str, Signal], taken: dict[str, Signal], place: Value, more: Value) -> None:
        """Take one that waits, the first kind first."""
        branch = m.If
        for name, count in waiting.items():
            size = FAST.get(name, 0)
            with branch(count != 0):
                m.d.comb += taken[name].eq(1)
                m.d.sync += [
                    place.eq(self._offsets[name] + size),
                    more.eq(Counters.widths()[name] - size - 1),
                ]
            branch = m.Elif
