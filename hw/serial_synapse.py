"""The weights of a serial machine and the one synapse unit that programs them, a lane a clock."""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.operation import (
    Action,
    address_shape,
    block_shape,
    lane_shape,
    offset_shape,
    operation_layout,
    row_code,
)
from hw.pipeline import delayed
from hw.random import drawn_layout
from hw.single_port import SinglePortMemory
from hw.synapse import difference_shape
from model.layered_layout import layout_of
from model.layout import bits_for
from model.spec import DITHER_BITS, UPDATE_SHIFTS, MachineSpec
from model.timing import ONE_PORT_MEMORY, Timing


class SerialSynapse(wiring.Component):
    """new weight = sat(weight + round at random(difference)), as hw/synapse.py, for the lanes of a word in turn.

    A word that was read turns round in its register: each clock the lowest lane's weight leaves it and comes back at the
    top, new. After ``lanes`` clocks the word is whole again and is written. The host's access goes the same way.
    Latencies: ``word`` ONE_PORT_MEMORY clocks after its address, which is due ``operands`` - ONE_PORT_MEMORY clocks after
    ``operation``. Of a word that is programmed, ``begin`` comes with ``columns`` after its second operation, the first
    lane's ``difference`` two clocks later, and the word is written SERIAL_SYNAPSE + ``lanes`` clocks after ``begin``.
    A word every ``lanes`` clocks; no reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "operation": In(operation_layout(spec)),  #: the issued word
                "word": Out(data.ArrayLayout(spec.weight.bits, spec.lanes)),  #: the word that was read
                "begin": In(1),  #: one clock: a word's differences follow
                "difference": In(signed(spec.accumulator.bits)),  #: of the two products
                "by_side": In(1),  #: the update is that of the side network; constant during an update
                "shifts": In(
                    data.ArrayLayout(bits_for(UPDATE_SHIFTS), len(spec.matrices))
                ),  #: each matrix's update shift
                "random_bytes": In(drawn_layout(spec)),  #: the drawn bytes; constant during an update
                "access": In(1),  #: see hw.serial_crossbar.SerialCrossbar
                "access_write": In(1),
                "access_address": In(address_shape(spec)),
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
                "access_read": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec, operation = self.spec, self.operation
        m.submodules.memory = memory = SinglePortMemory(spec)
        programs = operation.valid & (operation.action == Action.PROGRAM)

        # The word that is programmed: kept from its second operation to ``begin``, and then as long as each part is wanted.
        word = data.StructLayout(
            {
                "address": address_shape(spec),
                "row": layout_of(spec).code_bits,
                "block": block_shape(spec),
                "offset": offset_shape(spec),
                "matrix": operation.matrix.shape(),
                "pixels": 1,
            }
        )
        issued, begun = Signal(word, reset_less=True), Signal(word, reset_less=True)
        with m.If(programs & operation.second):
            m.d.sync += issued.row.eq(row_code(spec, operation))
            m.d.sync += [
                issued[name].eq(operation[name]) for name in ("address", "block", "offset", "matrix", "pixels")
            ]
        with m.If(self.begin):
            m.d.sync += begun.eq(issued)
        after = [self.begin]
        for _ in range(3):
            after.append(delayed(m, after[-1], 1))

        # The lanes in turn: at the rounding, and one clock later at the sum.
        hosts, rounding, lane = Signal(), Signal(), Signal(lane_shape(spec))
        starts = after[3] | delayed(m, self.access, 1)
        now, number = starts | rounding, Mux(starts, 0, lane)
        with m.If(starts):
            m.d.sync += [rounding.eq(1), lane.eq(1)]
        with m.Elif(rounding):
            m.d.sync += [rounding.eq(lane != spec.lanes - 1), lane.eq(lane + 1)]
        with m.If(self.begin | self.access):
            m.d.sync += hosts.eq(self.access)
        turns, turned = delayed(m, now, 1), delayed(m, number, 1)

        increment = self._round(m, begun, after, number)
        weights = [Signal(signed(spec.weight.bits), name=f"weight_{index}") for index in range(spec.lanes)]
        new = self._weight(weights[0], increment, hosts, turned)
        loads = delayed(m, memory.read, 1)
        with m.If(loads):
            m.d.sync += Cat(weights).eq(memory.data)
        with m.Elif(turns):
            m.d.sync += Cat(weights).eq(Cat(weights[1:], new))
        with m.If(turns & (turned == self.access_lane)):
            m.d.sync += self.access_read.eq(weights[0])
        m.d.comb += self.word.as_value().eq(Cat(weights))

        target = Signal(address_shape(spec), reset_less=True)
        with m.If(after[3]):
            m.d.sync += target.eq(begun.address)
        last = turns & (turned == spec.lanes - 1)
        m.d.comb += [
            memory.write.eq(last & (~hosts | self.access_write)),
            memory.write_address.eq(Mux(hosts, self.access_address, target)),
            memory.write_data.eq(Cat(weights[1:], new)),
        ]
        self._read(m, memory, after[2], begun)
        return m

    def _read(self, m, memory, programs, begun):
        """Which word is read: for the multipliers, to be programmed, or for the host."""
        at_address = delayed(m, self.operation, self.timing.operands - ONE_PORT_MEMORY)
        with m.If(programs):
            m.d.comb += [memory.read.eq(1), memory.read_address.eq(begun.address)]
        with m.Elif(self.access):
            m.d.comb += [memory.read.eq(1), memory.read_address.eq(self.access_address)]
        with m.Else():
            m.d.comb += memory.read.eq(at_address.valid & (at_address.action != Action.PROGRAM))
            m.d.comb += memory.read_address.eq(at_address.address)

    @property
    def timing(self):
        """The machine's latencies."""
        return Timing(self.spec)

    def _round(self, m, begun, after, lane):
        """The increment of a lane's weight, one clock after ``lane``."""
        spec, layout = self.spec, layout_of(self.spec)
        matrix, pixels = Signal.like(begun.matrix, reset_less=True), Signal(reset_less=True)
        with m.If(after[1]):
            m.d.sync += [matrix.eq(begun.matrix), pixels.eq(begun.pixels)]
        if spec.recurrent:
            difference = Mux(self.by_side, self.difference >> spec.side_update_shift, self.difference)
        else:
            first, later, *_ = (self.difference << matrix.pre_shift for matrix in spec.matrices)
            difference = Mux(pixels, first, later)
        exact = Signal(difference_shape(spec))
        m.d.comb += exact.eq(difference)
        shifted = Signal.like(exact, reset_less=True)
        m.d.sync += shifted.eq(exact >> Array(self.shifts)[matrix])

        # The cell's random byte, as hw.random.CellRandom makes it: first what all lanes of the word share.
        shared, offset = Signal(DITHER_BITS, reset_less=True), Signal(offset_shape(spec), reset_less=True)
        common = 0
        for bit in range(layout.code_bits):
            differs = begun.row[bit]
            if 0 <= bit - layout.lane_bits < layout.block_bits:
                differs = differs ^ begun.block[bit - layout.lane_bits]
            common ^= Mux(differs, self.random_bytes[bit], 0)
        with m.If(after[2]):
            m.d.sync += [shared.eq(common), offset.eq(begun.offset)]
        random = shared
        for bit in range(layout.lane_bits):
            random = random ^ Mux(lane[bit], self.random_bytes[bit], 0)
        byte = Signal(DITHER_BITS)
        m.d.comb += byte.eq(random)
        distance = offset - lane
        exists = (distance != 0) & (distance <= spec.reach) & (distance >= -spec.reach) if spec.recurrent else 1
        rounded = (shifted + (2 * byte + 1)) >> (DITHER_BITS + 1)
        increment = Signal(signed(len(exact) - DITHER_BITS), reset_less=True)
        m.d.sync += increment.eq(Mux(exists, rounded, 0))
        return increment

    def _weight(self, weight, increment, hosts, lane):
        """What comes back at the top: the weight after learning; of the host's word the same weight, or the host's."""
        limit = self.spec.weight_limit
        total = weight + increment
        learnt = Mux(total > limit, limit, Mux(total < -limit, -limit, total))
        chosen = self.access_write & (lane == self.access_lane)
        return Mux(hosts, Mux(chosen, self.access_data.as_signed(), weight), learnt)[: self.spec.weight.bits]
