"""The virtual board learns through its serial link; after every pattern all is compared with the golden machine."""

from collections import deque
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.experiments.classifier import Curves
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.host.run.readings import error
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource
from ohmprop.host.run.train import train
from ohmprop.host.run.twin import Twin
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.patterns import glyphs
from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped
from ohmprop.sim.virtual_board import VirtualBoard
from tests.kit.specs import LAYERED, SPECS

CASES = {
    name: (SPECS[name], 25) for name in ("lanes_do_not_divide", "one_lane", "band", "more_lanes_than_neurons", "serial")
}
#: The default machine, which the demonstration compiles as well.
CASES["hundred"] = (MachineSpec(), 16)


#: The rules that every recurrent machine has, on each; those that take hardware of their own on two. Rules of one machine are
#: learnt by one board, which is compiled once.
LEARNT = [(name, ("ep", "rbp")) for name in CASES]
LEARNT += [
    (name, rules)
    for name in ("band", "serial")
    for rules in (("continual",), ("continual-vector-field", "vector-field"))
]


def test_every_rule_is_learnt():
    assert {rule for _, rules in LEARNT for rule in rules} == set(RULES)


@pytest.mark.parametrize(("name", "rules"), LEARNT)
def test_every_pattern_leaves_board_and_golden_machine_equal(name, rules):
    spec, count = equipped(CASES[name][0], rule=rules[0]), CASES[name][1]
    rng = np.random.default_rng(5)
    patterns = glyphs() if name == "hundred" else rng.random((count, spec.neurons)) < 0.5
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        board = Board(port, spec)
        for rule in rules:
            twin = Twin(board, replace(spec.settings, rule=rule), fresh(spec, 2).weights, lfsr=0x5EED)
            for number, pattern in enumerate(patterns[:count]):
                deque(twin.learn([f"pattern {number}"], pattern[None], pattern[None], lambda: False), maxlen=0)
                twin.check(f"after pattern {number}")
                twin.answer("inverted pattern", ~pattern[None])
            twin.check("after the last recall")
            assert twin.count == 0, (rule, twin.differences)
        counters = board.read_counters()
    assert (counters.refused, counters.repeated, counters.dropped) == (0, 0, 0)


def test_a_layered_board_learns_digits():
    spec, epochs = MachineSpec.load("digits-64-32-10"), 3
    start = fresh(spec, 1)
    run = Run(start, ImageSource("digits", halvings=0.5).load(spec, 1), epochs)
    dataset = run.task.dataset
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        twin = Twin(Board(port, spec), spec.settings, start.weights, start.lfsr)
        curves = Curves(run.task, twin.machine, start)
        training = train(run, twin, after_epoch=curves.after_epoch)
        answers = twin.answer("test image", run.task.test_inputs)
        twin.check("after the last image")
    assert twin.count == 0, twin.differences
    assert training.patterns == epochs * len(dataset.train_labels) and not curves.dead_outputs
    assert error(dataset.test_labels, answers) == curves.golden_test_error[-1] < 0.06
    assert training.rows_skipped > 0 and training.updates_skipped > 0


@pytest.mark.parametrize("name", ["two_hidden", "three_hidden", "serial"])
def test_every_pattern_leaves_a_deep_board_and_golden_machine_equal(name):
    spec, rng = LAYERED[name], np.random.default_rng(6)
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        twin = Twin(Board(port, spec), spec.settings, fresh(spec, 2).weights, DEFAULT_LFSR)
        for number in range(20):
            image = rng.integers(0, 1 << spec.pixel_bits, spec.inputs).astype(np.uint8)
            target = np.arange(spec.outputs) == number % spec.outputs
            deque(twin.learn([f"pattern {number}"], image[None], target[None], lambda: False), maxlen=0)
            twin.check(f"after pattern {number}")
    assert twin.count == 0, twin.differences
