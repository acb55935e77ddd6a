"""The virtual board learns through its serial link; after every pattern all is compared with the golden machine."""

from collections import deque
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board, joined, split
from ohmprop.host.link.port import open_port
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.images import error, train
from ohmprop.host.run.patterns import LayeredTwin, Twin
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.datasets import load, pixels
from ohmprop.model.data.patterns import glyphs
from ohmprop.model.float64.layered import initial_weights as layered_weights
from ohmprop.model.float64.layered import quantise as quantised
from ohmprop.model.float64.recurrent import initial_weights, quantise
from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.virtual_board import VirtualBoard
from tests.kit.specs import LAYERED, SPECS

CASES = {
    name: (SPECS[name], 25) for name in ("lanes_do_not_divide", "one_lane", "band", "more_lanes_than_neurons", "serial")
}
#: The default machine, which the demonstration compiles as well.
CASES["hundred"] = (MachineSpec(), 16)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", CASES)
def test_every_pattern_leaves_board_and_golden_machine_equal(name, rule):
    spec, count = CASES[name]
    settings = replace(spec.settings, rule=rule)
    rng = np.random.default_rng(5)
    patterns = glyphs() if name == "hundred" else rng.random((count, spec.neurons)) < 0.5
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        board = Board(port, spec)
        twin = Twin(board, settings, quantise(spec, initial_weights(spec, 2)), lfsr=0x5EED)
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


def test_a_layered_board_learns_digits():
    spec, epochs = MachineSpec.load("digits-64-32-10"), 3
    dataset = load("digits")
    start = Checkpoint(spec, joined(quantised(spec, layered_weights(spec, 1))), DEFAULT_LFSR, 0, 1)
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        twin = LayeredTwin(Board(port, spec), split(spec, start.weights), start.lfsr)
        training = train(twin, start, dataset, epochs, halvings=0.5)
        answers = twin.answer(pixels(dataset.test_images, spec.pixel_bits), lambda: None, lambda: False)
        twin.check("after the last image")
    assert twin.count == 0, twin.differences
    assert training.patterns == epochs * len(dataset.train_labels) and not training.dead_outputs
    assert error(dataset.test_labels, answers) == training.golden_test_error[-1] < 0.06
    assert training.rows_skipped > 0 and training.updates_skipped > 0


@pytest.mark.parametrize("name", ["two_hidden", "three_hidden", "serial"])
def test_every_pattern_leaves_a_deep_board_and_golden_machine_equal(name):
    spec, rng = LAYERED[name], np.random.default_rng(6)
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        twin = LayeredTwin(Board(port, spec), quantised(spec, layered_weights(spec, 2)), DEFAULT_LFSR)
        for number in range(20):
            image = rng.integers(0, 1 << spec.pixel_bits, spec.inputs).astype(np.uint8)
            target = np.arange(spec.outputs) == number % spec.outputs
            deque(twin.learn([f"pattern {number}"], image[None], target[None], lambda: False), maxlen=0)
            twin.check(f"after pattern {number}")
    assert twin.count == 0, twin.differences
