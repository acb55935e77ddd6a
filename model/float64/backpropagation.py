"""Recurrent backpropagation (RBP) in float64 for a recurrent layer: what the machine's integers are compared with.

Almeida 1987 and Pineda 1988, as in Zoppo, Marrone, Corinto 2020 (Front. Neurosci. 14:240), eq. 3-11, reconstructed from
their text. The free phase is that of model/float64/recurrent.py, in the Hopfield form, with the loss L = sum (T - g(v))^2 / 2 at
its fixed point; the second phase relaxes the side network (eq. 9; weights are symmetric, so its transpose is no other)

    dy/dt = -y + g'(v) (W y + T - g(v)),    g = tanh,    v at rest

and at both fixed points  -dL/dw_ij = y_i g_j  (eq. 11). Weights w_ij = w_ji learn by the mean of both, which is half the
loss's negative derivative by the pair. The plain y_i g_j lets them drift apart, and diverges with 100 units.
"""

import numpy as np

from ohmprop.model.float64.network import EPSILON
from ohmprop.model.float64.recurrent import Floats, relax


def relax_side(weights: Floats, states: Floats, free: Floats, error: Floats | float, steps: int) -> Floats:
    """States y of the side network after ``steps`` Euler steps from ``states``.

    All but the weights (neurons, neurons) are (neurons,): ``free`` is v at the free fixed point, ``error`` is T - g(v).
    """
    slope = 1 - np.tanh(free) ** 2
    for _ in range(steps):
        states = states + EPSILON * (slope * (weights @ states + error) - states)
    return states


def side_gradient(weights: Floats, drive: Floats, target: Floats, free_steps: int, side_steps: int) -> Floats:
    """y_i g_j + y_j g_i, (neurons, neurons), from both phases started at zero.

    Where they settle, entry (i, j) is the loss's negative derivative by the pair w_ij = w_ji.
    """
    free = relax(weights, np.zeros_like(drive), drive, free_steps)
    activity = np.tanh(free)
    half = np.outer(relax_side(weights, np.zeros_like(free), free, target - activity, side_steps), activity)
    gradient: Floats = half + half.T
    return gradient
