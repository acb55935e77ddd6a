"""The command line on the golden board: results, files, Ctrl-C, one sentence with its exit code for each mistake."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import serial
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import demo, training
from ohmprop.host.link import port as transport
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.spec import MachineSpec, Settings

SPEC = MachineSpec(layers=(25,), lanes=8, settings=Settings(eta_shifts=(5,)))
COMMANDS = ("demo", "train", "recall", "info", "sim")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a machine of 25 neurons and four patterns for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.toml").write_text(SPEC.to_toml())
    pixels = np.random.default_rng(5).random((4, 25)) < 0.5
    np.save(tmp_path / "p.npy", pixels)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(*arguments):
    return run("train", "--machine", "m.toml", "--board", "golden", "--patterns", "p.npy", *arguments)


def assert_sentence(result, code, *words):
    """The command ended with this code and one sentence on standard error that has these words."""
    assert result.exit_code == code, result.output
    text = result.stderr.strip()
    assert text.endswith(".")
    assert "\n" not in text
    assert "Traceback" not in result.output
    for word in words:
        assert word in text


def test_train_save_load_recall(folder):
    result = train("--epochs", 30, "--save", "deep/w.npz", "--json", "t.json", "--out", "pictures")
    assert result.exit_code == 0, result.output
    figures = json.loads((folder / "t.json").read_text())
    assert figures["bit_exact"] is True
    assert figures["link"] == {"retries": 0, "refused": 0, "repeated": 0, "dropped": 0, "restored": 0}
    assert figures["learnt"] == 120
    assert figures["training"]["patterns"] == 120
    assert (folder / "pictures/weights.png").exists()
    saved = Checkpoint.load(folder / "deep/w.npz")
    assert (saved.spec, saved.learnt, saved.seed) == (SPEC, 120, 1)
    assert saved.weights[0].any()

    result = run(
        *("recall", "--load", "deep/w.npz", "--board", "golden", "--patterns", "p.npy"),
        *("--flip", 0, "--flip", 0.125, "--images", 10, "--json", "r.json", "--out", "pictures"),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((folder / "r.json").read_text())
    assert figures["bit_exact"] is True
    assert figures["recall"]["0.00"]["board"] == 1
    assert figures["recall"]["0.125"]["images"] == 40
    assert (folder / "pictures/recall-0.125.png").exists()


def test_ctrl_c_saves_and_the_run_continues_bit_for_bit(folder, monkeypatch):
    advanced = 0

    @contextmanager
    def interrupted(title, total):
        def advance():
            nonlocal advanced
            advanced += 1
            if advanced == 10:
                signal.raise_signal(signal.SIGINT)

        yield advance

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(training, "progress", interrupted)
        result = train("--epochs", 20)
    assert_sentence(result, 130, "Interrupted after 1", "runs/interrupted.npz", "--load")
    assert signal.getsignal(signal.SIGINT) is handler
    learnt = Checkpoint.load(folder / "runs/interrupted.npz").learnt
    assert 10 <= learnt < 20

    assert train("--load", "runs/interrupted.npz", "--epochs", 20, "--save", "resumed.npz").exit_code == 0
    assert train("--epochs", 20, "--save", "whole.npz").exit_code == 0
    resumed, whole = (Checkpoint.load(folder / name) for name in ("resumed.npz", "whole.npz"))
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    assert (resumed.lfsr, resumed.learnt) == (whole.lfsr, whole.learnt)


def test_a_second_ctrl_c_interrupts_at_once(folder, monkeypatch):
    @contextmanager
    def interrupted(title, total):
        yield lambda: (signal.raise_signal(signal.SIGINT), signal.raise_signal(signal.SIGINT))

    monkeypatch.setattr(training, "progress", interrupted)
    assert_sentence(train(), 130, "Interrupted")


def test_a_cut_cable_keeps_what_was_learnt(folder, monkeypatch):
    class Cut(transport.GoldenPort):
        writes = 0

        def write(self, data, /):
            self.writes += 1
            if self.writes > 60:
                raise serial.SerialException("device disconnected")
            return super().write(data)

    monkeypatch.setattr(transport, "GoldenPort", Cut)
    result = train("--save", "cut.npz")
    assert_sentence(result, 1, "broke", "cable was pulled", "cut.npz")
    assert "device disconnected" not in result.stderr
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert train("--load", "cut.npz", "--epochs", 20, "--save", "resumed.npz").exit_code == 0
    assert train("--epochs", 20, "--save", "whole.npz").exit_code == 0
    resumed, whole = (Checkpoint.load(folder / name) for name in ("resumed.npz", "whole.npz"))
    np.testing.assert_array_equal(resumed.weights, whole.weights)


def test_one_wrong_bit_is_found(folder, monkeypatch):
    class Wrong(GoldenBoard):
        def _learn(self, payload):
            answer = super()._learn(payload)
            if self.machine.learnt == 7:
                self.machine.weights[0][3, 4] ^= 1
                self.machine.weights[0][4, 3] ^= 1
            return answer

    monkeypatch.setattr(transport, "GoldenBoard", Wrong)
    result = train("--epochs", 2, "--json", "t.json")
    assert_sentence(result, 1, "differ", "epoch 2, pattern 4: ")
    assert json.loads((folder / "t.json").read_text())["bit_exact"] is False


def test_demo(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "IMAGES", 4)
    monkeypatch.setattr(demo, "BOARD_IMAGES", {0.10: 4, 0.15: 1, 0.20: 4, 0.25: 1})
    result = run("demo", "--board", "golden", "--epochs", 10, "--out", tmp_path / "d", "--json", tmp_path / "j.json")
    figures = json.loads((tmp_path / "d/result.json").read_text())
    assert figures == json.loads((tmp_path / "j.json").read_text())
    # Ten epochs are too few, which the exit code says.
    assert_sentence(result, 1, "fell short", "0.985")
    assert figures["bit_exact"] is True
    assert figures["epochs"] == 10
    assert figures["recall"]["0.15"]["images"] == 64
    assert figures["recall"]["0.15"]["images_board"] == 16
    assert figures["clocks_per_pattern"] / figures["bound_per_pattern"] == pytest.approx(figures["clocks_over_bound"])
    for name in ("spec_hash", "seed", "board_clocks_per_second", "seconds", "settings"):
        assert name in figures
    for row in figures["recall"].values():
        assert {"board", "golden", "reference", "bound"} <= row.keys()
    for name in ("recall-0.10.png", "accuracy.png", "weights.png"):
        assert (tmp_path / "d" / name).stat().st_size > 1000


def test_info(folder):
    result = run("info", "--machine", "m.toml", "--board", "golden", "--json", "i.json")
    assert result.exit_code == 0
    assert SPEC.spec_hash in result.output
    assert json.loads((folder / "i.json").read_text())["identity"]["neurons"] == 25
    assert MachineSpec.from_toml(run("info", "--machine-toml", "--machine", "m.toml").output) == SPEC


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: ohmprop {command}" in result.output


def _write(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


MISTAKES = {
    "no lanes": (["info", "--machine", "bad.toml"], "[machine]\nlanes = 0", "lanes"),
    "accumulator overflows": (["info", "--machine", "bad.toml"], '[machine]\naccumulator = "fxp-s16/14"', "overflows"),
    "beyond the memory": (["info", "--machine", "bad.toml"], "[machine]\nmemory_bytes = 100", "memory"),
    "no TOML": (["info", "--machine", "bad.toml"], "lanes: 3", "TOML"),
    "no machine file": (["info", "--machine", "none.toml"], "", "none.toml"),
    "no such port": (["info", "--board", "/dev/none"], "", "/dev/none"),
    "no such patterns": (["train", "--board", "golden", "--patterns", "nowhere"], "", "nowhere"),
    "patterns of another size": (["train", "--board", "golden", "--patterns", "p.npy"], "", "25"),
    "not numbers": (["train", "--board", "golden", "--patterns", "bad.toml"], "01\n0x\n", "bad.toml"),
    "no weights to recall with": (["recall", "--board", "golden"], "", "--load"),
    "weights missing": (["recall", "--board", "golden", "--load", "none.npz"], "", "none.npz"),
    "weights damaged": (["recall", "--board", "golden", "--load", "bad.toml"], "PK\3\4 no", "bad.toml"),
    "no epochs": (["train", "--epochs", "0"], "", "--epochs"),
    "not a number": (["train", "--epochs", "many"], "", "many"),
    "not a probability": (["recall", "--flip", "1.5"], "", "1.5"),
    "unknown option": (["train", "--fast"], "", "--fast"),
    "unknown command": (["fly"], "", "fly"),
    "a folder as a file": (["train", "--board", "golden", "--save", "."], "", "folder"),
    "a file as a folder": (["train", "--board", "golden", "--out", "bad.toml"], "x", "bad.toml"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_one_sentence_and_code_2(name, folder):
    arguments, content, word = MISTAKES[name]
    if content:
        _write(folder, "bad.toml", content)
    assert_sentence(run(*arguments), 2, word)


def test_patterns_with_nan_are_refused(folder):
    np.save(folder / "p.npy", np.full((2, 25), np.nan))
    assert_sentence(train(), 2, "p.npy")


def test_weights_of_another_machine_are_refused(folder):
    assert train("--epochs", 1, "--save", "w.npz").exit_code == 0
    (folder / "other.toml").write_text(MachineSpec(layers=(36,), lanes=8).to_toml())
    assert_sentence(run("recall", "--load", "w.npz", "--machine", "other.toml", "--board", "golden"), 2, SPEC.spec_hash)
    assert_sentence(train("--load", "w.npz", "--epochs", 1), 2, "--epochs 2")


@pytest.mark.parametrize("key", ["weights", "lfsr", "learnt", "machine_toml"])
def test_weights_files_that_were_tampered_with_are_refused(key, folder):
    assert train("--epochs", 1, "--save", "w.npz").exit_code == 0
    values = dict(np.load("w.npz"))
    bad = {"weights": np.full((25, 25), np.nan), "lfsr": 0, "learnt": -1, "machine_toml": "[machine]\nlanes = 3"}
    np.savez("w.npz", **(values | {key: np.array(bad[key])}))
    assert_sentence(run("recall", "--load", "w.npz", "--board", "golden"), 2)
    np.savez("w.npz", **(values | {key: np.array([{}], object)}))
    assert_sentence(run("recall", "--load", "w.npz", "--board", "golden"), 2, "w.npz")


def test_as_a_process():
    code = "import sys; from ohmprop.host.cli.main import main; main(); "
    result = subprocess.run(
        [sys.executable, "-c", code, "info", "--board", "/dev/none"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1


def test_the_host_needs_no_simulator():
    code = "import sys, ohmprop.host.experiments.training; sys.exit(any(n in sys.modules for n in ('amaranth', 'sim', 'hw')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
