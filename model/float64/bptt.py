"""Backpropagation through time in float64: the exact gradient that equilibrium propagation follows step by step.

Ernoult et al. 2019 (NeurIPS, "Updates of equilibrium prop match gradients of backprop through time"), theorem 1, for this
machine's own step s <- s + eps (-s + W g + I), from a settled free phase. With the loss L = sum (T - g)^2 / 2 after T steps,
the error signal of the state t steps before the end is

    lambda_0 = -g' (T - g),    lambda_{t+1} = (1 - eps) lambda_t + eps g' (W lambda_t)

with g' the slope of tanh in a recurrent layer, and in a layered machine 1 where the state lies within its clip and 0 at its ends.
A step's part of dL/dw, of a weight that two neurons share, is eps (lambda_i g_j + lambda_j g_i). To first order in beta the
nudged phase moves the activities by -beta eps lambda_t in its step t, so its updates are those parts, one after the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.spec import MachineSpec

Floats = NDArray[np.float64]


def couplings(spec: MachineSpec, weights: Sequence[Floats]) -> Floats:
    """The weights between neurons as one matrix (neurons, neurons): row i what neuron i drives; 0 where there are none."""
    if spec.recurrent:
        return weights[0]
    firsts = np.cumsum([0, *spec.layers[1:]])
    matrix = np.zeros((spec.neurons, spec.neurons))
    for number in range(len(spec.layers) - 2):
        upper = slice(firsts[number + 1], firsts[number + 2])
        lower = slice(firsts[number], firsts[number + 1])
        if spec.asymmetric:
            matrix[lower, upper], matrix[upper, lower] = weights[2 * number + 1], weights[2 * number + 2]
        else:
            matrix[upper, lower], matrix[lower, upper] = weights[number + 1], weights[number + 1].T
    return matrix


def symmetry(spec: MachineSpec, weights: Sequence[NDArray[Any]]) -> float:
    """The cosine of the angle between the weights among neurons and their transpose: 1 if they are symmetric.

    ``weights`` are the machine's, in any number format.
    """
    matrix = couplings(spec, [part.astype(np.float64) for part in weights])
    return alignment(matrix, matrix.T)


def error_signals(weights: Floats, slopes: Floats, errors: Floats, epsilon: float, steps: int) -> Floats:
    """lambda_0, lambda_1, ..., (steps, neurons).

    ``weights`` are couplings (neurons, neurons), ``slopes`` g' at the free phase's end and ``errors`` T - g, 0 where there is no
    target; (neurons,).
    """
    signals = np.empty((steps, len(slopes)))
    signal = -slopes * errors
    for step in range(steps):
        signals[step] = signal
        signal = (1 - epsilon) * signal + epsilon * slopes * (weights @ signal)
    return signals


def step_gradients(signals: Floats, activities: Floats, epsilon: float) -> Floats:
    """Each step's part of dL/dw between neurons, (steps, neurons, neurons), of pairs that share a weight."""
    half = signals[:, :, None] * activities
    gradients: Floats = epsilon * (half + np.swapaxes(half, 1, 2))
    return gradients


def alignment(first: Floats, second: Floats) -> float:
    """The cosine of the angle between two updates of the same shape; 0 if one of them is 0."""
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.sum(first * second) / size) if size else 0.0
