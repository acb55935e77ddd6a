"""Layered learning in float64: against plain matrices, against the machine's integers, and both on digits."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.data import datasets
from ohmprop.model.float64.reference import Reference, initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.spec import MachineSpec
from tests.model.golden.test_layered_machine import SPECS, random_patterns


def relax(spec, weights, layers, x, target, steps, whole):
    for step in range(steps):
        old, epsilon = [layer.copy() for layer in layers], 1 if whole and step == 0 else 0.5
        for index in range(len(layers)):
            current = x @ weights[0] if index == 0 else weights[index] @ old[index - 1]
            if spec.biases:
                first = sum(spec.layers[1 : index + 1])
                current = current + 15 / 16 * weights[-1][0, first : first + spec.layers[index + 1]]
            if index < len(layers) - 1:
                current = current + old[index + 1] @ weights[index + 1]
            elif target is not None:
                current = current + target - old[index]
            layers[index] = np.clip(old[index] + epsilon * (current - old[index]), 0, 1)
    return layers


@pytest.mark.parametrize("name", ["one_hidden", "feedforward", "three_hidden", "biases"])
def test_against_matrices(name: str) -> None:
    spec, alphas = SPECS[name], [0.5, 0.25, 0.125, 0.0625][: len(SPECS[name].matrices)]
    settings = replace(spec.settings, eta_shifts=tuple(range(1, len(alphas) + 1)))
    weights = [matrix.copy() for matrix in initial_weights(spec, 4)]
    reference = Reference(spec, settings, weights)
    images, targets = random_patterns(spec, 5, 6)
    reference.learn_many(images, targets)
    for pixels, target in zip(images, targets, strict=True):
        x = pixels / 16
        free = relax(spec, weights, [np.zeros(n) for n in spec.layers[1:]], x, None, 20, spec.settings.feedforward)
        after = relax(spec, weights, [layer.copy() for layer in free], x, target, 4, False)
        for index, alpha in enumerate(alphas):
            if index == len(after):
                contrast = 15 / 16 * (np.concatenate(after) - np.concatenate(free))[None]
            elif index == 0:
                contrast = np.outer(x, after[0]) - np.outer(x, free[0])
            else:
                contrast = np.outer(after[index], after[index - 1]) - np.outer(free[index], free[index - 1])
            weights[index] += alpha * contrast
    for matrix, expected in zip(reference.weights, weights, strict=True):
        assert matrix == pytest.approx(expected)
    start = [np.zeros(n) for n in spec.layers[1:]]
    answer = relax(spec, weights, start, images[0] / 16, None, 20, spec.settings.feedforward)[-1]
    assert reference.recall_many(images[:1])[0] == pytest.approx(answer)


def test_initial_weights_are_glorots() -> None:
    spec = MachineSpec(layers=(64, 32, 10))
    first, second = initial_weights(spec, 1)
    assert first.shape == (64, 32) and second.shape == (10, 32)
    assert np.abs(first).max() == pytest.approx(np.sqrt(6 / 96), rel=0.01)
    assert np.abs(second).max() == pytest.approx(np.sqrt(6 / 42), rel=0.02)
    levels = quantise(spec, [first, second * 4])
    assert levels[0] == pytest.approx(first * 256, abs=0.5) and np.abs(levels[1]).max() == 127
    assert not np.array_equal(initial_weights(spec, 2)[0], first)


@pytest.mark.parametrize(
    ("layers", "scales"), [((64, 64, 64, 10), (1, 1, 0.5)), ((64, 32, 32, 32, 10), (0.5, 0.5, 0.5, 0.5))]
)
def test_initial_weights_of_deep_machines_are_smaller(layers: tuple[int, ...], scales: tuple[float, ...]) -> None:
    spec = MachineSpec(layers=layers)
    plain = initial_weights(spec, 1, [1] * len(scales))
    for matrix, glorot, scale in zip(initial_weights(spec, 1), plain, scales, strict=True):
        assert np.abs(glorot).max() == pytest.approx(np.sqrt(6 / sum(glorot.shape)), rel=0.02)
        assert matrix == pytest.approx(scale * glorot)


def test_machine_relaxes_as_the_reference() -> None:
    # An LSB of the state is 1/256; what rounding each step leaves is a few of them.
    spec = MachineSpec(layers=(64, 32, 10))
    machine, weights = GoldenMachine(spec), initial_weights(spec, 3)
    machine.weights = quantise(spec, weights)
    exact = [matrix / form.weight.one for matrix, form in zip(machine.weights, spec.matrices, strict=True)]
    images, _ = random_patterns(spec, 6, 20)
    answers = Reference(spec, spec.settings, exact).recall_many(images)
    assert np.abs(machine.recall_many(images)[0] / 256 - answers).max() < 0.02
    assert answers.max() > 0.2


def test_both_learn_digits() -> None:
    spec, digits = MachineSpec.load("digits-64-32-10"), datasets.load("digits")
    machine, weights = GoldenMachine(spec), initial_weights(spec, 1)
    machine.weights = quantise(spec, weights)
    reference = Reference(spec, spec.settings, weights)
    images, targets = datasets.pixels(digits.train_images, 4), np.eye(10, dtype=np.bool_)[digits.train_labels]
    for epoch in range(12):
        order, shifts = datasets.order(digits, epoch, 1), eta_shifts_at(spec, epoch, 0.5)
        for learner in (machine, reference):
            learner.settings = replace(learner.settings, eta_shifts=shifts)
            learner.learn_many(images[order], targets[order])
    unseen = datasets.pixels(digits.test_images, 4)
    for answers in (machine.recall_many(unseen)[0], reference.recall_many(unseen)):
        assert np.mean(answers.argmax(axis=1) != digits.test_labels) < 0.03
    assert machine.updates_skipped > machine.learnt / 2
