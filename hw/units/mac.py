"""A lane's multiplier and accumulator in a serial machine."""

from typing import Any

from amaranth import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.primitives.choice import primitives_of
from ohmprop.hw.primitives.generic import FACTOR_BITS, TOTAL_BITS


class MultiplyAccumulate(wiring.Component):
    """``total`` gains ``a * b`` (signed, exact); on an iCE40 UltraPlus this is one SB_MAC16 and no logic beside it.

    Latency MULTIPLY + ACCUMULATE clocks from ``a`` and ``b`` to ``total``; ``add`` and ``clear`` belong one clock after
    their ``a`` and ``b``. One product per clock. Wraps around at TOTAL_BITS. No reset.
    """

    a: In(signed(FACTOR_BITS))
    b: In(signed(FACTOR_BITS))
    add: In(1)  #: one clock: add the product
    clear: In(1)  #: one clock: ``total`` becomes 0, whatever ``add`` is
    total: Out(signed(TOTAL_BITS))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        primitives_of(platform).accumulate(m, self.a, self.b, self.add, self.clear, self.total)
        return m
