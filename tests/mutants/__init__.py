"""Faults that are planted, each of which a test must catch; ``python -m tests.mutants`` tries them all."""

from tests.mutants import (
    analog,
    converters,
    convolution,
    crossbar,
    fine,
    link,
    neurons,
    nudges,
    pulses,
    rules,
    sequencer,
    serial,
    sparse,
    stored,
    turns,
)
from tests.mutants.mutant import Mutant, faulty

MUTANTS = neurons.MUTANTS + crossbar.MUTANTS + sequencer.MUTANTS + link.MUTANTS + serial.MUTANTS + pulses.MUTANTS
MUTANTS += (
    fine.MUTANTS + turns.MUTANTS + nudges.MUTANTS + rules.MUTANTS + sparse.MUTANTS + stored.MUTANTS + converters.MUTANTS
)
MUTANTS += analog.MUTANTS + convolution.MUTANTS

__all__ = ["MUTANTS", "Mutant", "faulty"]
