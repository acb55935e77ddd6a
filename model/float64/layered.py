"""Equilibrium propagation in float64 for layered networks: what the machine's integers are compared with.

Equations of Scellier and Bengio 2017 (Front. Comput. Neurosci. 11:24), with rho the hard sigmoid:

    ds/dt = -s + W s (layers below and above) + beta (T - s) at the outputs,    s clipped to 0..1 after every step

and the update of every weight (eq. 9)  w += alpha / beta (s_i' s_j' - s_i s_j),  ' nudged; inputs x stand still.
Weights are (inputs, first hidden layer), then (upper layer, lower layer), and last, if there are biases, (1, neurons); their
input stands at 1 - 2**-pixel_bits.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import compiled
from ohmprop.model.float64.network import Network, Weights
from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import CENTRED, LAYERS, NEGATIVE, RANDOM

Floats = NDArray[np.float64]
#: What Glorot's initial weights are scaled by, matrix by matrix, for one to three hidden layers (docs/classifiers.md).
INITIAL_SCALES: dict[int, tuple[float, ...]] = {1: (1, 1), 2: (1, 1, 0.5), 3: (0.5, 0.5, 0.5, 0.5)}


def glorot_weights(spec: MachineSpec, seed: int, scales: Sequence[float] | None = None) -> tuple[Floats, ...]:
    """Glorot's uniform weights, as in Scellier and Bengio 2017: within +-scale sqrt(6 / (rows + columns)).

    ``scales`` are the matrices' own, INITIAL_SCALES if None. They are below 1 in deep machines: an output whose drive
    starts under -1 is dead, since the nudge (beta = 1) cannot raise it, and hidden layers that drive each other hard both
    ways end at 0 or 1, where a nudge no longer moves them. Biases are 0.
    """
    rng = np.random.default_rng(seed)
    sizes = [(matrix.rows, matrix.columns) for matrix in spec.matrices[: len(spec.matrices) - bool(spec.biases)]]
    if scales is None:
        scales = (0.9, *(0.3 for _ in spec.layers[2:])) if spec.kernels else INITIAL_SCALES[len(spec.layers) - 2]
    if spec.asymmetric:
        scales = (scales[0], *(scale for scale in scales[1:] for _ in range(2)))
    drawn = (
        rng.uniform(-1, 1, size) * np.sqrt(6 / sum(size)) * scale for size, scale in zip(sizes, scales, strict=True)
    )
    return (*drawn, *([np.zeros((1, spec.neurons))] if spec.biases else []))


class Nudge(NamedTuple):
    """What draws the outputs to ``target`` (outputs,): beta (T - s)."""

    target: NDArray[Any]
    beta: float


class Net(NamedTuple):
    """What the loops know of a network.

    Members
    -------
    firsts : the first neuron's number of each layer but the inputs, and the count of neurons.
    one : where the biases' input stands; 0 without any.
    symmetric : each matrix between layers is read both ways; else there are two, up and back.
    """

    firsts: NDArray[np.int64]
    one: float
    symmetric: bool


class Phase(NamedTuple):
    """One relaxation.

    Members
    -------
    steps : Euler steps.
    nudged : the outputs are drawn to their targets.
    beta : size of the nudge, negative if it draws away from the targets.
    epsilon : Euler's step; with ``feedforward`` the first one is 1.
    turns : turns of a step, 2 if the odd layers step before the even ones; ``first_turn`` is the one that steps first.
    """

    steps: int
    nudged: bool
    beta: float
    epsilon: float
    feedforward: bool
    turns: int
    first_turn: int


@compiled
def _along_rows(matrix, states, flow):  # type: ignore[no-untyped-def]
    """Add what the columns' neurons drive into the rows'."""
    for i in range(len(flow)):
        row, total = matrix[i], 0.0
        for j in range(len(row)):
            total += row[j] * states[j]
        flow[i] += total


@compiled
def _along_columns(matrix, states, flow):  # type: ignore[no-untyped-def]
    """Add what the rows' neurons drive into the columns'."""
    for i in range(len(states)):
        row, state = matrix[i], states[i]
        if state:
            for j in range(len(row)):
                flow[j] += row[j] * state


@compiled
def _between_layers(weights, net, states, flow):  # type: ignore[no-untyped-def]
    """Add what all layers' neurons drive into those above and below."""
    firsts = net.firsts
    for index in range(1, len(firsts) - 1):
        lower, upper = slice(firsts[index - 1], firsts[index]), slice(firsts[index], firsts[index + 1])
        if net.symmetric:
            _along_rows(weights[index], states[lower], flow[upper])
            _along_columns(weights[index], states[upper], flow[lower])
        else:
            _along_columns(weights[2 * index - 1], states[lower], flow[upper])
            _along_columns(weights[2 * index], states[upper], flow[lower])


@compiled
def _relax(weights, net, states, drive, goal, phase):  # type: ignore[no-untyped-def]
    """Euler steps of all neurons, each turn's from the same old states."""
    flow, firsts = np.zeros_like(states), net.firsts
    for turn in range(phase.steps * phase.turns):
        flow[:] = drive - states
        _between_layers(weights, net, states, flow)
        if phase.nudged:
            flow[firsts[-2] :] += phase.beta * (goal - states[firsts[-2] :])
        epsilon = 1.0 if phase.feedforward and turn < phase.turns else phase.epsilon
        for layer in range(len(firsts) - 1):
            if layer % phase.turns == (phase.first_turn + turn) % phase.turns:
                for i in range(firsts[layer], firsts[layer + 1]):
                    states[i] = min(max(states[i] + epsilon * flow[i], 0.0), 1.0)


@compiled
def _drive(weights, net, image, drive):  # type: ignore[no-untyped-def]
    """The currents of inputs, which only the first hidden layer has, and of biases."""
    drive[:] = 0.0
    if net.one:
        drive += weights[-1][0] * net.one
    matrix = weights[0]
    for i in range(len(image)):
        if image[i]:
            for j in range(matrix.shape[1]):
                drive[j] += matrix[i, j] * image[i]


@compiled
def _contrast(weights, net, image, free, states, sign, alphas):  # type: ignore[no-untyped-def]
    """The update of every weight by two states of the network, ``free`` the earlier one."""
    firsts, first = net.firsts, weights[0]
    moved = sign * (states - free)
    for i in range(len(image)):
        if image[i]:
            for j in range(first.shape[1]):
                first[i, j] += alphas[0] * image[i] * moved[j]
    if net.one:
        weights[-1][0] += alphas[-1] * net.one * moved
    for index in range(1, len(firsts) - 1):
        low, high = firsts[index - 1], firsts[index]
        if net.symmetric:
            matrix = weights[index]
            for i in range(matrix.shape[0]):
                for j in range(matrix.shape[1]):
                    contrast = states[high + i] * states[low + j] - free[high + i] * free[low + j]
                    matrix[i, j] += sign * alphas[index] * contrast
            continue
        # Row i drives column j, which learns by what it moved.
        for number, row, column in ((2 * index - 1, low, high), (2 * index, high, low)):
            matrix = weights[number]
            for i in range(matrix.shape[0]):
                for j in range(matrix.shape[1]):
                    matrix[i, j] += alphas[number] * free[row + i] * moved[column + j]


@compiled
def _learn(weights, net, images, targets, alphas, phases, rounds):  # type: ignore[no-untyped-def]
    """Learn pattern after pattern; ``rounds`` are the times that the last phase is gone through, each with its update.

    Returns the states (neurons,) at the end of the last pattern.
    """
    count = net.firsts[-1]
    states, drive, sign = np.zeros(count), np.zeros(count), 1.0 if phases[2].beta > 0 else -1.0
    for index in range(len(images)):
        image, goal = images[index], targets[index] * 1.0
        _drive(weights, net, image, drive)
        states[:] = 0.0
        _relax(weights, net, states, drive, goal, phases[0])
        before = states.copy()
        free = before.copy()
        # Of a centred nudge the negative one ends what the positive one is compared with.
        _relax(weights, net, free, drive, goal, phases[1])
        states[:] = before
        for _ in range(rounds):
            _relax(weights, net, states, drive, goal, phases[2])
            _contrast(weights, net, image, free, states, sign, alphas)
            free[:] = states
    return states


@compiled
def _recall(weights, net, images, phase):  # type: ignore[no-untyped-def]
    """The outputs' states after a free phase, for each image."""
    firsts = net.firsts
    answers = np.zeros((len(images), firsts[-1] - firsts[-2]))
    states, drive, goal = np.zeros(firsts[-1]), np.zeros(firsts[-1]), np.zeros(1)
    for index in range(len(images)):
        _drive(weights, net, images[index], drive)
        states[:] = 0.0
        _relax(weights, net, states, drive, goal, phase)
        answers[index] = states[firsts[-2] :]
    return answers


class LayeredNetwork(Network):
    """Layers; a pattern is uint8 (inputs,), pixels of pixel_bits each, an answer the outputs' states, 0 to 1."""

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        one = spec.white if spec.biases else 0.0
        self._net = Net(np.cumsum([0, *spec.layers[1:]]), one, not spec.asymmetric)
        self._signs = np.random.default_rng(0)

    def _pixels(self, images: NDArray[np.uint8]) -> Floats:
        return np.asarray(images, np.float64) / (1 << self.spec.pixel_bits)

    def _free(self, settings: Settings, steps: int) -> Phase:
        turns = 2 if settings.order == LAYERS else 1
        return Phase(max(1, steps), False, 0.0, settings.free_eps, settings.feedforward, turns, 0)

    def _nudged(self, settings: Settings) -> Phase:
        turns = 2 if settings.order == LAYERS else 1
        first_turn = self.spec.layout.nudged_turn if turns > 1 else 0
        return Phase(settings.nudged_steps, True, settings.beta, settings.nudged_eps, False, turns, first_turn)

    def learn(self, weights: Weights, patterns: NDArray[Any], targets: NDArray[np.bool_], settings: Settings) -> None:
        """Learn pattern after pattern, as Network.learn says."""
        self._learnt(weights, patterns, targets, settings)

    def states_after(
        self, weights: Weights, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings
    ) -> Floats:
        """The states (neurons,) at the end of one pattern, as Network.states_after says."""
        copies = tuple(matrix.copy() for matrix in weights)
        return self._learnt(copies, pattern[None], target[None], settings)

    def _learnt(
        self, weights: Weights, patterns: NDArray[Any], targets: NDArray[np.bool_], settings: Settings
    ) -> Floats:
        """Learn pattern after pattern; the states at the end of the last one."""
        states: Floats = np.zeros(self.spec.neurons)
        rates = 2.0 ** -np.array(settings.eta_shifts, np.float64)
        images, wanted = self._pixels(patterns), np.asarray(targets, np.bool_)
        free, nudged, rounds = self._free(settings, settings.free_steps), self._nudged(settings), 1
        if RULES[settings.rule].every_step:
            nudged, rounds = nudged._replace(steps=1), settings.nudged_steps
        if settings.nudge == RANDOM:
            # Each pattern's own sign.
            for index, sign in enumerate(self._signs.choice((-1.0, 1.0), len(images))):
                phases = (free, nudged._replace(steps=0), nudged._replace(beta=sign * settings.beta))
                one = slice(index, index + 1)
                states = _learn(weights, self._net, images[one], wanted[one], rates, phases, rounds)
            return states
        beta = -settings.beta if settings.nudge == NEGATIVE else settings.beta
        steps = nudged.steps if settings.nudge == CENTRED else 0
        phases = (free, nudged._replace(steps=steps, beta=-settings.beta), nudged._replace(beta=beta))
        states = _learn(weights, self._net, images, wanted, rates, phases, rounds)
        return states

    def currents(self, weights: Weights, pattern: NDArray[Any], states: Floats) -> Floats:
        """What drives the neurons (neurons,), as Network.currents says."""
        flow = np.zeros(self.spec.neurons)
        _drive(weights, self._net, self._pixels(pattern), flow)
        _between_layers(weights, self._net, states, flow)
        return flow

    def relaxed(
        self,
        weights: Weights,
        image: NDArray[np.uint8],
        states: Floats,
        steps: int,
        epsilon: float,
        nudge: Nudge | None = None,
    ) -> Floats:
        """The states (neurons,) after ``steps`` Euler steps of all neurons together, with the input (inputs,) on."""
        states, drive = states.copy(), np.zeros(len(states))
        _drive(weights, self._net, self._pixels(image), drive)
        goal, beta = (np.asarray(nudge.target, np.float64), nudge.beta) if nudge else (np.zeros(1), 0.0)
        phase = Phase(steps, nudge is not None, beta, epsilon, False, 1, 0)
        _relax(weights, self._net, states, drive, goal, phase)
        return states

    def recall(self, weights: Weights, patterns: NDArray[Any], settings: Settings) -> Floats:
        """The outputs' states (count, outputs), as Network.recall says."""
        answers: Floats = _recall(
            weights, self._net, self._pixels(patterns), self._free(settings, settings.driven_steps)
        )
        return answers
