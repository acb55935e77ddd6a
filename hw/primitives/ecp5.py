"""The ECP5 family: its multiplier, with a register of its own."""

from amaranth import ClockSignal, Const, Instance, Module, Signal, signed

from ohmprop.hw.primitives.generic import Primitives

#: The width of a multiplier's factors, and of its product.
FACTOR_BITS, PRODUCT_BITS = 18, 36


class Ecp5(Primitives):
    """A product is one MULT18X18D, whose output register Yosys would leave unused.

    The way to a register elsewhere would make the longest path of the whole machine.
    """

    devices = "LFE5U"

    def multiply(self, m: Module, a: Signal, b: Signal, product: Signal) -> None:
        """The cell, with the output register alone."""
        factors = {name: Signal(signed(FACTOR_BITS), name=name) for name in ("a", "b")}
        result = Signal(signed(PRODUCT_BITS))
        m.d.comb += [factors["a"].eq(a), factors["b"].eq(b), product.eq(result)]
        pins = {f"i_{name.upper()}{bit}": factors[name][bit] for name in "ab" for bit in range(FACTOR_BITS)}
        pins |= {f"o_P{bit}": result[bit] for bit in range(PRODUCT_BITS)}
        constants = {"SIGNEDA": 1, "SIGNEDB": 1, "SOURCEA": 0, "SOURCEB": 0, "CE0": 1, "RST0": 0}
        m.submodules.cell = Instance(
            "MULT18X18D",
            p_REG_INPUTA_CLK="NONE",
            p_REG_INPUTB_CLK="NONE",
            p_REG_OUTPUT_CLK="CLK0",
            i_CLK0=ClockSignal(),
            **{f"i_{name}": Const(value) for name, value in constants.items()},
            **pins,
        )
