"""The gradients of shared kernels against backpropagation through time over dense matrices."""

import numpy as np
import pytest

from ohmprop.model.float64.bptt import error_signals
from ohmprop.model.float64.convolutional import ConvolutionalNetwork
from ohmprop.model.float64.reference import initial_weights
from ohmprop.model.spec import MachineSpec
from tests.kit.convolutions import dense, pooled, summed

NETS = {
    "pool_and_kernel": ([144, 100, 45, 3], ["3x3x4 pool", "3x3x5", "full"]),
    "pool_and_small_kernel": ([196, 144, 125, 3], ["3x3x4 pool", "2x2x5", "full"]),
    "strides": ([225, 196, 54, 3], ["3x3x4 stride 2", "3x3x6 stride 2", "full"]),
    "one_kernel": ([144, 100, 3], ["3x3x4 pool", "full"]),
}


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_those_of_backpropagation_through_time(name):
    layers, kernels = NETS[name]
    spec = MachineSpec(layers=tuple(layers), kernels=tuple(kernels), nudges=True, lanes=8)
    weights = tuple(2 * part for part in initial_weights(spec, 2))
    network, rng, beta, seen = ConvolutionalNetwork(spec), np.random.default_rng(3), 1e-7, 0
    for _ in range(6):
        image = rng.integers(0, 16, spec.inputs).astype(np.uint8)
        goal = np.where(np.arange(3) == rng.integers(3), 255 / 256, 0.0)
        nudge = np.concatenate([np.zeros(spec.neurons - 3), np.ones(3)])

        def stepped(states, size, image=image, goal=goal, nudge=nudge):
            error = np.concatenate([np.zeros(spec.neurons - 3), goal]) - states
            moved = states + (network.currents(weights, image, states) + size * nudge * error - states) / 2
            return np.clip(moved, 0, 255 / 256)

        free = np.zeros(spec.neurons)
        while np.abs((after := stepped(free, 0.0)) - free).max() > 1e-16:
            free = after
        nudged = free
        for _ in range(60):
            nudged = stepped(nudged, beta)
        estimates = [part / beta for part in network.gradients(weights, image, free, nudged)]

        # The same with dense matrices, the windows that a pool takes held.
        matrices = dense(spec, weights)
        winners = pooled(spec, matrices[0] @ (image / 16))
        firsts = np.cumsum([0, *layers[1:]])
        couplings = np.zeros((spec.neurons, spec.neurons))
        for number, matrix in enumerate(matrices[1:]):
            lower, upper = (slice(*firsts[at : at + 2]) for at in (number, number + 1))
            couplings[upper, lower], couplings[lower, upper] = matrix, matrix.T
        slopes = ((free > 0) & (free < 255 / 256)).astype(float)
        errors = np.concatenate([np.zeros(spec.neurons - 3), goal - free[-3:]])
        total = error_signals(couplings, slopes, errors, 0.5, 60).sum(axis=0) / 2
        activities = [free[slice(*firsts[at : at + 2])] for at in range(len(matrices))]
        signals = [total[slice(*firsts[at : at + 2])] for at in range(len(matrices))]
        moved = np.zeros(len(matrices[0]))
        moved[winners] = signals[0]
        parts = [np.outer(moved, image / 16)]
        for number in range(1, len(matrices)):
            parts.append(
                np.outer(signals[number], activities[number - 1]) + np.outer(activities[number], signals[number - 1])
            )
        for number, (estimate, part) in enumerate(zip(estimates, parts, strict=True)):
            exact = -summed(spec, number, part)
            size = np.linalg.norm(exact)
            if size > 1e-6:
                assert np.linalg.norm(estimate - exact) <= 1e-5 * size, number
                seen += 1
    assert seen >= 4 * len(weights)
