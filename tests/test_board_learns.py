"""The virtual board learns through its serial link; after every pattern all is compared with the golden machine."""

from contextlib import closing

import numpy as np
import pytest

from host.driver import Board
from host.training import Twin
from host.transport import open_port
from model.patterns import glyphs
from model.reference import initial_weights, quantise
from model.spec import MachineSpec
from sim.virtual_board import VirtualBoard
from tests.specs import SPECS

CASES = {name: (SPECS[name], 25) for name in ("lanes_do_not_divide", "one_lane", "band", "more_lanes_than_neurons")}
#: The default machine, which the demonstration compiles as well.
CASES["hundred"] = (MachineSpec(), 16)


@pytest.mark.parametrize("name", CASES)
def test_every_pattern_leaves_board_and_golden_machine_equal(name):
    spec, count = CASES[name]
    rng = np.random.default_rng(5)
    patterns = glyphs() if name == "hundred" else rng.random((count, spec.neurons)) < 0.5
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        board = Board(port, spec)
        twin = Twin(board, spec.settings, quantise(spec, initial_weights(spec, 2)), lfsr=0x5EED)
        for number, pattern in enumerate(patterns[:count]):
            (learnt,) = board.learn_many([pattern])
            twin.learn(f"pattern {number}", pattern, *learnt)
            twin.check(f"after pattern {number}")
            (recalled,) = board.recall_many([~pattern])
            twin.recall(f"pattern {number}, inverted", ~pattern, *recalled)
        twin.check("after the last recall")
        counters = board.read_counters()
    assert twin.count == 0, twin.differences
    assert (counters.refused, counters.repeated, counters.dropped) == (0, 0, 0)
