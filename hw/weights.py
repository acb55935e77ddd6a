"""The weight memory: the crossbar's cells, one word of all lanes at an address."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.operation import address_shape
from model.layered_layout import layout_of
from model.spec import MachineSpec
from model.timing import WEIGHT_MEMORY


class WeightMemory(wiring.Component):
    """One read and one write a clock, whole words. All weights are 0 at power-up.

    Reads and writes never meet at one address in one clock (the programming sweep writes a word long after it was
    read), so the memory needs no logic for collisions.
    Latency WEIGHT_MEMORY clocks from ``read_address`` to ``word`` (the output is registered), one clock to write.
    """

    latency = WEIGHT_MEMORY

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.cells = data.ArrayLayout(spec.weight.bits, spec.lanes)
        super().__init__(
            {
                "read_address": In(address_shape(spec)),  #: word to read
                "word": Out(self.cells),  #: its weights
                "write_address": In(address_shape(spec)),  #: word to write
                "write": In(1),  #: one clock: write it
                "write_word": In(self.cells),  #: their new weights
            }
        )

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
