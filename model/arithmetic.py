"""The machine's integer operations, once; docs/arithmetic.md states them in words and the hardware cites both.

The scalar functions are compiled by numba where it is installed, and run as plain Python elsewhere.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.formats import Format
from ohmprop.model.spec import DITHER_BITS, MachineSpec

try:
    from numba import njit
except ImportError:  # the loops then run uncompiled: the same results, hundreds of times slower
    njit = None  # type: ignore[assignment]
#: Whether loops are compiled.
COMPILED = njit is not None


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled if numba is there."""
    return function if njit is None else njit(cache=True)(function)


#: The slopes g' of tanh, 0 to just below 1.
SLOPE = Format(False, 8, 8)
SLOPE_FRACTION = SLOPE.fraction
#: Feedback of the Galois LFSR when it shifts right: x^32 + x^22 + x^2 + x + 1, a maximal sequence.
LFSR_TAPS = 0x80200003
#: The LFSR's value at power-up; any value but zero will do.
DEFAULT_LFSR = 0x1D872B41
#: Shifts of the LFSR between two random bytes, so that no bit is used twice.
LFSR_SHIFTS = 8


@compiled
def saturate(value: int, low: int, high: int) -> int:
    """``value`` limited to low..high."""
    return min(max(value, low), high)


@compiled
def round_shift(value: int, shift: int) -> int:
    """``value`` / 2**shift rounded to the nearest integer, ties upwards; ``shift`` at least 1."""
    return (value + (1 << (shift - 1))) >> shift


@compiled
def converted(value: int, shift: int, low: int, high: int) -> int:
    """``value`` as a converter has it: its code, rounded to the nearest, ties upwards, saturated to low..high, times 2**shift.

    The arguments behind the value are those of a Converter; with a ``shift`` of 0 the value stays as it is.
    """
    if shift == 0:
        return value
    code: int = saturate(round_shift(value, shift), low, high)
    return code << shift


@compiled
def all_converted(values: NDArray[Any], converter: tuple[int, int, int]) -> NDArray[Any]:
    """``converted`` for each value; the array itself if there is no converter."""
    if converter[0] == 0:
        return values
    result = np.empty_like(values)
    for index in range(len(values)):
        result[index] = converted(np.int64(values[index]), converter[0], converter[1], converter[2])
    return result


@compiled
def stochastic_increment(difference: int, shift: int, random: int) -> int:
    """A weight's increment from the activities' difference, rounded up or down at random.

    floor((difference / 2**shift + 2 * random + 1) / 2**(DITHER_BITS + 1)), the inner division floored as well: the random
    byte is added just below the weight's LSB, with a half behind it, so that the mean is unbiased to 2**-9 of an LSB.
    ``shift`` is the matrix's eta_shift minus its Matrix.shift_base; ``random`` is 0 to 255.
    """
    return ((difference >> shift) + 2 * random + 1) >> (DITHER_BITS + 1)


@compiled
def neuron_step(
    state: int, current: int, drive: int, error: int, leak_shift: int, nudge_shift: int, low: int, high: int
) -> int:
    """A neuron's state after one Euler step of eps = 1/2, saturated to low..high.

    v + round(A / 2**(leak_shift + 1)), A = current + (drive - v) * 2**leak_shift + error * 2**nudge_shift: Hopfield's form
    of Scellier and Bengio 2017, eq. 5. ``drive`` is the input in LSBs of the state, ``error`` the nudge T - g in LSBs of
    the activity, 0 in the free phase.
    """
    total = current + ((drive - state) << leak_shift) + (error << nudge_shift)
    stepped: int = saturate(state + round_shift(total, leak_shift + 1), low, high)
    return stepped


@compiled
def whole_step(current: int, drive: int, error: int, leak_shift: int, nudge_shift: int, low: int, high: int) -> int:
    """A neuron's state after one Euler step of eps = 1, which does not depend on the one before; else as ``neuron_step``.

    round((current + drive * 2**leak_shift + error * 2**nudge_shift) / 2**leak_shift).
    """
    total = current + (drive << leak_shift) + (error << nudge_shift)
    stepped: int = saturate(round_shift(total, leak_shift), low, high)
    return stepped


@compiled
def side_step(
    side: int, current: int, error: int, slope: int, weight_fraction: int, error_shift: int, low: int, high: int
) -> int:
    """A side network's state after one Euler step of eps = 1/2, within low..high as it was before.

    y + round((g' e - y) / 2), e = sum of w y + T - g, rounded to LSBs of y and saturated to low..high: Almeida 1987 and Pineda
    1987, as in Zoppo, Marrone, Corinto 2020. ``current`` is the sum of w y, ``error`` is T - g in LSBs of the activity,
    ``slope`` is g' in the format SLOPE, below 1, so that y lies between two numbers that are within low..high.
    """
    excitation = saturate(round_shift(current + (error << error_shift), weight_fraction), low, high)
    stepped: int = side + round_shift(excitation * slope - (side << SLOPE_FRACTION), SLOPE_FRACTION + 1)
    return stepped


@compiled
def lfsr_advance(lfsr: int) -> int:
    """The LFSR after the shifts of one random byte; the byte was the low eight bits before them."""
    for _ in range(LFSR_SHIFTS):
        lfsr = (lfsr >> 1) ^ LFSR_TAPS if lfsr & 1 else lfsr >> 1
    return lfsr


@compiled
def draw(bits: int, lfsr: int) -> tuple[NDArray[np.int64], int]:
    """The random bytes of one update, ``bits`` of them in the order of their drawing, and the LFSR after it."""
    drawn = np.zeros(bits, np.int64)
    for bit in range(bits):
        drawn[bit] = lfsr & 0xFF
        lfsr = lfsr_advance(lfsr)
    return drawn, lfsr


@compiled
def nudge_sign(sign: int, lfsr: int) -> tuple[int, int]:
    """A pattern's sign of the nudge, and the LFSR after it: ``sign``, or if that is 0 one that the LFSR's lowest bit draws."""
    if sign:
        return sign, lfsr
    return 1 - 2 * (lfsr & 1), lfsr_advance(lfsr)


@compiled
def byte_table(drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Entry k is the exclusive or of those drawn bytes whose bit is set in k."""
    table = np.zeros(1 << len(drawn), np.int64)
    for bit in range(len(drawn)):
        for entry in range(1 << bit):
            table[1 << bit | entry] = table[entry] ^ drawn[bit]
    return table


def tanh_table(spec: MachineSpec) -> NDArray[np.int64]:
    """Activities g = tanh(v) for every state, lowest state first; shape (2**state bits,), within +-activity limit."""
    states = np.arange(spec.state.low, spec.state.high + 1) / spec.state.one
    limit = spec.activity_limit
    table: NDArray[np.int64] = np.clip(np.rint(np.tanh(states) * spec.activity.one), -limit, limit).astype(np.int64)
    return table


def slope_table(spec: MachineSpec) -> NDArray[np.int64]:
    """Slopes g' = 1 - tanh(v)**2 for every state, lowest state first; shape (2**state bits,), format SLOPE."""
    states = np.arange(spec.state.low, spec.state.high + 1) / spec.state.one
    slopes = np.rint((1 - np.tanh(states) ** 2) * SLOPE.one)
    table: NDArray[np.int64] = np.minimum(slopes, SLOPE.high).astype(np.int64)
    return table
