"""Virtual boards with devices: each mechanism alone, all together, each scheme; all is compared after every pattern."""

from collections import deque
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.host.run.run import fresh
from ohmprop.host.run.twin import Twin
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
    twin = Twin(board, replace(spec.settings, rule=rule), fresh(spec, 2).weights, 0x5EED, unit)
    for pattern in rng.random((COUNT, spec.neurons)) < 0.5:
        one_by_one(twin, pattern, pattern, ~pattern)
    twin.check("after the last recall")
    return twin


def learn_images(board, unit, rng):
    """Learn and read on a layered board."""
    spec = board.spec
    twin = Twin(board, spec.settings, fresh(spec, 2).weights, 0x5EED, unit)
    # Large enough a rate that each pattern gives pulses.
    twin.use(replace(spec.settings, eta_shifts=tuple(max(0, matrix.shift_base) for matrix in spec.matrices)))
    for number in range(COUNT):
        pixels = rng.integers(1, 1 << spec.pixel_bits, (1, spec.inputs)) * (rng.random(spec.inputs) < 0.4)
        image, target = pixels[0].astype(np.uint8), np.arange(spec.outputs) == number % spec.outputs
        one_by_one(twin, image, target, image)
    twin.check("after the last answer")
    return twin


def one_by_one(twin, pattern, target, recalled):
    """Learn one pattern, compare everything, and recall one."""
    deque(twin.learn(["learnt"], pattern[None], target[None], lambda: False), maxlen=0)
    twin.check("after learning")
    twin.answer("recalled", recalled[None])


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
            rules = [rule.name for rule in rules_of(spec)]
            twins = [
                learn_patterns(board, unit, rule, rng) if spec.recurrent else learn_images(board, unit, rng)
                for rule in rules
            ]
            for twin in twins:
                assert twin.count == 0, (mechanism, scheme, twin.differences)
                assert twin.machine.pulses[:, :2].sum(axis=0).all(), (mechanism, scheme)
