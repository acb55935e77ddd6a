"""The side network's neuron: one Euler step of what recurrent backpropagation sends back through the weights."""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, signed, unsigned
from amaranth.hdl import Shape, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import activity_shape
from ohmprop.hw.units.neuron import goal
from ohmprop.model.arithmetic import SLOPE
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import SIDE, SIDE_VERDICT


def side_shape(spec: MachineSpec) -> Shape:
    """A state of the side network."""
    return signed(spec.side.bits)


class SideNeuron(wiring.Component):
    """y <- y + round((g' e - y) / 2), e = sat(round(current + (T - g))) (ohmprop.model.arithmetic.side_step).

    current: sum of w y in ``spec.accumulator``'s bits with the fraction of weight and side state, cannot overflow.
    y, e: ``spec.side``; e saturates at the format's ends, y cannot pass them. g' is ``SLOPE``, below 1. Rounding: nearest,
    ties upwards, twice.
    Latency SIDE clocks from ``current`` to ``new_side``, SIDE_VERDICT to ``moved``; a neuron a clock; no reset. A stage
    without anything to do keeps still.
    """

    latency = SIDE

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "stages": In(SIDE_VERDICT),  #: bit k: a neuron is k clocks behind its current
                "current": In(signed(spec.accumulator.bits)),  #: sum of w y over the neuron's synapses
                "side": In(side_shape(spec)),  #: y before the step
                "activity": In(activity_shape(spec)),  #: g, settled
                "target": In(1),  #: the neuron's target is +target_level, else -target_level
                "slope": In(unsigned(SLOPE.bits)),  #: g', one clock after ``current``
                "present": In(1),  #: there is such a neuron; else its y is 0
                "tolerance": In(7),  #: largest move of a settled y, in its LSBs; constant during a step
                "new_side": Out(side_shape(spec)),  #: y after the step
                "moved": Out(1),  #: y moved by more than the tolerance
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        high, low = spec.side.high, spec.side.low

        total = Signal(signed(spec.accumulator.bits), reset_less=True)
        excitation = Signal(side_shape(spec), reset_less=True)
        slope = Signal.like(self.slope, reset_less=True)
        rounded = total >> spec.weight.fraction
        stepped = Signal(side_shape(spec), reset_less=True)
        before = [Signal(side_shape(spec), reset_less=True) for _ in range(5)]
        there = [Signal(reset_less=True) for _ in range(4)]
        with m.If(self.stages[0]):
            error = goal(spec, self.target) - self.activity
            rounding = 1 << spec.weight.fraction - 1
            m.d.sync += total.eq(self.current + ((error << spec.side_error_shift) + rounding))
            m.d.sync += [there[0].eq(self.present), before[0].eq(self.side)]
        with m.If(self.stages[1]):
            m.d.sync += [
                excitation.eq(Mux(rounded > high, high, Mux(rounded < low, low, rounded))),
                slope.eq(self.slope),
            ]
        product = self._product(m, excitation, slope)
        with m.If(self.stages[3]):
            # y + round((g' e - y) / 2) = floor((g' e + y + 1) / 2), in LSBs of y.
            m.d.sync += stepped.eq((product + ((before[2] + 1) << SLOPE.fraction)) >> (SLOPE.fraction + 1))
        with m.If(self.stages[4]):
            m.d.sync += self.new_side.eq(Mux(there[3], stepped, 0))
        for stage in range(1, 4):
            with m.If(self.stages[stage]):
                m.d.sync += there[stage].eq(there[stage - 1])
        for stage in range(1, 5):
            with m.If(self.stages[stage]):
                m.d.sync += before[stage].eq(before[stage - 1])

        move = Signal(signed(spec.side.bits + 1), reset_less=True)
        with m.If(self.stages[5]):
            m.d.sync += move.eq(self.new_side - before[4])
        with m.If(self.stages[6]):
            m.d.sync += self.moved.eq((move > self.tolerance) | (-move > self.tolerance))
        return m

    def _product(self, m: Module, excitation: Value, slope: Value) -> Value:
        """g' e, one clock later."""
        if not self.spec.serial:
            product = Signal(signed(len(excitation) + len(slope)), reset_less=True)
            with m.If(self.stages[2]):
                m.d.sync += product.eq(excitation * slope)
            return product
        # A small FPGA has no multiplier left for this: two bits of the slope choose a multiple of e.
        triple = excitation + (excitation << 1)
        multiples = Array([Const(0, triple.shape()), excitation, excitation << 1, triple])
        halves = []
        for at in range(0, len(slope), 4):
            low, high = multiples[slope[at : at + 2]], multiples[slope[at + 2 : at + 4]]
            half = Signal(signed(len(excitation) + 4), reset_less=True, name=f"half_{at}")
            m.d.sync += half.eq(low + (high << 2))
            halves.append(half << at)
        return sum(halves)
