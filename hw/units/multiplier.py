"""A lane's multiplier."""

from amaranth import ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.model.timing import MULTIPLY

#: How the devices of the ECP5 family begin, the width of their multipliers' factors, and of the product.
ECP5 = "LFE5U"
FACTOR_BITS, PRODUCT_BITS = 18, 36


class Multiplier(wiring.Component):
    """``product`` = ``a * b``, signed, exact, of which the lowest ``bits`` are kept; on an ECP5 one MULT18X18D.

    There the product's register is the cell's own, which Yosys would leave unused: the way to a register elsewhere would
    make the longest path of the whole machine.
    Latency MULTIPLY clocks, a product a clock, no reset.
    """

    latency = MULTIPLY

    def __init__(self, a_bits: int, b_bits: int, bits: int):
        super().__init__({"a": In(signed(a_bits)), "b": In(signed(b_bits)), "product": Out(signed(bits))})

    def elaborate(self, platform):
        m = Module()
        if getattr(platform, "device", "").startswith(ECP5):
            m.submodules.cell = self._cell(m)
        else:
            register = Signal(self.product.shape(), reset_less=True)
            m.d.sync += register.eq(self.a * self.b)
            m.d.comb += self.product.eq(register)
        return m

    def _cell(self, m):
        """The cell, with the output register alone."""
        factors = {name: Signal(signed(FACTOR_BITS), name=name) for name in ("a", "b")}
        result = Signal(signed(PRODUCT_BITS))
        m.d.comb += [factors["a"].eq(self.a), factors["b"].eq(self.b), self.product.eq(result)]
        pins = {f"i_{name.upper()}{bit}": factors[name][bit] for name in "ab" for bit in range(FACTOR_BITS)}
        pins |= {f"o_P{bit}": result[bit] for bit in range(PRODUCT_BITS)}
        constants = {"SIGNEDA": 1, "SIGNEDB": 1, "SOURCEA": 0, "SOURCEB": 0, "CE0": 1, "RST0": 0}
        return Instance(
            "MULT18X18D",
            p_REG_INPUTA_CLK="NONE",
            p_REG_INPUTB_CLK="NONE",
            p_REG_OUTPUT_CLK="CLK0",
            i_CLK0=ClockSignal(),
            **{f"i_{name}": Const(value) for name, value in constants.items()},
            **pins,
        )
