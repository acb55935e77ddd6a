"""The float64 reference: its relaxation, its topology, its recall of the glyphs."""

import numpy as np
import pytest

from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.float64.recurrent import gradient_estimate, relax, synapse_mask
from ohmprop.model.float64.reference import Reference, initial_weights, quantise
from ohmprop.model.spec import MachineSpec, Settings


def small_net(seed: int, neurons: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random symmetric weights, drive and target of a net that settles."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.uniform(-0.3, 0.3, (neurons, neurons)), 1)
    return upper + upper.T, rng.choice([-0.5, 0.5], neurons), rng.choice([-1.0, 1.0], neurons)


def test_free_phase_settles_where_the_equation_says() -> None:
    weights, drive, target = small_net(4)
    free = relax(weights, np.zeros(6), drive, 400)
    assert free == pytest.approx(weights @ np.tanh(free) + drive, abs=1e-12)
    nudged = relax(weights, free, drive, 400, target, 0.5)
    activity = np.tanh(nudged)
    assert nudged == pytest.approx(weights @ activity + drive + 0.5 * (target - activity), abs=1e-12)


def test_one_step_by_hand() -> None:
    weights = np.array([[0.0, 0.25], [0.25, 0.0]])
    states = np.array([1.0, -2.0])
    stepped = relax(weights, states, np.array([0.5, -0.5]), 1, np.array([1.0, -1.0]), 1.0)
    g = np.tanh(states)
    expected = [
        1 + 0.5 * (-1 + 0.25 * g[1] + 0.5 + 1 - g[0]),
        -2 + 0.5 * (2 + 0.25 * g[0] - 0.5 - 1 - g[1]),
    ]
    assert stepped == pytest.approx(expected)
    assert states.tolist() == [1.0, -2.0]


@pytest.mark.parametrize(("neurons", "cut"), [(10, 0), (10, 3), (10, 8), (100, 60)])
def test_initial_weights_and_their_integers(neurons: int, cut: int) -> None:
    spec = MachineSpec(layers=(neurons,), cut_diagonals=cut)
    (weights,) = initial_weights(spec, 7)
    assert np.array_equal(weights, weights.T) and not np.diag(weights).any()
    assert np.count_nonzero(weights) == spec.synapses == np.count_nonzero(synapse_mask(spec))
    assert not np.triu(weights, spec.reach + 1).any()
    assert np.abs(weights).max() <= 0.1
    (integers,) = quantise(spec, (weights,))
    assert integers.dtype == np.int16 and np.array_equal(integers, integers.T)
    assert np.abs(integers / spec.weight.one - weights).max() <= 0.5 / spec.weight.one
    assert np.array_equal(weights, initial_weights(spec, 7)[0]) and not np.array_equal(
        weights, initial_weights(spec, 8)[0]
    )


def test_integers_saturate_and_ties_go_to_even() -> None:
    spec = MachineSpec(layers=(2,))
    weights = np.array([[0.5, 1.5], [-3.0, 200.0]]) / 128
    assert quantise(spec, (weights,))[0].tolist() == [[0, 2], [-3, 127]]
    assert quantise(spec, (np.full((2, 2), -9.0),))[0].tolist() == [[-127, -127], [-127, -127]]


def test_learning_keeps_the_band_the_symmetry_and_the_weights_given() -> None:
    spec = MachineSpec(layers=(20,), cut_diagonals=9)
    (weights,) = initial_weights(spec, 1)
    kept = weights.copy()
    reference = Reference(spec, spec.settings, (weights,))
    rng = np.random.default_rng(2)
    epochs: list[int] = []
    reference.train(rng.random((3, 20)) < 0.5, 4, epochs.append)
    assert epochs == [1, 2, 3, 4]
    learnt = reference.weights[0]
    assert np.array_equal(weights, kept) and not np.array_equal(learnt, weights)
    assert np.array_equal(learnt, learnt.T)
    assert not learnt[~synapse_mask(spec)].any()


def test_learning_follows_the_target_and_the_settings() -> None:
    spec = MachineSpec(layers=(8,))
    rng = np.random.default_rng(5)
    pattern, target = rng.random((2, 8)) < 0.5
    (weights,) = initial_weights(spec, 1)

    def change(settings: Settings, target: np.ndarray | None) -> np.ndarray:
        reference = Reference(spec, settings, (weights,))
        reference.learn(pattern, target)
        return reference.weights[0] - weights

    auto = change(Settings(eta_shifts=(5,)), None)
    assert np.array_equal(auto, change(Settings(eta_shifts=(5,)), pattern))
    assert not np.allclose(auto, change(Settings(eta_shifts=(5,)), target))
    assert auto == pytest.approx(2 * change(Settings(eta_shifts=(6,)), None))
    assert not change(Settings(nudged_steps=0), target).any()
    expected = gradient_estimate(weights, np.where(pattern, 0.5, -0.5), np.where(target, 1.0, -1.0), 1.0, 20, 8)
    np.fill_diagonal(expected, 0)
    assert change(Settings(eta_shifts=(6,)), target) == pytest.approx(expected / 64)


def test_glyphs_are_learnt_and_recalled() -> None:
    spec = MachineSpec()
    reference = Reference(spec, spec.settings, initial_weights(spec, 1))
    rng = np.random.default_rng(9)
    before, labels = corrupt(glyphs(), 0.10, 10, rng)
    assert recalled(glyphs(), labels, reference.recall_many(before)).mean() < 0.1
    reference.train(glyphs(), 100)
    for flips, least in ((0.0, 1.0), (0.10, 0.995), (0.20, 0.95)):
        images, labels = corrupt(glyphs(), flips, 100, rng)
        assert recalled(glyphs(), labels, reference.recall_many(images)).mean() >= least


def test_many_recalls_equal_single_ones() -> None:
    spec = MachineSpec(layers=(12,))
    reference = Reference(spec, Settings(driven_steps=3, released_steps=2), initial_weights(spec, 1))
    images = np.random.default_rng(3).random((1030, 12)) < 0.5
    many = reference.recall_many(images)
    assert many.shape == images.shape and many.dtype == np.bool_
    assert np.array_equal(many, np.concatenate([reference.recall_many(image[None]) for image in images]))
    assert reference.recall_many(images[:0]).shape == (0, 12)


def test_released_steps_go_without_the_input() -> None:
    spec = MachineSpec(layers=(2,))
    # Two units that excite each other, opposite inputs: dv = -v + 2 tanh(-v) has its fixed point at 0, and a step of
    # 1/2 overshoots it, so the signs turn in every step without the input and in none with it.
    weights = np.array([[0.0, 2.0], [2.0, 0.0]])
    image = np.array([[True, False]])
    for released, flipped in ((0, False), (1, True), (2, False)):
        reference = Reference(spec, Settings(driven_steps=20, released_steps=released), (weights,))
        assert np.array_equal(reference.recall_many(image), image ^ flipped)
