"""A run whose images are kept on the board learns what any other run learns."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import Alone
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.stored import StoredTwin
from ohmprop.host.run.task import ImageSource
from ohmprop.host.run.train import train
from ohmprop.host.run.twin import Twin
from ohmprop.model.data.datasets import Choice
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.spec import MachineSpec

SPEC = replace(MachineSpec.load("digits-64-32-10"), sparse=True, store=1 << 18, clock_hz=24_000_000, baud=3_000_000)
#: Three more images of each class than of the smallest store.
OPTIONS = ["--data", "digits", "--per-class", "12", "--epochs", "2", "--keep-going"]


def run_of(spec=SPEC):
    """A short run of digits."""
    return Run(fresh(spec, 1), ImageSource("digits", Choice(per_class=12), halvings=1.0).load(spec, 1), 2)


def sets(task):
    """What is stored of a task."""
    return [(task.inputs, task.targets), (task.test_inputs, task.test_targets)]


def stored_twin(run, device):
    """A learner whose board has the run's images."""
    start = run.start
    learner = StoredTwin(Board(GoldenPort(device), start.spec), start.spec.settings, start.weights, start.lfsr)
    learner.store(sets(run.task))
    return learner


def test_it_learns_what_others_learn():
    run, found = run_of(), []
    start = run.start
    device = GoldenBoard(SPEC)
    plain = Twin(Board(GoldenPort(GoldenBoard(SPEC)), SPEC), SPEC.settings, start.weights, start.lfsr)
    for learner in (Alone(SPEC, start.weights, start.lfsr), plain, stored_twin(run, device)):
        training = train(run, learner, every=17)
        done = run.reached(learner)
        figures = training.free_steps, training.nudged_steps, training.clocks_per_pattern, training.rows_skipped
        found.append((figures, done.lfsr, done.learnt, done.counters, [matrix.tolist() for matrix in done.weights]))
    assert found[0] == found[1] == found[2]
    assert learner.count == 0 and device.machine.learnt == 240 and learner.figures()["stored"]


def test_reading_on_the_board_counts_errors_and_nothing_else():
    run = run_of()
    learner = stored_twin(run, GoldenBoard(SPEC))
    train(run, learner)
    before, task = learner.counted(), run.task
    wrong = learner.errors(task.test_inputs, task.test_targets)
    answers = learner.machine.recall_many(task.test_inputs)[0]
    learner.machine.recalled, learner.machine.busy_clocks = before["recalled"], before["busy_clocks"]
    learner.machine.steps, learner.machine.rows_skipped = before["steps"], before["rows_skipped"]
    assert wrong == (answers.argmax(axis=1) != task.dataset.test_labels).sum() > 0
    assert learner.counted() == before
    learner.check("after reading")
    assert learner.count == 0, learner.differences
    # What is not stored is not asked for.
    assert learner.errors(15 - task.test_inputs, task.test_targets) is None


def test_where_nothing_is_skipped_patterns_go_over_the_line():
    """The settings can say so, which neither sparse nor stored patterns go with."""
    every = replace(SPEC, settings=replace(SPEC.settings, skip=False))
    run, device = run_of(every), GoldenBoard(every)
    learner = stored_twin(run, device)
    train(run, learner)
    assert learner.count == 0 and device.machine.learnt == 240
    assert learner.errors(run.task.test_inputs, run.task.test_targets) is None


@pytest.mark.parametrize("what", ["pattern", "reply"])
def test_a_difference_is_found(what):
    run, device = run_of(), GoldenBoard(SPEC)
    learner = stored_twin(run, device)
    if what == "pattern":
        pixels = device.store._patterns[5].pixels
        pixels[:] = 15 - pixels
    else:
        device.machine.lfsr ^= 1
    train(run, learner)
    assert learner.count and re.match(r"epoch 1, pattern \d+ and the \d+ behind it: reply", learner.differences[0])


def trained(tmp_path, spec, *options):
    """Figures of `ohmprop train` and what it has kept."""
    (tmp_path / "machine.toml").write_text(spec.to_toml())
    words = ["train", "--machine", str(tmp_path / "machine.toml"), *OPTIONS, "--json", str(tmp_path / "figures.json")]
    result = CliRunner().invoke(main, [*words, "--save", str(tmp_path / "kept.npz"), *options])
    assert result.exit_code == 0, result.output
    return json.loads((tmp_path / "figures.json").read_text()), Checkpoint.load(tmp_path / "kept.npz"), result.stderr


def test_the_command_on_golden_boards(tmp_path):
    found = {}
    for name, options in (
        ("alone", ["--board", "golden"]),
        ("asked for", ["--board", "golden", "--stored"]),
        ("by itself", ["--board", "golden", "--cable", "ftdi"]),
        ("not stored", ["--board", "golden", "--cable", "ftdi", "--no-stored"]),
    ):
        figures, kept, _ = trained(tmp_path, SPEC, *options)
        found[name] = figures
        weights = [matrix.tolist() for matrix in kept.weights]
        assert (weights, kept.counters) == found.setdefault("first", (weights, kept.counters)), name
    assert [found[name].get("stored") for name in ("alone", "asked for", "by itself", "not stored")] == [
        None,
        True,
        True,
        False,
    ]
    assert found["asked for"]["board_test_error"] == found["asked for"]["golden_test_error"]
    assert found["by itself"]["uploaded_bytes"] > 10_000 > found["not stored"]["uploaded_bytes"] == 0
    stored, sent = found["by itself"], found["not stored"]
    assert stored["load_clocks"] <= 40 < sent["load_clocks"]
    assert stored["line_share"] < 0.2 < sent["line_share"]


def test_images_that_do_not_fit(tmp_path):
    small = replace(SPEC, store=1 << 10)
    _, _, said = trained(tmp_path, small, "--board", "golden", "--cable", "ftdi")
    assert "too many for the board's store" in said and "Each image goes over the line in every epoch." in said
    words = ["train", "--machine", str(tmp_path / "machine.toml"), *OPTIONS, "--stored", "--board", "golden"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and "too many for the board's store, which holds 4 of them" in result.stderr
    result = CliRunner().invoke(
        main, ["train", *OPTIONS, "--stored", "--machine", "digits-64-32-10", "--board", "golden"]
    )
    assert result.exit_code == 2 and "This machine has no store for --stored; give the --machine" in result.stderr


def test_the_virtual_board_with_an_sdram(tmp_path):
    spec = replace(SPEC, store=1 << 25, layers=(64, 8, 10))
    figures, kept, _ = trained(tmp_path, spec, "--board", "sim", "--epochs", "1", "--per-class", "30")
    _, golden, _ = trained(tmp_path, spec, "--board", "golden", "--epochs", "1", "--per-class", "30")
    assert figures["bit_exact"] and figures["stored"] and figures["board_test_error"] == figures["golden_test_error"]
    assert all(map(np.array_equal, kept.weights, golden.weights)) and kept.lfsr == golden.lfsr
