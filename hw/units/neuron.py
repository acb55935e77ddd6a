"""The neuron: one Euler step of its relaxation, in the free and in the nudged phase."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.hdl import Shape, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ohmprop.hw.shapes.operation import activity_shape
from ohmprop.hw.units.converter import converted
from ohmprop.hw.units.saturate import saturated
from ohmprop.model.arithmetic import SLOPE, slope_table, tanh_table
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import BETAS
from ohmprop.model.timing import NEURON, VERDICT


def state_shape(spec: MachineSpec) -> Shape:
    """A neuron's state."""
    return signed(spec.state.bits) if spec.state.signed else unsigned(spec.state.bits)


def goal(spec: MachineSpec, target: Value) -> Value:
    """The activity that a target bit stands for."""
    high, low = (spec.target_level, -spec.target_level) if spec.recurrent else (spec.activity.high, 0)
    return Mux(target, high, low)


class Neuron(wiring.Component):
    """v <- sat(v + round(A / 2**euler_shift)), A = current + (drive - v) << leak_shift [+ (T - g) << nudge_shift].

    current, A: ``spec.accumulator``, cannot overflow (MachineSpec checks it). The current is as ``spec.adc`` has it. v:
    ``spec.state``, saturates at the format's ends. g: ``spec.activity``; g = tanh(v) from a table of every state in a
    recurrent machine, g = v in a layered one (its hard sigmoid is the saturation), whose drive is in the current.
    Rounding: nearest, ties upwards.
    Latency NEURON clocks from ``current`` to ``new_state`` and ``new_activity``, VERDICT to ``moved``; a neuron a clock;
    no reset. An idle stage does not toggle. While the side network steps (``side``), the table gives the
    slope of ``state`` instead, one clock later; what else comes out then is not to be used.
    """

    latency = NEURON

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "stages": In(VERDICT),  #: bit k: a neuron is k clocks behind its current
                "current": In(signed(spec.accumulator.bits)),  #: sum of w g over the neuron's synapses
                "state": In(state_shape(spec)),  #: v before the step
                "activity": In(activity_shape(spec)),  #: g before the step
                "white": In(1),  #: the neuron's input is +input_level, else -input_level
                "target": In(1),  #: the neuron's target is +target_level, else -target_level
                "driven": In(1),  #: the input is on; constant during a step
                "nudged": In(1),  #: the nudge is on, for this neuron
                "negative": In(1),  #: the nudge draws away from the target; constant during a step
                "beta_shift": In(2),  #: the nudge's size is 2 to minus this; constant during a step
                "side": In(1),  #: look the slope of ``state`` up; constant during a step; recurrent machines only
                "whole": In(1),  #: eps is 1 and not 1/2; constant during a step
                "tolerance": In(7),  #: largest move of a settled state, in its LSBs; constant during a step
                "present": In(1),  #: there is such a neuron; else its state and activity are 0
                "new_state": Out(state_shape(spec)),  #: v after the step
                "new_activity": Out(activity_shape(spec)),  #: g after the step
                "slope": Out(unsigned(SLOPE.bits)),  #: g' of ``state`` one clock before; recurrent machines only
                "moved": Out(1),  #: v moved by more than the tolerance
                "changed": Out(1),  #: v moved
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        state = Signal(state_shape(spec), reset_less=True)
        leaked = Signal(signed(spec.accumulator.bits), reset_less=True)
        error = Signal(signed(spec.activity.bits + 1 + (len(BETAS) * spec.nudges)), reset_less=True)
        # The state before the step and whether the neuron is there, beside the sums.
        before = [Signal(state_shape(spec), reset_less=True) for _ in range(3)]
        there = [Signal(reset_less=True) for _ in range(2)]
        stepped = Signal(signed(spec.accumulator.bits - spec.leak_shift + 1), reset_less=True)
        # Of other nudges the error has come up as far as it can be smaller.
        total = leaked + (error << spec.nudge_shift - (len(BETAS) - 1) * spec.nudges)
        half = total >> spec.euler_shift
        whole = total >> spec.leak_shift if self._steps_whole else half
        with m.If(self.stages[0]):
            m.d.sync += [
                leaked.eq(converted(self.current, spec.adc) + self._leak()),
                error.eq(Mux(self.nudged, self._nudge(), 0)),
                before[0].eq(self.state),
                there[0].eq(self.present),
            ]
        with m.If(self.stages[1]):
            m.d.sync += [
                stepped.eq(Mux(self.whole, whole, half)),
                before[1].eq(before[0]),
                there[1].eq(there[0]),
            ]
        with m.If(self.stages[2]):
            m.d.sync += [state.eq(Mux(there[1], saturated(stepped, spec.state), 0)), before[2].eq(before[1])]

        move = Signal(signed(spec.state.bits + 1), reset_less=True)
        with m.If(self.stages[3]):
            m.d.sync += [self.new_state.eq(state), move.eq(state - before[2])]
        size = move[:-1] ^ move[-1].replicate(spec.state.bits)
        with m.If(self.stages[4]):
            m.d.sync += [
                # |move| is ``size``, plus 1 if it is negative: compared as a further bit below, in one comparison.
                self.moved.eq(Cat(move[-1], size) > Cat(Const(0, 1), self.tolerance)),
                self.changed.eq(move != 0),
            ]
        self._activate(m, state)
        return m

    def _nudge(self) -> Value:
        """T - g, or the other way round, in LSBs of the smallest nudge if it can be smaller than 1."""
        error = goal(self.spec, self.target) - self.activity
        if not self.spec.nudges:
            return error
        signed_error = Mux(self.negative, -error, error)
        return Array(signed_error << shift for shift in reversed(range(len(BETAS))))[self.beta_shift]

    @property
    def _steps_whole(self) -> bool:
        """Whether eps can be 1."""
        return not self.spec.recurrent or self.spec.in_turn

    def _drive(self) -> ValueLike:
        """What the input adds to the current, in LSBs of the state."""
        level = self.spec.input_level
        return Mux(self.driven, Mux(self.white, level, -level), 0) if self.spec.recurrent else 0

    def _leak(self) -> Value:
        """Drive, leak, rounding and the state itself, before the shift to the right.

        With eps = 1/2, v + round((a + d - v) / 2) = floor((a + d + v + 1) / 2); with eps = 1 the old state falls out.
        """
        half = (self._drive() + self.state + 1) << self.spec.leak_shift
        if not self._steps_whole:
            return half
        whole = (self._drive() << self.spec.leak_shift) + (1 << (self.spec.leak_shift - 1))
        return Mux(self.whole, whole, half)

    def _activate(self, m: Module, state: Value) -> None:
        """The activity of the new state."""
        spec = self.spec
        if not spec.recurrent:
            m.d.comb += self.new_activity.eq(self.new_state)
            return
        entry = data.StructLayout({"activity": signed(spec.activity.bits), "slope": unsigned(SLOPE.bits)})
        activities, slopes = tanh_table(spec).tolist(), slope_table(spec).tolist()
        # Addressed by the state's own bits: the positive half first, then the negative one.
        order = [(index - spec.state.low) % len(slopes) for index in range(len(slopes))]
        m.submodules.tanh = tanh = Memory(
            shape=entry,
            depth=len(order),
            init=[{"activity": activities[index], "slope": slopes[index]} for index in order],
        )
        lookup = tanh.read_port()
        m.d.comb += [
            lookup.en.eq(Mux(self.side, self.stages[0], self.stages[3])),
            lookup.addr.eq(Mux(self.side, self.state, state)),
            self.new_activity.eq(lookup.data.activity),
            self.slope.eq(lookup.data.slope),
        ]
