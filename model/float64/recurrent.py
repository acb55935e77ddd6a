"""Equilibrium propagation in float64 for a recurrent layer: what the machine's integers are compared with.

Equations of Zoppo, Marrone, Corinto 2020 (Front. Neurosci. 14:240) and Scellier, Bengio 2017, reconstructed from their
text, in the Hopfield form, which has the fixed points of the energy's gradient flow (eq. 12-16) without its factor g':

    dv/dt = -v + W g(v) + I + beta (T - g(v)),    g = tanh

and the update (eq. 19)  w_ij += eta / beta (g_i^b g_j^b - g_i^0 g_j^0),  ^0 free phase, ^b nudged phase.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.float64.network import EPSILON
from ohmprop.model.spec import MachineSpec

#: Initial weights are uniform within plus and minus this (Zoppo, Marrone, Corinto 2020).
INITIAL_WEIGHT = 0.1

Floats = NDArray[np.float64]


def synapse_mask(spec: MachineSpec) -> NDArray[np.bool_]:
    """Which weights exist, shape (neurons, neurons): no self weights, none beyond the band."""
    index = np.arange(spec.neurons)
    distance = np.abs(index[:, None] - index)
    mask: NDArray[np.bool_] = (distance >= 1) & (distance <= spec.reach)
    return mask


def uniform_weights(spec: MachineSpec, seed: int) -> tuple[Floats]:
    """One matrix of weights (neurons, neurons), uniform in [-0.1, 0.1]; absent synapses are 0.

    Row i drives column j. They are symmetric unless the machine is not.
    """
    uniform = np.random.default_rng(seed).uniform(-INITIAL_WEIGHT, INITIAL_WEIGHT, (spec.neurons, spec.neurons))
    if spec.asymmetric:
        return (uniform * synapse_mask(spec),)
    upper = np.triu(uniform, 1)
    return ((upper + upper.T) * synapse_mask(spec),)


class Steps(NamedTuple):
    """How neurons step: by ``epsilon``, and in blocks of ``block`` neurons one after the other; 0: all together."""

    epsilon: float = EPSILON
    block: int = 0


#: All neurons, by EPSILON.
TOGETHER = Steps()


def relax(
    weights: Floats,
    states: Floats,
    drive: Floats | float,
    steps: int,
    target: Floats | float = 0.0,
    beta: float = 0.0,
    how: Steps = TOGETHER,
) -> Floats:
    """States after ``steps`` Euler steps; beta = 0 is the free phase.

    ``weights`` is (neurons, neurons), row i what neuron i drives; ``states``, ``drive`` (I) and ``target`` (T) are (neurons,)
    for one pattern or (images, neurons) for many, or one number for all. The states passed in are not changed.
    """
    states = states.copy()
    count = states.shape[-1]
    size = how.block or count
    turns = [slice(first, first + size) for first in range(0, count, size)] * steps
    for turn in turns:
        activity = np.tanh(states)
        flow = activity @ weights
        flow += drive
        flow -= states
        if beta:
            flow += beta * (target - activity)
        flow *= how.epsilon
        states[..., turn] += flow[..., turn]
    return states


def gradient_estimate(
    weights: Floats,
    drive: Floats,
    target: Floats,
    beta: float,
    free_steps: int,
    nudged_steps: int,
    how: tuple[Steps, Steps] = (TOGETHER, TOGETHER),
) -> Floats:
    """Equation 19 without eta, (neurons, neurons): the contrast of the two phases over beta.

    The free phase starts at zero, the nudged phase where the free one ended. As beta goes to 0 and both phases settle,
    entry (i, j) goes to the loss's negative derivative by the pair w_ij = w_ji; the loss is sum (T - g(v))^2 / 2 at the
    free fixed point. ``how`` is that of the free phase and of the nudged one.
    """
    free = relax(weights, np.zeros_like(drive), drive, free_steps, how=how[0])
    nudged = relax(weights, free, drive, nudged_steps, target, beta, how[1])
    before, after = np.tanh(free), np.tanh(nudged)
    contrast: Floats = np.outer(after, after) - np.outer(before, before)
    return contrast / beta


def vector_field_estimate(free: Floats, nudged: Floats) -> Floats:
    """The contrast of asymmetric weights, (neurons, neurons): what the columns' neurons moved times what drove them.

    Scellier et al. 2018 (arXiv 1808.04873), eq. 8, of the activities (neurons,) of both phases; row i drives column j.
    """
    contrast: Floats = np.outer(free, nudged - free)
    return contrast


def symmetric_estimate(free: Floats, nudged: Floats) -> Floats:
    """The contrast of weights that two neurons share, (neurons, neurons), of the activities (neurons,) of both phases."""
    return np.outer(nudged, nudged) - np.outer(free, free)


def learn_along(
    weights: Floats,
    states: Floats,
    drive: Floats,
    nudge: tuple[Floats, float],
    rates: NDArray[np.floating[Any]],
    rounds: Sequence[int],
    estimate: Callable[[Floats, Floats], Floats],
    how: Steps = TOGETHER,
) -> Floats:
    """Go through the nudged phase from ``states`` on, in rounds; ``weights`` change in place after each. Returns the states.

    ``rounds`` are the Euler steps of each: rounds of one step are continual equilibrium propagation (Ernoult et al. 2020), one
    round is the prototypical one. ``nudge`` is the target and beta; ``rates`` (neurons, neurons) are of the ``estimate`` of the
    activities before and after a round, times the sign of beta.
    """
    target, beta = nudge
    for steps in rounds:
        before = np.tanh(states)
        states = relax(weights, states, drive, steps, target, beta, how)
        weights += np.sign(beta) * rates * estimate(before, np.tanh(states))
    return states


def signed(pixels: NDArray[np.bool_], gain: float) -> Floats:
    """White as plus the gain, black as minus."""
    return np.where(pixels, gain, -gain)
