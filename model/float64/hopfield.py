"""The two classic rules of associative memory, in float64: Hebb's and Storkey's, with asynchronous recall.

Patterns are vectors x of +1 (white) and -1 (black). Weights are symmetric, w_ii = 0, and 0 where the spec has no synapse.
"""

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.float64.recurrent import Floats, synapse_mask
from ohmprop.model.spec import MachineSpec

#: Rounds through all units, at most. Every flip lowers Hopfield's energy, so recall ends by itself, within a few rounds.
MOST_ROUNDS = 100

Bits = NDArray[np.bool_]


def hebb(spec: MachineSpec, patterns: Bits) -> Floats:
    """Weights (neurons, neurons) after patterns (count, neurons): w_ij = sum over the patterns of x_i x_j.

    Hebb 1949 in the form of Hopfield 1982 (PNAS 79:2554), eq. 2. There is no factor 1/N, which no sign depends on, so the
    weights are small integers and sums of them exact.
    """
    signs = _signs(patterns)
    weights: Floats = (signs.T @ signs) * synapse_mask(spec)
    return weights


def storkey(spec: MachineSpec, patterns: Bits) -> Floats:
    """Weights (neurons, neurons) after patterns (count, neurons), learnt once each in their order, from 0.

    w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N,    h_ij = sum over k, neither i nor j, of w_ik x_k

    with h taken from the weights before the pattern (Storkey 1997, ICANN, LNCS 1327:451). In a band h sums over the
    synapses that there are.
    """
    mask = synapse_mask(spec)
    weights = np.zeros(mask.shape)
    for signs in _signs(patterns):
        # Since w_ii = 0 only the term of j has to be taken out of the field of i.
        fields = (weights @ signs)[:, None] - weights * signs
        change = np.outer(signs, signs) - signs[:, None] * fields.T - fields * signs
        weights += change * mask / spec.neurons
    return weights


def recall_many(weights: Floats, images: Bits, seed: int) -> Bits:
    """Recall images (count, neurons), unit after unit, until a whole round changes none (Hopfield 1982, eq. 1).

    x_i becomes the sign of sum_j w_ij x_j and stays where that is 0. Each round visits all units once, in an order drawn
    again from the seed, the same for all images, so that an image's recall does not depend on the others.
    """
    states = _signs(images).T.copy()
    rng = np.random.default_rng(seed)
    for _ in range(MOST_ROUNDS):
        before = states.copy()
        for unit in rng.permutation(len(weights)):
            field = weights[unit] @ states
            states[unit] = np.where(field == 0, states[unit], np.sign(field))
        if np.array_equal(before, states):
            break
    recalled: Bits = states.T > 0
    return recalled


def _signs(pixels: Bits) -> Floats:
    """White as +1, black as -1."""
    return np.where(pixels, 1.0, -1.0)
