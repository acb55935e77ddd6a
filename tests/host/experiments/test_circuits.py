"""``ohmprop spice`` and ``train --physics`` as a user calls them."""

import json
import os
import signal

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.analog.engines import Equations
from ohmprop.host.cli.main import main
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.float64.reference import initial_weights, quantise

MACHINE = "[machine]\nlayers = [16]\nlanes = 4\n[settings]\neta_shifts = [3]\n"
DIGITS = ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", "5")


def ohmprop(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder, with a space, in which a recurrent and a layered machine have learnt."""
    folder = tmp_path_factory.mktemp("analog circuits")
    (folder / "m.toml").write_text(MACHINE)
    pixels = np.random.default_rng(1).random((3, 16)) < 0.5
    np.save(folder / "p.npy", pixels)
    patterns = ("--machine", folder / "m.toml", "--patterns", folder / "p.npy")
    for options, name in (((*patterns, "--epochs", 30), "r.npz"), ((*DIGITS, "--epochs", 3), "l.npz")):
        result = ohmprop("train", "--board", "golden", *options, "--save", folder / name)
        assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("name", ["r.npz", "l.npz"])
def test_compare_gives_its_keys_and_a_picture(folder, name, tmp_path):
    result = ohmprop(
        *("spice", "compare", "--load", folder / name, "--images", 4, "--engine", "equations"),
        *("--json", tmp_path / "c.json", "--out", tmp_path),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "c.json").read_text())
    keys = {"max_lsb", "residual_lsb", "sign_agreement", "settling_rc", "steps", "engine"}
    assert keys <= figures.keys() and figures["images"] == 4 and figures["engine"] == "equations"
    assert figures["max_lsb"] < 0.1
    assert (tmp_path / "waveforms.png").stat().st_size > 10_000


def test_export_writes_the_same_text_each_time(folder, tmp_path, monkeypatch):
    texts = []
    for name in ("a b.cir", "c.cir"):
        assert ohmprop("spice", "export", "--load", folder / "r.npz", "--out", tmp_path / name).exit_code == 0
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1] and texts[0].startswith("* ohmprop 16, spec ") and "image 0, free phase" in texts[0]
    result = ohmprop("spice", "export", "--load", folder / "l.npz", "--nudged", "--out", tmp_path / "n.cir")
    assert result.exit_code == 0 and "phase: nudged" in result.output
    assert "Rn41" in (tmp_path / "n.cir").read_text() and "come to rest" not in result.output
    monkeypatch.setattr("ohmprop.analog.engines.MOST_SPANS", 0)
    result = ohmprop("spice", "export", "--load", folder / "l.npz", "--nudged", "--out", tmp_path / "n.cir")
    assert "The free phase of image 0 did not come to rest;" in result.output


@pytest.mark.parametrize("name", ["r.npz", "l.npz"])
def test_run_says_where_neurons_settle(folder, name, tmp_path):
    result = ohmprop(
        *("spice", "run", "--load", folder / name, "--image", 1),
        *("--engine", "equations", "--json", tmp_path / "r.json", "--out", tmp_path),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "r.json").read_text())
    assert (
        len(figures["free_states"]) == figures["neurons"] and figures["settling_rc"] > figures["nudged_settling_rc"] > 0
    )
    assert (tmp_path / "waveforms.png").exists()


def test_the_circuit_is_that_of_the_machine_s_file(folder, tmp_path):
    """A gain of 1000 is seen; weights beyond the cells are refused."""
    machine = tmp_path / "m.toml"
    found = []
    for table in ("", "[analog]\ngain = 1e3\n"):
        machine.write_text(MACHINE + table)
        out = tmp_path / "c.cir"
        assert ohmprop("spice", "export", "--load", folder / "r.npz", "--machine", machine, "--out", out).exit_code == 0
        found.append(out.read_text())
    assert "x0 100000\n" in found[0] and "x0 1000\n" in found[1]
    machine.write_text(MACHINE + "[analog]\ng_on = 2e-6\non_off = 2.0\n")
    result = ohmprop("spice", "export", "--load", folder / "r.npz", "--machine", machine, "--out", out)
    assert result.exit_code != 0 and "and cells reach 2 uS" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--image", 999_999), "There is no test image 999999"),
        (("compare", "--data", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_end_in_a_sentence(folder, arguments, sentence):
    result = ohmprop("spice", arguments[0], "--load", folder / "l.npz", "--engine", "equations", *arguments[1:])
    assert result.exit_code != 0 and sentence in result.output


def test_devices_are_no_circuit(folder, tmp_path):
    machine, patterns = folder / "m.toml", folder / "p.npy"
    trained = ohmprop(
        *("train", "--board", "golden", "--machine", machine, "--patterns", patterns, "--device", "epiram"),
        *("--epochs", 1, "--save", tmp_path / "d.npz"),
    )
    assert trained.exit_code == 0, trained.output
    result = ohmprop("spice", "compare", "--load", tmp_path / "d.npz", "--engine", "equations")
    assert "holds weights in devices with pulses" in result.output


@pytest.mark.parametrize("kind", ["recurrent", "layered"])
def test_a_closed_loop_learns_as_float64_does(folder, kind, tmp_path):
    options = ("--machine", folder / "m.toml", "--patterns", folder / "p.npy", "--epochs", 4)
    if kind == "layered":
        options = ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", 2, "--epochs", 1)
    saved, figures = tmp_path / "s.npz", tmp_path / "f.json"
    result = ohmprop("train", *options, "--physics", "equations", "--save", saved, "--json", figures)
    assert result.exit_code == 0, result.output
    rows = json.loads(figures.read_text())["checkpoints"]
    assert rows[-1]["weights_differ"] <= 1e-3
    assert all(row["circuit"] == row["float64"] for row in rows)
    # What was saved is a run like any other.
    kept = Checkpoint.load(saved)
    assert kept.learnt == json.loads(figures.read_text())["learnt"]
    fresh = quantise(kept.spec, initial_weights(kept.spec, 1))
    assert all(not np.array_equal(learnt, begin) for learnt, begin in zip(kept.weights, fresh, strict=True))
    assert ohmprop("spice", "run", "--load", saved, "--engine", "equations").exit_code == 0


def test_options_of_a_board_do_not_go_with_a_circuit(folder):
    for option, value in (
        ("--board", "golden"),
        ("--rule", "ep"),
        ("--load", folder / "r.npz"),
        ("--device", "linear"),
    ):
        result = ohmprop("train", "--physics", "equations", option, value)
        assert result.exit_code != 0 and f"{option} does not go with --physics" in str(result.output) + str(
            result.exception
        )


def test_ctrl_c_keeps_what_was_learnt(folder, tmp_path, monkeypatch):
    """A stop in the middle of an epoch: the weights are saved, the sentence says where."""
    monkeypatch.chdir(tmp_path)
    runs, real = [], Equations.run

    def run(self, circuit, span):
        runs.append(1)
        if len(runs) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, circuit, span)

    monkeypatch.setattr(Equations, "run", run)
    result = ohmprop("train", "--machine", folder / "m.toml", "--patterns", folder / "p.npy", "--physics", "equations")
    assert result.exit_code != 0 and "runs/interrupted.npz" in result.output
    assert 0 < Checkpoint.load(tmp_path / "runs/interrupted.npz").learnt < 18
