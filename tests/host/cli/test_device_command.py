"""`ohmprop device`: lists, plots, fits, learns, and refuses in one sentence."""

import json
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments.pulse_curve import Staircase
from ohmprop.model.memristors.presets import PRESETS, preset
from ohmprop.model.memristors.unit import pulse_unit
from ohmprop.model.spec import MachineSpec
from tests.host.link.test_board import connect, random_weights


def run(code, *arguments):
    """Run `ohmprop device ...`; its output, or its one sentence."""
    result = CliRunner().invoke(main, ["device", *map(str, arguments)])
    assert result.exit_code == code, result.output
    if code:
        assert "Traceback" not in result.output and result.stderr.count("\n") == 1 and result.stderr.endswith(".\n")
    return result.stderr if code else result.stdout


def test_list(tmp_path):
    text = run(0, "list", "--json", tmp_path / "list.json")
    figures = json.loads((tmp_path / "list.json").read_text())
    assert list(figures) == list(PRESETS)
    for name, row in figures.items():
        assert name in text and row["step_error"] < 0.5 and row["curve_error"] < 0.5


@pytest.mark.parametrize(
    "arguments", [("reram-es",), ("epiram", "--scheme", "pair"), ("pcm", "--bits", 6, "--levels", 20)]
)
def test_plot(tmp_path, arguments):
    run(0, "plot", *arguments, "--out", tmp_path, "--json", tmp_path / "plot.json")
    figures = json.loads((tmp_path / "plot.json").read_text())
    assert figures["picture"] == str(tmp_path / f"{arguments[0]}.png")
    assert (tmp_path / f"{arguments[0]}.png").read_bytes().startswith(b"\x89PNG")
    assert figures["step_error"] < 0.05


def test_glyphs(tmp_path):
    options = ("--epochs", 4, "--eta-shift", 4, "--eta-shift", 9, "--json", tmp_path / "glyphs.json")
    text = run(0, "glyphs", "soft-bounds", "--stuck", 0.1, *options)
    row = json.loads((tmp_path / "glyphs.json").read_text())["soft-bounds"]
    assert "soft-bounds" in text and row["eta_shift"] == 4
    assert row["pulses"][0] > 100 and all(0 <= share <= 1 for share in row["recalls"])


@pytest.mark.parametrize(
    "arguments",
    [("epiram",), ("pcm", "--cell", "0,9,2"), ("hzo-fefet", "--scheme", "pair", "--no-noise", "--machine", "digits")],
)
def test_pulse(tmp_path, arguments):
    """Both staircases are drawn, each with its weights; a quiet cell follows its table."""
    if "digits" in arguments:
        machine = tmp_path / "digits.toml"
        machine.write_text(MachineSpec(layers=(6, 4, 3), lanes=3, pulses=True).to_toml())
        arguments = (*arguments[:-1], machine)
    options = ("--board", "golden", "--count", 12, "--out", tmp_path, "--json", tmp_path / "pulse.json")
    assert "differences: none" in run(0, "pulse", *arguments, *options)
    figures = json.loads((tmp_path / "pulse.json").read_text())
    assert figures["picture"] == str(tmp_path / f"{arguments[0]}-pulses.png")
    assert (tmp_path / f"{arguments[0]}-pulses.png").read_bytes().startswith(b"\x89PNG")
    assert [len(figures[name]) for name in ("up", "down")] == [13, 13] and figures["pulses"] == 24
    assert figures["up"][-1] == figures["down"][0] > figures["up"][0] and figures["down"][-1] < figures["down"][0]
    if "--no-noise" in arguments:
        assert max(figures["up_rms_from_table"], figures["down_rms_from_table"]) < 3


def test_pulses_and_the_boards_state(monkeypatch):
    """The cell gets its weight back, whatever is measured; a board that differs from the golden machine is told of."""
    spec = MachineSpec(layers=(12,), lanes=8, pulses=True)
    rng, unit = np.random.default_rng(1), pulse_unit(preset("epiram"), spec)
    device, board = connect(spec)
    weights = random_weights(spec, rng)
    board.write_weights([weights])
    board.learn(rng.random(12) < 0.5)
    before = board.read_weights()
    for _ in range(2):
        stairs = Staircase(board, unit, (0, 5, 3))
        for rising in (True, False):
            assert len(list(stairs.climb(20, rising, lambda: False))) == 20
        assert stairs.finish() == [] and np.array_equal(board.read_weights(), before)
    stairs = Staircase(board, unit, (0, 5, 3))
    taken = []
    for weight in stairs.climb(20, True, lambda: len(taken) == 4):
        taken.append(weight)
        if len(taken) == 2:
            device.machine.lfsr ^= 1 << 31
    assert stairs.up[1:] == taken and stairs.given == len(taken) < 20
    assert "random register" in stairs.finish() and np.array_equal(board.read_weights(), before)


def test_ctrl_c_in_the_midst_of_pulses(tmp_path, monkeypatch):
    monkeypatch.setattr("ohmprop.host.experiments.pulse_curve.progress", interrupting)
    options = ("--board", "golden", "--count", 40, "--out", tmp_path, "--json", tmp_path / "pulse.json")
    result = CliRunner().invoke(main, ["device", "pulse", "epiram", *map(str, options)])
    figures = json.loads((tmp_path / "pulse.json").read_text())
    assert result.exit_code == 130 and f"Interrupted after {figures['pulses']} pulses" in result.stderr
    assert 3 <= figures["pulses"] < 10 and figures["differences"] == [] and (tmp_path / "epiram-pulses.png").is_file()


@contextmanager
def interrupting(title, total):
    """A progress bar during which Ctrl-C is pressed."""
    count = iter(range(total))

    def advance():
        if next(count) == 2:
            signal.raise_signal(signal.SIGINT)

    yield advance


def test_bad_input(tmp_path):
    for cell, words in (("3,3", "outside the array"), ("1", "two numbers or three"), ("x", "7,2 or 0,7,2")):
        assert words in run(2, "pulse", "linear", "--board", "golden", "--cell", cell, "--out", tmp_path)
    assert "unobtainium" in run(2, "plot", "unobtainium")
    assert "255" in run(2, "plot", "linear", "--levels", 256)
    assert "8 bits" in run(2, "plot", "linear", "--bits", 9)
    assert "only rise" in run(2, "plot", "pcm", "--scheme", "reference", "--out", tmp_path)
    assert "eta_shifts" in run(2, "glyphs", "linear", "--eta-shift", 15)
