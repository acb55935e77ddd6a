"""Equilibrium propagation in closed loop with a circuit: the circuit settles, and the host changes the weights."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.circuit import Circuit, Network
from ohmprop.analog.engines import Engine, settle
from ohmprop.analog.spec import AnalogSpec
from ohmprop.model.errors import UserError
from ohmprop.model.float64.recurrent import symmetric_estimate
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import POSITIVE

Floats = NDArray[np.float64]


class CircuitLearner:
    """A machine's network whose two phases an engine solves; its calls are those of ohmprop.model.float64's Reference.

    Parameters
    ----------
    spec : the machine; its rule must be ep, its nudge positive and its weights symmetric, else UserError.
    weights : float64, a matrix each; copied. After an update they are clipped to what the cells hold.
    analog : what the circuit is built from.
    engine : solves it.

    Attributes
    ----------
    weights : the present weights.
    solved, unsettled : phases that the engine has solved, and those of them that did not come to rest.
    """

    def __init__(self, spec: MachineSpec, weights: Sequence[Floats], analog: AnalogSpec, engine: Engine) -> None:
        settings = spec.settings
        if settings.rule != "ep" or settings.nudge != POSITIVE or spec.asymmetric:
            raise UserError(
                f"With --physics a circuit learns by rule = ep and a positive nudge, and the machine has rule = {settings.rule} "
                f"and nudge = {settings.nudge}; change them in its file."
            )
        self.spec, self.settings, self.analog, self.engine = spec, settings, analog, engine
        self.weights = tuple(np.array(matrix, np.float64) for matrix in weights)
        self.solved = self.unsettled = 0
        self._most = (analog.g_on - analog.g_min) / analog.g_one

    def learn(self, pattern: NDArray[Any], target: NDArray[np.bool_]) -> None:
        """Both phases of a pattern (inputs,) with its target (outputs,), and the update (Scellier, Bengio 2017, eq. 9)."""
        network = Network(self.spec, self.weights, self.analog)
        circuit = network.free(pattern)
        free = self._end(circuit)
        nudged = self._end(network.nudged(circuit, free, target))
        before, after = circuit.activities(free), circuit.activities(nudged)
        for matrix, shift, change in zip(
            self.weights, self.settings.eta_shifts, self._contrasts(circuit.inputs, before, after), strict=True
        ):
            matrix += 2.0**-shift * change
            np.clip(matrix, -self._most, self._most, out=matrix)
        if self.spec.recurrent:
            self.weights[0][~network.cells] = 0.0

    def _contrasts(self, inputs: Floats, before: Floats, after: Floats) -> list[Floats]:
        """What each matrix learns from the activities of both phases, at a rate of 1."""
        if self.spec.recurrent:
            return [symmetric_estimate(before, after)]
        firsts = np.cumsum([0, *self.spec.layers[1:]])
        layers = [slice(first, last) for first, last in pairwise(firsts)]
        moved = after - before
        pixels = inputs[: self.spec.inputs]
        contrasts = [np.outer(pixels, moved[layers[0]])]
        for low, high in pairwise(layers):
            contrasts.append(np.outer(after[high], after[low]) - np.outer(before[high], before[low]))
        if self.spec.biases:
            contrasts.append(inputs[-1] * moved[None])
        return contrasts

    def recall(self, pattern: NDArray[Any]) -> NDArray[Any]:
        """The answer to a pattern (inputs,): which states are positive once the input is off again, or the outputs' states."""
        network = Network(self.spec, self.weights, self.analog)
        circuit = network.free(pattern)
        states = self._end(circuit)
        if not self.spec.recurrent:
            return circuit.activities(states)[-self.spec.outputs :]
        released = replace(circuit, clamps=np.zeros_like(circuit.clamps), start=states)
        signs: NDArray[np.bool_] = self._end(released) > 0
        return signs

    def _end(self, circuit: Circuit) -> Floats:
        """Where a phase ends."""
        waves, rests = settle(self.engine, circuit)
        self.solved += 1
        self.unsettled += not rests
        states: Floats = waves.states[-1]
        return states
