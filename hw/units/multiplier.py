"""A lane's multiplier."""

from typing import Any

from amaranth import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.primitives.choice import primitives_of
from ohmprop.model.timing import MULTIPLY


class Multiplier(wiring.Component):
    """``product`` = ``a * b``, signed, exact, of which the lowest ``bits`` are kept; on an ECP5 one MULT18X18D.

    Latency MULTIPLY clocks, one product per clock, no reset.
    """

    latency = MULTIPLY

    def __init__(self, a_bits: int, b_bits: int, bits: int):
        super().__init__({"a": In(signed(a_bits)), "b": In(signed(b_bits)), "product": Out(signed(bits))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        primitives_of(platform).multiply(m, self.a, self.b, self.product)
        return m
