"""The weight memory: the crossbar's cells, one word of all lanes at an address."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import address_shape
from ohmprop.hw.units.pipeline import copies, delayed
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import MachineSpec

#: Words of the largest bank, and of the smallest one that a deep memory ends with: an 18 kbit block RAM is 2048 x 9 or
#: 512 x 36.
DEEPEST, SHALLOWEST = 2048, 512
#: Lanes that share a copy of the address: 8-bit weights of this many fill block RAMs of 9, 18 or 36 bits.
GROUP = 9


def banks(words: int) -> list[range]:
    """The words of each bank: whole block RAMs of the three shapes, so that few are wide and none is half empty."""
    units = -(-words // SHALLOWEST)
    ranges: list[range] = []
    for size in (DEEPEST, DEEPEST // 2, SHALLOWEST):
        while units * SHALLOWEST >= size:
            start = ranges[-1].stop if ranges else 0
            ranges.append(range(start, min(start + size, words)))
            units -= size // SHALLOWEST
    return ranges


class WeightMemory(wiring.Component):
    """One read and one write of a whole word per clock. All weights, or cells of other ``bits``, are 0 at power-up.

    Addresses and new weights reach the banks through equally many registers, and each bank has its output register before
    the word is selected. Reads and writes never meet at one address in one clock (the programming sweep writes a word
    long after it was read), so the memory needs no logic for collisions: what such a read gives is not defined.
    Latency Timing.weight_memory clocks from ``read_address`` to ``word``, whose register has no reset. A word that is
    written can be read with the address of the next clock.
    """

    def __init__(self, spec: MachineSpec, bits: int):
        self.spec, self.bits = spec, bits
        self.cells = data.ArrayLayout(bits, spec.lanes)
        super().__init__(
            {
                "read_address": In(address_shape(spec)),  #: word to read
                "word": Out(self.cells),  #: its weights
                "write_address": In(address_shape(spec)),  #: word to write
                "write": In(1),  #: one clock: write it
                "write_word": In(self.cells),  #: their new weights
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, levels = self.spec, self.spec.timing.address_levels
        parts = banks(spec.layout.words)
        groups = [range(at, min(at + GROUP, spec.lanes)) for at in range(0, spec.lanes, GROUP)]
        count = len(parts) * len(groups)
        # Each bank of each group has its own copy of the addresses.
        read_from = copies(m, self.read_address, count, levels)
        write_to = copies(m, Cat(self.write_address, self.write), count, levels)
        new = delayed(m, self.write_word, levels)

        for number, lanes in enumerate(groups):
            word, outputs = Signal(self.bits * len(lanes), reset_less=True, name=f"word_{number}"), []
            for index, part in enumerate(parts):
                m.submodules[f"cells_{number}_{index}"] = cells = Memory(
                    shape=len(word), depth=len(part), init=[], attrs={"no_rw_check": 1}
                )
                reads, writes = cells.read_port(domain="comb"), cells.write_port()
                to_read, to_write = (addresses[number * len(parts) + index] for addresses in (read_from, write_to))
                cell, output = (
                    Signal(len(word), reset_less=True, name=f"{name}_{number}_{index}") for name in ("cell", "output")
                )
                m.d.comb += [
                    reads.addr.eq(to_read),
                    writes.addr.eq(to_write[:-1]),
                    writes.en.eq(to_write[-1] & self._within(part, to_write[:-1])),
                    writes.data.eq(Cat(new[lane] for lane in lanes)),
                ]
                # The other banks' outputs are 0, so that a word is their sum.
                chosen = delayed(m, self._within(part, to_read), 1)
                m.d.sync += [cell.eq(reads.data), output.eq(Mux(chosen, cell, 0))]
                outputs.append(output)
            m.d.sync += word.eq(reduce(or_, outputs))
            m.d.comb += Cat(self.word[lane] for lane in lanes).eq(word)
        return m

    def _within(self, part: range, address: Value) -> Value:
        """Whether the address is one of the bank's, given that the memory has it; banks start at multiples of their size."""
        bits = bits_for(len(part))
        return address[bits:] == part.start >> bits
