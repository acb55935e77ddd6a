"""The crossbar of a serial machine: one multiplier per lane, and behind it units that serve one lane after another."""

from itertools import pairwise
from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.hdl import Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.serial.synapse import SerialSynapse
from ohmprop.hw.shapes.operation import (
    Action,
    address_shape,
    block_shape,
    drawn_layout,
    lane_shape,
    operation_layout,
    value_shape,
)
from ohmprop.hw.shapes.pulses import NOISE_BITS, pulses_signature
from ohmprop.hw.units.mac import MultiplyAccumulate
from ohmprop.hw.units.pipeline import AdderTree, Broadcast, delayed
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import ACCUMULATE, MULTIPLY


def stream_layout(spec: MachineSpec) -> data.StructLayout:
    """Values that pass through the units of a serial machine, one lane per clock."""
    return data.StructLayout({"valid": 1, "lane": lane_shape(spec), "target": block_shape(spec)})


class Ready(NamedTuple):
    """What there is in the accumulators, or along the rows, in a clock."""

    taken: Value  #: currents that the shift register takes
    programs: Value  #: the differences of a word that is programmed
    columns: Value  #: the last of a block's currents, read along the columns
    rows: Value  #: the last of a block's currents, read along the rows


class SerialCrossbar(wiring.Component):
    """What ohmprop.hw.parallel.crossbar.Crossbar does, to the bit, with one synapse unit (hw/serial/synapse.py).

    The lanes' accumulators are taken into a shift register, from which they come one after another: to the neurons, into
    the memory of what the inputs drive, or to the synapse unit. Reading rows, the accumulators run on, and a row's
    sum is what the sum over all lanes has grown by; the rows' sums are kept in a memory. A neuron's current is the sum of
    all three. Its bits are exact, as in the crossbar.
    Latencies, counted from ``operation`` (model.timing.Timing): its ``row_value`` is due ``row_value`` clocks later, its
    ``column_values`` ``operands`` later. The first of a block's neurons ``steps`` GATHER - 1 clocks after ``columns`` or
    ``rows`` of the block's last operation, and its ``current`` is there in the next clock. No reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.timing = spec.timing
        super().__init__(
            {
                "operation": In(operation_layout(spec)),  #: the issued word
                "row_value": In(value_shape(spec)),  #: its row's activity, side state or input
                "column_values": In(data.ArrayLayout(value_shape(spec), spec.lanes)),  #: its columns' values
                "by_side": In(1),  #: the update is that of the side network; constant during an update
                "negative": In(1),  #: the update's difference changes sign, as the nudge did; constant during an update
                "steps": Out(stream_layout(spec)),  #: the current of this neuron comes in the next clock
                "current": Out(signed(spec.accumulator.bits)),
                "shifts": In(
                    data.ArrayLayout(bits_for(UPDATE_SHIFTS), len(spec.matrices))
                ),  #: each matrix's update shift
                "random_bytes": In(drawn_layout(spec)),  #: the drawn bytes; constant during an update
                "access": In(
                    1
                ),  #: one clock: read the host's word, while no operation is under way, and perhaps write it
                "access_write": In(1),  #: ``access_data`` goes into lane ``access_lane``; these four hold to the end
                "access_fine": In(1),  #: fine bits are accessed, and not what the multipliers take; holds as well
                "access_address": In(address_shape(spec)),
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
                "access_read": Out(8),  #: the lane's weight, Timing.access - 1 clocks after ``access``
            }
            | ({"pulses": In(pulses_signature(spec))} if spec.pulses else {})
            #: The read noise of the neuron whose ``current`` comes in the next clock.
            | ({"noise": In(signed(NOISE_BITS))} if spec.pulses else {})
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing = self.timing
        m.submodules.synapse = synapse = SerialSynapse(self.spec)
        at_operands = delayed(m, self.operation, timing.operands)
        at_products = delayed(m, at_operands, MULTIPLY)
        at_columns = delayed(m, at_products, ACCUMULATE)
        totals = self._multiply(m, synapse, at_operands, at_products)
        row_fires, row_sum, row_lane = self._rows(m, totals, at_columns)

        reads_columns = at_columns.valid & (at_columns.action == Action.READ_COLUMNS)
        programs = at_columns.valid & (at_columns.action == Action.PROGRAM) & at_columns.second
        # The block whose neurons step next; the one after it fires when this one's currents have begun to come.
        fired = Signal(data.StructLayout({"target": block_shape(self.spec), "pixels": 1}), reset_less=True)
        with m.If(self.operation.valid & self.operation.fires):
            m.d.sync += [fired.target.eq(self.operation.target), fired.pixels.eq(self.operation.pixels)]
        taken = (reads_columns & at_columns.taken) | programs
        ready = Ready(taken, programs, reads_columns & at_columns.fires, row_fires)
        self._stream(m, totals, fired, ready, row_lane, row_sum, synapse)
        self._connect(m, synapse, programs)
        return m

    def _multiply(
        self, m: Module, synapse: SerialSynapse, at_operands: data.View, at_products: data.View
    ) -> list[Value]:
        """One product per lane, added up: weight and value, or the values of the two units whose cell is programmed."""
        spec = self.spec
        # Of a word that is programmed the second product is subtracted: its row's value changes sign.
        at_value = delayed(m, self.operation, self.timing.row_value)
        subtracts = at_value.second & ~self.by_side
        negative = (at_value.action == Action.PROGRAM) & (subtracts ^ self.negative if spec.nudges else subtracts)
        m.submodules.row = row = Broadcast(signed(value_shape(spec).width + 2), spec.lanes)
        m.d.comb += row.i.eq(Mux(negative, -self.row_value, self.row_value))
        programs = at_operands.action == Action.PROGRAM
        along_row = at_operands.action == Action.READ_ROWS
        totals = []
        for lane in range(spec.lanes):
            m.submodules[f"lane_{lane}"] = mac = MultiplyAccumulate()
            column, value, weight = self.column_values[lane], row.o[lane], synapse.word[lane].as_signed()
            m.d.comb += [
                mac.a.eq(Mux(programs | along_row, column, value)),
                mac.b.eq(Mux(programs, value, weight)),
                # One clock before the first product, in which nothing is added.
                mac.clear.eq(at_operands.valid & at_operands.clear & ~along_row),
                mac.add.eq(at_products.valid),
            ]
            totals.append(mac.total)
        return totals

    def _rows(self, m: Module, totals: list[Value], at_columns: data.View) -> tuple[Value, Value, Signal]:
        """The sums along the rows, in a memory with a place for each row of a block."""
        spec = self.spec
        # In a clock the totals grow by one product per lane.
        width = spec.weight.bits + value_shape(spec).width + 1 + bits_for(spec.lanes)
        m.submodules.tree = tree = AdderTree(width, spec.lanes)
        m.d.comb += tree.enable.eq(1)
        for lane, total in enumerate(totals):
            m.d.comb += tree.i[lane].eq(total[:width])
        grown = Signal(signed(width), reset_less=True)
        m.d.sync += grown.eq(tree.o - delayed(m, tree.o, 1))

        row = Signal(data.StructLayout({"valid": 1, "lane": lane_shape(spec), "clear": 1, "fires": 1}))
        m.d.comb += [
            row.valid.eq(at_columns.valid & (at_columns.action == Action.READ_ROWS)),
            row.lane.eq(at_columns.row_lane),
            row.clear.eq(at_columns.clear),
            row.fires.eq(at_columns.fires & row.valid),
        ]
        at_sum = delayed(m, row, tree.latency)
        at_grown = delayed(m, at_sum, 1)
        at_end = delayed(m, at_grown, 1)

        m.submodules.row_sums = sums = Memory(shape=signed(spec.accumulator.bits), depth=spec.lanes, init=[])
        write, read = sums.write_port(), sums.read_port()
        lane = Signal(lane_shape(spec))  # whose sum is read for a neuron's current
        m.d.comb += [
            read.addr.eq(Mux(at_sum.valid, at_sum.lane, lane)),
            write.en.eq(at_grown.valid),
            write.addr.eq(at_grown.lane),
            write.data.eq(Mux(at_grown.clear, 0, read.data) + grown),
        ]
        return at_end.fires, read.data, lane

    def _stream(
        self,
        m: Module,
        totals: list[Value],
        fired: data.View,
        ready: Ready,
        row_lane: Value,
        row_sum: Value,
        synapse: SerialSynapse,
    ) -> None:
        """Takes the accumulators and sends them on, one lane per clock."""
        spec, lanes = self.spec, self.spec.lanes
        bits = spec.accumulator.bits
        begins = ready.columns | ready.programs | ready.rows
        # The lane whose sum along the row is looked up.
        counting, count = Signal(), Signal(lane_shape(spec))
        m.d.comb += row_lane.eq(Mux(begins, 0, count))
        with m.If(begins):
            m.d.sync += [counting.eq(1), count.eq(1)]
        with m.Elif(counting):
            m.d.sync += [counting.eq(count != lanes - 1), count.eq(count + 1)]

        # One clock later: where the lanes go, and what their currents are made of.
        stream = Signal(stream_layout(spec))
        learns, keeps, along_row, from_columns = Signal(), Signal(), Signal(), Signal()
        held = Signal()  # accumulators that were taken wait for sums along the rows
        m.d.sync += [stream.valid.eq(begins | counting), stream.lane.eq(row_lane)]
        with m.If(begins):
            m.d.sync += [
                stream.target.eq(fired.target),
                learns.eq(ready.programs),
                keeps.eq(ready.columns & fired.pixels),
                along_row.eq(ready.rows),
                from_columns.eq(~ready.rows | held),
            ]
        with m.If(ready.rows):
            m.d.sync += held.eq(0)
        with m.Elif(ready.taken & ~begins):
            m.d.sync += held.eq(1)
        shifter = [Signal(signed(bits), name=f"shifter_{lane}", reset_less=True) for lane in range(lanes)]
        with m.If(ready.taken):
            m.d.sync += [register.eq(total[:bits]) for register, total in zip(shifter, totals, strict=True)]
        with m.Elif(stream.valid):
            m.d.sync += [register.eq(above) for register, above in pairwise(shifter)]
        gathered = Signal(signed(bits), reset_less=True)
        m.d.sync += gathered.eq(Mux(from_columns, shifter[0], 0) + Mux(along_row, row_sum, 0))

        # And one clock later.
        second = delayed(m, stream, 1)
        to_synapse, to_drive = delayed(m, learns, 1), delayed(m, keeps, 1)
        drive = self._drive(m, stream, second, to_drive, gathered)
        m.d.sync += self.current.eq(gathered + drive + (self.noise if spec.pulses else 0))
        m.d.comb += [
            self.steps.eq(second),
            self.steps.valid.eq(second.valid & ~to_synapse & ~to_drive),
            synapse.difference.eq(gathered),
        ]

    def _drive(self, m: Module, stream: data.View, second: data.View, keeps: Value, gathered: Value) -> ValueLike:
        """What inputs and biases drive into a neuron, kept once a pattern; read one clock before it is added."""
        spec, layout = self.spec, self.spec.layout
        if spec.recurrent:
            return 0
        blocks = layout.blocks if spec.biases else len(layout.layer_blocks[0])
        up = spec.drive_shift
        # The lowest bits are 0.
        kept = signed(spec.accumulator.bits - max(up, 0))
        m.submodules.drive = drives = Memory(shape=kept, depth=blocks * spec.lanes, init=[])
        write, read = drives.write_port(), drives.read_port()
        m.d.comb += [
            read.addr.eq(Cat(stream.lane, stream.target)),
            write.addr.eq(Cat(second.lane, second.target)),
            write.en.eq(second.valid & keeps),
            write.data.eq(gathered if up >= 0 else gathered >> -up),
        ]
        return Mux(second.target < blocks, read.data, 0) << max(up, 0)

    def _connect(self, m: Module, synapse: SerialSynapse, programs: Value) -> None:
        """The synapse unit's side, with the word that is programmed."""
        m.d.comb += [
            synapse.operation.eq(self.operation),
            synapse.begin.eq(programs),
            synapse.by_side.eq(self.by_side),
            synapse.shifts.eq(self.shifts),
            synapse.random_bytes.eq(self.random_bytes),
            synapse.access.eq(self.access),
            synapse.access_write.eq(self.access_write),
            synapse.access_fine.eq(self.access_fine),
            synapse.access_address.eq(self.access_address),
            synapse.access_lane.eq(self.access_lane),
            synapse.access_data.eq(self.access_data),
            self.access_read.eq(synapse.access_read),
        ]
        if self.spec.pulses:
            connect(m, flipped(self.pulses), synapse.pulses)
