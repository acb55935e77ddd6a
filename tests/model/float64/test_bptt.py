"""Step by step, the updates of equilibrium propagation are the gradients of backpropagation through time (model/float64/bptt.py).

A difference of two states is known to 1e-16 and divided by beta = 1e-7, so what is smaller than SEEN is not compared; the rest
agrees to first order in beta, of which 1e-5 leaves a hundredfold.
"""

import itertools

import numpy as np
import pytest

from ohmprop.model.data import datasets
from ohmprop.model.float64.bptt import alignment, couplings, error_signals, step_gradients
from ohmprop.model.float64.layered import LayeredNetwork, Nudge
from ohmprop.model.float64.recurrent import Steps, learn_along, relax, symmetric_estimate, vector_field_estimate
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec

Floats = np.ndarray
#: Steps that settle these nets to float64's precision, steps that are compared, and the nudge.
SETTLED, STEPS, BETA = 3000, 4, 1e-7
#: A unit nearer to its clip than the nudge may move it has no derivative; such patterns are left out.
CLEAR = 1e-5
#: Smaller signals are lost in the rounding of the states.
SEEN = 1e-6
EPSILONS = (0.5, 1.0)


def off(first: Floats, second: Floats) -> float:
    """The relative difference of two arrays."""
    return float(np.linalg.norm(first - second) / max(np.linalg.norm(first), np.linalg.norm(second)))


def recurrent_case(seed: int, neurons: int = 100) -> tuple[Floats, Floats, Floats, Floats]:
    """Symmetric weights, drive, target, and the settled free phase."""
    spec, rng = MachineSpec(layers=(neurons,)), np.random.default_rng(seed)
    (weights,) = initial_weights(spec, seed)
    drive, target = (np.where(rng.random(neurons) < 0.5, gain, -gain) for gain in (0.5, 1.0))
    return weights, drive, target, relax(weights, np.zeros(neurons), drive, SETTLED)


def nudged_activities(
    weights: Floats, drive: Floats, target: Floats, free: Floats, epsilon: float, beta: float
) -> Floats:
    """Activities (STEPS + 1, neurons) along a recurrent layer's nudged phase."""
    states = [free]
    for _ in range(STEPS):
        states.append(relax(weights, states[-1], drive, 1, target, beta, Steps(epsilon)))
    return np.tanh(states)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_signals_are_the_losses_derivatives(seed: int, epsilon: float) -> None:
    # By central differences of a state some steps before the end, so BPTT itself is seen to be right.
    weights, drive, target, free = recurrent_case(seed, 12)
    activity = np.tanh(free)
    signals = error_signals(weights, 1 - activity**2, target - activity, epsilon, STEPS)
    for step in range(STEPS):
        for neuron in range(12):
            losses = []
            for width in (1e-5, -1e-5):
                moved = free.copy()
                moved[neuron] += width
                after = relax(weights, moved, drive, step, how=Steps(epsilon))
                losses.append(np.sum((target - np.tanh(after)) ** 2) / 2)
            assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(signals[step, neuron], abs=1e-8)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("trained", [False, True], ids=["untrained", "trained"])
def test_a_recurrent_layers_steps(epsilon: float, trained: bool) -> None:
    weights, drive, target, free = recurrent_case(3)
    if trained:
        spec = MachineSpec()
        reference = Reference(spec, spec.settings, (weights,))
        reference.train(np.random.default_rng(4).random((10, 100)) < 0.5, 20)
        (weights,) = reference.weights
        free = relax(weights, np.zeros(100), drive, SETTLED)
    activity = np.tanh(free)
    signals = error_signals(weights, 1 - activity**2, target - activity, epsilon, STEPS)
    gradients = step_gradients(signals, activity, epsilon)
    along = nudged_activities(weights, drive, target, free, epsilon, BETA)
    for step in range(STEPS):
        before, after = along[step], along[step + 1]
        assert np.abs(signals[step]).max() > SEEN
        assert off((after - before) / BETA, -epsilon * signals[step]) < 1e-5
        contrast = np.outer(after, after) - np.outer(before, before)
        assert off(contrast / BETA, -gradients[step]) < 1e-5


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("hidden", [(32,), (64, 64)], ids=["64-32-10", "64-64-64-10"])
def test_a_layered_machines_steps(hidden: tuple[int, ...], epsilon: float) -> None:
    spec = MachineSpec(layers=(64, *hidden, 10))
    weights, network = initial_weights(spec, 1), LayeredNetwork(spec)
    if epsilon == 1 and len(hidden) > 1:
        # All layers together by whole steps settle in a shallow net only, or with small weights.
        weights = tuple(matrix * 0.5 for matrix in weights)
    data = datasets.load("digits")
    images = datasets.pixels(data.train_images[:40], spec.pixel_bits)
    matrix, compared = couplings(spec, weights), 0
    for image, label in zip(images, data.train_labels[:40], strict=True):
        target = np.arange(10) == label
        free = network.relaxed(weights, image, np.zeros(spec.neurons), SETTLED, 0.5)
        unclipped = free @ matrix
        unclipped[: spec.layers[1]] += image / 16 @ weights[0]
        if min(np.abs(unclipped).min(), np.abs(unclipped - 1).min()) < CLEAR:
            continue
        inside = (unclipped > 0) & (unclipped < 1)
        errors = np.zeros(spec.neurons)
        errors[-10:] = target - free[-10:]
        signals = error_signals(matrix, inside * 1.0, errors, epsilon, STEPS)
        states = free
        for step in range(STEPS):
            after = network.relaxed(weights, image, states, 1, epsilon, Nudge(target, BETA))
            if np.abs(signals[step]).max() > SEEN:
                assert off((after - states) / BETA, -epsilon * signals[step]) < 1e-5
                gradient = step_gradients(signals[step : step + 1], free, epsilon)[0]
                contrast = np.outer(after, after) - np.outer(states, states)
                assert off(contrast / BETA, -gradient) < 1e-5
                compared += 1
            states = after
    assert compared > 40


def test_the_error_is_of_first_order_in_beta() -> None:
    weights, drive, target, free = recurrent_case(5)
    activity = np.tanh(free)
    signals = error_signals(weights, 1 - activity**2, target - activity, 0.5, 1)
    errors = []
    for beta in (1e-1, 1e-2, 1e-3):
        along = nudged_activities(weights, drive, target, free, 0.5, beta)
        errors.append(off((along[1] - along[0]) / beta, -0.5 * signals[0]))
    assert all(0.05 < fine / coarse < 0.2 for coarse, fine in itertools.pairwise(errors))


def test_continual_updates_are_the_gradients_as_the_rate_vanishes() -> None:
    weights, drive, target, free = recurrent_case(6, 20)
    activity = np.tanh(free)
    signals = error_signals(weights, 1 - activity**2, target - activity, 0.5, 6)
    exact = -step_gradients(signals, activity, 0.5).sum(axis=0)
    errors = []
    beta = 1e-5
    for share in (1e-1, 1e-2, 1e-3):
        # What the weights have learnt moves the states as well, so the rate must be small beside beta.
        learnt, rates = weights.copy(), np.full_like(weights, share)
        learn_along(learnt, free, drive, (target, beta), rates, [1] * 6, symmetric_estimate)
        errors.append(off((learnt - weights) / (share * beta), exact))
    assert errors[-1] < 1e-2
    assert all(0.05 < fine / coarse < 0.2 for coarse, fine in itertools.pairwise(errors))


def test_a_vector_field_of_symmetric_weights_is_equilibrium_propagation() -> None:
    weights, drive, target, free = recurrent_case(7, 20)
    nudged = relax(weights, free, drive, 8, target, BETA)
    before, after = np.tanh(free), np.tanh(nudged)
    field = vector_field_estimate(before, after)
    contrast = np.outer(after, after) - np.outer(before, before)
    assert off(field + field.T, contrast) < 1e-5


def test_a_vector_fields_update_leaves_the_gradient_with_the_symmetry() -> None:
    # Exact where the weights are symmetric, and further from the gradient the less they are, but within a right angle.
    cosines = []
    for share in (0.0, 0.5, 1.0):
        found = []
        for seed in range(5):
            weights, drive, target, _ = recurrent_case(seed, 40)
            (other,) = initial_weights(MachineSpec(layers=(40,), asymmetric=True), seed + 50)
            mixed = (1 - share) * weights * 3 + share * other * 3
            free = relax(mixed, np.zeros(40), drive, SETTLED)
            activity = np.tanh(free)
            # What drives a neuron is a column, so its error comes back along the row.
            exact = -error_signals(mixed, 1 - activity**2, target - activity, 0.5, 200).sum(axis=0)
            nudged = np.tanh(relax(mixed, free, drive, 200, target, BETA))
            found.append(alignment(vector_field_estimate(activity, nudged), np.outer(activity, exact)))
        cosines.append(np.mean(found))
    assert cosines[0] > 0.999 and cosines[0] > cosines[1] > cosines[2] > 0.5
