"""The linear device: a weight learns by a saturating add of its stochastically rounded increment."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from model.spec import DITHER_BITS, UPDATE_SHIFTS, MachineSpec
from model.layout import bits_for
from model.timing import SYNAPSE


class Synapse(wiring.Component):
    """One lane's synapse unit: new weight = sat(weight + round at random(difference)), docs/arithmetic.md.

    difference: signed integer of twice the activity's width plus one; g' g' - g g of the two phases.
    weight: ``spec.weight``; saturates at +-``spec.weight_limit``, the same on both sides.
    Rounding: stochastic (model.arithmetic.stochastic_increment).
    Latency SYNAPSE clocks from ``difference`` to ``new_weight``; ``random`` and ``enable`` belong one clock, ``weight``
    two clocks after their ``difference``. One weight a clock, no reset.
    """

    latency = SYNAPSE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "difference": In(signed(2 * spec.activity.bits + 1)),  #: of the activities' products
                "shift": In(bits_for(UPDATE_SHIFTS)),  #: eta_shift - spec.update_shift_base; constant in an update
                "random": In(DITHER_BITS),  #: the cell's random byte
                "enable": In(1),  #: the cell exists and may learn; else its weight stays
                "weight": In(signed(spec.weight.bits)),  #: the cell's weight
                "new_weight": Out(signed(spec.weight.bits)),  #: the cell's weight after learning
            }
        )

    def elaborate(self, platform):
        m = Module()
        limit = self.spec.weight_limit
        shifted = Signal.like(self.difference, reset_less=True)
        increment = Signal(signed(len(self.difference) - DITHER_BITS), reset_less=True)
        m.d.sync += shifted.eq(self.difference >> self.shift)
        rounded = (shifted + (2 * self.random + 1)) >> (DITHER_BITS + 1)
        m.d.sync += increment.eq(Mux(self.enable, rounded, 0))
        total = Signal(signed(max(len(increment), self.spec.weight.bits) + 1))
        m.d.comb += total.eq(self.weight + increment)
        with m.If(total > limit):
            m.d.sync += self.new_weight.eq(limit)
        with m.Elif(total < -limit):
            m.d.sync += self.new_weight.eq(-limit)
        with m.Else():
            m.d.sync += self.new_weight.eq(total)
        return m
