"""How the neurons of the golden machine relax: their states after every Euler step of both phases of a learnt pattern."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import Settings


@dataclass(frozen=True)
class Trace:
    """States along a learnt pattern.

    Members
    -------
    states : (steps + 1, neurons), the first row before the first step.
    free_steps : those of the free phase; the others are nudged.
    """

    states: NDArray[np.integer[Any]]
    free_steps: int


def trace(machine: GoldenMachine, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Trace:
    """The states while a copy of the machine learns a pattern, which leaves the machine itself as it is.

    The pattern is learnt again for each step, up to it, since that is what a board can do as well.
    """
    settings = machine.settings
    rows: list[NDArray[Any]] = [np.zeros(machine.spec.neurons, np.int64)]
    taken = []
    for phase, most in (("free_steps", settings.free_steps), ("nudged_steps", settings.nudged_steps)):
        done = 0
        for count in range(1, most + 1):
            limits: dict[str, Any] = {"nudged_steps": 0, phase: count}
            copy = _copy(machine, replace(settings, **limits))
            reply = copy.learn(pattern, target)
            if getattr(reply, phase) < count:
                break
            rows.append(copy.states.astype(np.int64))
            done = count
        taken.append(done)
    return Trace(np.array(rows), taken[0])


def _copy(machine: GoldenMachine, settings: Settings) -> GoldenMachine:
    """A machine that has learnt the same, with other settings."""
    copy = GoldenMachine(machine.spec, settings, machine.lfsr)
    copy.weights, copy.device = machine.weights, machine.device
    return copy
