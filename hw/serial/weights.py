"""The weight memory of a serial machine, which has one port."""

from amaranth import Array, Assert, Cat, ClockSignal, Const, Instance, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import address_shape
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.layout.layered import layout_of
from ohmprop.model.layout.recurrent import bits_for
from ohmprop.model.spec import MachineSpec

#: The iCE40 UltraPlus and its single-port memories, SB_SPRAM256KA: words, and bits of a word.
ULTRAPLUS = "iCE40UP5K"
SPRAM_WORDS = 1 << 14
SPRAM_BITS = 16


class SinglePortMemory(wiring.Component):
    """Reads or writes a whole word of all lanes, never both in one clock.

    Latency one clock from ``read_address`` to ``data``, one clock to write. On an iCE40 UltraPlus the words lie in its
    single-port memories, which hold anything at power-up; elsewhere they are 0.
    """

    def __init__(self, spec: MachineSpec):
        self.words = layout_of(spec).words
        self.width = spec.lanes * spec.weight.bits
        super().__init__(
            {
                "read": In(1),  #: one clock: read
                "read_address": In(address_shape(spec)),
                "data": Out(self.width),  #: the word, valid in the clock after ``read`` only
                "write": In(1),  #: one clock: write
                "write_address": In(address_shape(spec)),
                "write_data": In(self.width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        address = Mux(self.write, self.write_address, self.read_address)
        if getattr(platform, "device", None) == ULTRAPLUS:
            m.d.comb += self.data.eq(self._sprams(m, address))
            return m
        m.submodules.cells = cells = Memory(shape=unsigned(self.width), depth=self.words, init=[])
        write, read = cells.write_port(), cells.read_port()
        m.d.comb += [
            read.addr.eq(address),
            read.en.eq(self.read),
            self.data.eq(read.data),
            write.addr.eq(address),
            write.en.eq(self.write),
            write.data.eq(self.write_data),
        ]
        if platform is None:  # a simulation
            m.d.sync += Assert(~(self.read & self.write), "a word is read and another written in one clock")
        return m

    def _sprams(self, m, address):
        """Banks of SPRAM_WORDS words, each as many memories wide as the word is."""
        banks = -(-self.words // SPRAM_WORDS)
        low, bank = address[: bits_for(SPRAM_WORDS)], address[bits_for(SPRAM_WORDS) :]
        words = []
        for number in range(banks):
            parts = []
            for first in range(0, self.width, SPRAM_BITS):
                part = Signal(SPRAM_BITS)
                m.submodules[f"spram_{number}_{first}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=low | Const(0, bits_for(SPRAM_WORDS)),
                    i_DATAIN=self.write_data[first : first + SPRAM_BITS] | Const(0, SPRAM_BITS),
                    i_MASKWREN=Const(15, 4),
                    i_WREN=self.write & (bank == number),
                    i_CHIPSELECT=Const(1),
                    i_STANDBY=Const(0),
                    i_SLEEP=Const(0),
                    i_POWEROFF=Const(1),  # active low
                    o_DATAOUT=part,
                )
                parts.append(part)
            words.append(Cat(parts)[: self.width])
        return Array(words)[delayed(m, bank, 1)] if banks > 1 else words[0]
