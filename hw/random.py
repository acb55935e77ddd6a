"""Random numbers: the shift register, the bytes drawn from it, and each cell's own byte made of them."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.operation import block_shape
from hw.pipeline import Broadcast, delayed
from model.arithmetic import DEFAULT_LFSR, LFSR_SHIFTS, LFSR_TAPS
from model.layered_layout import layout_of
from model.spec import DITHER_BITS, MachineSpec
from model.timing import fan_levels


def drawn_layout(spec: MachineSpec) -> data.ArrayLayout:
    """One random byte for each bit of a row's number: lane bits below, block bits above, then what tells an input."""
    return data.ArrayLayout(DITHER_BITS, layout_of(spec).code_bits)


class RandomBytes(wiring.Component):
    """A 32-bit Galois LFSR and the bytes drawn from it, eight shifts a byte (model.arithmetic.lfsr_advance).

    ``draw`` fetches all bytes of an update, one a clock, ready after as many clocks as there are bytes.
    At reset the LFSR holds DEFAULT_LFSR.
    """

    def __init__(self, spec: MachineSpec):
        self.drawn = drawn_layout(spec)
        super().__init__(
            {
                "draw": In(1),  #: one clock: draw the bytes of one update
                "load": In(1),  #: one clock: the LFSR takes ``load_value``
                "load_value": In(32),
                "lfsr": Out(32, init=DEFAULT_LFSR),  #: the register
                "bytes": Out(self.drawn),  #: the drawn bytes, the first one lowest
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.drawn.length
        advanced = self.lfsr
        for _ in range(LFSR_SHIFTS):
            advanced = (advanced >> 1) ^ Mux(advanced[0], LFSR_TAPS, 0)
        left = Signal(range(count + 1))
        with m.If(self.load):
            m.d.sync += self.lfsr.eq(self.load_value)
        with m.Elif(self.draw):
            m.d.sync += left.eq(count)
        with m.Elif(left != 0):
            # The bytes move down as they come, so that the first one ends lowest.
            for index in range(count - 1):
                m.d.sync += self.bytes[index].eq(self.bytes[index + 1])
            m.d.sync += [
                self.bytes[count - 1].eq(self.lfsr[:DITHER_BITS]),
                self.lfsr.eq(advanced),
                left.eq(left - 1),
            ]
        return m


class CellRandom(wiring.Component):
    """Each cell's random byte: the drawn bytes of those bits in which its row's and its column's numbers differ.

    So cell (i, j) and cell (j, i) get the same byte, wherever they are stored, and any two other cells that share no
    such pattern of bits get independent ones (model.golden.random_table).
    Latency ``2 + fan_levels(lanes)`` clocks, a word a clock, no reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.latency = 2 + fan_levels(spec.lanes)
        super().__init__(
            {
                "bytes": In(drawn_layout(spec)),  #: constant during an update
                "row": In(layout_of(spec).code_bits),  #: number of the word's row
                "block": In(block_shape(spec)),  #: its column block
                "o": Out(data.ArrayLayout(DITHER_BITS, spec.lanes)),  #: the byte of each lane's cell
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout = layout_of(self.spec)
        # The part that all lanes share: the row's number and the block's, which stands above the lane's.
        common = 0
        for bit in range(layout.code_bits):
            differs = self.row[bit]
            if 0 <= bit - layout.lane_bits < layout.block_bits:
                differs = differs ^ self.block[bit - layout.lane_bits]
            common ^= Mux(differs, self.bytes[bit], 0)
        shared = Signal(DITHER_BITS)
        m.d.comb += shared.eq(common)
        m.submodules.broadcast = broadcast = Broadcast(DITHER_BITS, self.spec.lanes)
        m.d.comb += broadcast.i.eq(delayed(m, shared, 1))
        for lane in range(self.spec.lanes):
            own = broadcast.o[lane]
            for bit in range(layout.lane_bits):
                if lane >> bit & 1:
                    own = own ^ self.bytes[bit]
            m.d.comb += self.o[lane].eq(delayed(m, own, 1))
        return m
