"""Faults of nudges of another sign or size."""

from tests.mutants.mutant import NUDGES, NUDGES_LAYERED, NUDGES_SERIAL, Mutant

MUTANTS = (
    Mutant(
        "nudges: the error keeps its sign",
        "units/neuron.py",
        "Mux(self.negative, -error, error)",
        "error",
        NUDGES,
    ),
    Mutant(
        "nudges: sizes the wrong way round",
        "units/neuron.py",
        "reversed(range(len(BETAS)))",
        "range(len(BETAS))",
        NUDGES,
    ),
    Mutant(
        "nudges: the update keeps its sign",
        "parallel/crossbar.py",
        "driving.eq(-self.row_value)",
        "driving.eq(self.row_value)",
        NUDGES,
    ),
    Mutant(
        "nudges: what is read changes sign as well",
        "parallel/crossbar.py",
        "(at_value.action == Action.PROGRAM) & self.negative",
        "self.negative",
        NUDGES_LAYERED,
    ),
    Mutant("nudges: a random sign is not drawn", "control/update.py", "Cat(1, self.draws_sign)", "1", NUDGES),
    Mutant("nudges: a sign is drawn always", "control/update.py", "Cat(1, self.draws_sign)", "0b11", NUDGES),
    Mutant(
        "nudges: a random sign is the one that was set",
        "control/phase.py",
        "Mux(nudge[1], self.drawn_sign, nudge[0])",
        "nudge[0]",
        NUDGES,
    ),
    Mutant(
        "serial nudges: the update keeps its sign",
        "serial/crossbar.py",
        "(subtracts ^ self.negative if spec.nudges else subtracts)",
        "subtracts",
        NUDGES_SERIAL,
    ),
)
