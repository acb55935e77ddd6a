"""The synapse units of all lanes: what programs the word that the crossbar's accumulators hold the difference of."""

from typing import Any

from amaranth import Array, Cat, Module, Mux, signed
from amaranth.hdl import Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.control.random import CellRandom
from ohmprop.hw.parallel.weights import WeightMemory
from ohmprop.hw.parallel.word_pulses import WordPulses
from ohmprop.hw.shapes.operation import (
    Action,
    address_shape,
    drawn_layout,
    lane_shape,
    offset_shape,
    operation_layout,
    row_code,
)
from ohmprop.hw.shapes.pulses import pulses_signature
from ohmprop.hw.units.pipeline import Broadcast, copies, delayed
from ohmprop.hw.units.synapse import Synapse, cell_shape, host_cell
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import FANOUT, PULSE, SYNAPSE


class Synapses(wiring.Component):
    """A synapse unit a lane (hw/units/synapse.py), with its cell's random byte and, if cells can be pulsed, a pulse unit.

    Number formats, rounding and saturation are the units'. Latency SYNAPSE clocks from ``currents``, which are due
    Timing.columns clocks after a word's second operation, to ``write``; of pulses Timing.pulse_drain more. One word per clock,
    no reset.
    """

    def __init__(self, spec: MachineSpec):
        self.spec, self.timing = spec, spec.timing
        cells = data.ArrayLayout(cell_shape(spec).width, spec.lanes)
        super().__init__(
            {
                "operation": In(operation_layout(spec)),  #: the issued word
                "currents": In(data.ArrayLayout(signed(spec.accumulator.bits), spec.lanes)),  #: the accumulators
                "by_side": In(1),  #: the update is that of the side network; constant during an update
                "shifts": In(data.ArrayLayout(bits_for(UPDATE_SHIFTS), len(spec.matrices))),  #: each matrix's shift
                "random_bytes": In(drawn_layout(spec)),  #: the drawn bytes; constant during an update
                "read_address": In(address_shape(spec)),  #: the word that the weight memory reads ...
                "word": In(cells),  #: ... and, Timing.weight_memory clocks later, its weights
                "access_address": In(address_shape(spec)),  #: the host's word
                "access_write": In(1),  #: one clock: ``access_data`` goes into lane ``access_lane`` of ``word``
                "access_fine": In(1),  #: ``access_data`` are the fine bits; else it is what the multipliers take
                "access_lane": In(lane_shape(spec)),
                "access_data": In(8),
                "write_address": Out(address_shape(spec)),  #: the word that is written ...
                "write": Out(1),  #: ... in one clock ...
                "write_word": Out(cells),  #: ... and its new weights
            }
            | ({"pulses": In(pulses_signature(spec))} if spec.pulses else {})
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, timing = self.spec, self.timing
        due = timing.columns + 1
        m.submodules.random = random = CellRandom(spec)
        cell = delayed(m, self.operation, due - random.latency)
        m.d.comb += [
            random.bytes.eq(self.random_bytes),
            random.row.eq(row_code(spec, cell)),
            random.block.eq(cell.block),
        ]
        connected = self._connections(m, due)
        at_difference = delayed(m, self.operation, timing.columns)
        # How much each lane's difference is shifted.
        how = data.StructLayout({"pixels": 1, "shift": bits_for(UPDATE_SHIFTS)})
        m.submodules.how = shifts = Broadcast(how, spec.lanes)
        arriving = delayed(m, self.operation, timing.columns - shifts.latency)
        m.d.comb += [shifts.i.pixels.eq(arriving.pixels), shifts.i.shift.eq(Array(self.shifts)[arriving.matrix])]

        # Each group of lanes has its own registers of what a stage has to do.
        early = delayed(m, self.operation, timing.columns - 1)
        programs = early.valid & (early.action == Action.PROGRAM) & early.second
        stages = [[first] for first in copies(m, programs, -(-spec.lanes // FANOUT), 1)]
        for group in stages:
            for _ in range(SYNAPSE):
                group.append(delayed(m, group[-1], 1))
        writes, written = [group[-1] for group in stages], delayed(m, at_difference.address, SYNAPSE)
        if spec.pulses:
            m.submodules.pulses = pulses = WordPulses(spec)
            self._pulse(m, pulses, due, stages[0][2])
            m.d.comb += pulses.connected.eq(Cat(connected))
            pulsed = self.pulses.device.most != 0
            writes = [Mux(pulsed, delayed(m, group[2], PULSE), group[-1]) for group in stages]
            written = Mux(pulsed, delayed(m, written, timing.pulse_drain), written)
        m.d.comb += [
            self.write_address.eq(Mux(writes[0], written, self.access_address)),
            self.write.eq(writes[0] | self.access_write),
        ]
        for lane in range(spec.lanes):
            m.submodules[f"synapse_{lane}"] = synapse = Synapse(spec)
            current, does = self.currents[lane], stages[lane // FANOUT]
            if spec.recurrent:
                (matrix,) = spec.matrices
                difference = Mux(self.by_side, current >> spec.side_update_shift, current) << matrix.pre_shift
            else:
                first, later, *_ = (current << matrix.pre_shift for matrix in spec.matrices)
                difference = Mux(shifts.o[lane].pixels, first, later)
            # The host's cell goes back with the others of its word as they were read.
            hosts = Mux(
                self.access_lane == lane,
                host_cell(spec, self.word[lane], self.access_fine, self.access_data),
                self.word[lane],
            )
            m.d.comb += [
                synapse.stages.eq(Cat(does)),
                synapse.difference.eq(difference),
                synapse.shift.eq(shifts.o[lane].shift),
                synapse.random.eq(random.o[lane]),
                synapse.enable.eq(connected[lane]),
                synapse.weight.eq(self.word[lane].as_signed()),
            ]
            new = synapse.new_weight
            if spec.pulses:
                m.d.comb += pulses.increments[lane].eq(synapse.increment)
                new = Mux(pulsed, pulses.new_weights[lane], new)
            m.d.comb += self.write_word[lane].eq(Mux(writes[lane // FANOUT], new, hosts))
        return m

    def _pulse(self, m: Module, pulses: WordPulses, due: int, begins: Value) -> None:
        """The pulse units' side, a clock behind that of the linear device."""
        # The stuck cells are read with their weights.
        m.submodules.stuck = stuck = WeightMemory(self.spec, 1)
        m.d.comb += [
            stuck.read_address.eq(self.read_address),
            stuck.write_address.eq(self.pulses.stuck.address),
            stuck.write.eq(self.pulses.stuck.write),
            stuck.write_word.eq(self.pulses.stuck.cells),
            pulses.device.eq(self.pulses.device),
            pulses.decays.eq(self.pulses.decays),
            pulses.by_host.eq(self.pulses.by_host),
            pulses.request.eq(self.pulses.request),
            pulses.table.eq(self.pulses.table),
            pulses.own_bytes.eq(self.pulses.own_bytes),
            pulses.operation.eq(delayed(m, self.operation, due + 1 - pulses.ahead)),
            pulses.weights.eq(delayed(m, self.word, 1)),
            pulses.stuck.eq(delayed(m, stuck.word, 1)),
            pulses.begins.eq(begins),
            self.pulses.counts.eq(pulses.counts),
        ]

    def _connections(self, m: Module, due: int) -> list[ValueLike]:
        """Which lanes' cells exist: in a recurrent layer not a unit's with itself, and none beyond the band."""
        spec = self.spec
        if not spec.recurrent:
            return [1] * spec.lanes
        m.submodules.offset = offset = Broadcast(offset_shape(spec), spec.lanes)
        m.d.comb += offset.i.eq(delayed(m, self.operation.offset, due - offset.latency))
        distances = [offset.o[lane] - lane for lane in range(spec.lanes)]
        return [(distance != 0) & (distance <= spec.reach) & (distance >= -spec.reach) for distance in distances]
