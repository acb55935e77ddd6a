"""Cables that are pulled and boards that are reset in the midst of a run: its end is that of a run without trouble."""

from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.exchange import BoardReset
from ohmprop.host.link.faults import DISCONNECT, Fault, FaultyPort, SimulatedTime
from ohmprop.host.link.lasting import LastingPort
from ohmprop.host.link.port import GoldenPort, open_port
from ohmprop.host.run.checkpoint import Keeper
from ohmprop.host.run.learner import RESETS, OnBoard
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.stored import StoredTwin
from ohmprop.host.run.task import ImageSource, PatternSource
from ohmprop.host.run.train import train
from ohmprop.host.run.twin import Twin
from ohmprop.model.data.datasets import Choice
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import Status
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.virtual_board import VirtualBoard

LOSSES = 20
DIGITS = MachineSpec.load("digits-64-32-10")
RUNS = {
    "glyphs": (MachineSpec(), PatternSource("glyphs"), 20),
    "pulsed": (MachineSpec.load("glyphs-100"), PatternSource("glyphs"), 20),
    "digits": (DIGITS, ImageSource("digits", Choice(per_class=20), halvings=1.0), 3),
    # Several patterns in a frame, of which a reset finds some learnt.
    "sparse": (replace(DIGITS, sparse=True), ImageSource("digits", Choice(per_class=20), halvings=1.0), 4),
    # Images that are on the board, of which a reset finds some there, and finds some of a frame's learnt.
    "stored": (
        replace(DIGITS, sparse=True, store=1 << 16),
        ImageSource("digits", Choice(per_class=6), halvings=1.0),
        40,
    ),
}


def run_of(name):
    spec, source, epochs = RUNS[name]
    start = fresh(spec, 1)
    if name == "pulsed":
        start = start.with_device("epiram", None, 3)
    return Run(start, source.load(start.spec, 1), epochs)


class Cable:
    """Opens ports to a board whose cable breaks after a random number of bytes, some of them with the board's power."""

    def __init__(self, seed, golden_spec=None, virtual=None, most=4_000):
        self._most = most
        self.rng = np.random.default_rng(seed)
        self.clock = SimulatedTime()
        self.left, self.resets, self.said = LOSSES, 0, []
        self._spec, self._device = golden_spec, GoldenBoard(golden_spec) if golden_spec else None
        self._virtual = virtual

    def open_again(self):
        lasts = [Fault(int(self.rng.integers(100, self._most)), DISCONNECT)] if self.left else []
        if self._virtual:
            port = open_port(self._virtual.port, self._virtual.spec.baud)
        else:
            # The first one is identified before it can be reset.
            if 0 < self.left < LOSSES and self.rng.random() < 0.5:
                self._device, self.resets = GoldenBoard(self._spec), self.resets + 1
            port = GoldenPort(self._device, self.clock.sleep)
        self.left -= bool(self.left)
        to_host = self.rng.random() < 0.5
        return FaultyPort(port, *(((), lasts) if to_host else (lasts, ())))

    def port(self):
        if self._virtual:
            return LastingPort(self.open_again, lambda: False, self.said.append)
        return LastingPort(self.open_again, lambda: False, self.said.append, self.clock.now, self.clock.sleep)


def learnt(run, board, kind, path, every=37):
    """Learn the whole run with checkpoints; the learner and what was learnt."""
    start = run.start
    kind = StoredTwin if start.spec.store and kind is Twin else kind
    learner = kind(board, start.spec.settings, start.weights, start.lfsr, start.unit, True)
    if isinstance(learner, StoredTwin):
        learner.store([(run.task.inputs, run.task.targets)])
    keeper = Keeper(path)
    train(run, learner, every=every, keep=lambda: keeper.keep(run.reached(learner)))
    done = run.reached(learner)
    learner.answer("input", run.task.inputs)
    learner.check("at the end")
    return learner, done


@pytest.mark.parametrize("kind", [Twin, OnBoard])
@pytest.mark.parametrize("name", RUNS)
def test_the_end_is_that_of_an_undisturbed_run(name, kind, tmp_path, capsys):
    """20 random moments; the golden board loses its power at about half of them."""
    run = run_of(name)
    _, calm = learnt(run, Board(GoldenPort(GoldenBoard(run.start.spec)), run.start.spec), Twin, tmp_path / "calm.npz")
    cable = Cable(3, golden_spec=run.start.spec)
    board = Board(cable.port(), run.start.spec, clock=cable.clock.now)
    learner, done = learnt(run, board, kind, tmp_path / "lost.npz")
    assert cable.left == 0 and len(cable.said) == 2 * LOSSES and 5 < cable.resets < 15
    # Two resets before the next request are one.
    assert cable.resets - 3 < learner.figures()["link"]["restored"] <= cable.resets
    for path, reached in (("calm.npz", calm), ("lost.npz", done)):
        reached.save(tmp_path / path)
    assert (tmp_path / "calm.npz").read_bytes() == (tmp_path / "lost.npz").read_bytes()
    if kind is Twin:
        assert learner.count == 0, learner.differences


@pytest.mark.parametrize("name", ["glyphs", "digits"])
def test_a_virtual_board_goes_on_where_its_cable_was_pulled(name, tmp_path):
    """The board keeps its power, and the replies that it has kept tell what it had learnt."""
    run = run_of(name)
    spec = run.start.spec
    _, calm = learnt(run, Board(GoldenPort(GoldenBoard(spec)), spec), Twin, tmp_path / "calm.npz")
    with VirtualBoard(spec) as virtual:
        cable = Cable(4, virtual=virtual, most=1_200)
        with closing(cable.port()) as port:
            learner, done = learnt(run, Board(port, spec, timeout=0.5), Twin, tmp_path / "lost.npz")
    assert cable.left == 0 and learner.count == 0, learner.differences
    assert learner.figures()["link"]["restored"] == 0
    for path, reached in (("calm.npz", calm), ("lost.npz", done)):
        reached.save(tmp_path / path)
    assert (tmp_path / "calm.npz").read_bytes() == (tmp_path / "lost.npz").read_bytes()


def test_a_virtual_board_that_was_started_again_gets_back_what_was_learnt(tmp_path):
    run = run_of("digits")
    spec = run.start.spec
    _, calm = learnt(run, Board(GoldenPort(GoldenBoard(spec)), spec), Twin, tmp_path / "calm.npz")
    with ExitStack() as started:
        begun = []

        def open_again():
            begun.append(started.enter_context(VirtualBoard(spec)))
            fault = [Fault(9_000, DISCONNECT)] if len(begun) == 1 else []
            return FaultyPort(open_port(begun[-1].port, spec.baud), fault)

        with closing(LastingPort(open_again, lambda: False, print)) as port:
            learner, done = learnt(run, Board(port, spec, timeout=0.5), Twin, tmp_path / "lost.npz")
    assert len(begun) == 2 and learner.count == 0 and learner.figures()["link"]["restored"] == 1
    for ours, theirs in zip(done.weights, calm.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert done.counters == calm.counters


def test_without_it_a_reset_ends_the_run():
    run = run_of("digits")
    spec, clock = run.start.spec, SimulatedTime()
    devices = [GoldenBoard(spec), GoldenBoard(spec)]

    def open_again():
        fault = [Fault(9_000, DISCONNECT)] if len(devices) == 2 else []
        return FaultyPort(GoldenPort(devices.pop(0), clock.sleep), fault)

    board = Board(LastingPort(open_again, lambda: False, print, clock.now, clock.sleep), spec, clock=clock.now)
    learner = Twin(board, spec.settings, run.start.weights, run.start.lfsr)
    with pytest.raises(BoardReset, match="was reset"):
        train(run, learner)


class Weak(GoldenBoard):
    """Loses its power at each LEARN."""

    resets = 0

    def _learn(self, payload):
        self._identified, self.resets = False, self.resets + 1
        return Status.NOT_IDENTIFIED, bytes(1)


@pytest.mark.parametrize("kind", [Twin, OnBoard])
def test_a_board_that_is_reset_again_and_again_ends_the_run(kind):
    run, clock = run_of("digits"), SimulatedTime()
    spec, device = run.start.spec, Weak(run.start.spec)
    board = Board(GoldenPort(device, clock.sleep), spec, clock=clock.now)
    learner = kind(board, spec.settings, run.start.weights, run.start.lfsr, None, True)
    with pytest.raises(BoardReset, match="power supply"):
        train(run, learner)
    assert device.resets == learner.figures()["link"]["restored"] + 1 == RESETS + 1


@pytest.mark.parametrize(("stops", "seconds"), [(True, 1), (False, 601)])
def test_a_port_that_does_not_come_back(stops, seconds):
    """Ctrl-C, or ten minutes, end the wait with one sentence."""
    clock, ports = SimulatedTime(), []

    def open_again():
        if ports:
            raise UserError("The port is not there.")
        ports.append(FaultyPort(GoldenPort(GoldenBoard(MachineSpec()), clock.sleep), [Fault(40, DISCONNECT)]))
        return ports[0]

    said = []
    port = LastingPort(open_again, lambda: stops, said.append, clock.now, clock.sleep)
    with pytest.raises(MachineError, match=r"pulled.*did not come back.*\.$"):
        Board(port, MachineSpec(), clock=clock.now).read_weights()
    assert clock.now() < seconds and len(said) == 1 and "plug the cable in" in said[0]
