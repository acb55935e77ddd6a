"""Neurons that step in turn, in float64: they settle where all together settle, and a whole step forgets the old state."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.float64.recurrent import Steps, relax
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped


def test_a_block_reads_what_the_one_before_has_come_to() -> None:
    weights = np.array([[0, 0.5, 0.25], [0.5, 0, -0.5], [0.25, -0.5, 0]])
    states, drive = np.array([0.1, -0.2, 0.3]), np.array([0.5, -0.5, 0.5])
    first = np.tanh(states) @ weights[:, :2] + drive[:2]
    second = np.tanh(np.append(first, states[2])) @ weights[:, 2] + drive[2]
    assert relax(weights, states, drive, 1, how=Steps(1.0, 2)) == pytest.approx([*first, second])


@pytest.mark.parametrize("layers", [(20,), (9, 7, 5), (9, 7, 5, 4), (9, 6, 5, 4, 3)], ids=str)
def test_the_fixed_point_is_that_of_all_together(layers: tuple[int, ...]) -> None:
    together = MachineSpec(layers=layers, lanes=4)
    steps = {"free_steps": 255, "driven_steps": 255, "nudged_steps": 255, "released_steps": 0}
    together = replace(together, settings=replace(together.settings, **steps))
    order = together.topology.order
    # Small ones, at which there is one fixed point, and it is soon reached.
    rng, weights = np.random.default_rng(2), [matrix * 0.4 for matrix in initial_weights(together, 3)]
    images = rng.integers(0, 2, (4, together.inputs)).astype(bool if together.recurrent else np.uint8)
    targets = rng.random((4, together.outputs)) < 0.5
    ends = []
    for spec in (together, equipped(together, order=order, free_eps=1.0), equipped(together, order=order)):
        reference = Reference(spec, spec.settings, weights)
        reference.learn_many(images, targets)
        ends.append((reference.weights, reference.recall_many(images)))
    for learnt, answers in ends[1:]:
        for matrix, expected in zip(learnt, ends[0][0], strict=True):
            assert matrix == pytest.approx(expected, abs=1e-9)
        assert answers.astype(float) == pytest.approx(ends[0][1].astype(float), abs=1e-9)
