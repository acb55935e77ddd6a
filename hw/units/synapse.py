"""The linear device: a weight learns by a saturating add of its stochastically rounded increment."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.hdl import Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.units.saturate import saturated
from ohmprop.model.layout import bits_for
from ohmprop.model.spec import DITHER_BITS, UPDATE_SHIFTS, MachineSpec
from ohmprop.model.timing import SYNAPSE


def difference_shape(spec: MachineSpec) -> Shape:
    """The difference of two products of activities, shifted up, or the side network's sum of two, shifted down."""
    bits = max(matrix.product + matrix.pre_shift for matrix in spec.matrices) + 2
    if spec.recurrent:
        bits = max(bits, spec.side.bits + spec.activity.bits - spec.side_update_shift)
    return signed(bits)


def increment_shape(spec: MachineSpec) -> Shape:
    """What a difference adds to a weight, before any saturation."""
    return signed(difference_shape(spec).width - DITHER_BITS)


class Synapse(wiring.Component):
    """One lane's synapse unit: new weight = sat(weight + round at random(difference)), docs/arithmetic.md.

    difference: g' g' - g g of the two phases, or x (g' - g) of an input, shifted up by the matrix's ``pre_shift``, exact;
    or the side network's y g + g y, ``spec.side_update_shift`` bits down, floored.
    weight: ``spec.weight``; saturates at +-``spec.weight_limit``, the same on both sides.
    Rounding: stochastic (ohmprop.model.arithmetic.stochastic_increment).
    Latency SYNAPSE clocks from ``difference`` to ``new_weight``; ``random``, ``enable`` and ``weight`` belong one
    clock after their ``difference``. One weight per clock, no reset. An idle stage does not toggle.
    """

    latency = SYNAPSE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "stages": In(SYNAPSE),  #: bit k: a weight is k clocks behind its difference
                "difference": In(difference_shape(spec)),  #: of the activities' products
                "shift": In(bits_for(UPDATE_SHIFTS)),  #: the matrix's eta_shift minus its shift_base
                "random": In(DITHER_BITS),  #: the cell's random byte
                "enable": In(1),  #: the cell exists and may learn; else its weight stays
                "weight": In(signed(spec.weight.bits)),  #: the cell's weight
                "new_weight": Out(signed(spec.weight.bits)),  #: the cell's weight after learning
                #: Its increment, one clock earlier, in a machine with a pulse unit.
                **({"increment": Out(increment_shape(spec))} if spec.pulses else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shifted = Signal.like(self.difference, reset_less=True)
        with m.If(self.stages[0]):
            m.d.sync += shifted.eq(self.difference >> self.shift)
        rounded = (shifted + (2 * self.random + 1)) >> (DITHER_BITS + 1)
        increment_bits = len(self.difference) - DITHER_BITS
        total = Signal(signed(max(increment_bits, self.spec.weight.bits) + 1), reset_less=True)
        with m.If(self.stages[1]):
            m.d.sync += total.eq(self.weight + Mux(self.enable, rounded, 0))
        with m.If(self.stages[2]):
            m.d.sync += self.new_weight.eq(saturated(total, self.spec.weight, symmetric=True))
        if self.spec.pulses:
            with m.If(self.stages[1]):
                m.d.sync += self.increment.eq(Mux(self.enable, rounded, 0))
        return m
