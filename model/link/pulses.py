"""How a pulse unit's registers, step tables, stuck cells and counters go over the link (docs/protocol.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.layout import Cell
from ohmprop.model.link.protocol import PULSE_BYTES, Record, Space, number_bytes, space_words
from ohmprop.model.memristors.tables import StepTables
from ohmprop.model.memristors.unit import Masks, PulseUnit
from ohmprop.model.spec import MachineSpec

#: Bytes of a counter in PULSES; each wraps around.
COUNTER_BYTES = 4
#: Bits of a request's pulses; the higher ones of its byte are ignored.
PULSE_BITS = 4


@dataclass(frozen=True)
class PulseRegisters(Record):
    """Space.DEVICE: what the cells are. All is 0 after power-up, and the cells linear; so they are while ``most`` is 0.

    ``low`` and ``high`` are signed. A write to this space begins the count of patterns up to the next decay anew.
    """

    most: int = number_bytes(1)
    noise: int = number_bytes(1)
    scale: int = number_bytes(1)
    spread: int = number_bytes(1)
    low: int = number_bytes(1)
    high: int = number_bytes(1)
    stuck: int = number_bytes(1)
    decay_shift: int = number_bytes(1)
    decay_every: int = number_bytes(2)
    read_noise: int = number_bytes(2)

    @classmethod
    def used_bits(cls) -> dict[str, int]:
        """Bits of each register that the machine has."""
        narrow = {"most": 3, "noise": 1, "scale": 4, "stuck": 1, "decay_shift": 4, "read_noise": 12}
        return {name: narrow.get(name, 8 * width) for name, width in cls.widths().items()}

    @classmethod
    def of(cls, unit: PulseUnit | None) -> "PulseRegisters":
        """The registers' values for a pulse unit, or for linear cells."""
        if unit is None:
            return cls()
        tables = unit.tables
        return cls(
            unit.most,
            int(unit.noise),
            tables.scale,
            unit.spread,
            tables.low & 0xFF,
            tables.high & 0xFF,
            int(any(mask.any() for mask in unit.stuck)),
            unit.decay_shift,
            unit.decay_every,
            unit.read_noise,
        )

    def unit(self, spec: MachineSpec, steps: bytes, stuck: Masks) -> PulseUnit | None:
        """The pulse unit that registers, step tables and stuck cells stand for; UserError if they stand for none."""
        if not self.most:
            return None
        sizes, noises = unpack_steps(spec, steps)
        low, high = (value - 256 if value > 127 else value for value in (self.low, self.high))
        # The scheme is a matter of what the tables hold, and so the same to the machine.
        tables = StepTables(spec.weight, low, high, sizes, noises, self.scale, "reference")
        return PulseUnit(
            tables,
            self.most,
            bool(self.noise),
            self.spread,
            stuck if self.stuck else (),
            self.read_noise,
            self.decay_every,
            self.decay_shift,
        )


@dataclass(frozen=True)
class PulseRequest(Record):
    """Space.PROGRAM: pulses on one cell, whose row and column have these numbers (Layout.numbers).

    ``pulses`` is signed, up or down, in PULSE_BITS.
    """

    row: int = number_bytes(2)
    column: int = number_bytes(2)
    pulses: int = number_bytes(1)

    @classmethod
    def of(cls, spec: MachineSpec, cell: Cell, pulses: int) -> "PulseRequest":
        """The request for so many pulses, up or, if negative, down, on a cell (matrix, row, column)."""
        matrix, row, column = cell
        rows, columns = spec.layout.numbers[matrix]
        return cls(int(rows[row]), int(columns[column]), pulses & 0xFF)

    def wanted(self) -> int:
        """The pulses, up or, if negative, down."""
        half = 1 << PULSE_BITS - 1
        return (self.pulses + half) % (2 * half) - half


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
    steps, noises = np.moveaxis(np.roll(entries, -spec.weight.low, axis=1), 2, 0).astype(np.int64)
    return steps, noises


def pack_stuck(spec: MachineSpec, masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.int8]:
    """Masks of stuck cells as the words of Space.STUCK (words, lanes), 0 or 1."""
    return spec.layout.to_words([mask.astype(np.int8) for mask in masks])


def unpack_stuck(spec: MachineSpec, words: NDArray[np.int8]) -> Masks:
    """The inverse of ``pack_stuck``."""
    return tuple(matrix.astype(np.bool_) for matrix in spec.layout.from_words(words))


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
    """The inverse of ``pack_unit``, but for the scheme; ValueError or UserError if there is no such pulse unit."""
    if not spec.pulses:
        raise ValueError("there are devices for a machine without a pulse unit")
    sizes = space_words(spec)
    steps, last = sizes[Space.STEPS], len(data) - sizes[Space.DEVICE]
    stuck, registers = data[steps:last], PulseRegisters.unpack(data[last:])
    if last != steps + (registers.stuck > 0) * sizes[Space.STUCK] * spec.lanes:
        raise ValueError("the pulse unit has not the length of its parts")
    masks = unpack_stuck(spec, np.frombuffer(stuck, np.int8).reshape(-1, spec.lanes)) if stuck else ()
    unit: PulseUnit | None = registers.unit(spec, data[:steps], masks)
    if unit is None:
        raise ValueError("the pulse unit gives no pulses")
    unit.check(spec)
    return unit
