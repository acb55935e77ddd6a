"""Saturation decided by the bits above the format: a shorter path than comparing with its ends."""

from amaranth import Mux
from amaranth.hdl import Value

from ohmprop.model.formats import Format


def saturated(value: Value, form: Format, symmetric: bool = False) -> Value:
    """``value``, signed and wider than the format, or the end of the format that is nearest to it; no clock.

    ``symmetric``: the lowest integer is -``form.high``, as of weights.
    """
    # It fits if all bits from the format's sign on are alike; of an unsigned format, if all above its bits are 0.
    above = value[form.bits - form.signed :]
    negative = above.all() & (value[: form.bits - 1].any() if symmetric else 1)
    fits = (above == 0) | negative if form.signed else above == 0
    low = -form.high if symmetric else form.low
    return Mux(fits, value, Mux(value[-1], low, form.high))
