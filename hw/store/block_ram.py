"""A store in block RAMs, for small sets of patterns."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from ohmprop.hw.store.memory import BUFFER_WORDS, SLOT_WORDS, WORD_BITS, store_signature, words_less_one


class BlockRamStore(wiring.Component):
    """Records in block RAMs.

    Latency: ``busy`` for its words and one clock more. Throughput: one word per clock. Reset ends a move; the records stay.
    """

    def __init__(self, slots: int):
        self.slots = slots
        super().__init__({"store": In(store_signature(slots))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        store = self.store
        m.submodules.records = records = Memory(shape=WORD_BITS, depth=self.slots * SLOT_WORDS, init=[])
        read, write = records.read_port(), records.write_port()
        # A word goes from one memory to the other in two clocks.
        at, before = Signal(range(BUFFER_WORDS)), Signal(range(BUFFER_WORDS), reset_less=True)
        moves, arrives = Signal(), Signal()
        base = store.slot << (SLOT_WORDS - 1).bit_length()
        m.d.sync += [before.eq(at), arrives.eq(moves)]
        m.d.comb += [
            store.busy.eq(moves | arrives),
            store.place.eq(Mux(store.write, at, before)),
            read.addr.eq(base + at),
            write.addr.eq(base + before),
            write.data.eq(store.word),
            write.en.eq(arrives & store.write),
            store.take.eq(arrives & ~store.write),
            store.taken.eq(read.data),
        ]
        with m.If(store.start):
            m.d.sync += [moves.eq(1), at.eq(0)]
        with m.Elif(moves):
            m.d.sync += at.eq(at + 1)
            with m.If(at == words_less_one(store.wide)):
                m.d.sync += moves.eq(0)
        return m
