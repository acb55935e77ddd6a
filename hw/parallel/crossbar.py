"""The memristor crossbar: drive a row and read the columns, drive the columns and read a row, pulse both."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.hdl import Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.parallel.synapses import Synapses
from ohmprop.hw.parallel.weights import WeightMemory
from ohmprop.hw.parallel.wires import Wires
from ohmprop.hw.shapes.operation import (
    Action,
    address_shape,
    block_shape,
    drawn_layout,
    lane_shape,
    operation_layout,
    row_shape,
    value_shape,
)
from ohmprop.hw.shapes.pulses import pulses_signature
from ohmprop.hw.units.multiplier import Multiplier
from ohmprop.hw.units.pipeline import AdderTree, Broadcast, delayed
from ohmprop.hw.units.synapse import cell_shape, shown, taken
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import ACCUMULATE, MEMORY


class Crossbar(wiring.Component):
    """Weights, a multiplier and an accumulator a lane, the adder tree, and the synapse units.

    Activities are ``spec.activity``, states of the side network ``spec.side``, weights ``spec.weight``; products and sums
    are exact in ``spec.accumulator``'s bits, so nothing rounds or saturates but the synapse. The inputs' currents of a
    layered machine are kept, ``spec.drive_shift`` bits up (or down, floored), and the currents of the first hidden layer
    start from them; with biases, those of all.
    Latencies, counted from ``operation`` (model.timing.Timing): its ``row_value`` is due ``row_value`` clocks later, its
    ``column_values`` ``column_values`` later; ``currents`` hold its contribution ``columns`` or ``rows`` later; a programmed
    word is in the memory ``columns + SYNAPSE`` after its second operation. An operation a clock, but reading columns may
    not follow reading rows before the row sums are back. No reset: operations under way run to their end.
    """

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.timing = spec.timing
        values = data.ArrayLayout(value_shape(spec), spec.lanes)
        super().__init__(
            {
                "operation": In(operation_layout(spec)),  #: the issued word
                "row_value": In(value_shape(spec)),  #: its row's activity, side state or input
                "column_values": In(values),  #: its columns' activities or side states
                "by_side": In(1),  #: the update is that of the side network; constant during an update
                "negative": In(1),  #: the update's difference changes sign, as the nudge did; constant during an update
                #: What the free phase ended with, in the same columns: to be subtracted in the second product of a word that
                #: is programmed, whose ``column_values`` are 0 then, and in the only one of an input's; but not ``by_side``.
                "free_values": In(values),
                #: The accumulators, with ``spec.wire_bits`` more low bits of what was read.
                "currents": Out(data.ArrayLayout(signed(spec.accumulator.bits + spec.wire_bits), spec.lanes)),
                "fires": Out(1),  #: two clocks later ``currents`` are those of block ``target``, complete
                "target": Out(block_shape(spec)),
                "shifts": In(
                    data.ArrayLayout(bits_for(UPDATE_SHIFTS), len(spec.matrices))
                ),  #: each matrix's update shift
                "random_bytes": In(drawn_layout(spec)),  #: the drawn bytes; constant during an update
                "access_address": In(address_shape(spec)),  #: the host's word, read while no operation is under way
                "access_write": In(1),  #: one clock: ``access_data`` goes into lane ``access_lane`` of ``word``
                "access_fine": In(1),  #: the host reads or writes fine bits; else what the multipliers take
                "access_factors": In(1),  #: or the factors of the wires
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
                "word": Out(
                    data.ArrayLayout(signed(8), spec.lanes)
                ),  #: the host's word, Timing.weight_memory clocks later
            }
            | ({"pulses": In(pulses_signature(spec))} if spec.pulses else {})
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.weights = weights = WeightMemory(self.spec, cell_shape(self.spec).width)
        products = self._multiply(m, weights, self._seen(m, weights))
        self._accumulate(m, products)
        self._program(m, weights)
        self._address(m, weights)
        return m

    def _seen(self, m: Module, weights: WeightMemory) -> list[Value]:
        """What currents see of a word's weights; and what the host reads of it."""
        spec, lanes = self.spec, range(self.spec.lanes)
        words = [taken(spec, weights.word[lane]) for lane in lanes]
        m.d.comb += [self.word[lane].eq(shown(spec, weights.word[lane], self.access_fine)) for lane in lanes]
        if not spec.wires:
            return words
        m.submodules.wires = wires = Wires(spec)
        m.d.comb += [
            wires.read_address.eq(weights.read_address),
            *(wires.weights[lane].eq(word) for lane, word in enumerate(words)),
            wires.access_address.eq(self.access_address),
            wires.access_write.eq(self.access_write & self.access_factors),
            wires.access_lane.eq(self.access_lane),
            wires.access_data.eq(self.access_data),
        ]
        with m.If(self.access_factors):
            m.d.comb += self.word.eq(wires.factors)
        return [wires.seen[lane] for lane in lanes]

    def _multiply(self, m: Module, weights: WeightMemory, seen: list[Value]) -> list[Value]:
        """One product per lane: weight and activity, or the activities of the two units whose cell is programmed."""
        spec, timing = self.spec, self.timing
        m.submodules.row = row = Broadcast(row_shape(spec), spec.lanes)
        driving = Signal(row_shape(spec))
        m.d.comb += [driving.eq(self.row_value), row.i.eq(delayed(m, driving, timing.factor))]
        if spec.nudges:
            # A difference of the other sign: of both products the row's value changes it.
            at_value = delayed(m, self.operation, timing.row_value)
            with m.If((at_value.action == Action.PROGRAM) & self.negative):
                m.d.comb += driving.eq(-self.row_value)
        # The columns' operand is chosen a clock before the product.
        m.submodules.kind = kind = Broadcast(data.StructLayout({"programs": 1, "sides": 1, "subtracts": 1}), spec.lanes)
        early = delayed(m, self.operation, timing.column_values - kind.latency)
        m.d.comb += [
            kind.i.programs.eq(early.action == Action.PROGRAM),
            kind.i.sides.eq(early.action != Action.READ_COLUMNS),
            kind.i.subtracts.eq((early.action == Action.PROGRAM) & early.second & ~self.by_side),
        ]
        # A product has one factor that is a weight or an activity, even if the other is a side state.
        value_bits = row_shape(spec).width + 1
        weight_bits = max(len(word) for word in seen)
        widths = (
            value_bits,
            max(weight_bits, value_bits),
            max(weight_bits, spec.activity.bits + 1) + value_bits,
        )
        products = []
        for lane in range(spec.lanes):
            column, value, weight = self.column_values[lane], row.o[lane], seen[lane]
            programs, sides = delayed(m, kind.o[lane].programs, 1), delayed(m, kind.o[lane].sides, 1)
            # An input does not change between the phases, so one product with the column's difference does.
            learns = column - Mux(kind.o[lane].subtracts, self.free_values[lane], 0)
            side = Signal(learns.shape(), reset_less=True)
            m.submodules[f"multiplier_{lane}"] = multiplier = Multiplier(*widths)
            m.d.sync += side.eq(learns)
            m.d.comb += [
                multiplier.a.eq(Mux(sides, side, value)),
                multiplier.b.eq(Mux(programs, value, weight)),
            ]
            products.append(multiplier.product)
        return products

    def _accumulate(self, m: Module, products: list[Value]) -> None:
        """Products add up in their lanes; a row's sum over the lanes goes back to the lane of the row's neuron."""
        spec, timing = self.spec, self.timing
        m.submodules.tree = tree = AdderTree(len(products[0]), spec.lanes)
        for lane, product in enumerate(products):
            m.d.comb += tree.i[lane].eq(product)
        at_products = delayed(m, self.operation, timing.columns - ACCUMULATE)
        m.d.comb += tree.enable.eq(at_products.valid & (at_products.action == Action.READ_ROWS))
        m.submodules.sums = sums = Broadcast(signed(len(tree.o)), spec.lanes)
        m.d.comb += sums.i.eq(tree.o)

        # What the accumulators do comes to them with the products or with the row's sum, whichever it is; a clock
        # earlier, so that each lane has its own registers for it.
        m.submodules.add = add = Broadcast(
            data.StructLayout({"rows": 1, "lane": lane_shape(spec), "columns": 1, "clear": 1, "driven": 1}),
            spec.lanes,
        )
        before_sum = delayed(m, self.operation, timing.columns - ACCUMULATE + tree.latency - 1)
        arriving = delayed(m, self.operation, timing.columns - ACCUMULATE - add.latency - 1)
        rows = before_sum.valid & (before_sum.action == Action.READ_ROWS)
        columns = arriving.valid & (arriving.action != Action.READ_ROWS)
        m.d.comb += [
            add.i.rows.eq(rows),
            add.i.lane.eq(before_sum.row_lane),
            add.i.columns.eq(columns),
            add.i.clear.eq(Mux(rows, before_sum.clear, arriving.clear)),
            add.i.driven.eq(Mux(rows, before_sum.driven, arriving.driven)),
            self.fires.eq(
                delayed(m, Mux(rows, before_sum.fires, columns & arriving.fires & ~arriving.pixels), add.latency)
            ),
            self.target.eq(delayed(m, Mux(rows, before_sum.target, arriving.target), add.latency)),
        ]
        # The outputs have only sums along the rows, which may start from their biases.
        source = delayed(m, Mux(rows, before_sum.target, arriving.target), add.latency + 1 - MEMORY)
        drive = self._drive(m, source, at_products)
        for lane, product in enumerate(products):
            current = Signal(signed(spec.accumulator.bits + spec.wire_bits), reset_less=True)
            m.d.comb += self.currents[lane].eq(current)
            does = add.o[lane]
            adds, takes_sum, takes_product, keeps, starts = (
                delayed(m, flag, 1)
                for flag in (
                    does.rows | does.columns,
                    does.rows & (does.lane == lane),
                    ~does.rows,
                    ~does.clear,
                    does.clear & does.driven,
                )
            )
            base = Mux(keeps, current, 0) | Mux(starts, drive[lane], 0)
            term = Mux(takes_sum, sums.o[lane], 0) | Mux(takes_product, product, 0)
            with m.If(adds):
                m.d.sync += current.eq(base + term)

    def _drive(self, m: Module, source: Value, at_products: data.View) -> list[ValueLike]:
        """What the accumulators start from: the currents of inputs and biases, kept once a pattern.

        ``source`` is the block whose currents are there MEMORY clocks later.
        """
        spec = self.spec
        if spec.recurrent:
            return [0] * spec.lanes
        # Those bits that are not lost, or 0, when the currents are shifted to the accumulator's binary point.
        up = spec.drive_shift
        currents = data.ArrayLayout(signed(spec.accumulator.bits - abs(up)), spec.lanes)
        layout = spec.layout
        depth = layout.blocks if spec.biases else len(layout.layer_blocks[0])
        m.submodules.drive = kept = Memory(shape=currents, depth=depth, init=[])
        write, read = kept.write_port(), kept.read_port()
        keeps = at_products.valid & at_products.pixels & at_products.fires & (at_products.action == Action.READ_COLUMNS)
        m.d.comb += [
            write.en.eq(delayed(m, keeps, ACCUMULATE)),
            write.addr.eq(delayed(m, at_products.target, ACCUMULATE)),
            read.addr.eq(source),
        ]
        drive = []
        for lane in range(spec.lanes):
            m.d.comb += write.data[lane].eq(self.currents[lane] >> max(0, -up))
            drive.append(read.data[lane] << max(0, up))
        return drive

    def _program(self, m: Module, weights: WeightMemory) -> None:
        """The synapse units; after a word's second operation the accumulators hold the difference of its products."""
        m.submodules.synapses = synapses = Synapses(self.spec)
        inputs = ("operation", "by_side", "shifts", "random_bytes")
        hosts = ("access_address", "access_fine", "access_lane", "access_data")
        m.d.comb += [
            *(getattr(synapses, name).eq(getattr(self, name)) for name in (*inputs, *hosts)),
            *(synapses.currents[lane].eq(self.currents[lane]) for lane in range(self.spec.lanes)),
            synapses.access_write.eq(self.access_write & ~self.access_factors),
            synapses.read_address.eq(weights.read_address),
            synapses.word.eq(weights.word),
            weights.write_address.eq(synapses.write_address),
            weights.write.eq(synapses.write),
            weights.write_word.eq(synapses.write_word),
        ]
        if self.spec.pulses:
            connect(m, flipped(self.pulses), synapses.pulses)

    def _address(self, m: Module, weights: WeightMemory) -> None:
        """The word is read in time for the multipliers, or late, when its increment is nearly there."""
        timing, operation = self.timing, self.operation
        to_read = delayed(m, operation, timing.operands - timing.factor - timing.weight_memory)
        to_program = delayed(m, operation, timing.columns + 1 - timing.weight_memory)
        with m.If(to_program.valid & (to_program.action == Action.PROGRAM) & to_program.second):
            m.d.comb += weights.read_address.eq(to_program.address)
        with m.Elif(to_read.valid):
            m.d.comb += weights.read_address.eq(to_read.address)
        with m.Else():
            m.d.comb += weights.read_address.eq(self.access_address)
