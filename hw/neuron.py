"""The neuron: one Euler step of its relaxation, in the free and in the nudged phase."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from model.arithmetic import tanh_table
from model.spec import MachineSpec
from model.timing import NEURON, VERDICT


class Neuron(wiring.Component):
    """v <- sat(v + round(A / 2**euler_shift)), A = current + (drive - v) << leak_shift [+ (T - g) << nudge_shift].

    current, A: ``spec.accumulator``, cannot overflow (MachineSpec checks it). v: ``spec.state``, saturates at the
    format's ends. g: ``spec.activity``, g = tanh(v) from a table of every state. Rounding: nearest, ties upwards.
    Latency NEURON clocks from ``current`` to ``new_state`` and ``new_activity``, VERDICT to ``moved``; a neuron a clock;
    no reset. A stage without anything to do keeps still.
    """

    latency = NEURON

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        super().__init__(
            {
                "stages": In(VERDICT),  #: bit k: a neuron is k clocks behind its current
                "current": In(signed(spec.accumulator.bits)),  #: sum of w g over the neuron's synapses
                "state": In(signed(spec.state.bits)),  #: v before the step
                "activity": In(signed(spec.activity.bits)),  #: g before the step
                "white": In(1),  #: the neuron's input is +input_level, else -input_level
                "target": In(1),  #: the neuron's target is +target_level, else -target_level
                "driven": In(1),  #: the input is on; constant during a step
                "nudged": In(1),  #: the nudge is on; constant during a step
                "tolerance": In(7),  #: largest move of a settled state, in its LSBs; constant during a step
                "present": In(1),  #: there is such a neuron; else its state and activity are 0
                "new_state": Out(signed(spec.state.bits)),  #: v after the step
                "new_activity": Out(signed(spec.activity.bits)),  #: g after the step
                "moved": Out(1),  #: v moved by more than the tolerance
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        level, goal = spec.input_level, spec.target_level

        drive = Mux(self.driven, Mux(self.white, level, -level), 0)
        leaked = Signal(signed(spec.accumulator.bits), reset_less=True)
        error = Signal(signed(spec.activity.bits + 1), reset_less=True)
        state = Signal(signed(spec.state.bits), reset_less=True)
        # The state before the step and whether the neuron is there, beside the sums.
        before = [Signal(signed(spec.state.bits), reset_less=True) for _ in range(NEURON - 1)]
        there = [Signal(reset_less=True) for _ in range(2)]
        stepped = Signal(signed(spec.accumulator.bits - spec.euler_shift + 1), reset_less=True)
        total = leaked + (error << spec.nudge_shift) + (1 << (spec.euler_shift - 1))
        high, low = spec.state.high, spec.state.low
        limited = Mux(stepped > high, high, Mux(stepped < low, low, stepped))
        with m.If(self.stages[0]):
            m.d.sync += [
                leaked.eq(self.current + ((drive - self.state) << spec.leak_shift)),
                error.eq(Mux(self.nudged, Mux(self.target, goal, -goal) - self.activity, 0)),
                before[0].eq(self.state),
                there[0].eq(self.present),
            ]
        with m.If(self.stages[1]):
            m.d.sync += [
                stepped.eq(before[0] + (total >> spec.euler_shift)),
                before[1].eq(before[0]),
                there[1].eq(there[0]),
            ]
        with m.If(self.stages[2]):
            m.d.sync += [state.eq(Mux(there[1], limited, 0)), before[2].eq(before[1])]

        table = tanh_table(spec)
        m.submodules.tanh = tanh = Memory(
            shape=signed(spec.activity.bits),
            depth=len(table),
            # Addressed by the state's own bits: the positive half first, then the negative one.
            init=[int(table[(index - spec.state.low) % len(table)]) for index in range(len(table))],
        )
        lookup = tanh.read_port()
        move = Signal(signed(spec.state.bits + 1), reset_less=True)
        m.d.comb += [lookup.en.eq(self.stages[3]), lookup.addr.eq(state), self.new_activity.eq(lookup.data)]
        with m.If(self.stages[3]):
            m.d.sync += [self.new_state.eq(state), move.eq(state - before[2])]
        with m.If(self.stages[4]):
            m.d.sync += self.moved.eq((move > self.tolerance) | (-move > self.tolerance))
        return m
