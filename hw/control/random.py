"""Random numbers: the shift register, the bytes drawn from it, and each cell's own byte made of them."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import block_shape, drawn_layout
from ohmprop.hw.units.pipeline import Broadcast, delayed
from ohmprop.model.arithmetic import DEFAULT_LFSR, LFSR_SHIFTS, LFSR_TAPS
from ohmprop.model.memristors.kernels import NOISY_SETS, READ_SETS
from ohmprop.model.spec import DITHER_BITS, MachineSpec
from ohmprop.model.timing import fan_levels


def set_bytes(spec: MachineSpec) -> list[int]:
    """Bytes of each set that is drawn: the linear device's; with a pulse unit its own, and two for the read noise; with nudges
    one for their sign.
    """
    count = drawn_layout(spec).length
    if spec.nudges:
        return [count, 1]
    return [count] * NOISY_SETS + [count + 1] * READ_SETS if spec.pulses else [count]


class RandomBytes(wiring.Component):
    """A 32-bit Galois LFSR and the sets of bytes drawn from it, eight shifts per byte (model.arithmetic.lfsr_advance).

    ``draw`` fetches all bytes of the sets chosen, set after set, one per clock, ready after as many clocks as there are bytes.
    At reset the LFSR holds DEFAULT_LFSR.
    """

    def __init__(self, spec: MachineSpec):
        self.drawn, self.lengths = drawn_layout(spec), set_bytes(spec)
        super().__init__(
            {
                "draw": In(len(self.lengths)),  #: one clock: draw these sets
                "load": In(1),  #: one clock: the LFSR takes ``load_value``
                "load_value": In(32),
                "lfsr": Out(32, init=DEFAULT_LFSR),  #: the register
                #: The drawn bytes of each set, the first one lowest.
                **{
                    f"set_{number}": Out(data.ArrayLayout(DITHER_BITS, count))
                    for number, count in enumerate(self.lengths)
                },
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        advanced = self.lfsr
        for _ in range(LFSR_SHIFTS):
            advanced = (advanced >> 1) ^ Mux(advanced[0], LFSR_TAPS, 0)
        waiting, place = Signal(len(self.lengths)), Signal(range(max(self.lengths)))
        with m.If(self.load):
            m.d.sync += self.lfsr.eq(self.load_value)
        with m.Elif(self.draw != 0):
            m.d.sync += [waiting.eq(self.draw), place.eq(0)]
        with m.Elif(waiting != 0):
            m.d.sync += [self.lfsr.eq(advanced), place.eq(place + 1)]
        for number, count in enumerate(self.lengths):
            with m.If((waiting[: number + 1] == 1 << number) & ~self.load & (self.draw == 0)):
                bytes_of = getattr(self, f"set_{number}")
                # The bytes move down as they come, so that the first one ends lowest.
                m.d.sync += bytes_of.as_value().eq(Cat(bytes_of.as_value()[DITHER_BITS:], self.lfsr[:DITHER_BITS]))
                with m.If(place == count - 1):
                    m.d.sync += [waiting[number].eq(0), place.eq(0)]
        return m


class CellRandom(wiring.Component):
    """Each cell's random byte: the drawn bytes of those bits in which its row's and its column's codes differ.

    So cell (i, j) and cell (j, i) get the same byte, wherever they are stored, and any two other cells that share no
    such pattern of bits get independent ones (ohmprop.model.memristors.kernels.random_sets).
    Latency ``2 + fan_levels(lanes)`` clocks, one word per clock, no reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.latency = 2 + fan_levels(spec.lanes)
        super().__init__(
            {
                "bytes": In(drawn_layout(spec)),  #: constant during an update
                "row": In(spec.layout.code_bits),  #: number of the word's row
                "block": In(block_shape(spec)),  #: its column block
                "o": Out(data.ArrayLayout(DITHER_BITS, spec.lanes)),  #: the byte of each lane's cell
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layout = self.spec.layout
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
