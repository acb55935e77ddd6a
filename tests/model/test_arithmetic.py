"""The integer operations against fxpmath, exact fractions, and arithmetic over polynomials."""

from fractions import Fraction

import numpy as np
import pytest
from fxpmath import Fxp
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.arithmetic import (
    DEFAULT_LFSR,
    LFSR_SHIFTS,
    LFSR_TAPS,
    all_converted,
    converted,
    lfsr_advance,
    neuron_step,
    round_shift,
    saturate,
    stochastic_increment,
    tanh_table,
)
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import quantise
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec
from tests.kit.specs import SPECS

FORMATS = st.builds(
    lambda signed, bits, fraction: Format(signed, bits, fraction), st.booleans(), *[st.integers(1, 24)] * 2
)


def oracle(values: object, number: Format, rounding: str = "floor") -> np.ndarray:
    """fxpmath's raw integers of real values in a format, saturated at its ends."""
    result = Fxp(values, number.signed, number.bits, number.fraction, rounding=rounding, overflow="saturate")
    return np.asarray(result.raw(), np.int64)


@given(FORMATS)
def test_formats_are_fxpmaths(number: Format) -> None:
    theirs = Fxp(None, dtype=str(number))
    assert (bool(theirs.signed), theirs.n_word, theirs.n_frac) == (number.signed, number.bits, number.fraction)
    assert Format.parse(str(number)) == number
    assert number.low / number.one == theirs.lower and number.high / number.one == theirs.upper


@pytest.mark.parametrize(
    "text", ["", "s8/7", "fxp-s8", "fxp-t8/7", "fxp-s0/0", "fxp-s49/0", "fxp-s8/49", "fxp-s8/-1", " fxp-s8/7", "q0.7"]
)
def test_what_is_no_format_is_quoted(text: str) -> None:
    with pytest.raises(UserError, match=r"is not a number format; write it as .*\.$") as caught:
        Format.parse(text)
    assert repr(text) in str(caught.value)


@given(st.integers(-(10**6), 10**6), FORMATS)
def test_saturate(value: int, number: Format) -> None:
    whole = Format(number.signed, number.bits, 0)
    assert saturate(value, whole.low, whole.high) == oracle(value, whole)


@given(st.integers(-(2**24), 2**24), st.integers(1, 16))
def test_round_shift(value: int, shift: int) -> None:
    # Ties upwards: the floor of the value and a half.
    assert round_shift(value, shift) == oracle(value / 2**shift + 0.5, Format(True, 32, 0))


@given(st.integers(-(2**24), 2**24), st.integers(2, 16), st.sampled_from([1, 2, 4, 64]))
def test_a_current_is_converted(value: int, bits: int, units: int) -> None:
    # A code is a number of these bits, whose range is plus and minus so many units of the accumulator.
    spec = MachineSpec(adc_bits=bits, adc_range=units)
    code = 2 * units * (1 << spec.accumulator.fraction) >> bits
    assert converted(value, *spec.adc) == oracle(value / code + 0.5, Format(True, bits, 0)) * code


@pytest.mark.parametrize("bits", range(2, 8))
@pytest.mark.parametrize("layers", [(100,), (9, 4, 2)], ids=str)
def test_activities_are_converted(layers: tuple[int, ...], bits: int) -> None:
    spec = MachineSpec(layers=layers, dac_bits=bits)
    lowest = -spec.activity_limit if spec.recurrent else 0
    activities = np.arange(lowest, spec.activity_limit + 1)
    found = all_converted(activities, spec.dac)
    assert [converted(int(value), *spec.dac) for value in activities] == found.tolist()
    assert len(set(found.tolist())) == (1 << bits) - spec.recurrent and (np.diff(found) >= 0).all()
    # All but the ends, where a code is cut off, are the nearest.
    code = 1 << spec.activity.bits - bits
    assert (np.abs(found - activities)[np.abs(activities) < spec.activity_limit - code] <= code // 2).all()
    assert all_converted(activities, MachineSpec(layers=layers).dac) is activities


@pytest.mark.parametrize(("value", "rounded"), [(-3, -1), (-2, -1), (-1, 0), (1, 1), (2, 1), (3, 2), (5, 3)])
def test_ties_go_upwards(value: int, rounded: int) -> None:
    assert round_shift(value, 1) == rounded


@pytest.mark.parametrize("name", SPECS)
def test_tanh_table(name: str) -> None:
    spec = SPECS[name]
    states = Fxp(dtype=str(spec.state))
    states.set_val(np.arange(spec.state.low, spec.state.high + 1), raw=True)
    nearest = oracle(np.tanh(states.get_val()), spec.activity, "around")
    assert np.array_equal(tanh_table(spec), np.maximum(nearest, -spec.activity_limit))


@pytest.mark.parametrize("name", ["hundred", "coarse_weights"])
@given(data=st.data())
def test_neuron_step(name: str, data: st.DataObject) -> None:
    spec = SPECS[name]
    number, largest = spec.state, (spec.neurons - 1) * spec.weight_limit * spec.activity_limit
    state = data.draw(st.integers(number.low, number.high))
    scale = data.draw(st.sampled_from([1 << spec.leak_shift, 1 << spec.leak_shift + 6, largest]))
    current = data.draw(st.integers(-scale, scale))
    drive = data.draw(st.sampled_from([-spec.input_level, 0, spec.input_level]))
    error = data.draw(st.integers(-254, 254))
    # In real numbers, v + (-v + current + drive + error) / 2; all terms are exact in 64-bit floats.
    v, inputs = state / number.one, drive / number.one + error / spec.activity.one
    exact = v + (-v + current / spec.accumulator.one + inputs) / 2
    got = neuron_step(state, current, drive, error, spec.leak_shift, spec.nudge_shift, number.low, number.high)
    assert got == oracle(exact + 0.5 / number.one, number)


@given(st.integers(-2 * 127**2, 2 * 127**2), st.integers(0, 7))
def test_increments_are_unbiased(difference: int, shift: int) -> None:
    increments = [stochastic_increment(difference, shift, byte) for byte in range(256)]
    exact = Fraction(difference, 2 ** (shift + 9))
    assert abs(Fraction(sum(increments), 256) - exact) <= Fraction(1, 2**9)
    assert increments == sorted(increments) and increments[-1] - increments[0] <= 1
    assert increments[0] <= exact <= increments[-1] or abs(increments[0] - exact) < Fraction(1, 2**8)


@given(st.integers(0, 2 * 127**2), st.integers(0, 7), st.integers(0, 255))
def test_an_increment_against_fxpmath(difference: int, shift: int, byte: int) -> None:
    # The difference is cut to 2**-9 of the weight's LSB; then the random byte and its half are added, and floored.
    cut = oracle(difference / 2 ** (shift + 9), Format(True, 32, 9)) / 2**9
    assert stochastic_increment(difference, shift, byte) == oracle(cut + (byte + 0.5) / 256, Format(True, 32, 0))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9))
def test_quantise(values: list[float]) -> None:
    for spec in (MachineSpec(layers=(2,)), SPECS["coarse_weights"]):
        nearest = oracle(np.array(values), spec.weight, "around")
        assert quantise(spec, (np.array(values),))[0].tolist() == np.maximum(nearest, -spec.weight_limit).tolist()


#: x^32 + x^22 + x^2 + x + 1 as bits.
POLYNOMIAL = 1 << 32 | 1 << 22 | 1 << 2 | 1 << 1 | 1


def times(a: int, b: int) -> int:
    """Product of two polynomials over GF(2), modulo POLYNOMIAL."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a >> 32:
            a ^= POLYNOMIAL
        b >>= 1
    return product


def power(exponent: int) -> int:
    """x to a power."""
    result, square = 1, 2
    while exponent:
        if exponent & 1:
            result = times(result, square)
        square = times(square, square)
        exponent >>= 1
    return result


@given(st.integers(1, 2**32 - 1))
def test_the_register_divides_by_x(lfsr: int) -> None:
    assert POLYNOMIAL >> 1 == LFSR_TAPS
    assert times(int(lfsr_advance(lfsr)), power(LFSR_SHIFTS)) == lfsr


def test_the_register_meets_every_value_but_zero() -> None:
    # The order of x is 2**32 - 1, and 8 has no factor in common with that.
    assert power(2**32 - 1) == 1
    assert all(power((2**32 - 1) // prime) != 1 for prime in (3, 5, 17, 257, 65537))


def test_first_bytes() -> None:
    lfsr, drawn = DEFAULT_LFSR, []
    for _ in range(6):
        drawn.append(lfsr & 255)
        lfsr = int(lfsr_advance(lfsr))
    assert bytes(drawn).hex() == "412b455aee48"
