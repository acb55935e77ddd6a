"""What the rules compute, in float64: the loss's gradient, and in the nudged phase step by step the side network.

Scellier and Bengio, "Equivalence of equilibrium propagation and recurrent backpropagation" (arXiv 1711.08416): during
the nudged phase, for beta -> 0, the time derivatives of the activities are the error derivatives that recurrent
backpropagation computes iteratively. Here the neurons follow the Hopfield form, dv/dt without the factor g' of the
energy's gradient flow. Put v = v0 + beta u around the free fixed point v0, with W = W^T and J = T - g(v0):

    u <- u + eps (-u + W (g' u) + J), to first order in beta, from u = 0.

Its product with g' is the activities' displacement y = (g(v) - g(v0)) / beta, and

    y <- y + eps (-y + g' (W y + J)), from y = 0,

which is Pineda's side network, equal step by step and not only at rest. (In the gradient flow the factor g' stands
before dv, so there the states' displacement u would follow it.) The difference of two steps, z = (y' - y) / eps, is the
time derivative of the activities over beta; it follows the same network without its source,

    z <- z + eps (-z + g' W z), from z = g' J,

which are the error derivatives of the paper: their sum over the steps times eps is y, at rest the gradient's factor.
"""

import itertools

import numpy as np
import pytest

from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.float64.backpropagation import relax_side, side_gradient
from ohmprop.model.float64.network import EPSILON
from ohmprop.model.float64.recurrent import gradient_estimate, relax, synapse_mask
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec, Settings
from tests.model.float64.test_reference import small_net

Floats = np.ndarray
SEEDS = (1, 2, 3)
#: Steps after which these nets are at rest to float64's precision.
SETTLED = 400
#: Half the difference of two weights in central differences.
WIDTH = 1e-5


def numerical_gradient(weights: Floats, drive: Floats, target: Floats) -> Floats:
    """The loss's negative derivative by each pair of weights, by central differences at the settled free phase."""
    gradient = np.zeros_like(weights)
    for i, j in zip(*np.triu_indices(len(weights), 1), strict=True):
        losses = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[i, j] += sign * WIDTH
            moved[j, i] += sign * WIDTH
            activity = np.tanh(relax(moved, np.zeros_like(drive), drive, SETTLED))
            losses.append(0.5 * np.sum((target - activity) ** 2))
        gradient[i, j] = gradient[j, i] = -(losses[0] - losses[1]) / (2 * WIDTH)
    return gradient


def off_diagonal(matrix: Floats) -> Floats:
    """The matrix without its diagonal: there are no self weights."""
    return matrix * ~np.eye(len(matrix), dtype=bool)


def error(estimate: Floats, exact: Floats) -> float:
    """The largest difference over the largest entry."""
    return float(np.abs(off_diagonal(estimate) - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_ep_approaches_the_gradient_as_beta_vanishes(seed: int) -> None:
    weights, drive, target = small_net(seed)
    exact = numerical_gradient(weights, drive, target)
    betas = (1e-1, 1e-2, 1e-3, 1e-4)
    errors = [error(gradient_estimate(weights, drive, target, beta, SETTLED, SETTLED), exact) for beta in betas]
    assert errors[-1] < 1e-3
    # One-sided nudging: the error is of first order in beta.
    assert all(0.05 < fine / coarse < 0.2 for coarse, fine in itertools.pairwise(errors))


@pytest.mark.parametrize("seed", SEEDS)
def test_rbp_is_the_gradient(seed: int) -> None:
    weights, drive, target = small_net(seed)
    exact = numerical_gradient(weights, drive, target)
    # The differences are what is inexact: truncation of the order WIDTH**2 = 1e-10, and rounding of losses of the order of
    # 1 to 2e-16, divided by WIDTH: 2e-11. EP at beta = 1e-4 is a thousand times further away.
    assert error(side_gradient(weights, drive, target, SETTLED, SETTLED), exact) < 1e-8


@pytest.mark.parametrize("seed", SEEDS)
def test_activities_in_the_nudged_phase_follow_the_side_network(seed: int) -> None:
    weights, drive, target = small_net(seed)
    free = relax(weights, np.zeros_like(drive), drive, SETTLED)
    activity = np.tanh(free)
    slope, pull = 1 - activity**2, target - activity
    worst = []
    for beta in (1e-3, 1e-4, 1e-5):
        nudged, side, derivative = free, np.zeros_like(free), slope * pull
        total = np.zeros_like(free)
        differences = []
        for _ in range(30):
            stepped = relax(weights, nudged, drive, 1, target, beta)
            velocity = (np.tanh(stepped) - np.tanh(nudged)) / EPSILON
            differences.append(np.abs(velocity / beta - derivative).max())
            total += EPSILON * derivative
            nudged, side = stepped, relax_side(weights, side, free, pull, 1)
            derivative = relax_side(weights, derivative, free, 0.0, 1)
            differences.append(np.abs((np.tanh(nudged) - activity) / beta - side).max())
            assert total == pytest.approx(side, abs=1e-12)
        worst.append(max(differences) / np.abs(side).max())
    # In every one of the thirty steps; what is left is of first order in beta.
    assert worst[-1] < 1e-4
    assert all(0.05 < fine / coarse < 0.2 for coarse, fine in itertools.pairwise(worst))


def test_side_network_settles_where_the_equation_says() -> None:
    weights, drive, target = small_net(4)
    free = relax(weights, np.zeros(6), drive, SETTLED)
    pull = target - np.tanh(free)
    # Pineda's start, 0.5, and ours, 0, have the same end.
    for start in (0.0, 0.5):
        side = relax_side(weights, np.full(6, start), free, pull, SETTLED)
        assert side == pytest.approx((1 - np.tanh(free) ** 2) * (weights @ side + pull), abs=1e-12)


def test_one_step_of_the_side_network_by_hand() -> None:
    weights = np.array([[0.0, 0.25], [0.25, 0.0]])
    free, side, pull = np.array([0.0, 1.0]), np.array([0.4, -0.2]), np.array([1.0, -0.5])
    # g'(0) = 1 and g'(1) = 0.4199743: -0.4 + (0.25 * -0.2 + 1) = 0.55 and 0.2 + g'(1) (0.25 * 0.4 - 0.5) = 0.0320103.
    assert relax_side(weights, side, free, pull, 1) == pytest.approx([0.4 + 0.275, -0.2 + 0.0160051], abs=1e-7)


def test_rbp_learns_half_the_pairs_gradient_within_the_band() -> None:
    spec = MachineSpec(layers=(12,), cut_diagonals=5)
    settings = Settings(eta_shifts=(6,), nudged_steps=20, rule="rbp")
    rng = np.random.default_rng(5)
    pattern, target = rng.random((2, 12)) < 0.5
    (weights,) = initial_weights(spec, 1)
    reference = Reference(spec, settings, (weights,))
    reference.learn(pattern, target)
    gradient = side_gradient(weights, np.where(pattern, 0.5, -0.5), np.where(target, 127 / 127, -1.0), 20, 20)
    assert reference.weights[0] - weights == pytest.approx(gradient * synapse_mask(spec) / 128)


def test_rbp_learns_and_recalls_the_glyphs() -> None:
    spec = MachineSpec()
    settings = Settings(eta_shifts=(6,), nudged_steps=20, rule="rbp")
    reference = Reference(spec, settings, initial_weights(spec, 1))
    reference.train(glyphs(), 100)
    for flips, least in ((0.0, 1.0), (0.10, 0.99), (0.20, 0.93)):
        images, labels = corrupt(glyphs(), flips, 50, np.random.default_rng(9))
        assert recalled(glyphs(), labels, reference.recall_many(images)).mean() >= least
