"""A lane's multiplier and accumulator in a serial machine."""

from amaranth import ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.serial.weights import ULTRAPLUS

FACTOR_BITS = 16
TOTAL_BITS = 32


class MultiplyAccumulate(wiring.Component):
    """``total`` gains ``a * b`` (signed, exact); on an iCE40 UltraPlus this is one SB_MAC16 and no logic beside it.

    Latency MULTIPLY + ACCUMULATE clocks from ``a`` and ``b`` to ``total``; ``add`` and ``clear`` belong one clock after
    their ``a`` and ``b``. A product a clock. Wraps around at TOTAL_BITS. No reset.
    """

    a: In(signed(FACTOR_BITS))
    b: In(signed(FACTOR_BITS))
    add: In(1)  #: one clock: add the product
    clear: In(1)  #: one clock: ``total`` becomes 0, whatever ``add`` is
    total: Out(signed(TOTAL_BITS))

    def elaborate(self, platform):
        m = Module()
        if getattr(platform, "device", None) == ULTRAPLUS:
            m.submodules.mac = self._instance()
            return m
        product, total = Signal(signed(TOTAL_BITS), reset_less=True), Signal(signed(TOTAL_BITS), reset_less=True)
        m.d.sync += product.eq(self.a * self.b)
        m.d.comb += self.total.eq(total)
        with m.If(self.clear):
            m.d.sync += total.eq(0)
        with m.Elif(self.add):
            m.d.sync += total.eq(total + product)
        return m

    def _instance(self):
        """The product in the pipeline's register, the adder's upper input from the accumulator, its lower from the product."""
        names = (
            "CE",
            "AHOLD",
            "BHOLD",
            "CHOLD",
            "DHOLD",
            "IRSTTOP",
            "IRSTBOT",
            "ORSTTOP",
            "ORSTBOT",
            "ADDSUBTOP",
            "ADDSUBBOT",
        )
        constant = {f"i_{name}": Const(name == "CE") for name in (*names, "CI", "ACCUMCI", "SIGNEXTIN")}
        halves = {
            f"p_{half}{name}": value
            for half in ("TOP", "BOT")
            for name, value in (("OUTPUT_SELECT", 1), ("ADDSUB_LOWERINPUT", 2), ("ADDSUB_UPPERINPUT", 0))
        }
        return Instance(
            "SB_MAC16",
            **constant,
            **halves,
            p_A_SIGNED=1,
            p_B_SIGNED=1,
            p_PIPELINE_16x16_MULT_REG2=1,
            p_TOPADDSUB_CARRYSELECT=2,  # the lower half's carry
            p_BOTADDSUB_CARRYSELECT=0,
            i_CLK=ClockSignal(),
            i_A=self.a,
            i_B=self.b,
            i_C=Const(0, FACTOR_BITS),
            i_D=Const(0, FACTOR_BITS),
            i_OLOADTOP=self.clear,
            i_OLOADBOT=self.clear,
            i_OHOLDTOP=~(self.add | self.clear),
            i_OHOLDBOT=~(self.add | self.clear),
            o_O=self.total,
        )
