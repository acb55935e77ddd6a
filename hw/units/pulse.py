"""The pulse unit: moves a cell by programming pulses as a memristor moves, or lets it decay (docs/devices.md)."""

from typing import Any

import numpy as np
from amaranth import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.hdl import Shape, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import ArrayLike

from ohmprop.hw.shapes.pulses import OWN_SETS, device_layout, entry_write_layout
from ohmprop.hw.units.pipeline import delayed
from ohmprop.hw.units.synapse import increment_shape
from ohmprop.model.link.registers import PULSE_BITS
from ohmprop.model.memristors.kernels import (
    GAIN_MOST,
    GAIN_ONE,
    GAIN_SHIFT,
    MOST_PULSES,
    ROOT_SHIFT,
    ROOTS,
    SPREAD_SHIFT,
    unit_hashes,
)
from ohmprop.model.memristors.tables import ENTRY_BITS, STEP_FRACTION
from ohmprop.model.spec import DITHER_BITS, MachineSpec
from ohmprop.model.timing import PULSE

#: Bits of a unit's hash, and of the random numbers that round a step and make its noise: two sets of bytes.
HASH_BITS = 2 * DITHER_BITS


def pulses_shape(spec: MachineSpec) -> Shape:
    """Pulses before they are limited: what the linear device would add, or what the host asks for."""
    return signed(max(PULSE_BITS, increment_shape(spec).width))


def asked_word(spec: MachineSpec, request: data.View, row: Value, block: Value) -> Value:
    """Whether the word of row number ``row`` in this block has the host's cell: two bits, of a pair for either copy.

    The first one's lane is the column's, the second one's the row's.
    """
    layout = spec.layout
    units = Array(np.bincount(layout.places // spec.lanes).tolist())

    def holds(number: Value) -> Value:
        """A neuron of that number is in the block."""
        its_lane, its_block = number[: layout.lane_bits], number[layout.lane_bits : layout.neuron_bits]
        return (its_block == block) & (its_lane < units[its_block])

    turned = (row == request.column) & holds(request.row) if spec.recurrent else Const(0)
    return Cat((row == request.row) & holds(request.column), turned)


def asked_pulses(spec: MachineSpec, request: data.View, word: Value, lane: ValueLike) -> Value:
    """The host's pulses on the cell in this lane of a word; ``word`` is its ``asked_word``."""
    bits = spec.layout.lane_bits
    hit = (word[0] & (request.column[:bits] == lane)) | (word[1] & (request.row[:bits] == lane))
    return Mux(hit, request.pulses, 0)


def counts_layout() -> data.StructLayout:
    """Pulses of one cell, for the counters."""
    return data.StructLayout({"up": 3, "down": 3, "lost": 3})


def hashes(codes: ArrayLike) -> list[int]:
    """The hashes of units by their numbers."""
    return unit_hashes(np.asarray(codes, np.int64)).tolist()


def product(factor: Value, number: Value) -> Value:
    """``factor``, unsigned and of few bits, times ``number``: in logic, since an FPGA's multipliers are few."""
    return sum(Mux(bit, number << at, 0) for at, bit in enumerate(factor))


def deviate(bits: Value) -> Value:
    """The sum of four nibbles minus 30 (ohmprop.model.memristors.kernels.deviate)."""
    return sum((bits[at : at + 4] for at in range(4, HASH_BITS, 4)), bits[:4]) - 30


class PulseUnit(wiring.Component):
    """One lane's pulses: new weight = sat(weight + move), docs/devices.md, to the bit of model.memristors.kernels.weight_after.

    increment: what the linear device would add, or the host's pulses, saturated to +-``device.most``; no pulse leaves the
    weight.
    Step: entry of the table x pulses x gain, gain = sat(1 + spread x deviate(hash)) in 1/32, rounded to nearest in entries.
    Noise: entry x deviate(random) x sqrt(pulses) in 1/8, rounded to nearest. Move: their sum << scale, exact in 2**-16 levels,
    rounded at random by 16 bits. Saturates at the registers ``low`` and ``high``.
    Decay: move = -weight / 2**decay_shift, rounded at random towards 0 or away from it; does not saturate.
    A stuck cell stays; its pulses are counted.
    Latency ``PULSE`` clocks from ``increment`` and all that belongs to it to ``new_weight``, 2 to ``counts``. A cell a clock,
    no reset; the tables are 0 at power-up.
    """

    latency = PULSE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        weight = signed(spec.weight.bits)
        super().__init__(
            {
                "device": In(device_layout()),  #: constant during an update
                "decays": In(1),  #: let the cell decay instead; constant during a sweep
                "table": In(entry_write_layout(spec)),
                "increment": In(pulses_shape(spec)),  #: 0 where there is no cell
                "weight": In(weight),
                "random": In(data.ArrayLayout(DITHER_BITS, OWN_SETS)),  #: the cell's bytes of sets 1 to 4
                "hash": In(HASH_BITS),  #: the cell's
                "stuck": In(1),
                "new_weight": Out(weight),
                "counts": Out(counts_layout()),  #: 0 in a decay
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        device, most = self.device, self.device.most

        # 1: how many pulses; what is random, and what is the cell's own.
        first = Signal(
            data.StructLayout(
                {
                    "weight": self.weight.shape(),
                    "keeps": 1,
                    "up": 1,
                    "pulses": range(MOST_PULSES + 1),
                    "rounding": STEP_FRACTION,
                }
            ),
            reset_less=True,
        )
        own_deviate, deviation = Signal(signed(6), reset_less=True), Signal(signed(6), reset_less=True)
        above, below = self.increment > most, self.increment < -most
        wanted = Mux(self.increment < 0, -self.increment, self.increment)
        # A decay rounds alike on both sides of 0.
        turned = (self.decays & (self.weight > 0)).replicate(STEP_FRACTION)
        m.d.sync += [
            first.weight.eq(self.weight),
            first.keeps.eq(self.stuck | ((self.increment == 0) & ~self.decays)),
            first.up.eq(self.increment > 0),
            first.pulses.eq(Mux(above | below, most, wanted)),
            first.rounding.eq(Cat(self.random[0], self.random[1]) ^ turned),
            own_deviate.eq(deviate(self.hash)),
            deviation.eq(Mux(device.noise, deviate(Cat(self.random[2], self.random[3])), 0)),
        ]
        after = [first, first]  # delayed by 1, 2, ... clocks
        for clocks in range(2, PULSE):
            after.append(Signal(first.shape(), name=f"after_{clocks}", reset_less=True))
            m.d.sync += after[clocks].eq(after[clocks - 1])

        # 2: the gain's deviation, the noise of these pulses, and the counts.
        spread, noises = Signal(signed(14), reset_less=True), Signal(signed(11), reset_less=True)
        counted, root = Mux(self.decays, 0, first.pulses), Signal(range(max(ROOTS) + 1))
        m.d.comb += root.eq(Array(ROOTS.tolist())[first.pulses])
        m.d.sync += [
            spread.eq(product(device.spread, own_deviate)),
            noises.eq(product(root, deviation)),
            self.counts.up.eq(Mux(first.up, counted, 0)),
            self.counts.down.eq(Mux(first.up, 0, counted)),
            self.counts.lost.eq(Mux(first.weight == Mux(first.up, device.high, device.low), counted, 0)),
        ]

        # 3: the entry of the tables; pulses times gain.
        step, noise = self._entry(m, Cat(first.weight, ~first.up))
        gain = GAIN_ONE + ((spread + (1 << SPREAD_SHIFT - 1)) >> SPREAD_SHIFT)
        limited = Signal(range(GAIN_MOST + 1))
        steps = Signal(range(MOST_PULSES * GAIN_MOST + 1), reset_less=True)
        m.d.comb += limited.eq(Mux(gain < 0, 0, Mux(gain > GAIN_MOST, GAIN_MOST, gain)))
        m.d.sync += steps.eq(product(after[2].pulses, limited))

        # 4: the two products.
        size = Signal(len(step) + len(steps), reset_less=True)
        spoilt = Signal(signed(len(noise) + len(noises)), reset_less=True)
        m.d.sync += [size.eq(step * steps), spoilt.eq(noise * delayed(m, noises, 1))]

        # 5: the move, in entries.
        whole = (size + (1 << GAIN_SHIFT - 1)) >> GAIN_SHIFT
        moved = Mux(after[4].up, whole, -whole) + ((spoilt + (1 << ROOT_SHIFT - 1)) >> ROOT_SHIFT)
        move = Signal(signed(20), reset_less=True)
        m.d.sync += move.eq(Mux(self.decays, -after[4].weight, moved))

        # 6: in 2**-16 levels. 7: rounded at random and added, which is one sum. 8: within the rails.
        scale = Mux(self.decays, STEP_FRACTION - device.decay_shift, device.scale)[:4]
        fine = Signal(signed(len(move) + STEP_FRACTION - 1), reset_less=True)
        total = Signal(signed(len(move) + 1), reset_less=True)
        before = Cat(after[6].rounding, after[6].weight).as_signed()
        m.d.sync += [fine.eq(move << scale), total.eq((fine + before) >> STEP_FRACTION)]
        railed = Mux(total > device.high, device.high, Mux(total < device.low, device.low, total))
        m.d.sync += self.new_weight.eq(Mux(after[7].keeps, after[7].weight, Mux(self.decays, total, railed)))
        return m

    def _entry(self, m: Module, entry: Value) -> tuple[Value, Value]:
        """The step and the noise of an entry of the tables, two clocks later."""
        m.submodules.table = table = Memory(shape=2 * ENTRY_BITS, depth=2 << self.spec.weight.bits, init=[])
        read, write = table.read_port(), table.write_port()
        kept = Signal(2 * ENTRY_BITS, reset_less=True)
        m.d.comb += [
            read.addr.eq(entry),
            write.addr.eq(self.table.entry),
            write.data.eq(Cat(self.table.step, self.table.noise)),
            write.en.eq(self.table.write),
        ]
        m.d.sync += kept.eq(read.data)
        return kept[:ENTRY_BITS], kept[ENTRY_BITS:]
