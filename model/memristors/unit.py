"""The pulse unit: what a programming pulse does to a cell, in integers; docs/devices.md states it in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import byte_table, compiled, draw, saturate, stochastic_increment
from ohmprop.model.errors import UserError
from ohmprop.model.layout import Cell
from ohmprop.model.memristors.curves import Device
from ohmprop.model.memristors.tables import NOISE_UNIT, STEP_FRACTION, StepTables, step_tables
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import whole

Integers = NDArray[np.int64]
Masks = tuple[NDArray[np.bool_], ...]

#: Most programming pulses that one update gives a cell.
MOST_PULSES = 7
#: A gain of 1; gains are from 0 to GAIN_MOST.
GAIN_ONE, GAIN_SHIFT, GAIN_MOST = 32, 5, 63
#: The spread register's fraction, in gains.
SPREAD_SHIFT = 6
#: sqrt(0) to sqrt(7), in eighths: what the noise of so many pulses grows by.
ROOTS = np.rint(8 * np.sqrt(np.arange(MOST_PULSES + 1))).astype(np.int64)
ROOT_SHIFT = 3
#: Sets of random bytes of an update: one for the pulses, two that round the steps, two for the noise.
SETS, NOISY_SETS = 3, 5
#: Sets of an Euler step's read noise.
READ_SETS = 2
#: Counters of a matrix: pulses up, pulses down, those of them that met a cell at its rail.
PULSES_UP, PULSES_DOWN, PULSES_LOST = range(3)


def no_cells(spec: MachineSpec) -> Masks:
    """A mask of each matrix's shape in which no cell is set."""
    return tuple(np.zeros((matrix.rows, matrix.columns), np.bool_) for matrix in spec.matrices)


@dataclass(frozen=True, eq=False)
class PulseUnit:
    """The devices of a machine's cells and what is wrong with them; each field is a switch of its own.

    Members
    -------
    tables : the steps.
    most : most pulses of one update and cell, 1 to 7.
    noise : noise from pulse to pulse is on.
    spread : deviation of the cells' gains from device to device, 0 to 255: the standard deviation is
        ``spread`` * NOISE_UNIT / 2048, but gains end at 0 and 63/32. 0: all cells are alike.
    stuck : cells that no pulse moves, a bool array of each matrix's shape; none if empty.
    read_noise : noise of each current, 0 to 4095: the standard deviation is ``read_noise`` * NOISE_UNIT in LSBs of the
        sum of weight times activity. 0: none.
    decay_every : after so many learnt patterns every weight loses about 2**-decay_shift of itself; 0: never.
    decay_shift : 1 to 15.
    """

    tables: StepTables
    most: int = 1
    noise: bool = False
    spread: int = 0
    stuck: Masks = ()
    read_noise: int = 0
    decay_every: int = 0
    decay_shift: int = 8

    def __post_init__(self) -> None:
        whole("most", self.most, 1, MOST_PULSES)
        whole("spread", self.spread, 0, 255)
        whole("read_noise", self.read_noise, 0, 4095)
        whole("decay_every", self.decay_every, 0, 65535)
        whole("decay_shift", self.decay_shift, 1, 15)

    def check(self, spec: MachineSpec) -> None:
        """Refuse, in one sentence, a machine that these devices do not fit."""
        for matrix in spec.matrices:
            if matrix.weight.bits != self.tables.weight.bits:
                raise UserError(
                    f"The step tables are for weights of {self.tables.weight.bits} bits and the machine has {matrix.weight}; "
                    "make tables for the machine's weights."
                )
        most = spec.accumulator.high - spec.worst_accumulator
        if self.read_noise * 30 > most:
            raise UserError(
                f"read_noise = {self.read_noise} may overflow the accumulator of {spec.accumulator}; give at most "
                f"{most // 30}, or an accumulator of more bits."
            )
        shapes = [(matrix.rows, matrix.columns) for matrix in spec.matrices]
        if self.stuck and [mask.shape for mask in self.stuck] != shapes:
            raise UserError(
                f"The stuck cells are given for arrays of {[mask.shape for mask in self.stuck]}, and the machine's are "
                f"{shapes}; give one mask of each matrix's shape."
            )

    def masks(self, spec: MachineSpec) -> Masks:
        """The stuck cells of each matrix."""
        return self.stuck or no_cells(spec)

    @property
    def sets(self) -> int:
        """Sets of random bytes that an update draws."""
        return NOISY_SETS if self.noise else SETS

    @property
    def constants(self) -> tuple[Integers, Integers, tuple[int, ...]]:
        """What the compiled loops take: steps, noises; rails, the entry of weight 0, scale, most, spread."""
        tables = self.tables
        numbers = (tables.low, tables.high, -tables.weight.low, tables.scale, self.most, self.spread)
        return tables.steps, tables.noises, numbers


def pulse_unit(device: Device, spec: MachineSpec, most: int = 1, scheme: str | None = None) -> PulseUnit:
    """The pulse unit of a device with all of its noise and spread; switch off with dataclasses.replace."""
    tables = step_tables(device, spec.matrices[0].weight, scheme)
    spread = min(255, round(device.spread * GAIN_ONE * (1 << SPREAD_SHIFT) / NOISE_UNIT))
    return PulseUnit(tables, most, bool(tables.noises.any()), spread)


def outside(spec: MachineSpec, matrix: int, row: int, column: int) -> str:
    """The end of a sentence about a cell that is none."""
    shapes = (f"matrix {index} of {matrix.rows} x {matrix.columns}" for index, matrix in enumerate(spec.matrices))
    return (
        f"({matrix}, {row}, {column}) is outside the array; give matrix, row and column of a synapse in "
        f"{', '.join(shapes)}."
    )


def stuck_cells(
    spec: MachineSpec,
    weights: Sequence[NDArray[np.integer]],
    tables: StepTables,
    cells: Sequence[tuple[int, int, int, str]],
) -> Masks:
    """Masks of stuck cells, each given as matrix, row, column and where: "min", "max" or "frozen" at its weight.

    Those at G_min or G_max are set in ``weights`` (one array a matrix, changed in place). In a recurrent machine (i, j)
    and (j, i) are one cell. UserError if a cell is not in the array or sticks somewhere else.
    """
    masks, layout = no_cells(spec), spec.layout
    places = {"min": tables.low, "max": tables.high, "frozen": None}
    for matrix, row, column, where in cells:
        if not layout.has(matrix, row, column):
            raise UserError(f"The stuck cell {outside(spec, matrix, row, column)}")
        if where not in places:
            raise UserError(f"A cell cannot stick at {where!r}; give one of {', '.join(places)}.")
        for cell in {(row, column), (column, row)} if spec.recurrent else {(row, column)}:
            masks[matrix][cell] = True
            level = places[where]
            if level is not None:
                weights[matrix][cell] = level
    return masks


@compiled
def unit_hashes(numbers: Integers) -> Integers:
    """Sixteen bits for each unit's number (its code); those of a row and a column make those of their cell.

    A multiplicative hash in 32 bits, so that no bit of it is an exclusive or of bits of the number.
    """
    x = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B1) & np.uint64(0xFFFFFFFF)
    x = (x ^ x >> np.uint64(15)) * np.uint64(0x85EBCA6B) & np.uint64(0xFFFFFFFF)
    return ((x ^ x >> np.uint64(13)) >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)


@compiled
def deviate(bits: int) -> int:
    """The sum of the four nibbles of 16 bits, less 30: mean 0, standard deviation NOISE_UNIT, nearly normal."""
    return (bits & 15) + (bits >> 4 & 15) + (bits >> 8 & 15) + (bits >> 12 & 15) - 30


@compiled
def cell_gain(bits: int, spread: int) -> int:
    """Gain of the cell that hashes to these 16 bits, 0 to GAIN_MOST, GAIN_ONE on average."""
    gain: int = saturate(GAIN_ONE + ((spread * deviate(bits) + (1 << SPREAD_SHIFT - 1)) >> SPREAD_SHIFT), 0, GAIN_MOST)
    return gain


@compiled
def pulsed(weight: int, pulses: int, gain: int, deviation: int, rounding: int, steps, noises, numbers) -> int:  # type: ignore[no-untyped-def]
    """The weight after ``pulses`` (positive up, negative down, not 0), all of the step from where it was.

    ``deviation`` is ``deviate`` of random bits, 0 without noise; ``rounding`` is 16 random bits.
    """
    low, high, zero, scale = numbers[0], numbers[1], numbers[2], numbers[3]
    direction = 0 if pulses > 0 else 1
    count = abs(pulses)
    size = (count * steps[direction, weight + zero] * gain + (1 << GAIN_SHIFT - 1)) >> GAIN_SHIFT
    noise = (deviation * ROOTS[count] * noises[direction, weight + zero] + (1 << ROOT_SHIFT - 1)) >> ROOT_SHIFT
    move = ((size if pulses > 0 else -size) + noise) << scale
    moved: int = saturate(weight + ((move + rounding) >> STEP_FRACTION), low, high)
    return moved


@compiled
def given(weight, pulses, random, bits, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """The weight after ``pulses``, up or down, which are counted; ``random`` and ``bits`` as in ``program_cell``."""
    if pulses == 0:
        return weight
    steps, noises, numbers = unit
    low, high, spread = numbers[0], numbers[1], numbers[5]
    counts[PULSES_UP if pulses > 0 else PULSES_DOWN] += abs(pulses)
    if weight == (high if pulses > 0 else low):
        counts[PULSES_LOST] += abs(pulses)
    if stuck:
        return weight
    deviation = deviate(random[3] | random[4] << 8) if len(random) == NOISY_SETS else 0
    return pulsed(
        weight, pulses, cell_gain(bits, spread), deviation, random[1] | random[2] << 8, steps, noises, numbers
    )


@compiled
def program_cell(weight, difference, shift, random, bits, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """The weight after an update: its pulses are what the linear device's increment would be, at most ``most``.

    ``random`` are the cell's random bytes, one of each set; ``bits`` is its hash.
    """
    most = unit[2][4]
    pulses = saturate(stochastic_increment(difference, shift, random[0]), -most, most)
    return given(weight, pulses, random, bits, stuck, unit, counts)


@compiled
def random_sets(sets, bits, lfsr):  # type: ignore[no-untyped-def]
    """Tables of random bytes (sets, 2**bits), one set drawn after the other, and the LFSR after them."""
    tables = np.zeros((sets, 1 << bits), np.int64)
    for index in range(sets):
        drawn, lfsr = draw(bits, lfsr)
        tables[index] = byte_table(drawn)
    return tables, lfsr


def pulse_cell(
    spec: MachineSpec,
    unit: PulseUnit,
    weights: Sequence[NDArray[np.integer]],
    counts: Integers,
    cell: Cell | None,
    pulses: int,
    lfsr: int,
) -> int:
    """Give one cell so many pulses, up or, if negative, down; returns the LFSR after it.

    The bytes of an update are drawn. ``weights`` (one array a matrix) and ``counts`` (matrices, 3) are changed in place;
    in a recurrent machine (i, j) and (j, i) are one cell. None is no cell, and nothing moves.
    """
    layout = spec.layout
    tables, lfsr = random_sets(unit.sets, layout.code_bits, lfsr)
    if cell is None:
        return int(lfsr)
    matrix, row, column = cell
    rows, columns = layout.numbers[matrix]
    numbers = np.array([rows[row], columns[column]])
    row_hash, column_hash = unit_hashes(numbers)
    weight = given(
        np.int64(weights[matrix][row, column]),
        saturate(pulses, -unit.most, unit.most),
        tables[:, numbers[0] ^ numbers[1]],
        row_hash ^ column_hash,
        unit.masks(spec)[matrix][row, column],
        unit.constants,
        counts[matrix],
    )
    for place in ((row, column), (column, row)) if spec.recurrent else ((row, column),):
        weights[matrix][place] = weight
    return int(lfsr)


@compiled
def program_pairs(weights, terms, codes, tables, hashes, shifts, reach, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """Pulses for each symmetric pair of a recurrent layer; its difference is (a_i b_j + c_i d_j) >> shifts[0]."""
    a, b, c, d = terms
    first, second = shifts
    for i in range(len(codes)):
        for j in range(max(0, i - reach), i):
            difference = (a[i] * b[j] + c[i] * d[j]) >> first
            random = tables[:, codes[i] ^ codes[j]]
            weight = program_cell(
                np.int64(weights[i, j]), difference, second, random, hashes[i] ^ hashes[j], stuck[i, j], unit, counts
            )
            weights[i, j] = weight
            weights[j, i] = weight


@compiled
def decayed(weight, shift, rounding):  # type: ignore[no-untyped-def]
    """The weight after it has lost 2**-shift of itself, rounded at random by 16 bits."""
    lost = ((abs(weight) << STEP_FRACTION >> shift) + rounding) >> STEP_FRACTION
    return weight - lost if weight > 0 else weight + lost


@compiled
def decay_matrix(weights, row_codes, column_codes, tables, shift, stuck):  # type: ignore[no-untyped-def]
    """Let every cell that is not stuck decay; ``tables`` are two sets of random bytes."""
    for i in range(len(row_codes)):
        for j in range(len(column_codes)):
            if not stuck[i, j] and weights[i, j]:
                code = row_codes[i] ^ column_codes[j]
                rounding = tables[0, code] | tables[1, code] << 8
                weights[i, j] = decayed(np.int64(weights[i, j]), shift, rounding)


@compiled
def read_deviations(codes, bits, amplitude, lfsr, noise):  # type: ignore[no-untyped-def]
    """Fill ``noise`` (neurons,) with each current's read noise in one Euler step; the LFSR after it.

    Two bytes are drawn for each bit of a number and two more, which all neurons share, since number 0 has no bit set.
    """
    tables, lfsr = random_sets(READ_SETS, bits + 1, lfsr)
    for i in range(len(codes)):
        code = codes[i] | 1 << bits
        noise[i] = amplitude * deviate(tables[0, code] | tables[1, code] << 8)
    return lfsr
