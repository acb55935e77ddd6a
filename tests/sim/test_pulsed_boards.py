"""Virtual boards with devices: each mechanism alone, all together, each scheme; all is compared after every pattern."""

from collections import deque
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.host.run.patterns import LayeredTwin, Twin
from ohmprop.model.float64.layered import initial_weights as layered_weights
from ohmprop.model.float64.layered import quantise as quantised
from ohmprop.model.float64.recurrent import initial_weights, quantise
from ohmprop.model.memristors.tables import SCHEMES
from ohmprop.model.rules import rules_of
from ohmprop.sim.virtual_board import VirtualBoard
from tests.kit.specs import PULSED
from tests.model.golden.test_pulses import MECHANISMS, unit_of

#: Patterns learnt with each, in a recurrent machine by each rule; decays come at every second one.
COUNT = 6
CASES = [(mechanism, scheme) for scheme in SCHEMES for mechanism in MECHANISMS]


def learn_patterns(board, unit, rule, rng):
    """Learn and recall on a recurrent board; what the pulses were."""
    spec = board.spec
    settings = replace(spec.settings, rule=rule)
    twin = Twin(board, settings, quantise(spec, initial_weights(spec, 2)), 0x5EED, unit)
    for pattern in rng.random((COUNT, spec.neurons)) < 0.5:
        (learnt,) = board.learn_many([pattern])
        twin.learn("learnt", pattern, *learnt)
        twin.check("after learning")
        (recalled,) = board.recall_many([~pattern])
        twin.recall("recalled", ~pattern, *recalled)
    twin.check("after the last recall")
    return twin


def learn_images(board, unit, rng):
    """Learn and read on a layered board."""
    spec = board.spec
    weights = quantised(spec, layered_weights(spec, 2))
    twin = LayeredTwin(board, weights, 0x5EED, unit)
    # Large enough a rate that each pattern gives pulses.
    twin.use(replace(spec.settings, eta_shifts=tuple(max(0, matrix.shift_base) for matrix in spec.matrices)))
    for number in range(COUNT):
        pixels = rng.integers(1, 1 << spec.pixel_bits, (1, spec.inputs)) * (rng.random(spec.inputs) < 0.4)
        image, target = pixels.astype(np.uint8), np.arange(spec.outputs)[None] == number % spec.outputs
        deque(twin.learn(["learnt"], image, target, lambda: False), maxlen=0)
        twin.check("after learning")
        twin.answer(image, lambda: None, lambda: False)
    twin.check("after the last answer")
    return twin


@pytest.mark.parametrize(
    "name",
    ["recurrent", "layered", *(pytest.param(name, marks=pytest.mark.slow) for name in list(PULSED)[2:])],
)
def test_each_mechanism_and_scheme(name):
    spec, rng = PULSED[name], np.random.default_rng(9)
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        board = Board(port, spec)
        for mechanism, scheme in CASES:
            unit = unit_of(spec, mechanism, scheme)
            rules = [rule.name for rule in rules_of(spec.topology.name)]
            twins = [
                learn_patterns(board, unit, rule, rng) if spec.recurrent else learn_images(board, unit, rng)
                for rule in rules
            ]
            for twin in twins:
                assert twin.count == 0, (mechanism, scheme, twin.differences)
                assert twin.machine.pulses[:, :2].sum(axis=0).all(), (mechanism, scheme)
