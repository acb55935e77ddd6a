"""One object, three backends, the same bits: those of the commands."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ohmprop import AssociativeMemory, EPClassifier, MachineSpec
from ohmprop.host.estimators import learned
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.data.datasets import Choice, load
from ohmprop.model.data.patterns import glyphs
from ohmprop.model.errors import MachineError
from ohmprop.model.golden.machine import GoldenMachine

RECURRENT, LAYERED = MachineSpec(layers=(9,), lanes=4), MachineSpec(layers=(9, 5, 3), lanes=4)
RNG = np.random.default_rng(5)
IMAGES, CLASSES = RNG.integers(0, 16, (12, 9)), np.arange(12) % 3
PATTERNS = RNG.integers(0, 2, (4, 9))


def digits():
    """The digits that the commands learn, as scikit-learn has them, 0 to 16."""
    chosen = load("digits", Choice())
    X, y = load_digits(return_X_y=True)
    found = {row.tobytes(): number for number, row in enumerate(np.floor(X * 255 / 16 + 0.5).astype(np.uint8))}
    rows = [found[image.tobytes()] for image in chosen.train_images]
    assert np.array_equal(y[rows], chosen.train_labels)
    return X[rows], y[rows]


def ohmprop(*options):
    subprocess.run([sys.executable, "-m", "ohmprop", *map(str, options)], check=True, capture_output=True)


def test_the_digits_come_to_the_bits_of_the_command(tmp_path):
    file, options = tmp_path / "d.npz", ("--machine", "digits-64-32-10", "--epochs", 3, "--seed", 4)
    ohmprop("train", "--data", "digits", *options, "--save", file)
    X, y = digits()
    classifier = EPClassifier("digits-64-32-10", epochs=3, random_state=4).fit(X, y)
    saved = Checkpoint.load(file)
    assert all(map(np.array_equal, classifier.weights_, saved.weights))
    assert (classifier.checkpoint_.lfsr, classifier.checkpoint_.learnt) == (saved.lfsr, saved.learnt)
    assert classifier.checkpoint_.counters == saved.counters
    classifier.save(tmp_path / "e.npz")
    np.save(tmp_path / "x.npy", X[:5].reshape(5, 8, 8))
    asked = ("--board", "golden", "--out", tmp_path / "answers.npy")
    ohmprop("predict", tmp_path / "x.npy", "--load", tmp_path / "e.npz", *asked)
    assert np.array_equal(np.load(tmp_path / "answers.npy"), classifier.outputs(X[:5]))
    # And what the command has learnt can be asked and goes on here.
    again = EPClassifier.load(file)
    assert np.array_equal(again.outputs(X[:50]), classifier.outputs(X[:50]))
    assert np.array_equal(again.partial_fit(X, y).weights_[0], classifier.partial_fit(X, y).weights_[0])


def test_the_glyphs_come_to_the_bits_of_the_command(tmp_path):
    file = tmp_path / "g.npz"
    ohmprop("train", "--patterns", "glyphs", "--machine", "glyphs-100", "--epochs", 2, "--save", file)
    memory = AssociativeMemory("glyphs-100", epochs=2).fit(glyphs())
    saved = Checkpoint.load(file)
    assert np.array_equal(memory.weights_[0], saved.weights[0])
    assert memory.checkpoint_.lfsr == saved.lfsr
    again = AssociativeMemory.load(file)
    assert np.array_equal(again.patterns_, glyphs())
    assert again.score(glyphs(), range(16)) == memory.score(glyphs(), range(16))


def test_the_digits_on_the_virtual_board():
    X, y = digits()
    X, y = X[:60], y[:60]
    golden, board = (
        EPClassifier("digits-64-32-10", board=board, epochs=1).partial_fit(X, y, range(10))
        for board in ("golden", "sim")
    )
    assert all(map(np.array_equal, golden.weights_, board.weights_))
    assert golden.checkpoint_.lfsr == board.checkpoint_.lfsr
    assert np.array_equal(golden.outputs(X[:10]), board.outputs(X[:10]))
    assert board.partial_fit(X[:10], y[:10]).checkpoint_.learnt == 70
    assert np.array_equal(golden.partial_fit(X[:10], y[:10]).weights_[0], board.weights_[0])


def test_a_memory_on_the_virtual_board():
    golden, board = (AssociativeMemory(RECURRENT, board=board, epochs=3).fit(PATTERNS) for board in ("golden", "sim"))
    assert np.array_equal(golden.weights_[0], board.weights_[0])
    assert np.array_equal(golden.recall(1 - PATTERNS), board.recall(1 - PATTERNS))


@pytest.mark.parametrize("kind", ["device", "rule"])
def test_devices_and_rules_are_parameters(kind):
    params = {"device": "epiram"} if kind == "device" else {"settings": {"rule": "vector-field"}}
    classifier = EPClassifier(LAYERED, epochs=2, **params).fit(IMAGES, CLASSES)
    assert classifier.spec_.pulses == (kind == "device")
    assert classifier.spec_.settings.rule == ("ep" if kind == "device" else "vector-field")
    assert not np.array_equal(classifier.weights_[0], EPClassifier(LAYERED, epochs=2).fit(IMAGES, CLASSES).weights_[0])


def estimators():
    return (
        (EPClassifier(LAYERED, epochs=50), (IMAGES, CLASSES)),
        (AssociativeMemory(RECURRENT, epochs=50), (PATTERNS,)),
    )


@pytest.mark.parametrize("number", [0, 1], ids=["layered", "recurrent"])
def test_ctrl_c_keeps_what_was_learnt(number, monkeypatch):
    estimator, data = estimators()[number]
    looks, former = 0, signal.getsignal(signal.SIGINT)
    train = learned.train

    def interrupted(run, learner, advance, stopped):
        def advancing():
            nonlocal looks
            looks += 1
            if looks == 2 * len(data[0]):
                signal.raise_signal(signal.SIGINT)
            advance()

        return train(run, learner, advancing, stopped)

    monkeypatch.setattr(learned, "train", interrupted)
    with pytest.raises(KeyboardInterrupt, match=f"after {2 * len(data[0])} patterns; .* partial_fit goes on"):
        estimator.fit(*data)
    monkeypatch.undo()
    assert estimator.epochs_ == 2
    whole = estimators()[number][0]
    for _ in range(3):
        whole.partial_fit(*data)
    assert np.array_equal(estimator.partial_fit(*data).weights_[0], whole.weights_[0])
    assert signal.getsignal(signal.SIGINT) is former


@pytest.mark.parametrize("number", [0, 1], ids=["layered", "recurrent"])
def test_a_board_that_differs_is_said_and_what_was_learnt_kept(number, monkeypatch):
    estimator, data = estimators()[number]
    estimator.set_params(board="sim", epochs=1)
    learn = GoldenMachine.learn
    wrong = iter([False, True])

    def learns(machine, pattern, target=None):
        reply = learn(machine, pattern, target)
        return (
            reply
            if not next(wrong, False)
            else type(reply)(reply.free_steps, reply.nudged_steps, reply.clocks + 1, reply.lfsr)
        )

    monkeypatch.setattr(GoldenMachine, "learn", learns)
    with pytest.raises(MachineError, match=r"differ in 1 places.*\.$"):
        estimator.fit(*data)
    assert estimator.checkpoint_.learnt == len(data[0])


@pytest.mark.parametrize("number", [0, 1], ids=["layered", "recurrent"])
def test_a_board_that_breaks_leaves_what_was_learnt(number, monkeypatch):
    estimator, data = estimators()[number]
    estimator.set_params(board="sim", epochs=3)
    learn, left = GoldenMachine.learn, iter(range(len(data[0]) + 1))

    def breaks(machine, pattern, target=None):
        if next(left, None) is None:
            raise MachineError("The board does not answer.")
        return learn(machine, pattern, target)

    monkeypatch.setattr(GoldenMachine, "learn", breaks)
    with pytest.raises(MachineError, match="does not answer"):
        estimator.fit(*data)
    assert (estimator.checkpoint_.learnt, estimator.epochs_) == (len(data[0]) + 1, 1)
