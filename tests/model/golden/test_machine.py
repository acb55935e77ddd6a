"""The golden machine's own calls: what it refuses, copies and counts, on both topologies."""

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.records import LearnReply, RecallReply
from tests.kit.specs import LAYERED, SPECS

MACHINES = {"recurrent": SPECS["band"], "layered": LAYERED["biases"]}


@pytest.mark.parametrize("name", MACHINES)
def test_bad_shapes_are_refused_and_change_nothing(name: str) -> None:
    spec = MACHINES[name]
    machine = GoldenMachine(spec)
    shapes = [matrix.shape for matrix in machine.weights]
    pattern, target = np.zeros(spec.inputs, np.uint8), np.zeros(spec.outputs, np.bool_)
    for weights in (machine.weights[0], machine.weights[:-1], [np.zeros((2, 2)), *machine.weights[1:]]):
        refused(lambda weights=weights: setattr(machine, "weights", weights), str(shapes[0]))
    refused(lambda: machine.learn(pattern[:-1], target), str(spec.inputs))
    refused(lambda: machine.learn(pattern, target[:-1]), str(spec.outputs))
    refused(lambda: machine.recall(pattern[:-1]), str(spec.inputs))
    assert (machine.learnt, machine.recalled, [matrix.shape for matrix in machine.weights]) == (0, 0, shapes)


@pytest.mark.parametrize("name", MACHINES)
def test_records_are_the_replies_and_none_for_no_pattern(name: str) -> None:
    spec, rng = MACHINES[name], np.random.default_rng(1)
    many, single = GoldenMachine(spec), GoldenMachine(spec)
    patterns, targets = rng.integers(0, 2, (5, spec.inputs)).astype(np.uint8), rng.random((5, spec.outputs)) < 0.5
    lfsr = many.lfsr
    assert many.learn_many(patterns[:0], targets[:0]).shape == (0, 4) and many.lfsr == lfsr
    replies = [LearnReply(*row) for row in many.learn_many(patterns, targets).tolist()]
    assert replies == [single.learn(*pair) for pair in zip(patterns, targets, strict=True)]
    answers, records = many.recall_many(patterns)
    for pattern, answer, row in zip(patterns, answers, records.tolist(), strict=True):
        reply, alone = single.recall(pattern)
        assert reply == RecallReply(*row) and np.array_equal(alone, answer)
    assert all(map(np.array_equal, many.weights, single.weights)) and many.busy_clocks == single.busy_clocks


def test_weights_and_states_are_copies() -> None:
    machine = GoldenMachine(SPECS["band"])
    given = (np.fliplr(np.eye(11, dtype=np.int16)) * np.int16(3),)
    machine.weights, machine.side_states = given, np.arange(11)
    given[0][:] = 0
    machine.states[:] = 1
    machine.side_states[:] = 1
    assert machine.weights[0].sum() == 33 and not machine.states.any()
    assert machine.side_states.tolist() == list(range(11))
    assert GoldenMachine(LAYERED["biases"]).side_states.shape == (0,)


def refused(call, part: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError) as caught:
        call()
    text = str(caught.value)
    assert part in text and text.endswith(".") and "\n" not in text, text
