"""The values that drive the crossbar along rows or columns: activities, or states of the side network."""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Module, Mux
from amaranth.hdl import ShapeLike, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import activity_shape, block_shape, value_shape
from ohmprop.hw.units.pipeline import copies, delayed
from ohmprop.model.layout import Kind, Sweep, bits_for
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import FANOUT, MEMORY


def row_units(spec: MachineSpec) -> tuple[range, range]:
    """Blocks and lanes of the units that ever drive a row."""
    sweeps = [sweep for sweep in _sweeps(spec) if not sweep.pixels]
    places = [place for sweep in sweeps for place in range(sweep.row, sweep.row + sweep.rows)]
    blocks = range(min(places) // spec.lanes, max(places) // spec.lanes + 1)
    return blocks, range(max(place % spec.lanes for place in places) + 1)


def column_units(spec: MachineSpec) -> tuple[range, range]:
    """Blocks and lanes of the units that ever drive a column."""
    blocks = [sweep.block for sweep in _sweeps(spec) if sweep.kind != Kind.READ_COLUMNS]
    return range(min(blocks), max(blocks) + 1), range(spec.lanes)


def _sweeps(spec: MachineSpec) -> Sequence[Sweep]:
    layout = spec.layout
    return layout.step + layout.program


class Activities(wiring.Component):
    """The values of some units, one word per block: those of the running step, and those that the free phase ended with.

    A step reads one half of the memory of running values and writes the other, or the same one where neurons step in turn.
    What the update compares with, which is what the free phase ended with unless the rule is continual, has a memory of its
    own. Units outside ``blocks`` and ``lanes`` are not kept, and read as 0.
    Latency ``levels`` + MEMORY clocks from ``block`` to ``word``, one word per clock. What is written can be read with the
    address of the next clock but one. No reset.
    """

    def __init__(self, spec: MachineSpec, blocks: range, lanes: range, levels: int):
        self.spec, self.blocks, self.lanes, self.levels = spec, blocks, lanes, levels
        self.groups = [range(at, min(at + FANOUT, spec.lanes)) for at in range(0, spec.lanes, FANOUT)]
        values = data.ArrayLayout(value_shape(spec), spec.lanes)
        super().__init__(
            {
                "half": In(1),  #: half of the running values that is read; the other one is written
                "in_place": In(1),  #: the same one is written
                "block": In(block_shape(spec)),  #: block to read
                "free": In(1),  #: with ``block``: read what the free phase ended with
                "dark": In(1),  #: with ``block``: read 0
                "word": Out(values),
                "free_word": Out(values),  #: what the free phase ended with, in any case
                "place": In(block_shape(spec)),  #: block to write, a clock before ``write``
                "write": In(len(self.groups)),  #: one clock: write ``values``; a bit for each group of FANOUT lanes
                "values": In(values),
                #: The same of what the update compares with.
                "kept_place": In(block_shape(spec)),
                "keep": In(len(self.groups)),
                "kept_values": In(values),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        start, bits, count = self.blocks.start, bits_for(len(self.blocks)), len(self.groups)
        # Block, half, and what else is to be known with them, in registers of each group.
        written_half = ~(self.half ^ self.in_place) if self.spec.in_turn else ~self.half

        def places(place: Value) -> list[Value]:
            here = (place >= start) & (place < self.blocks.stop)
            return copies(m, Cat((place - start)[:bits], written_half, here), count, 1)

        writes = places(self.place)
        keeps = places(self.kept_place) if self.spec.continual else writes
        reads = copies(m, Cat((self.block - start)[:bits], self.half, self.free, self.dark), count, self.levels)
        for number, group in enumerate(self.groups):
            if group.start not in self.lanes:
                continue
            to_read, to_write, to_keep = reads[number], writes[number], keeps[number]
            running, write = self._memory(m, f"running_{number}", value_shape(self.spec), group, to_read, bits + 1)
            m.d.comb += [
                write.addr.eq(to_write[: bits + 1]),
                write.en.eq(self.write[number] & to_write[bits + 1]),
                *(write.data[index].eq(self.values[lane]) for index, lane in enumerate(group)),
            ]
            ended, write = self._memory(m, f"free_{number}", activity_shape(self.spec), group, to_read, bits)
            m.d.comb += [
                write.addr.eq(to_keep[:bits]),
                write.en.eq(self.keep[number] & to_keep[bits + 1]),
                *(write.data[index].eq(self.kept_values[lane]) for index, lane in enumerate(group)),
            ]
            free, dark = delayed(m, to_read[bits + 1], MEMORY), delayed(m, to_read[bits + 2], MEMORY)
            for index, lane in enumerate(group):
                m.d.comb += [
                    self.word[lane].eq(Mux(dark, 0, Mux(free, ended[index], running[index]))),
                    self.free_word[lane].eq(ended[index]),
                ]
        return m

    def _memory(
        self, m: Module, name: str, shape: ShapeLike, group: range, to_read: Value, bits: int
    ) -> tuple[data.View, Any]:
        """A memory of ``group``'s lanes, addressed by the lowest ``bits``: the word that is read, and the port to write."""
        m.submodules[name] = memory = Memory(shape=data.ArrayLayout(shape, len(group)), depth=1 << bits, init=[])
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += read.addr.eq(to_read[:bits])
        return read.data, write
