"""A pulse unit's step tables, stuck cells and counters as bytes (docs/protocol.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.link.registers import PulseRegisters
from ohmprop.model.link.spaces import PULSE_BYTES, Space, space_words
from ohmprop.model.memristors.tables import StepTables
from ohmprop.model.memristors.unit import Masks, PulseUnit
from ohmprop.model.spec import MachineSpec

#: Bytes of a counter in PULSES; each wraps around.
COUNTER_BYTES = 4


@dataclass(frozen=True)
class PulseCounts:
    """A matrix's counters in Space.PULSES: pulses up and down, and those of them that met their cell at its rail."""

    up: int
    down: int
    lost: int


def pack_counts(counts: NDArray[np.int64]) -> bytes:
    """Counters (matrices, 3) as Space.PULSES: four a matrix, the last one 0."""
    padded = np.zeros((len(counts), PULSE_BYTES // COUNTER_BYTES), "<u4")
    padded[:, : counts.shape[1]] = counts % (1 << 8 * COUNTER_BYTES)
    return padded.tobytes()


def unpack_counts(data: bytes) -> list[PulseCounts]:
    """The inverse of ``pack_counts``."""
    counts = np.frombuffer(data, "<u4").reshape(-1, PULSE_BYTES // COUNTER_BYTES)
    return [PulseCounts(*row) for row in counts[:, : len(fields(PulseCounts))].tolist()]


def pack_steps(tables: StepTables) -> bytes:
    """Step tables as Space.STEPS: those of pulses up, then down, each from weight 0 upwards and then from the lowest one.

    An entry is the step and the noise, two bytes each.
    """
    entries = np.stack([tables.steps, tables.noises], axis=2)
    return np.roll(entries, tables.weight.low, axis=1).astype("<u2").tobytes()


def unpack_steps(spec: MachineSpec, data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps and noises (2, 2**bits), from the lowest weight on: the inverse of ``pack_steps``."""
    entries = np.frombuffer(data, "<u2").reshape(2, 1 << spec.weight.bits, 2) & 0xFFF
    # Rows in one piece, as tables that were never packed have them: others would need compiled loops of their own.
    steps, noises = np.moveaxis(np.roll(entries, -spec.weight.low, axis=1), 2, 0).astype(np.int64, order="C")
    return steps, noises


def pack_stuck(spec: MachineSpec, masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.int8]:
    """Masks of stuck cells as the words of Space.STUCK (words, lanes), 0 or 1."""
    return spec.layout.to_words([mask.astype(np.int8) for mask in masks])


def unpack_stuck(spec: MachineSpec, words: NDArray[np.int8]) -> Masks:
    """The inverse of ``pack_stuck``."""
    return tuple(matrix.astype(np.bool_) for matrix in spec.layout.from_words(words))


def unit_of(spec: MachineSpec, registers: PulseRegisters, steps: bytes, stuck: Masks) -> PulseUnit | None:
    """The pulse unit that registers, step tables and stuck cells stand for; UserError if they stand for none."""
    if not registers.most:
        return None
    sizes, noises = unpack_steps(spec, steps)
    low, high = (value - 256 if value > 127 else value for value in (registers.low, registers.high))
    # The scheme is a matter of what the tables hold, and so the same to the machine.
    tables = StepTables(spec.weight, low, high, sizes, noises, registers.scale, "reference")
    return PulseUnit(
        tables,
        registers.most,
        bool(registers.noise),
        registers.spread,
        stuck if registers.stuck else (),
        registers.read_noise,
        registers.decay_every,
        registers.decay_shift,
    )


def unit_spaces(spec: MachineSpec, unit: PulseUnit | None) -> list[tuple[Space, bytes]]:
    """What is to be written for a pulse unit, or for linear cells, in this order: each space's content."""
    if unit is None:
        return [(Space.DEVICE, PulseRegisters.of(None).pack())]
    registers = PulseRegisters.of(unit)
    stuck = [(Space.STUCK, pack_stuck(spec, unit.stuck).tobytes())] if registers.stuck else []
    return [(Space.STEPS, pack_steps(unit.tables)), *stuck, (Space.DEVICE, registers.pack())]


def pack_unit(spec: MachineSpec, unit: PulseUnit) -> bytes:
    """A pulse unit as what is to be written for it, one space's content after the other."""
    return b"".join(content for _, content in unit_spaces(spec, unit))


def unpack_unit(spec: MachineSpec, data: bytes) -> PulseUnit:
    """The inverse of ``pack_unit``, except for the scheme; ValueError or UserError if the bytes are no valid pulse unit."""
    if not spec.pulses:
        raise ValueError("there are devices for a machine without a pulse unit")
    sizes = space_words(spec)
    steps, last = sizes[Space.STEPS], len(data) - sizes[Space.DEVICE]
    stuck, registers = data[steps:last], PulseRegisters.unpack(data[last:])
    if last != steps + (registers.stuck > 0) * sizes[Space.STUCK] * spec.lanes:
        raise ValueError("the pulse unit's length is not that of its parts")
    masks = unpack_stuck(spec, np.frombuffer(stuck, np.int8).reshape(-1, spec.lanes)) if stuck else ()
    unit = unit_of(spec, registers, data[:steps], masks)
    if unit is None:
        raise ValueError("the pulse unit gives no pulses")
    unit.check(spec)
    return unit
