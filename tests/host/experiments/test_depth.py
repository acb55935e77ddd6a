"""The search for the settings of three hidden layers: it learns as `ohmprop train` does, ranks, counts dead outputs."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import depth
from ohmprop.host.experiments.classifier import Curves
from ohmprop.host.run.learner import Alone
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource
from ohmprop.host.run.train import train
from ohmprop.model.float64.reference import initial_weights
from ohmprop.model.spec import MachineSpec


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "depth", *map(str, arguments)])


def test_search_learns_and_ranks(tmp_path, monkeypatch):
    glorot = depth.Trial((1.0, 1.0, 1.0, 0.5), (3, 4, 5, 6), 8)
    monkeypatch.setattr(depth, "TRIALS", (glorot, depth.FOUND))
    result = run("--seeds", 1, "--epochs", 1, "--json", tmp_path / "d.json")
    assert result.exit_code == 0, result.output
    assert result.output.index("0.5, 0.5, 0.5, 0.5") < result.output.index("1.0, 1.0, 1.0, 0.5")
    figures = json.loads((tmp_path / "d.json").read_text())
    found, other = figures["trials"]
    assert found["initial_scales"] == [0.5] * 4
    assert found["test_error"][0] < 0.5 < other["test_error"][0]
    assert found["dead_outputs"] == found["reference_dead_outputs"] == [0]
    # The found settings are those of the ready machine and of the initial weights, so a training ends the same.
    spec = MachineSpec.load(depth.MACHINE)
    start = fresh(spec, 1)
    run_ = Run(start, ImageSource("digits", halvings=depth.HALVINGS).load(spec, 1), 1)
    learner = Alone(spec, start.weights, start.lfsr)
    curves = Curves(run_.task, learner.machine, start)
    train(run_, learner, after_epoch=curves.after_epoch)
    assert curves.golden_test_error == found["test_error"]
    assert curves.reference_test_error == found["reference_test_error"]


def test_dead_outputs_are_counted(monkeypatch):
    # Weights that inhibit every output keep all of them at 0, whatever the nudge does.
    def inhibited(spec, seed, scales):
        *inner, outputs = initial_weights(spec, seed, scales)
        return (*inner, -np.ones_like(outputs))

    monkeypatch.setattr(depth, "initial_weights", inhibited)
    outcome = depth._learn(1, (depth.FOUND, 1))
    assert (outcome.dead_outputs, outcome.reference_dead_outputs) == (10, 10)
    assert outcome.test_error > 0.8


@pytest.mark.parametrize(("arguments", "word"), [(("--json", "."), "is a folder"), (("--seeds", 0), "--seeds")])
def test_mistakes_are_one_sentence(arguments, word):
    result = run(*arguments)
    assert result.exit_code == 2
    assert word in result.stderr and result.stderr.count("\n") == 1 and result.stderr.endswith(".\n")
