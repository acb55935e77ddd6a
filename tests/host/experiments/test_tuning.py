"""The search for settings: it betters a bad file, goes on where it was stopped, and keeps a board's bitstream if asked to."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import held_out, jobs, tuning
from ohmprop.model.data.datasets import load
from ohmprop.model.formats import Format
from ohmprop.model.link.features import basic
from ohmprop.model.spec import MachineSpec, Settings

#: A machine of one hidden layer and one of two, with rates at which they do not learn.
BAD = {
    "one hidden layer": "[64, 16, 10]\nsettings.eta_shifts = [8, 7]",
    "two": "[64, 16, 16, 10]\nsettings.eta_shifts = [2, 2, 2]",
}


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """Few candidates, in this process, and a working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuning, "CANDIDATES", 5)
    monkeypatch.setattr(
        jobs, "side_by_side", lambda work, items, workers, stopped: ((item, work(item)) for item in items)
    )


def tune(*words, code=0):
    options = ("--data", "digits", "--per-class", 40, "--epochs", 2)
    result = CliRunner().invoke(main, ["tune", *map(str, (*options, *words))])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_becomes_better(name, tmp_path):
    Path("bad.toml").write_text(f"machine.layers = {BAD[name]}\n", encoding="utf-8")
    result = tune("--machine", "bad.toml", "--save", "a folder/better.toml", "--json", "t.json")
    said = json.loads(Path("t.json").read_text(encoding="utf-8"))
    assert said["best"]["held_out_error"] < said["own"]["held_out_error"] - 0.05 and said["best"]["dead_outputs"] == 0
    assert said["rows"][0] == said["best"] and said["own"] in said["rows"]
    better = MachineSpec.load("a folder/better.toml")
    assert (
        list(better.settings.eta_shifts) == said["best"]["eta_shifts"] and better.fine_bits == said["best"]["fine_bits"]
    )
    assert "better.toml" in result.output
    # What was computed is not computed again, and the same is found.
    cells = {path: path.stat().st_mtime_ns for path in Path("runs/tune/cells").iterdir()}
    tune("--machine", "bad.toml", "--save", "again.toml")
    assert {path: path.stat().st_mtime_ns for path in Path("runs/tune/cells").iterdir()} == cells
    assert Path("again.toml").read_bytes() == Path("a folder/better.toml").read_bytes()
    assert "holds a run with seed = 1" in tune("--machine", "bad.toml", "--seed", 2, code=2).stderr


def test_settings_alone_keep_the_hardware():
    for spec in (
        MachineSpec(layers=(64, 16, 10)),
        MachineSpec(layers=(64, 16, 16, 10)),
        MachineSpec.load("glyphs-100"),
    ):
        if spec.recurrent:
            Path("m.toml").write_text(spec.to_toml(), encoding="utf-8")
            assert "recurrent" in tune("--machine", "m.toml", code=2).stderr
            continue
        found = list(tuning.candidates(spec, 1, settings_only=True))
        assert {one.spec_hash for one in found} == {spec.spec_hash} and len(set(found)) > 3
        free = list(tuning.candidates(spec, 1, settings_only=False))
        assert len({one.spec_hash for one in free}) > 1 and {basic(one).layers for one in free} == {spec.layers}


#: Machines whose weights, rates or hardware are not the usual ones.
UNUSUAL = {
    "a weight for each direction": MachineSpec(layers=(64, 9, 8, 10), asymmetric=True),
    "biases": MachineSpec(layers=(64, 9, 8, 10), biases=True),
    "wide weights": MachineSpec(layers=(64, 9, 8, 10), weight=Format(True, 12, 11), input_weight=Format(True, 12, 12)),
    "coarse weights": MachineSpec(
        layers=(64, 9, 10), weight=Format(True, 4, 1), settings=Settings(released_steps=0, eta_shifts=(3, 1))
    ),
    "devices": MachineSpec(layers=(64, 9, 10), pulses=True),
    "a small memory": MachineSpec(layers=(64, 9, 10), memory_bytes=3000),
    "in turn": MachineSpec.load("mnist-784-128-5"),
    "after every step": MachineSpec(layers=(64, 9, 10), continual=True),
}


@pytest.mark.parametrize("settings_only", [False, True])
@pytest.mark.parametrize("name", UNUSUAL)
def test_candidates_of_unusual_machines(name, settings_only):
    spec = UNUSUAL[name]
    found = list(tuning.candidates(spec, 1, settings_only))
    assert found[0] == spec and len(set(found)) > 2
    assert {(one.settings.rule, one.asymmetric, one.biases, one.pulses) for one in found} == {
        (spec.settings.rule, spec.asymmetric, spec.biases, spec.pulses)
    }
    assert all(MachineSpec.from_saved(one.to_toml()) == one for one in found)
    if settings_only:
        assert {one.spec_hash for one in found} == {spec.spec_hash}


@pytest.mark.parametrize("labels", [np.arange(60) % 5, np.repeat(np.arange(5), 12)], ids=["in turn", "sorted"])
def test_every_class_is_held_out_and_learnt(labels):
    dataset = replace(
        load("digits"), classes=tuple(range(5)), train_labels=labels, train_images=np.zeros((60, 64), np.uint8)
    )
    held = held_out.by_class(dataset)
    assert np.bincount(labels[held], minlength=5).tolist() == [2] * 5
    part = held_out.held_out(dataset, held)
    assert (len(part.train_labels), len(part.test_labels)) == (50, 10)


def test_data_are_asked_for():
    result = CliRunner().invoke(main, ["tune"])
    assert result.exit_code == 2 and "--data" in result.stderr
