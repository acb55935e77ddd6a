"""Faults of the neurons and of the side network's."""

from tests.mutants.mutant import LAYERED, LEARNING, NEURON, SETTLING, SIDE, SIDE_NEURON, Mutant

MUTANTS = (
    Mutant(
        "neuron: rounds down, not to nearest",
        "units/neuron.py",
        "self.state + 1)",
        "self.state + 0)",
        NEURON,
    ),
    Mutant(
        "neuron: ties round down",
        "units/neuron.py",
        "half = (self._drive() + self.state + 1) << self.spec.leak_shift",
        "half = ((self._drive() + self.state + 1) << self.spec.leak_shift) - 1",
        NEURON,
    ),
    Mutant("neuron: no saturation above", "units/saturate.py", "low, form.high))", "low, value))", NEURON),
    Mutant(
        "neuron: no saturation below", "units/saturate.py", "Mux(value[-1], low, ", "Mux(value[-1], value, ", NEURON
    ),
    Mutant(
        "neuron: the nudge has the wrong sign",
        "units/neuron.py",
        "total = leaked + (error",
        "total = leaked - (error",
        NEURON,
    ),
    Mutant(
        "neuron: leak off by one bit",
        "units/neuron.py",
        "self.state + 1) << self.spec.leak_shift",
        "self.state + 1) << (self.spec.leak_shift - 1)",
        NEURON,
    ),
    Mutant(
        "neurons: own state not forgotten before a run",
        "parallel/neurons.py",
        "with m.If(~does.fresh | self.side):",
        "with m.If(1):",
        LEARNING,
    ),
    Mutant(
        "neurons: a lane without a neuron steps",
        "parallel/neurons.py",
        "~Cat(stepping == block for block in empty).any()",
        "1",
        LEARNING,
    ),
    Mutant(
        "activities: a step overwrites what it reads",
        "parallel/activities.py",
        "else ~self.half",
        "else self.half",
        LEARNING,
    ),
    Mutant(
        "activities: the nudged phase overwrites the free phase's end",
        "parallel/neurons.py",
        "does & free for does, free",
        "does for does, free",
        LEARNING,
    ),
    Mutant(
        "activities: a run begins from the last one's values",
        "parallel/activities.py",
        "Mux(dark, 0, ",
        "Mux(0, 0, ",
        LEARNING,
    ),
    Mutant(
        "activities: the outputs overwrite a hidden block",
        "parallel/activities.py",
        "self.write[number] & to_write[bits + 1]",
        "self.write[number]",
        LAYERED,
    ),
    Mutant(
        "neurons: the last step's verdict is kept", "parallel/neurons.py", "output & ~self.watch", "output", SETTLING
    ),
    Mutant(
        "side neuron: the excitation rounds down",
        "units/side_neuron.py",
        "rounding = 1 << spec.weight.fraction - 1",
        "rounding = 0",
        SIDE_NEURON,
    ),
    Mutant("side neuron: the state rounds down", "units/side_neuron.py", "(before[2] + 1)", "before[2]", SIDE_NEURON),
    Mutant("side neuron: no saturation above", "units/side_neuron.py", "rounded > high", "0", SIDE_NEURON),
    Mutant("side neuron: no saturation below", "units/side_neuron.py", "rounded < low", "0", SIDE_NEURON),
    Mutant(
        "side neuron: the error has the wrong sign",
        "units/side_neuron.py",
        "goal(spec, self.target) - self.activity",
        "self.activity - goal(spec, self.target)",
        SIDE_NEURON,
    ),
    Mutant(
        "neuron: the slope of another state",
        "units/neuron.py",
        "lookup.addr.eq(Mux(self.side, self.state, state))",
        "lookup.addr.eq(state)",
        SIDE,
    ),
    Mutant(
        "neurons: the side network changes the states",
        "parallel/neurons.py",
        "steps & ~self.side for steps in stepped",
        "steps for steps in stepped",
        SIDE,
    ),
    Mutant("neurons: hidden units are nudged", "parallel/neurons.py", "does.nudged & aims", "does.nudged", LAYERED),
    Mutant(
        "neuron: no feedforward start",
        "units/neuron.py",
        "stepped.eq(Mux(self.whole, whole, half))",
        "stepped.eq(half)",
        LAYERED,
    ),
)
