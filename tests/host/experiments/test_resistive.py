"""``ohmprop resistive`` as a user calls it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.analog.engines import Neospice
from ohmprop.host.cli.main import main
from ohmprop.host.experiments.resistive import Learning, load, spice_gradient


def ohmprop(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("data", "seed", "least"), [("xor", 1, 1), ("xor", 2, 1), ("xor", 3, 1), ("iris", 1, 0.96)])
def test_what_is_learnt(data, seed, least, tmp_path):
    out = tmp_path / "a b"
    result = ohmprop(*("resistive", "train", "--data", data, "--seed", seed), *("--json", out / "r.json", "--out", out))
    assert result.exit_code == 0, result.output
    figures = json.loads((out / "r.json").read_text())
    assert figures["test_accuracy"] >= least and figures["train_accuracy"] >= 0.96
    assert figures["adjoint_cosine"] >= 0.9999 and abs(figures["adjoint_length"] - 1) <= 0.005
    assert (out / f"{data}.png").exists() and len(figures["rows"]) == figures["epochs"]


def test_digits_begin_to_be_learnt():
    """An epoch of them; all twelve are in docs/analog.md."""
    learning = Learning("digits", 16, 1)
    learning.epoch(6e-8, 1e-5)
    assert learning.rows[0]["test_accuracy"] > 0.7


def test_solvers_agree(tmp_path):
    result = ohmprop(
        "resistive", "compare", "--data", "iris", "--epochs", 2, "--images", 2, "--json", tmp_path / "c.json"
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "c.json").read_text())
    assert all(volts <= 10 for volts in figures["microvolts_from_newton"].values())
    assert figures["spice_adjoint_cosine"] >= 0.9999 and abs(figures["spice_adjoint_length"] - 1) <= 0.005


def test_spice_s_adjoint_is_the_own_one():
    learning = Learning("xor", None, 1)
    found, own = spice_gradient(learning, Neospice()), learning.gradients(1)[1]
    for one, other in zip(found, own, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


def test_data_are_within_their_range():
    for name in ("xor", "iris", "digits"):
        data = load(name)
        for inputs in (data.inputs, data.test_inputs):
            assert inputs.min() >= -1 and inputs.max() <= 1
    # Irises that are learnt are not tested.
    irises = load("iris")
    assert len(irises.inputs) == 100 and len(irises.test_inputs) == 50


def test_mistakes_end_in_a_sentence(monkeypatch):
    result = ohmprop("resistive", "train", "--data", "iris", "--epochs", 1, "--rate", 1)
    assert result.exit_code == 0 or "Newton's method did not converge" in result.output
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    assert "pip install 'ohmprop[data]'" in ohmprop("resistive", "train", "--data", "iris").output
    monkeypatch.setitem(__import__("sys").modules, "neospice", None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "The engine ngspice is not on the PATH" in ohmprop("resistive", "compare", "--data", "xor").output
