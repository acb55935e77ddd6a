"""Equilibrium propagation in float64 for a recurrent layer: what the machine's integers are compared with.

Equations of Zoppo, Marrone, Corinto 2020 (Front. Neurosci. 14:240) and Scellier, Bengio 2017, reconstructed from their
text, in the Hopfield form, which has the fixed points of the energy's gradient flow (eq. 12-16) without its factor g':

    dv/dt = -v + W g(v) + I + beta (T - g(v)),    g = tanh

and the update (eq. 19)  w_ij += eta / beta (g_i^b g_j^b - g_i^0 g_j^0),  ^0 free phase, ^b nudged phase.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.spec import MachineSpec, Settings

#: Euler's step; with 1 the nudged phase oscillates, with 1/4 it takes twice the steps.
EPSILON = 0.5
#: Initial weights are uniform within plus and minus this (Zoppo, Marrone, Corinto 2020).
INITIAL_WEIGHT = 0.1
#: Images relaxed side by side in recall; their states then stay in a processor's cache.
_BATCH = 512

Floats = NDArray[np.float64]


def synapse_mask(spec: MachineSpec) -> NDArray[np.bool_]:
    """Which weights exist, shape (neurons, neurons): no self weights, none beyond the band."""
    index = np.arange(spec.neurons)
    distance = np.abs(index[:, None] - index)
    mask: NDArray[np.bool_] = (distance >= 1) & (distance <= spec.reach)
    return mask


def initial_weights(spec: MachineSpec, seed: int) -> Floats:
    """Symmetric weights (neurons, neurons), uniform in [-0.1, 0.1]; absent synapses are 0."""
    uniform = np.random.default_rng(seed).uniform(-INITIAL_WEIGHT, INITIAL_WEIGHT, (spec.neurons, spec.neurons))
    upper = np.triu(uniform, 1)
    return (upper + upper.T) * synapse_mask(spec)


def quantise(spec: MachineSpec, weights: Floats) -> NDArray[np.int8]:
    """The weights as the machine's integers: rounded to the nearest, ties to even, saturated at the weight limit."""
    levels = np.rint(weights * spec.weight.one)
    return np.clip(levels, -spec.weight_limit, spec.weight_limit).astype(np.int8)


def relax(
    weights: Floats, states: Floats, drive: Floats | float, steps: int, target: Floats | float = 0.0, beta: float = 0.0
) -> Floats:
    """States after ``steps`` Euler steps; beta = 0 is the free phase.

    ``weights`` is symmetric (neurons, neurons); ``states``, ``drive`` (I) and ``target`` (T) are (neurons,) for one
    pattern or (images, neurons) for many, or one number for all. The states passed in are not changed.
    """
    states = states.copy()
    for _ in range(steps):
        activity = np.tanh(states)
        flow = activity @ weights
        flow += drive
        flow -= states
        if beta:
            flow += beta * (target - activity)
        flow *= EPSILON
        states += flow
    return states


def gradient_estimate(
    weights: Floats, drive: Floats, target: Floats, beta: float, free_steps: int, nudged_steps: int
) -> Floats:
    """Equation 19 without eta, (neurons, neurons): the contrast of the two phases over beta.

    The free phase starts at zero, the nudged phase where the free one ended. As beta goes to 0 and both phases settle,
    entry (i, j) goes to the loss's negative derivative by the pair w_ij = w_ji; the loss is sum (T - g(v))^2 / 2 at the
    free fixed point.
    """
    free = relax(weights, np.zeros_like(drive), drive, free_steps)
    nudged = relax(weights, free, drive, nudged_steps, target, beta)
    before, after = np.tanh(free), np.tanh(nudged)
    contrast: Floats = np.outer(after, after) - np.outer(before, before)
    return contrast / beta


class Reference:
    """A recurrent layer that learns in float64: no rounding, no saturation of weights.

    Parameters
    ----------
    spec : the machine whose topology, input gain and target it shares.
    settings : steps of the phases and learning rate. Every phase takes its full number of steps.
    weights : initial weights (neurons, neurons), symmetric, 0 where there is no synapse; copied.

    Attributes
    ----------
    weights : the present weights, float64 (neurons, neurons).
    """

    #: The machine's nudging strength.
    BETA = 1.0

    def __init__(self, spec: MachineSpec, settings: Settings, weights: Floats) -> None:
        self.spec = spec
        self.settings = settings
        self.weights = np.array(weights, np.float64)
        self._input_gain = spec.input_level / spec.state.one
        self._target_gain = spec.target_level / spec.activity_limit
        self._rates = 2.0 ** -settings.eta_shifts[0] * synapse_mask(spec)

    def learn(self, pattern: NDArray[np.bool_], target: NDArray[np.bool_] | None = None) -> None:
        """Learn one pattern (neurons,): relax free and nudged, then update. Without a target it is the pattern."""
        self.weights += self._rates * gradient_estimate(
            self.weights,
            signed(pattern, self._input_gain),
            signed(pattern if target is None else target, self._target_gain),
            self.BETA,
            self.settings.free_steps,
            self.settings.nudged_steps,
        )

    def train(
        self, patterns: NDArray[np.bool_], epochs: int, progress: Callable[[int], None] = lambda epoch: None
    ) -> None:
        """Learn the patterns (count, neurons) in their order, ``epochs`` times.

        ``progress`` is called after each epoch with the number of epochs done.
        """
        for epoch in range(epochs):
            for pattern in patterns:
                self.learn(pattern)
            progress(epoch + 1)

    def recall_many(self, images: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Recall images (count, neurons): input on for the driven steps, off for the released; true where v > 0."""
        signs = np.empty(images.shape, np.bool_)
        for start in range(0, len(images), _BATCH):
            drive = signed(images[start : start + _BATCH], self._input_gain)
            driven = relax(self.weights, np.zeros_like(drive), drive, self.settings.driven_steps)
            signs[start : start + _BATCH] = relax(self.weights, driven, 0.0, self.settings.released_steps) > 0
        return signs


def signed(pixels: NDArray[np.bool_], gain: float) -> Floats:
    """White as plus the gain, black as minus."""
    return np.where(pixels, gain, -gain)
