"""Converters between the crossbar's currents and numbers, in integers."""

from amaranth import Mux
from amaranth.hdl import Value

from ohmprop.model.formats import Converter


def converted(value: Value, converter: Converter) -> Value:
    """``value`` as a converter has it: rounded to a code, ties upwards, saturated, and brought back; itself without one."""
    shift, low, high = converter
    if not shift:
        return value
    code = (value + (1 << shift - 1)) >> shift
    return Mux(code > high, high, Mux(code < low, low, code)) << shift
