"""The pulse unit of a serial machine, with the hash, the stuck cell and the random bytes of one lane's cell after another."""

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.lib.memory import Memory

from ohmprop.hw.serial.weights import SinglePortMemory
from ohmprop.hw.shapes.pulses import OWN_SETS
from ohmprop.hw.units.pipeline import delayed
from ohmprop.hw.units.pulse import HASH_BITS, PulseUnit, asked_pulses, asked_word, hashes
from ohmprop.model.link.registers import PULSE_BITS


def asked(m: Module, synapse: Any, begun: data.View, after: list[Value], lane: Value, exists: Value) -> Signal:
    """The host's pulses on a lane's cell, one clock after ``lane``."""
    word, pulses = Signal(2, reset_less=True), Signal(signed(PULSE_BITS), reset_less=True)
    with m.If(after[2]):
        m.d.sync += word.eq(asked_word(synapse.spec, synapse.pulses.request, begun.row, begun.block))
    m.d.sync += pulses.eq(Mux(exists, asked_pulses(synapse.spec, synapse.pulses.request, word, lane), 0))
    return pulses


def pulse_unit(
    m: Module,
    synapse: Any,
    begun: data.View,
    after: list[Value],
    lane: Value,
    byte: Callable[[data.View], Value],
    memory: SinglePortMemory,
    once: Value,
) -> PulseUnit:
    """The pulse unit with what belongs to a lane's cell, one clock after ``lane``; ``once``: the cell is counted."""
    spec, layout = synapse.spec, synapse.spec.layout
    m.submodules.pulse = unit = PulseUnit(spec)

    # The cells' hashes are made of their row's and their column's; the row's is read once for a word.
    rows = hashes(range(1 << layout.code_bits))
    columns = hashes(
        [block << layout.lane_bits | index for block in range(layout.blocks) for index in range(spec.lanes)]
    )
    m.submodules.rows = row_table = Memory(shape=HASH_BITS, depth=len(rows), init=rows)
    m.submodules.columns = column_table = Memory(shape=HASH_BITS, depth=len(columns), init=columns)
    row, column = row_table.read_port(), column_table.read_port()
    row_hash, block = Signal(HASH_BITS, reset_less=True), Signal.like(begun.block, reset_less=True)
    with m.If(after[2]):
        m.d.sync += block.eq(begun.block)
    with m.If(after[3]):
        m.d.sync += row_hash.eq(row.data)
    m.d.comb += [row.addr.eq(begun.row), column.addr.eq(Cat(lane[: layout.lane_bits], block))]

    # Stuck cells are read with their word and turn with it.
    m.submodules.stuck = stuck_cells = Memory(shape=unsigned(spec.lanes), depth=layout.words, init=[])
    read, write = stuck_cells.read_port(), stuck_cells.write_port()
    stuck = Signal(spec.lanes, reset_less=True)
    m.d.sync += stuck.eq(Mux(delayed(m, memory.read, 1), read.data, stuck >> 1))
    matrix = Signal.like(begun.matrix, reset_less=True)
    with m.If(after[3]):
        m.d.sync += matrix.eq(begun.matrix)
    m.d.comb += [
        read.addr.eq(memory.read_address),
        write.addr.eq(synapse.pulses.stuck.address),
        write.data.eq(synapse.pulses.stuck.cells),
        write.en.eq(synapse.pulses.stuck.write),
        unit.device.eq(synapse.pulses.device),
        unit.decays.eq(synapse.pulses.decays),
        unit.table.eq(synapse.pulses.table),
        unit.hash.eq(row_hash ^ column.data),
        unit.stuck.eq(stuck[0] & synapse.pulses.device.stuck),
        *(unit.random[number].eq(delayed(m, byte(synapse.pulses.own_bytes[number]), 1)) for number in range(OWN_SETS)),
        synapse.pulses.counts.matrix.eq(delayed(m, matrix, 2)),
    ]
    # The other one of a pair is the same cell.
    counted = delayed(m, once, 3)
    m.d.comb += [synapse.pulses.counts[name].eq(Mux(counted, unit.counts[name], 0)) for name in ("up", "down", "lost")]
    return unit
