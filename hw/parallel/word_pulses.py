"""The pulse units of a word's lanes, with the random numbers and the hashes of its cells."""

from typing import Any

from amaranth import Array, Module, Mux, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.control.random import CellRandom
from ohmprop.hw.shapes.operation import block_shape, drawn_layout, offset_shape, operation_layout, row_code
from ohmprop.hw.shapes.pulses import OWN_SETS, device_layout, entry_write_layout, request_layout, word_counts_layout
from ohmprop.hw.units.pipeline import AdderTree, Broadcast, delayed
from ohmprop.hw.units.pulse import HASH_BITS, PulseUnit, asked_pulses, asked_word, hashes
from ohmprop.hw.units.synapse import increment_shape
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import PULSE, fan_levels


class WordPulses(wiring.Component):
    """A pulse unit a lane (hw/units/pulse.py), each with its own copy of the step tables.

    Latency PULSE clocks from ``increments`` and what belongs to them to ``new_weights``; ``operation`` comes ``ahead``
    clocks before. The pulses of a word are counted ``2 + bits_for(lanes)`` clocks behind, of a symmetric pair once. A word a
    clock, no reset.
    """

    latency = PULSE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        self.ahead = 2 + fan_levels(spec.lanes)
        cells = data.ArrayLayout(signed(spec.weight.bits), spec.lanes)
        super().__init__(
            {
                "device": In(device_layout()),
                "decays": In(1),
                "by_host": In(1),
                "request": In(request_layout(spec)),
                "table": In(entry_write_layout(spec)),
                "own_bytes": In(data.ArrayLayout(drawn_layout(spec), OWN_SETS)),
                "operation": In(operation_layout(spec)),  #: the word that is programmed
                "begins": In(1),  #: there is one
                "connected": In(spec.lanes),  #: a clock before: the lane's cell exists
                "increments": In(data.ArrayLayout(increment_shape(spec), spec.lanes)),
                "weights": In(cells),
                "stuck": In(spec.lanes),
                "new_weights": Out(cells),
                "counts": Out(word_counts_layout(spec)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, layout, operation = self.spec, self.spec.layout, self.operation
        randoms = []
        for number in range(OWN_SETS):
            m.submodules[f"random_{number}"] = random = CellRandom(spec)
            m.d.comb += [
                random.bytes.eq(self.own_bytes[number]),
                random.row.eq(row_code(spec, operation)),
                random.block.eq(operation.block),
            ]
            randoms.append(random)

        # A cell's hash is made of its row's and its column's.
        rows = hashes(range(1 << layout.code_bits))
        m.submodules.rows = table = Memory(shape=HASH_BITS, depth=len(rows), init=rows)
        read = table.read_port()
        own = data.StructLayout(
            {"hash": HASH_BITS, "block": block_shape(spec), "offset": offset_shape(spec), "asked": 2}
        )
        m.submodules.row = row = Broadcast(own, spec.lanes)
        m.d.comb += [
            read.addr.eq(row_code(spec, operation)),
            row.i.hash.eq(read.data),
            row.i.block.eq(delayed(m, operation.block, 1)),
            row.i.offset.eq(delayed(m, operation.offset, 1)),
            row.i.asked.eq(delayed(m, asked_word(spec, self.request, row_code(spec, operation), operation.block), 1)),
        ]
        kinds = ("up", "down", "lost")
        trees = {kind: AdderTree(4, spec.lanes) for kind in kinds}
        counted = delayed(m, self.begins, 2)
        for lane in range(spec.lanes):
            m.submodules[f"unit_{lane}"] = unit = PulseUnit(spec)
            columns = hashes([block << layout.lane_bits | lane for block in range(layout.blocks)])
            asked = Mux(self.connected[lane], asked_pulses(spec, self.request, row.o[lane].asked, lane), 0)
            # The other one of a pair is the same cell.
            once = delayed(m, row.o[lane].offset > lane, 3) if spec.recurrent else 1
            m.d.comb += [
                unit.device.eq(self.device),
                unit.decays.eq(self.decays),
                unit.table.eq(self.table),
                unit.increment.eq(Mux(self.by_host, delayed(m, asked, 1), self.increments[lane])),
                unit.weight.eq(self.weights[lane]),
                unit.hash.eq(delayed(m, row.o[lane].hash ^ Array(columns)[row.o[lane].block], 1)),
                unit.stuck.eq(self.stuck[lane] & self.device.stuck),
                self.new_weights[lane].eq(unit.new_weight),
                *(unit.random[number].eq(random.o[lane]) for number, random in enumerate(randoms)),
                *(trees[kind].i[lane].eq(Mux(once, unit.counts[kind], 0)) for kind in kinds),
            ]
        for kind, tree in trees.items():
            m.submodules[f"tree_{kind}"] = tree
            m.d.comb += [tree.enable.eq(counted), self.counts[kind].eq(tree.o)]
        m.d.comb += [
            self.counts.valid.eq(delayed(m, counted, trees["up"].latency)),
            self.counts.matrix.eq(delayed(m, operation.matrix, self.ahead + 2 + trees["up"].latency)),
        ]
        return m
