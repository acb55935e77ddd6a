"""How the neurons of a machine relax: their states after every Euler step of both phases of a learnt pattern."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Board
from ohmprop.host.link.weights import Weights
from ohmprop.host.show.picture import Picture
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.golden.machine import GoldenMachine, copied
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import NEGATIVE, POSITIVE, RANDOM


@dataclass(frozen=True)
class Trace:
    """States along a learnt pattern.

    Members
    -------
    states : (steps + 1, neurons) in LSBs, the first row before the first step.
    free_steps : those of the free phase; the others are nudged.
    outputs : the last neurons, whose states are the answer.
    float64 : what the float64 reference comes to from the same weights in the same steps, likewise in LSBs, not rounded; None
        where nobody asked for it.
    """

    states: NDArray[np.integer[Any]]
    free_steps: int
    outputs: int
    float64: NDArray[np.float64] | None = None

    def picture(self) -> Picture:
        """All states as colours, the outputs' as lines, and those of float64 dashed; shown in a notebook, or saved."""
        from ohmprop.host.show.pictures import states_figure

        return Picture(states_figure(self.states, self.free_steps, self.outputs, "", self.float64))


class Subject(Protocol):
    """A machine whose states can be traced: the golden one, or a board."""

    spec: MachineSpec

    def held(self) -> tuple[Settings, int, Weights]:
        """The settings, the LFSR and the weights that it holds."""

    def put(self, settings: Settings, lfsr: int, weights: Weights) -> None:
        """Give it these."""

    def learn(self, pattern: NDArray[Any], target: NDArray[np.bool_]) -> LearnReply:
        """Learn a pattern (inputs,) with its target (outputs,)."""

    def recall(self, pattern: NDArray[Any]) -> tuple[RecallReply, NDArray[Any]]:
        """Recall a pattern (inputs,): the reply and the answer (outputs,)."""

    def states(self) -> NDArray[Any]:
        """The neurons' states (neurons,) after the last pattern."""


class OnGolden:
    """The golden machine as a subject."""

    def __init__(self, machine: GoldenMachine) -> None:
        self.spec, self.machine = machine.spec, machine
        self.learn, self.recall = machine.learn, machine.recall

    def held(self) -> tuple[Settings, int, Weights]:
        """The settings, the LFSR and copies of the weights."""
        return self.machine.settings, self.machine.lfsr, tuple(matrix.copy() for matrix in self.machine.weights)

    def put(self, settings: Settings, lfsr: int, weights: Weights) -> None:
        """Give it these."""
        self.machine.settings, self.machine.lfsr, self.machine.weights = settings, lfsr, weights

    def states(self) -> NDArray[Any]:
        """The neurons' states (neurons,)."""
        return self.machine.states


class OnPort:
    """A connected board as a subject."""

    def __init__(self, board: Board) -> None:
        self.spec, self._board = board.spec, board
        self.learn, self.recall, self.states = board.learn, board.recall, board.read_states

    def held(self) -> tuple[Settings, int, Weights]:
        """The settings, the LFSR and the weights, as the board has them."""
        return *self._board.read_settings(), self._board.read_weights()

    def put(self, settings: Settings, lfsr: int, weights: Weights) -> None:
        """Give the board these."""
        self._board.write_settings(settings, lfsr)
        self._board.write_weights(weights)


def trace(machine: GoldenMachine, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Trace:
    """The states while a copy of the golden machine learns a pattern, which leaves the machine itself as it is."""
    return traced(OnGolden(copied(machine)), pattern, target)


def with_float64(subject: Subject, found: Trace, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Trace:
    """A trace with the float64 reference's beside it, in as many steps of each phase as the machine took."""
    spec, (settings, _, weights) = subject.spec, subject.held()
    reference = Reference(spec, settings, as_float64(spec, weights))
    free, nudged = found.free_steps, len(found.states) - 1 - found.free_steps
    steps = [(count, 0) for count in range(1, free + 1)] + [(free, count) for count in range(1, nudged + 1)]

    def along(nudge: str) -> NDArray[np.float64]:
        limits = [replace(settings, free_steps=first, nudged_steps=second, nudge=nudge) for first, second in steps]
        rows = [reference.states_after(pattern, target, one) for one in limits]
        return np.array([np.zeros(spec.neurons), *rows]) * spec.state.one

    # Of a sign that the machine drew, the one that it drew is nearer.
    nudges = (POSITIVE, NEGATIVE) if settings.nudge == RANDOM else (settings.nudge,)
    return replace(found, float64=min(map(along, nudges), key=lambda rows: float(np.abs(rows - found.states).sum())))


def traced(subject: Subject, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Trace:
    """The states while a machine learns a pattern; it then gets back settings, LFSR and weights. Its counters go on.

    The pattern is learnt again for each step, up to it, since that is what a board can do as well.
    """
    settings, lfsr, weights = subject.held()
    rows: list[NDArray[Any]] = [np.zeros(subject.spec.neurons, np.int64)]
    taken = []
    try:
        for phase, most in (("free_steps", settings.free_steps), ("nudged_steps", settings.nudged_steps)):
            done = 0
            # The free phase takes one step at least.
            for count in range(1, max(most, phase == "free_steps") + 1):
                limits: dict[str, Any] = {"nudged_steps": 0, phase: count}
                subject.put(replace(settings, **limits), lfsr, weights)
                reply = subject.learn(pattern, target)
                if getattr(reply, phase) < count:
                    break
                rows.append(subject.states().astype(np.int64))
                done = count
            taken.append(done)
    finally:
        subject.put(settings, lfsr, weights)
    return Trace(np.array(rows), taken[0], subject.spec.outputs)
