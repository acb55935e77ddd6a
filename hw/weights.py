"""The weight memory: the crossbar's cells, one word of all lanes at an address."""

from amaranth import Array, Assert, Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.operation import address_shape
from hw.pipeline import delayed
from model.layered_layout import layout_of
from model.layout import bits_for
from model.spec import MachineSpec
from model.timing import WEIGHT_MEMORY

#: The iCE40 UltraPlus and its single-port memories, SB_SPRAM256KA: words, and bits of a word.
ULTRAPLUS = "iCE40UP5K"
SPRAM_WORDS = 1 << 14
SPRAM_BITS = 16


class WeightMemory(wiring.Component):
    """Whole words, read and written. The interface that both kinds of memory have in common.

    Latency WEIGHT_MEMORY clocks from ``read_address`` to ``word`` (the output is registered), one clock to write.
    """

    latency = WEIGHT_MEMORY

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.cells = data.ArrayLayout(spec.weight.bits, spec.lanes)
        super().__init__(
            {
                "read": In(1),  #: one clock: a word is wanted
                "read_address": In(address_shape(spec)),  #: the word
                "word": Out(self.cells),  #: its weights
                "write_address": In(address_shape(spec)),  #: word to write
                "write": In(1),  #: one clock: write it
                "write_word": In(self.cells),  #: their new weights
            }
        )


class DualPortMemory(WeightMemory):
    """One read and one write a clock. All weights are 0 at power-up. Reads in every clock, whether ``read`` or not.

    Reads and writes never meet at one address in one clock (the programming sweep writes a word long after it was
    read), so the memory needs no logic for collisions.
    """

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = cells = Memory(shape=self.cells, depth=layout_of(self.spec).words, init=[])
        write = cells.write_port()
        read = cells.read_port()
        output = Signal(self.cells, reset_less=True)
        m.d.sync += output.eq(read.data)
        m.d.comb += [
            read.addr.eq(self.read_address),
            self.word.eq(output),
            write.addr.eq(self.write_address),
            write.en.eq(self.write),
            write.data.eq(self.write_word),
        ]
        return m


class SinglePortMemory(WeightMemory):
    """One read or one write a clock, never both. ``word`` stays until the next read.

    On an iCE40 UltraPlus these are its single-port memories, whose weights are undefined at power-up; elsewhere they are 0.
    """

    def elaborate(self, platform):
        m = Module()
        output = Signal(self.cells, reset_less=True)
        cells = self._cells(m, platform)
        with m.If(delayed(m, self.read, 1)):
            m.d.sync += output.eq(cells)
        m.d.comb += self.word.eq(output)
        if platform is None:  # in simulation
            m.d.sync += Assert(~(self.read & self.write), "a word is read and another written in one clock")
        return m

    def _cells(self, m, platform):
        """The word read in the last clock."""
        address = Mux(self.write, self.write_address, self.read_address)
        if getattr(platform, "device", None) == ULTRAPLUS:
            return self._sprams(m, address)
        m.submodules.cells = cells = Memory(shape=self.cells, depth=layout_of(self.spec).words, init=[])
        write, read = cells.write_port(), cells.read_port()
        m.d.comb += [
            read.addr.eq(address),
            read.en.eq(self.read),
            write.addr.eq(address),
            write.en.eq(self.write),
            write.data.eq(self.write_word),
        ]
        return read.data

    def _sprams(self, m, address):
        """Banks of SPRAM_WORDS words, each as many memories wide as the word is."""
        width = len(self.write_word.as_value())
        banks = -(-layout_of(self.spec).words // SPRAM_WORDS)
        number = address[bits_for(SPRAM_WORDS) :]
        words = []
        for bank in range(banks):
            chosen = number == bank if banks > 1 else Const(1)
            parts = []
            for low in range(0, width, SPRAM_BITS):
                part = Signal(SPRAM_BITS, name=f"bank_{bank}_bit_{low}")
                m.submodules[f"spram_{bank}_{low}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=address[: bits_for(SPRAM_WORDS)] | Const(0, bits_for(SPRAM_WORDS)),
                    i_DATAIN=self.write_word.as_value()[low : low + SPRAM_BITS] | Const(0, SPRAM_BITS),
                    i_MASKWREN=Const(0xF, 4),
                    i_WREN=self.write & chosen,
                    i_CHIPSELECT=Const(1),
                    i_STANDBY=Const(0),
                    i_SLEEP=Const(0),
                    i_POWEROFF=Const(1),  # active low
                    o_DATAOUT=part,
                )
                parts.append(part)
            words.append(Cat(parts)[:width])
        return Array(words)[delayed(m, number, 1)] if banks > 1 else words[0]


def weight_memory(spec: MachineSpec) -> WeightMemory:
    """The memory that the machine's ports call for."""
    return DualPortMemory(spec) if spec.memory_ports == 2 else SinglePortMemory(spec)
