"""The search for settings: it betters a bad file, goes on where it was stopped, and keeps a board's bitstream if asked to."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import jobs, tuning
from ohmprop.model.link.features import basic
from ohmprop.model.spec import MachineSpec

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


def test_data_are_asked_for():
    result = CliRunner().invoke(main, ["tune"])
    assert result.exit_code == 2 and "--data" in result.stderr
