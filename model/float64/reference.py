"""The float64 reference: a machine's network without rounding, and without saturation of weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.float64.backpropagation import side_gradient
from ohmprop.model.float64.convolutional import ConvolutionalNetwork
from ohmprop.model.float64.layered import LayeredNetwork, glorot_weights
from ohmprop.model.float64.network import Network, Weights
from ohmprop.model.float64.recurrent import (
    Steps,
    gradient_estimate,
    learn_along,
    relax,
    signed,
    symmetric_estimate,
    synapse_mask,
    uniform_weights,
    vector_field_estimate,
)
from ohmprop.model.rules import RULES, Second
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import BLOCKS, CENTRED, NEGATIVE, RANDOM

#: Images relaxed side by side in recall; their states then stay in a processor's cache.
_BATCH = 512


def initial_weights(spec: MachineSpec, seed: int, scales: Sequence[float] | None = None) -> Weights:
    """Random weights, a matrix each: uniform_weights of a recurrent machine, glorot_weights of a layered one.

    ``scales`` are those of glorot_weights.
    """
    return uniform_weights(spec, seed) if spec.recurrent else glorot_weights(spec, seed, scales)


def quantise(spec: MachineSpec, weights: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.int16], ...]:
    """The weights as the machine's integers: rounded to the nearest, ties to even, saturated at the weight limit."""
    return tuple(
        np.clip(np.rint(values * matrix.stored.one), -matrix.limit, matrix.limit).astype(np.int16)
        for matrix, values in zip(spec.matrices, weights, strict=True)
    )


def as_float64(spec: MachineSpec, weights: Sequence[NDArray[np.integer[Any]]]) -> Weights:
    """The machine's integers as float64: the inverse of ``quantise``, exact."""
    return tuple(values / matrix.stored.one for matrix, values in zip(spec.matrices, weights, strict=True))


class RecurrentNetwork(Network):
    """A recurrent layer; a pattern is bool (neurons,), True white, and so is an answer: where v > 0."""

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self._input_gain = spec.input_level / spec.state.one
        self._target_gain = spec.target_level / spec.activity_limit
        self._mask = synapse_mask(spec)
        self._signs = np.random.default_rng(0)

    def learn(self, weights: Weights, patterns: NDArray[Any], targets: NDArray[np.bool_], settings: Settings) -> None:
        """Learn pattern after pattern, as Network.learn says."""
        rates = 2.0 ** -settings.eta_shifts[0] * self._mask
        steps = settings.free_steps, settings.nudged_steps
        for pattern, target in zip(patterns, targets, strict=True):
            drive, goal = signed(pattern, self._input_gain), signed(target, self._target_gain)
            rule = RULES[settings.rule]
            if rule.second is Second.SIDE:
                # The pair learns by the mean of both directions.
                weights[0][:] += rates * side_gradient(weights[0], drive, goal, *steps) / 2
            elif rule.every_step or rule.asymmetric:
                self._along(weights[0], drive, goal, settings)
            else:
                weights[0][:] += rates * self._contrast(weights[0], drive, goal, settings)

    def _along(
        self,
        weights: NDArray[np.float64],
        drive: NDArray[np.float64],
        goal: NDArray[np.float64],
        settings: Settings,
    ) -> NDArray[np.float64]:
        """Both phases of one pattern, with an update after each nudged step or after all of them; the states at the end."""
        rule, (how, nudged_how) = RULES[settings.rule], self._steps(settings)
        rates = 2.0 ** -settings.eta_shifts[0] * self._mask
        free = relax(weights, np.zeros_like(drive), drive, settings.free_steps, how=how)
        rounds = [1] * settings.nudged_steps if rule.every_step else [settings.nudged_steps]
        estimate = vector_field_estimate if rule.asymmetric else symmetric_estimate
        return learn_along(weights, free, drive, (goal, self._beta(settings)), rates, rounds, estimate, nudged_how)

    def states_after(
        self, weights: Weights, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings
    ) -> NDArray[np.float64]:
        """The states (neurons,) at the end of one pattern, as Network.states_after says; a side network leaves them at rest."""
        drive, goal = signed(pattern, self._input_gain), signed(target, self._target_gain)
        if RULES[settings.rule].second is Second.SIDE:
            settings = replace(settings, nudged_steps=0)
        return self._along(weights[0].copy(), drive, goal, settings)

    def currents(self, weights: Weights, pattern: NDArray[Any], states: NDArray[np.float64]) -> NDArray[np.float64]:
        """What drives the neurons (neurons,), as Network.currents says."""
        currents: NDArray[np.float64] = np.tanh(states) @ weights[0] + signed(pattern, self._input_gain)
        return currents

    def recall(self, weights: Weights, patterns: NDArray[Any], settings: Settings) -> NDArray[np.bool_]:
        """Input on for the driven steps, off for the released, as Network.recall says."""
        signs = np.empty(patterns.shape, np.bool_)
        for start in range(0, len(patterns), _BATCH):
            drive = signed(patterns[start : start + _BATCH], self._input_gain)
            how = self._steps(settings)[0]
            driven = relax(weights[0], np.zeros_like(drive), drive, settings.driven_steps, how=how)
            signs[start : start + _BATCH] = relax(weights[0], driven, 0.0, settings.released_steps, how=how) > 0
        return signs

    def _contrast(
        self, weights: NDArray[np.float64], drive: NDArray[np.float64], goal: NDArray[np.float64], settings: Settings
    ) -> NDArray[np.float64]:
        """The products' difference, not divided by beta, with the sign of the nudge."""
        steps, how, beta = (settings.free_steps, settings.nudged_steps), self._steps(settings), self._beta(settings)
        contrast = settings.beta * gradient_estimate(weights, drive, goal, beta, *steps, how)
        if settings.nudge == CENTRED:
            # The free phase falls out of the difference of the two.
            contrast += beta * gradient_estimate(weights, drive, goal, -beta, *steps, how)
        return contrast

    def _beta(self, settings: Settings) -> float:
        """The nudge's size and sign."""
        if settings.nudge == RANDOM:
            return settings.beta * float(self._signs.choice((-1.0, 1.0)))
        return -settings.beta if settings.nudge == NEGATIVE else settings.beta

    def _steps(self, settings: Settings) -> tuple[Steps, Steps]:
        """How neurons step in all phases but the nudged one, and in that."""
        block = self.spec.lanes if settings.order == BLOCKS else 0
        return Steps(settings.free_eps, block), Steps(settings.nudged_eps, block)


def network_of(spec: MachineSpec) -> Network:
    """The network of a machine's topology."""
    if spec.kernels:
        return ConvolutionalNetwork(spec)
    return RecurrentNetwork(spec) if spec.recurrent else LayeredNetwork(spec)


class Reference:
    """A network that learns in float64, by the calls of the golden machine.

    Parameters
    ----------
    spec : the machine whose topology, input gain and target it shares.
    settings : steps of the phases, learning rates and rule. Every phase takes its full number of steps.
    weights : initial weights, a matrix each, 0 where there is no synapse; copied.

    Attributes
    ----------
    settings : may be set between patterns.
    weights : the present weights, float64, a tuple of matrices.
    """

    def __init__(self, spec: MachineSpec, settings: Settings, weights: Sequence[NDArray[np.float64]]) -> None:
        self.spec = spec
        self.settings = settings
        self.weights = tuple(np.array(matrix, np.float64, order="C") for matrix in weights)
        self._network: Network = network_of(spec)

    def learn(self, pattern: NDArray[Any], target: NDArray[np.bool_] | None = None) -> None:
        """Learn one pattern (inputs,): ``learn_many`` of one."""
        self.learn_many(pattern[None], None if target is None else target[None])

    def learn_many(self, patterns: NDArray[Any], targets: NDArray[np.bool_] | None = None) -> None:
        """Learn patterns (count, inputs) one after another; ``targets`` (count, outputs) are the patterns if not given."""
        self._network.learn(self.weights, patterns, patterns if targets is None else targets, self.settings)

    def states_after(self, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings) -> NDArray[np.float64]:
        """The states (neurons,) at the end of learning a pattern (inputs,) by these settings; the weights stay as they are."""
        return self._network.states_after(self.weights, pattern, target, settings)

    def currents(self, pattern: NDArray[Any], states: NDArray[np.float64]) -> NDArray[np.float64]:
        """What drives the neurons (neurons,) with a pattern (inputs,) on and these states, (neurons,): W s + I."""
        return self._network.currents(self.weights, pattern, states)

    def train(
        self, patterns: NDArray[np.bool_], epochs: int, progress: Callable[[int], None] = lambda epoch: None
    ) -> None:
        """Learn the patterns (count, neurons) in their order, ``epochs`` times.

        ``progress`` is called after each epoch with the number of epochs done.
        """
        for epoch in range(epochs):
            self.learn_many(patterns)
            progress(epoch + 1)

    def recall_many(self, patterns: NDArray[Any]) -> NDArray[Any]:
        """Answers for patterns (count, inputs): which states are positive (count, neurons), or the outputs' states
        (count, outputs), 0 to 1.
        """
        return self._network.recall(self.weights, patterns, self.settings)
