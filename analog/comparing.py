"""One pattern on the machine, in float64 and as a circuit: how far the three are from each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.circuit import Circuit, Network
from ohmprop.analog.engines import Engine, Waves, settle
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.rules import first_rule
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import NEGATIVE, POSITIVE

Floats = NDArray[np.float64]
#: LSBs within which a neuron has settled.
SETTLED = 1.0
#: LSBs beyond which two fixed points are different ones.
BASIN = 8.0
#: Euler steps that both phases are given, of which the machine takes as many as it needs; then float64 stands still, too.
EULER_STEPS = 255


@dataclass(frozen=True, eq=False)
class Phase:
    """A phase's end, all states (neurons,) in LSBs, and the way there.

    Members
    -------
    circuit, waves : what was solved, and how its states moved.
    machine, float64, spice : where the three end; those of float64 and the circuit clipped to what the machine can hold.
    steps : of the machine.
    rests : the circuit has come to rest.
    """

    circuit: Circuit
    waves: Waves
    machine: Floats
    float64: Floats
    spice: Floats
    steps: int
    rests: bool

    @property
    def from_float64(self) -> float:
        """LSBs between the circuit and float64, of the neuron that differs most."""
        return float(np.abs(self.spice - self.float64).max())

    @property
    def from_machine(self) -> float:
        """LSBs between the circuit and the machine, likewise."""
        return float(np.abs(self.spice - self.machine).max())


@dataclass(frozen=True, eq=False)
class Compared:
    """A pattern's two phases.

    Members
    -------
    residuals : LSBs by which Kirchhoff's law is violated where the machine's free and nudged phases end, of its neurons that are
        not saturated.
    agreement : share of neurons whose sign the machine and the circuit have alike, of a layered machine whether both name the
        same class; in the free phase.
    settling : RC until all neurons of the free phase are within an LSB of where they end.
    """

    free: Phase
    nudged: Phase
    residuals: tuple[float, float]
    agreement: float
    settling: float

    @property
    def settled(self) -> bool:
        """Both phases of the circuit have come to rest."""
        return self.free.rests and self.nudged.rests

    @property
    def other_basin(self) -> bool:
        """The three did not settle at one fixed point."""
        phases = (self.free, self.nudged)
        return any(max(phase.from_float64, phase.from_machine) > BASIN for phase in phases)


class Comparison:
    """A machine with its weights beside float64 and a circuit of the same.

    Parameters
    ----------
    network : the machine as a circuit, without converters, noise or devices.
    weights : the machine's integers.
    engine : solves the circuit.
    """

    def __init__(self, network: Network, weights: Sequence[NDArray[np.int16]], engine: Engine) -> None:
        self.network, self.engine = network, engine
        self._weights = tuple(weights)
        self._spec = network.spec
        # A random sign is drawn by the machine alone; all three take the positive one. Nor do weights change within a phase, as
        # continual rules have it, or a side network relax.
        nudge = NEGATIVE if self._spec.settings.nudge == NEGATIVE else POSITIVE
        self._settings = replace(
            self._spec.settings,
            rule=first_rule(self._spec),
            nudge=nudge,
            free_steps=EULER_STEPS,
            nudged_steps=EULER_STEPS,
            stop_when_settled=True,
        )
        self._machine = GoldenMachine(self._spec)
        self._reference = Reference(self._spec, self._settings, as_float64(self._spec, weights))

    def compare(self, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Compared:
        """Both phases of a pattern (inputs,) with its target (outputs,); MachineError if the circuit cannot be solved."""
        settings = self._settings
        circuit = self.network.free(pattern)
        free = self._phase(circuit, replace(settings, nudged_steps=0), pattern, target)
        circuit = self.network.nudged(circuit, free.waves.states[-1], target)
        nudged = self._phase(circuit, settings, pattern, target)
        return Compared(
            free,
            nudged,
            (self._residual(free), self._residual(nudged)),
            self._agreement(free),
            settling(self._spec, free.waves),
        )

    def _phase(self, circuit: Circuit, settings: Settings, pattern: NDArray[Any], target: NDArray[np.bool_]) -> Phase:
        """One phase, by settings of the machine and of float64 that end with it."""
        machine = self._machine
        machine.settings, machine.weights = settings, self._weights
        reply = machine.learn(pattern, target)
        one = self._spec.state.one
        float64 = self._reference.states_after(pattern, target, settings) * one
        waves, rests = settle(self.engine, circuit)
        spice = waves.states[-1] * one
        steps = reply.nudged_steps if circuit.nudge.any() else reply.free_steps
        states = machine.states.astype(np.float64)
        return Phase(circuit, waves, states, held(self._spec, float64), held(self._spec, spice), steps, rests)

    def _residual(self, phase: Phase) -> float:
        """LSBs of dv/dt where the machine ends, of neurons that are not saturated; 0 if all are."""
        state = self._spec.state
        flow = phase.circuit.flow(phase.machine / state.one) * state.one
        within = (phase.machine > state.low) & (phase.machine < state.high)
        return float(np.abs(flow[within]).max(initial=0.0))

    def _agreement(self, free: Phase) -> float:
        if self._spec.recurrent:
            return float(((free.machine > 0) == (free.spice > 0)).mean())
        outputs = self._spec.outputs
        return float(free.machine[-outputs:].argmax() == free.spice[-outputs:].argmax())


def held(spec: MachineSpec, states: Floats) -> Floats:
    """States in LSBs, clipped to what the machine can hold."""
    clipped: Floats = np.clip(states, spec.state.low, spec.state.high)
    return clipped


def settling(spec: MachineSpec, waves: Waves) -> float:
    """RC until all neurons are within an LSB of where they end, and stay there."""
    states = held(spec, waves.states * spec.state.one)
    away = np.flatnonzero(np.abs(states - states[-1]).max(axis=1) > SETTLED)
    # After the last point that is away.
    return float(waves.times[away[-1] + 1]) if len(away) else 0.0


def figures_of(spec: MachineSpec, compared: Sequence[Compared]) -> dict[str, Any]:
    """The figures over patterns; those that did not settle, or settled elsewhere, are counted and left out of the others.

    ``cut_off`` are those whose free phase takes the machine more steps than its settings allow.
    """
    counted = {
        "images": len(compared),
        "unsettled": sum(not one.settled for one in compared),
        "cut_off": sum(one.free.steps > spec.settings.free_steps for one in compared),
        "other_basin": sum(one.settled and one.other_basin for one in compared),
    }
    taken = [one for one in compared if one.settled and not one.other_basin]
    if not taken:
        return counted
    steps = float(np.mean([one.free.steps for one in taken]))
    time = float(np.mean([one.settling for one in taken]))
    return {
        **counted,
        "max_lsb": max(max(one.free.from_float64, one.nudged.from_float64) for one in taken),
        "machine_lsb": max(one.free.from_machine for one in taken),
        "machine_nudged_lsb": max(one.nudged.from_machine for one in taken),
        "residual_lsb": max(one.residuals[0] for one in taken),
        "nudged_residual_lsb": max(one.residuals[1] for one in taken),
        "sign_agreement": float(np.mean([one.agreement for one in taken])),
        "steps": steps,
        "settling_rc": time,
        "steps_in_rc_over_settling": steps * spec.settings.free_eps / time if time else 0.0,
    }
