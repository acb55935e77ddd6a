"""A machine to look into, on the golden machine and on the virtual board: the same in every bit and every step."""

import dataclasses

import numpy as np
import pytest

from ohmprop import AssociativeMemory, EPClassifier, Machine, MachineSpec
from ohmprop.model.errors import UserError
from ohmprop.model.spec.options import equipped

RNG = np.random.default_rng(8)
SPECS = {
    "recurrent": MachineSpec(layers=(9,), lanes=4),
    "layered": MachineSpec(layers=(9, 5, 3), lanes=4),
    "in turn": equipped(MachineSpec(layers=(9, 5, 3), lanes=4), order="layers", free_eps=1.0),
    "continual": equipped(MachineSpec(layers=(9,), lanes=4), rule="continual"),
    "side network": equipped(MachineSpec(layers=(9,), lanes=4), rule="rbp"),
}


def samples(spec):
    inputs = RNG.integers(0, 2 if spec.recurrent else 16, (6, spec.inputs))
    return [(row, None if spec.recurrent else np.arange(3) == number % 3) for number, row in enumerate(inputs)]


@pytest.mark.parametrize("name", SPECS)
def test_a_trace_agrees_with_the_board_in_every_step(name):
    spec = SPECS[name]
    with Machine(spec) as golden, Machine(spec, "sim") as board:
        for pattern, target in samples(spec):
            before = board.weights, board.lfsr, board.settings
            expected, found = golden.trace(pattern, target), board.trace(pattern, target)
            assert np.array_equal(found.states, expected.states)
            assert found.free_steps == expected.free_steps
            assert all(map(np.array_equal, board.weights, before[0]))
            assert (board.lfsr, board.settings) == before[1:]
            reply = golden.learn(pattern, target)
            assert board.learn(pattern, target) == reply
            # The last row is what the whole pattern comes to.
            assert reply.free_steps == expected.free_steps
            assert len(expected.states) == 1 + reply.free_steps + reply.nudged_steps
            assert np.array_equal(expected.states[-1], golden.states)
            assert np.array_equal(board.states, golden.states)
            assert np.array_equal(board.recall(pattern), golden.recall(pattern))
        assert all(map(np.array_equal, board.weights, golden.weights))
        assert expected.states.any()


@pytest.mark.parametrize("board", ["golden", "sim"])
def test_weights_and_settings_can_be_changed(board):
    spec = SPECS["layered"]
    with Machine(spec, board) as machine:
        weights = machine.weights
        weights[0][0, 0] = -3
        assert machine.weights[0][0, 0] != -3
        machine.weights = weights
        assert machine.weights[0][0, 0] == -3
        machine.settings = dataclasses.replace(machine.settings, free_steps=2)
        assert machine.learn([15] * 9, [1, 0, 0]).free_steps <= 2
        with pytest.raises(UserError, match=r"\.$"):
            machine.weights = [matrix[:1] for matrix in weights]
        with pytest.raises(UserError, match=r"\.$"):
            machine.settings = dataclasses.replace(machine.settings, free_steps=1000)
        with pytest.raises(UserError, match=r"beta[\s\S]*\.$"):
            machine.settings = dataclasses.replace(machine.settings, beta=0.5)
        assert machine.settings.free_steps == 2


def test_what_an_estimator_has_learnt_can_be_looked_into():
    images, classes = RNG.integers(0, 16, (6, 9)), np.arange(6) % 3
    classifier = EPClassifier(SPECS["layered"], epochs=3).fit(images, classes)
    with classifier.opened() as machine, classifier.opened("sim") as board:
        for opened in (machine, board):
            assert all(map(np.array_equal, opened.weights, classifier.weights_))
            states = np.array([opened.recall(pixels) for pixels in classifier.encode(images)])
            assert np.array_equal(states, classifier.outputs(images))
    memory = AssociativeMemory(SPECS["recurrent"], epochs=30, device="linear").fit(images)
    with memory.opened() as machine, memory.opened("sim") as board:
        for pixels, recalled in zip(memory.encode(images), memory.recall(images), strict=True):
            assert np.array_equal(machine.recall(pixels), recalled)
            assert np.array_equal(board.recall(pixels), recalled)
        for pixels in memory.encode(images):
            assert machine.learn(pixels) == board.learn(pixels)


@pytest.mark.parametrize(
    ("name", "pattern", "target", "said"),
    [
        ("recurrent", [0] * 8, None, r"shape \(8,\)"),
        ("recurrent", [2] + [0] * 8, None, "numbers from 0 to 2; give 0 to 1"),
        ("recurrent", [0.5] * 9, None, "type float64"),
        ("layered", [16] * 9, [1, 0, 0], "give 0 to 15"),
        ("layered", [-1] * 9, [1, 0, 0], "numbers from -1"),
        ("layered", [1] * 9, None, "with its target"),
        ("layered", [1] * 9, [1, 0], "target of shape"),
        ("layered", [1] * 9, [2, 0, 0], "3 of true and false"),
    ],
)
def test_patterns_that_do_not_fit_change_nothing(name, pattern, target, said):
    machine = Machine(SPECS[name])
    before = machine.weights, machine.lfsr
    for call in (machine.learn, machine.trace):
        with pytest.raises(ValueError, match=rf"{said}[\s\S]*\.$"):
            call(pattern, target)
    assert all(map(np.array_equal, machine.weights, before[0]))
    assert machine.lfsr == before[1]
