"""What pulses, decay and noise do to cells, in integers: the compiled kernels; docs/devices.md states them in words."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import byte_table, compiled, draw, saturate, stochastic_increment
from ohmprop.model.memristors.tables import STEP_FRACTION

Integers = NDArray[np.int64]

#: Most programming pulses that one update gives a cell.
MOST_PULSES = 7
#: A gain of 1; gains are from 0 to GAIN_MOST.
GAIN_ONE, GAIN_SHIFT, GAIN_MOST = 32, 5, 63
#: The spread register's fraction, in gains.
SPREAD_SHIFT = 6
#: sqrt(0) to sqrt(7), in eighths: what the noise of n pulses grows by.
ROOTS = np.rint(8 * np.sqrt(np.arange(MOST_PULSES + 1))).astype(np.int64)
ROOT_SHIFT = 3
#: Sets of random bytes of an update: one for the pulses, two that round the steps, two for the noise.
SETS, NOISY_SETS = 3, 5
#: Sets of an Euler step's read noise.
READ_SETS = 2
#: Counters of a matrix: pulses up, pulses down, those of them that met a cell at its rail.
PULSES_UP, PULSES_DOWN, PULSES_LOST = range(3)


class UnitConstants(NamedTuple):
    """A pulse unit as the kernels take it.

    Members
    -------
    steps, noises : the step tables, up and down, from the lowest weight on; int64 (2, 2**bits).
    low, high : the rails.
    zero : the tables' entry of weight 0.
    scale : left shift of a step.
    most : most pulses of one update and cell.
    spread : deviation of the cells' gains.
    """

    steps: Integers
    noises: Integers
    low: int
    high: int
    zero: int
    scale: int
    most: int
    spread: int


#: In place of a unit's constants where the cells are linear; never looked at.
LINEAR = UnitConstants(np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64), 0, 0, 0, 0, 0, 0)


@compiled
def unit_hashes(numbers: Integers) -> Integers:
    """Sixteen bits for each unit's number (its code); those of a row and a column make those of their cell.

    A multiplicative hash in 32 bits, so that no bit of it is an exclusive or of bits of the number.
    """
    x = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B1) & np.uint64(0xFFFFFFFF)
    x = (x ^ x >> np.uint64(15)) * np.uint64(0x85EBCA6B) & np.uint64(0xFFFFFFFF)
    return ((x ^ x >> np.uint64(13)) >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)


@compiled
def random_sets(sets, bits, lfsr):  # type: ignore[no-untyped-def]
    """Tables of random bytes (sets, 2**bits), one set drawn after the other, and the LFSR after them.

    Of each set one byte is drawn for each bit of a neuron's number (the layout's codes), lowest bit first. The byte of a
    cell is the exclusive or of the drawn bytes of those bits in which its row's and its column's numbers differ: entry
    ``code of row ^ code of column`` of the table. It is the same for w_ij and w_ji by construction.
    """
    tables = np.zeros((sets, 1 << bits), np.int64)
    for index in range(sets):
        drawn, lfsr = draw(bits, lfsr)
        tables[index] = byte_table(drawn)
    return tables, lfsr


@compiled
def deviate(bits: int) -> int:
    """The sum of the four nibbles of 16 bits minus 30: mean 0, standard deviation NOISE_UNIT, nearly normal."""
    return (bits & 15) + (bits >> 4 & 15) + (bits >> 8 & 15) + (bits >> 12 & 15) - 30


@compiled
def cell_gain(bits: int, spread: int) -> int:
    """Gain of the cell that hashes to these 16 bits, 0 to GAIN_MOST, GAIN_ONE on average."""
    gain: int = saturate(GAIN_ONE + ((spread * deviate(bits) + (1 << SPREAD_SHIFT - 1)) >> SPREAD_SHIFT), 0, GAIN_MOST)
    return gain


@compiled
def weight_after(weight: int, pulses: int, gain: int, deviation: int, rounding: int, unit: UnitConstants) -> int:
    """The weight after ``pulses`` (positive up, negative down, not 0), all of the step from where it was.

    ``deviation`` is ``deviate`` of random bits, 0 without noise; ``rounding`` is 16 random bits.
    """
    direction, entry = 0 if pulses > 0 else 1, weight + unit.zero
    count = abs(pulses)
    size = (count * unit.steps[direction, entry] * gain + (1 << GAIN_SHIFT - 1)) >> GAIN_SHIFT
    noise = (deviation * ROOTS[count] * unit.noises[direction, entry] + (1 << ROOT_SHIFT - 1)) >> ROOT_SHIFT
    move = ((size if pulses > 0 else -size) + noise) << unit.scale
    moved: int = saturate(weight + ((move + rounding) >> STEP_FRACTION), unit.low, unit.high)
    return moved


@compiled
def pulse_cell(weight, pulses, random, bits, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """The weight after ``pulses``, up or down, which are counted; ``random`` and ``bits`` as in ``program_cell``."""
    if pulses == 0:
        return weight
    counts[PULSES_UP if pulses > 0 else PULSES_DOWN] += abs(pulses)
    if weight == (unit.high if pulses > 0 else unit.low):
        counts[PULSES_LOST] += abs(pulses)
    if stuck:
        return weight
    deviation = deviate(random[3] | random[4] << 8) if len(random) == NOISY_SETS else 0
    return weight_after(weight, pulses, cell_gain(bits, unit.spread), deviation, random[1] | random[2] << 8, unit)


@compiled
def program_cell(weight, difference, shift, random, bits, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """The weight after an update: its pulses are what the linear device's increment would be, at most ``most``.

    ``random`` are the cell's random bytes, one of each set; ``bits`` is its hash.
    """
    pulses = saturate(stochastic_increment(difference, shift, random[0]), -unit.most, unit.most)
    return pulse_cell(weight, pulses, random, bits, stuck, unit, counts)


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
