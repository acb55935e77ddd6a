"""Faults of neurons that step in turn."""

from tests.mutants.mutant import TURNS, TURNS_LAYERED, TURNS_SERIAL, Mutant

MUTANTS = (
    Mutant(
        "turns: a step writes the other half",
        "parallel/activities.py",
        "~(self.half ^ self.in_place)",
        "~self.half",
        TURNS,
    ),
    Mutant(
        "turns: no block waits in a first step", "shapes/turns.py", "block >= phase.turn", "block > phase.turn", TURNS
    ),
    Mutant("turns: all blocks wait in a first step", "shapes/turns.py", "block >= phase.turn", "Const(1)", TURNS),
    Mutant("turns: a layer waits in the second turn", "shapes/turns.py", "phase.turn == 0", "Const(1)", TURNS_LAYERED),
    Mutant(
        "turns: the nudge comes to the outputs last",
        "control/phase.py",
        "in_turn & nudges",
        "0 & nudges",
        TURNS_LAYERED,
    ),
    Mutant(
        "turns: the first nudged step begins as a free one",
        "control/phase.py",
        "in_turn & self.learns & ~self.second & over",
        "0 & over",
        TURNS_LAYERED,
    ),
    Mutant(
        "turns: the phases' steps are exchanged",
        "control/phase.py",
        "Mux(nudges, settings.whole[1], settings.whole[0])",
        "Mux(nudges, settings.whole[0], settings.whole[1])",
        TURNS,
    ),
    Mutant(
        "turns: whole steps keep the old state",
        "units/neuron.py",
        "return Mux(self.whole, whole, half)",
        "return half",
        TURNS,
    ),
    Mutant(
        "turns: the side network steps in turn as well",
        "control/phase.py",
        "settings.order[0] & ~self.by_side",
        "settings.order[0]",
        TURNS,
    ),
    Mutant(
        "turns: the list's last sweep alone ends a turn",
        "control/words.py",
        "current.ends | (current.turns & self.in_turn)",
        "current.ends",
        TURNS,
    ),
    Mutant(
        "serial turns: the nudged phase overwrites what the free one ended with",
        "serial/datapath.py",
        "self.new.eq(written)",
        "self.new.eq(0)",
        TURNS_SERIAL,
    ),
    Mutant(
        "serial turns: blocks that wait are read as if they had stepped",
        "serial/datapath.py",
        "self.phase.early & awaits_turn",
        "0 & awaits_turn",
        TURNS_SERIAL,
    ),
)
