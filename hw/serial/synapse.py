"""The weights of a serial machine and the one synapse unit that programs them, one lane per clock."""

from collections.abc import Callable
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.serial.fine import FineBits, move_fine_bits
from ohmprop.hw.serial.pulses import asked, pulse_unit
from ohmprop.hw.serial.weights import SinglePortMemory
from ohmprop.hw.shapes.operation import (
    Action,
    address_shape,
    block_shape,
    drawn_layout,
    lane_shape,
    offset_shape,
    operation_layout,
    row_code,
)
from ohmprop.hw.shapes.pulses import pulses_signature
from ohmprop.hw.units.pipeline import delayed
from ohmprop.hw.units.pulse import PulseUnit
from ohmprop.hw.units.synapse import cell_shape, difference_shape, host_cell, increment_shape, new_cell, shown
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import DITHER_BITS, UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import ONE_PORT_MEMORY, PULSE, Timing


class SerialSynapse(wiring.Component):
    """new weight = sat(weight + round at random(difference)), as hw/units/synapse.py, for the lanes of a word in turn.

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
                "access": In(1),  #: see ohmprop.hw.serial.crossbar.SerialCrossbar
                "access_write": In(1),
                "access_fine": In(1),
                "access_address": In(address_shape(spec)),
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
                "access_read": Out(8),
            }
            | ({"pulses": In(pulses_signature(spec))} if spec.pulses else {})
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, operation = self.spec, self.operation
        m.submodules.memory = memory = SinglePortMemory(spec)
        # The word that is programmed, kept as long as each part is wanted; up to ``begin`` the sequencer has still not issued
        # the next one.
        word = data.StructLayout(
            {
                "address": address_shape(spec),
                "row": spec.layout.code_bits,
                "block": block_shape(spec),
                "offset": offset_shape(spec),
                "matrix": operation.matrix.shape(),
                "pixels": 1,
            }
        )
        begun = Signal(word, reset_less=True)
        with m.If(self.begin):
            m.d.sync += begun.row.eq(row_code(spec, operation))
            m.d.sync += [begun[name].eq(operation[name]) for name in ("address", "block", "offset", "matrix", "pixels")]
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

        exists, byte = self._cell(m, begun, after, number)
        increment = self._round(m, begun, after, exists, byte(self.random_bytes))
        weights = [Signal(signed(spec.weight.bits), name=f"weight_{index}") for index in range(spec.lanes)]
        last = turns & (turned == spec.lanes - 1)
        fine = Signal(spec.fine_bits)  # those of the lowest lane
        cell = Cat(fine, weights[0])
        turned_cell = self._weight(cell, increment, hosts, turned)
        new = turned_cell[spec.fine_bits :]
        reads = Signal()  # a word of weights is read
        loads = delayed(m, reads, 1)
        with m.If(loads):
            m.d.sync += Cat(weights).eq(memory.data)
        with m.Elif(turns):
            m.d.sync += Cat(weights).eq(Cat(weights[1:], new))
        with m.If(turns & (turned == self.access_lane)):
            m.d.sync += self.access_read.eq(shown(spec, cell, self.access_fine))
        m.d.comb += self.word.as_value().eq(Cat(weights))

        target = Signal(address_shape(spec), reset_less=True)
        with m.If(after[3]):
            m.d.sync += target.eq(begun.address)
        whole = Cat(weights[1:], new)
        if spec.pulses:
            unit = pulse_unit(m, self, begun, after, number, byte, memory, self._once)
            pulses = asked(m, self, begun, after, number, exists)
            m.d.comb += [unit.increment.eq(Mux(self.pulses.by_host, pulses, increment)), unit.weight.eq(weights[0])]
            m.d.comb += self.pulses.counts.valid.eq(delayed(m, turns & ~hosts & (self.pulses.device.most != 0), 2))
            last, target, whole = self._pulsed(m, unit, last, hosts, target, new)
        place = Mux(hosts, self.access_address, target)
        m.d.comb += [
            memory.write.eq(Mux(last & (~hosts | (self.access_write & ~self.access_fine)), -1, 0)),
            memory.write_address.eq(place),
            memory.write_data.eq(whole),
        ]
        self._read(m, memory, after[2], begun, reads)
        if spec.fine_bits:
            m.submodules.fine = unit = FineBits(spec)
            writes = last & (~hosts | (self.access_write & self.access_fine))
            m.d.comb += [
                fine.eq(unit.lowest),
                unit.takes.eq(after[3]),
                unit.turns.eq(turns),
                unit.last.eq(last),
                unit.new.eq(turned_cell),
            ]
            hosts_fine = (self.access & self.access_fine, self.access_address)
            done = (delayed(m, writes, 1), delayed(m, place, 1))
            move_fine_bits(m, memory, unit, hosts_fine, (after[1], begun.address), done)
        return m

    def _read(self, m: Module, memory: SinglePortMemory, programs: Value, begun: data.View, reads: Value) -> None:
        """Which word is read: for the multipliers, to be programmed, or for the host."""
        at_address = delayed(m, self.operation, self.timing.operands - ONE_PORT_MEMORY)
        m.d.comb += memory.read.eq(reads)
        with m.If(programs):
            m.d.comb += [reads.eq(1), memory.read_address.eq(begun.address)]
        with m.Elif(self.access):
            m.d.comb += [reads.eq(1), memory.read_address.eq(self.access_address)]
        with m.Else():
            m.d.comb += reads.eq(at_address.valid & (at_address.action != Action.PROGRAM))
            m.d.comb += memory.read_address.eq(at_address.address)

    @property
    def timing(self) -> Timing:
        """The machine's latencies."""
        return self.spec.timing

    def _cell(
        self, m: Module, begun: data.View, after: list[Value], lane: Value
    ) -> tuple[Value, Callable[[data.View], Value]]:
        """Which lanes' cells exist, and what makes a lane's cell's byte of drawn bytes; both belong to ``lane``."""
        spec, layout = self.spec, self.spec.layout
        offset = Signal(offset_shape(spec), reset_less=True)
        with m.If(after[2]):
            m.d.sync += offset.eq(begun.offset)

        def byte(drawn: data.View) -> Value:
            """As ohmprop.hw.control.random.CellRandom makes it: first what all lanes of the word share."""
            shared = Signal(DITHER_BITS, reset_less=True)
            common = 0
            for bit in range(layout.code_bits):
                differs = begun.row[bit]
                if 0 <= bit - layout.lane_bits < layout.block_bits:
                    differs = differs ^ begun.block[bit - layout.lane_bits]
                common ^= Mux(differs, drawn[bit], 0)
            with m.If(after[2]):
                m.d.sync += shared.eq(common)
            random = shared
            for bit in range(layout.lane_bits):
                random = random ^ Mux(lane[bit], drawn[bit], 0)
            result = Signal(DITHER_BITS)
            m.d.comb += result.eq(random)
            return result

        distance = offset - lane
        exists = (distance != 0) & (distance <= spec.reach) & (distance >= -spec.reach) if spec.recurrent else Const(1)
        self._once = distance > 0 if spec.recurrent else Const(1)
        return exists, byte

    def _round(self, m: Module, begun: data.View, after: list[Value], exists: Value, byte: Value) -> Signal:
        """The increment of a lane's weight, one clock after ``exists`` and ``byte``."""
        spec = self.spec
        matrix, pixels = Signal.like(begun.matrix, reset_less=True), Signal(reset_less=True)
        with m.If(after[1]):
            m.d.sync += [matrix.eq(begun.matrix), pixels.eq(begun.pixels)]
        if spec.recurrent:
            (whole,) = spec.matrices
            difference = (
                Mux(self.by_side, self.difference >> spec.side_update_shift, self.difference) << whole.pre_shift
            )
        else:
            first, later, *_ = (self.difference << matrix.pre_shift for matrix in spec.matrices)
            difference = Mux(pixels, first, later)
        exact = Signal(difference_shape(spec))
        m.d.comb += exact.eq(difference)
        shifted = Signal.like(exact, reset_less=True)
        m.d.sync += shifted.eq(exact >> Array(self.shifts)[matrix])
        rounded = (shifted + (2 * byte + 1)) >> (DITHER_BITS + 1)
        increment = Signal(increment_shape(spec), reset_less=True)
        m.d.sync += increment.eq(Mux(exists, rounded, 0))
        return increment

    def _pulsed(
        self, m: Module, unit: PulseUnit, last: Value, hosts: Value, target: Value, new: Value
    ) -> tuple[Value, Value, Value]:
        """When a word is whole again, its address, and the word: of pulses, which come late, not in its old register."""
        pulses = ~hosts & (self.pulses.device.most != 0)
        learnt = [Signal(signed(self.spec.weight.bits), name=f"learnt_{index}") for index in range(self.spec.lanes)]
        whole = Cat(learnt[1:], Mux(pulses, unit.new_weight, new)[: self.spec.weight.bits])
        m.d.sync += Cat(learnt).eq(whole)
        late = Signal.like(target, reset_less=True)
        with m.If(last):
            m.d.sync += late.eq(target)
        return Mux(pulses, delayed(m, last, PULSE), last), Mux(pulses, late, target), whole

    def _weight(self, cell: Value, increment: Value, hosts: Value, lane: Value) -> Value:
        """What comes back at the top: the cell after learning; of the host's word the same cell, or the host's."""
        total, finished = new_cell(self.spec, cell, increment)
        chosen = self.access_write & (lane == self.access_lane)
        hosts_cell = host_cell(self.spec, cell, self.access_fine, self.access_data)
        return Mux(hosts, Mux(chosen, hosts_cell, cell), finished(total))[: cell_shape(self.spec).width]
