"""Hebb's and Storkey's rules on cases worked out by hand, and how the two fare on the glyphs."""

import numpy as np
import pytest

from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.float64.hopfield import hebb, recall_many, storkey
from ohmprop.model.spec import MachineSpec

THREE = MachineSpec(layers=(3,))
PATTERNS = np.array([[True, True, False], [True, False, False]])


def test_hebb_by_hand() -> None:
    # x = (1, 1, -1) and (1, -1, -1): the products of units 0, 1 and of units 1, 2 cancel, those of 0, 2 are -1 twice.
    assert hebb(THREE, PATTERNS).tolist() == [[0, 0, -2], [0, 0, 0], [-2, 0, 0]]


def test_storkey_by_hand() -> None:
    # The first pattern meets weights of 0, so it is Hebb's: w01 = 1/3, w02 = w12 = -1/3.
    first = np.array([[0, 1, -1], [1, 0, -1], [-1, -1, 0]]) / 3
    assert storkey(THREE, PATTERNS[:1]) == pytest.approx(first)
    # The second, x = (1, -1, -1). With three units the field h_ij has one term, that of the third unit:
    #   h01 = w02 x2 = 1/3, h10 = w12 x2 = 1/3: w01 += (-1 - 1 * 1/3 - 1/3 * -1) / 3 = -1/3
    #   h02 = w01 x1 = -1/3, h20 = w21 x1 = 1/3: w02 += (-1 - 1 * 1/3 - -1/3 * -1) / 3 = -5/9
    #   h12 = w10 x0 = 1/3, h21 = w20 x0 = -1/3: w12 += (1 - -1 * -1/3 - 1/3 * -1) / 3 = 1/3
    expected = np.array([[0, 0, -8], [0, 0, 0], [-8, 0, 0]]) / 9
    assert storkey(THREE, PATTERNS) == pytest.approx(expected)


def test_recall_by_hand() -> None:
    # Units 0 and 1 agree, unit 2 is the opposite of both: of the eight states two are stable.
    weights = hebb(THREE, PATTERNS[:1])
    images = np.array([[True, True, True], [False, False, False], [True, True, False], [False, False, True]])
    stable = {(True, True, False), (False, False, True)}
    for seed in range(5):
        recalls = recall_many(weights, images, seed)
        assert set(map(tuple, recalls.tolist())) == stable
        assert np.array_equal(recalls[2:], images[2:])
    # Unit 0 alone has no synapse: a field of 0 leaves it as it is, black or white.
    weights = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    for first in (True, False):
        assert recall_many(weights, np.array([[first, True, False]]), 1).tolist() == [[first, True, False]]


def test_units_are_updated_one_after_another() -> None:
    # Two units that want to be equal: both at once they would swap for ever; one after another they agree.
    weights = np.array([[0.0, 1.0], [1.0, 0.0]])
    for seed in range(5):
        [[first, second]] = recall_many(weights, np.array([[True, False]]), seed).tolist()
        assert first == second


@pytest.mark.parametrize("rule", [hebb, storkey])
def test_band_and_diagonal_stay_empty(rule) -> None:
    spec = MachineSpec(layers=(12,), cut_diagonals=7)
    weights = rule(spec, np.random.default_rng(1).random((4, 12)) < 0.5)
    index = np.arange(12)
    distance = np.abs(index[:, None] - index)
    assert not weights[(distance == 0) | (distance > 4)].any()
    assert np.array_equal(weights, weights.T) or weights == pytest.approx(weights.T)
    assert np.count_nonzero(weights[(distance > 0) & (distance <= 4)])


def test_one_image_does_not_depend_on_the_others() -> None:
    spec = MachineSpec(layers=(20,))
    rng = np.random.default_rng(3)
    weights = storkey(spec, rng.random((3, 20)) < 0.5)
    images = rng.random((6, 20)) < 0.5
    together = recall_many(weights, images, 7)
    assert np.array_equal(together, np.concatenate([recall_many(weights, image[None], 7) for image in images]))


def test_storkey_recalls_more_of_the_glyphs_than_hebb() -> None:
    spec = MachineSpec()
    images, labels = corrupt(glyphs(), 0.10, 50, np.random.default_rng(4))
    shares = [
        float(recalled(glyphs(), labels, recall_many(rule(spec, glyphs()), images, 1)).mean())
        for rule in (hebb, storkey)
    ]
    assert shares[0] < 0.1 < 0.4 < shares[1] < 0.55
