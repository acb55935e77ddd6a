"""Classifiers on the host: training and reading digits, in Python and on the command line."""

import json
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import serial
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import model_speed as bench
from ohmprop.host.experiments import training
from ohmprop.host.experiments.classifier import Curves
from ohmprop.host.link import board as board_link
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort
from ohmprop.host.run import readings
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.learner import Alone
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource
from ohmprop.host.run.train import train
from ohmprop.host.run.twin import Twin
from ohmprop.model.data.datasets import Choice
from ohmprop.model.formats import Format
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec

FINE = MachineSpec(layers=(64, 32, 10), input_weight=Format(True, 12, 12), weight=Format(True, 12, 11))
DIGITS = ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", 20)


def assert_same_weights(board, golden):
    for ours, theirs in zip(board, golden, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_readings():
    labels = np.array([0, 1, 2, 2])
    answers = np.array([[255, 0, 51], [9, 9, 0], [0, 204, 0], [1, 2, 255]], np.uint8)
    assert readings.read(answers).tolist() == [0, 0, 1, 2]
    assert readings.error(labels, answers) == 0.5
    assert readings.confusion(labels, answers).tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]
    np.testing.assert_allclose(readings.margins(labels, answers), [0.8, 0, -0.8, 253 / 255])


def digits(spec, epochs, per_class):
    """A run of a data set's first images."""
    return Run(fresh(spec, 1), ImageSource("digits", Choice(per_class=per_class)).load(spec, 1), epochs)


def alone(run):
    return Alone(run.start.spec, run.start.weights, run.start.lfsr)


def test_the_board_learns_what_the_golden_machine_learns_alone():
    spec = MachineSpec.load("digits-64-32-10")
    run = digits(spec, 2, 10)
    twin = Twin(Board(GoldenPort(GoldenBoard(spec)), spec), spec.settings, run.start.weights, run.start.lfsr)
    golden = alone(run)
    ours, theirs = (train(run, learner) for learner in (twin, golden))
    timed = {"seconds": 0, "patterns_per_second": 0, "updates_per_second": 0}
    assert replace(ours, **timed) == replace(theirs, **timed)
    assert twin.count == 0
    assert_same_weights(twin.machine.weights, golden.machine.weights)
    assert golden.machine.settings.eta_shifts == tuple(shift + 1 for shift in spec.settings.eta_shifts)


def test_the_bound_is_the_mean_of_the_patterns_bounds():
    spec = MachineSpec.load("digits-64-32-10")
    run = digits(spec, 1, 5)
    training = train(run, alone(run))
    machine, total = GoldenMachine(spec), 0.0
    machine.weights = run.start.weights
    for index in run.task.order(0):
        before = machine.updates_skipped
        reply = machine.learn(run.task.inputs[index], run.task.targets[index])
        updated = machine.updates_skipped == before
        steps, rows = reply.free_steps + reply.nudged_steps, np.count_nonzero(run.task.inputs[index])
        total += (rows * 32 * (1 + updated) + 2 * 32 * 10 * (steps + updated)) / spec.lanes
    assert training.bound_per_pattern == pytest.approx(total / training.patterns)
    assert training.clocks_per_pattern == machine.busy_clocks / training.patterns


@pytest.mark.parametrize(("free_steps", "word"), [(30, "eta_shifts"), (2, "free_steps")])
def test_a_dead_output_is_told_with_its_cause(free_steps, word):
    spec = MachineSpec.load("digits-64-32-10")
    spec = replace(spec, settings=replace(spec.settings, free_steps=free_steps))
    run = digits(spec, 1, 5)
    run.start.weights[1][3] = -127
    learner = alone(run)
    curves = Curves(run.task, learner.machine, run.start)
    train(run, learner, after_epoch=curves.after_epoch)
    dead = {entry.output: entry for entry in curves.dead_outputs}
    assert (dead[3].epoch, dead[3].label) == (1, 3)
    assert word in dead[3].advice
    assert dead[3].advice.endswith(".")


# -- the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder, and a board ``device`` that is the golden device behind the link."""
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def opened(board, spec, opening, cable=None):
        assert board == "device"
        yield GoldenPort(GoldenBoard(spec))

    monkeypatch.setattr(board_link, "opened", opened)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_sentence(result, code, *words):
    assert result.exit_code == code, result.output
    text = result.stderr.strip()
    assert text.endswith(".")
    assert "\n" not in text
    for word in words:
        assert word in text


KEYS = {
    *("bit_exact", "test_error", "train_error", "reference_test_error", "golden_test_error", "test_images", "seed"),
    *("clocks_per_pattern", "bound_per_pattern", "rows_skipped", "updates_skipped", "patterns_per_second", "settings"),
    *("dead_outputs", "spec_hash", "confusion", "margins"),
}


def test_train_and_eval_on_golden(folder):
    command = ("train", "--data", "digits", "--machine", "digits-64-32-10", "--board", "golden")
    result = run(*command, "--epochs", 2, "--save", "w.npz", "--json", "t.json", "--out", "pictures")
    assert result.exit_code == 0, result.output
    figures = json.loads((folder / "t.json").read_text())
    assert figures.keys() >= KEYS
    assert figures["bit_exact"] is None
    assert figures["learnt"] == 2 * figures["train_images"]
    assert figures["test_images"] == np.sum(figures["confusion"]) == 359
    assert figures["test_error"] == figures["golden_test_error"][-1]
    assert figures["test_error"] == pytest.approx(1 - np.trace(figures["confusion"]) / 359)
    assert max(figures["test_error"], figures["reference_test_error"][1]) < 0.1
    assert len(figures["train_error"]) == len(figures["reference_train_error"]) == 2
    for name in ("errors", "confusion", "misread", "hidden"):
        assert (folder / f"pictures/{name}.png").stat().st_size > 1000

    result = run(
        *("eval", "--load", "w.npz", "--data", "digits", "--board", "device", "--json", "e.json", "--out", "read")
    )
    assert result.exit_code == 0, result.output
    evaluated = json.loads((folder / "e.json").read_text())
    assert evaluated["bit_exact"] is True
    assert evaluated["train_error"] == figures["train_error"][-1]
    assert (folder / "read/misread.png").exists()
    for name in ("test_error", "confusion", "margins", "test_images"):
        assert evaluated[name] == figures[name]


def test_fine_weights_learn_on_golden(folder):
    (folder / "fine.toml").write_text(FINE.to_toml())
    data = ("--data", "digits", "--machine", "fine.toml", "--per-class", 20)
    result = run("train", *data, "--board", "golden", "--epochs", 1, "--save", "w.npz")
    assert result.exit_code == 0, result.output
    assert max(np.abs(part).max() for part in Checkpoint.load(folder / "w.npz").weights) > 255
    assert_sentence(run("train", *data, "--board", "device"), 2, "12 bits", "--board golden")


def test_ctrl_c_saves_and_the_run_continues_bit_for_bit(folder, monkeypatch):
    advanced = 0

    @contextmanager
    def interrupted(title, total):
        def advance():
            nonlocal advanced
            advanced += 1
            if advanced == 250:
                signal.raise_signal(signal.SIGINT)

        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(training, "progress", interrupted)
        result = run("train", *DIGITS, "--board", "device", "--epochs", 2, "--out", "pictures", "--json", "t.json")
    assert result.exit_code == 130
    assert "runs/interrupted.npz" in result.stderr
    assert 250 <= Checkpoint.load(folder / "runs/interrupted.npz").learnt < 260
    figures = json.loads((folder / "t.json").read_text())
    assert (figures["test_error"], figures["test_images"], figures["bit_exact"]) == (None, 0, True)

    resumed = ("--load", "runs/interrupted.npz", "--data", "digits", "--per-class", 20, "--json", "r.json")
    assert run("train", *resumed, "--board", "golden", "--epochs", 2, "--save", "resumed.npz").exit_code == 0
    whole = run("train", *DIGITS, "--board", "golden", "--epochs", 2, "--save", "whole.npz", "--json", "w.json")
    assert whole.exit_code == 0
    first, second = (Checkpoint.load(folder / name) for name in ("resumed.npz", "whole.npz"))
    assert_same_weights(first.weights, second.weights)
    assert (first.lfsr, first.learnt) == (second.lfsr, second.learnt)
    resumed, whole = (json.loads((folder / name).read_text()) for name in ("r.json", "w.json"))
    for name in ("golden_test_error", "reference_test_error", "train_error"):
        assert resumed[name] == whole[name][1:]


def test_a_cut_cable_keeps_what_was_learnt(folder, monkeypatch):
    class Cut(GoldenPort):
        writes = 0

        def write(self, data, /):
            self.writes += 1
            if self.writes > 150:
                raise serial.SerialException("device disconnected")
            return super().write(data)

    monkeypatch.setattr(f"{__name__}.GoldenPort", Cut)
    result = run("train", *DIGITS, "--board", "device", "--save", "cut.npz")
    assert_sentence(result, 1, "broke", "cut.npz")
    assert Checkpoint.load(folder / "cut.npz").learnt > 10


@pytest.mark.parametrize("pattern", [7, 200])
def test_one_wrong_bit_is_found(pattern, folder, monkeypatch):
    class Wrong(GoldenBoard):
        def _learn(self, payload):
            answer = super()._learn(payload)
            if self.machine.learnt == pattern:
                self.machine.weights[0][30, 4] ^= 1
            return answer

    monkeypatch.setattr(f"{__name__}.GoldenBoard", Wrong)
    result = run("train", *DIGITS, "--board", "device", "--epochs", 1, "--json", "t.json")
    assert result.exit_code == 1
    assert "Board and golden machine differ" in result.stderr
    figures = json.loads((folder / "t.json").read_text())
    assert figures["bit_exact"] is False
    # After the last pattern only the comparison of all weights can tell.
    assert pattern == 7 or figures["differences"][0].startswith("after 200 patterns: weights of matrix 0 (30, 4): ")


MISTAKES = {
    "recurrent machine with data": (["train", "--data", "digits", "--machine", "glyphs-100"], "recurrent"),
    "layered machine with patterns": (["train", "--machine", "digits-64-32-10"], "layered"),
    "layered machine in the demonstration": (["demo", "--machine", "digits-64-32-10"], "layered"),
    "data and patterns": (["train", "--data", "digits", "--patterns", "glyphs"], "--patterns"),
    "classes without data": (["train", "--classes", "0,1"], "--classes"),
    "images of another size": (["train", *DIGITS[:2], "--machine", "mnist-196-128-5"], "8 x 8 = 64 pixels"),
    "too few classes": (["train", *DIGITS, "--classes", "0,1,2"], "10 outputs"),
    "no such class": (["train", *DIGITS, "--classes", "0,12"], "12 is no class"),
    "classes are no numbers": (["train", *DIGITS, "--classes", "zero"], "zero"),
    "no such data": (["train", "--data", "letters", *DIGITS[2:]], "letters"),
    "a folder without files": (["train", "--data", ".", *DIGITS[2:]], "IDX files"),
    "averaged to a size of no input": (["train", *DIGITS, "--resize", "3"], "9 pixels and this machine has 64"),
    "more images than there are": (["train", "--data", "digits", *DIGITS[2:4], "--per-class", "9999"], "9,999"),
    "nothing to evaluate": (["eval", "--data", "digits"], "--load"),
    "a file that is not there": (["eval", "--data", "digits", "--load", "none.npz"], "none.npz"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_one_sentence_and_code_2(name, folder):
    arguments, word = MISTAKES[name]
    assert_sentence(run(*arguments), 2, word)


def test_bench(folder, monkeypatch):
    monkeypatch.setattr(bench, "IMAGES", 40)
    monkeypatch.setattr(bench, "EPOCHS", 1)
    assert run("bench", "model", "--json", "b.json").exit_code == 0
    figures = json.loads((folder / "b.json").read_text())
    assert figures["golden_over_numpy"] == pytest.approx(
        figures["golden_patterns_per_second"] / figures["numpy_float32_patterns_per_second"]
    )
    assert figures["pixels_not_zero"] == pytest.approx(0.19, abs=0.01)
