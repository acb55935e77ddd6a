"""Every experiment on a recurrent and on a layered machine: it works, or refuses the one it is not for in one sentence."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import demo
from ohmprop.host.experiments.reproduce import accuracy
from ohmprop.host.experiments.reproduce.plan import Plan
from ohmprop.host.experiments.study import plan
from ohmprop.model.spec import MachineSpec
from tests.host.cli.test_cli import assert_sentence

MACHINES = {
    "recurrent": MachineSpec(layers=(9,), lanes=4),
    "layered": MachineSpec(layers=(6, 5, 3), lanes=4),
    "layered with biases": MachineSpec(layers=(6, 5, 3), lanes=4, biases=True),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a file of each machine, nine pixels' patterns, and short experiments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path / "cache"))
    for name, spec in MACHINES.items():
        (tmp_path / f"{name}.toml").write_text(spec.to_toml(), encoding="utf-8")
    np.save(tmp_path / "p.npy", np.eye(3, 9) > 0)
    monkeypatch.setattr(demo, "IMAGES", 2)
    monkeypatch.setattr(demo, "BOARD_IMAGES", {0.10: 2, 0.15: 1, 0.20: 2, 0.25: 1})
    monkeypatch.setattr(plan, "EPOCHS", {"glyphs": (1, 1), "digits": (1, 1)})
    monkeypatch.setattr(plan, "IMAGES", (2, 2))
    for name in ("table_images", "cut_images", "float_images", "epoch_images"):
        monkeypatch.setattr(Plan, name, 2)
    monkeypatch.setattr(accuracy, "EPOCHS", 1)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


#: Commands that take any machine; and those of one topology, with a word of what they refuse the other with.
BOTH = {
    "info": ("info", "--board", "golden"),
    "link test": ("link", "test", "--board", "golden", "--requests", 10),
    "link soak": ("link", "soak", "--frames", 20, "--rate", 0.01),
    "link soak --each-byte": ("link", "soak", "--each-byte"),
    "device pulse": ("device", "pulse", "epiram", "--board", "golden", "--count", 5, "--out", "pictures"),
}
RECURRENT = {
    "demo": ("demo", "--board", "golden", "--patterns", "p.npy", "--epochs", 1, "--out", "d"),
    "train": ("train", "--board", "golden", "--patterns", "p.npy", "--epochs", 1),
    "recall": ("recall", "--board", "golden", "--patterns", "p.npy", "--load", "w.npz", "--images", 2),
    "reproduce": ("reproduce", "table1", "--quick", "--workers", 1, "--out", "r"),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", BOTH)
def test_what_takes_any_machine(name, machine, folder):
    result = run(*BOTH[name], "--machine", f"{machine}.toml", "--json", "f.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((folder / "f.json").read_text(encoding="utf-8"))
    assert figures.get("passed", True) and not figures.get("differences")


@pytest.mark.parametrize("name", RECURRENT)
def test_what_learns_patterns_refuses_layered_machines(name, folder):
    (folder / "w.npz").touch()
    arguments = [part for part in RECURRENT[name] if part not in ("--load", "w.npz")]
    if name == "recall":
        arguments[arguments.index("golden")] = "/dev/none"
    assert_sentence(run(*arguments, "--machine", "layered.toml"), 2, "layered", "recurrent")
    assert not (folder / "r").exists() and not (folder / "d").exists()


def test_what_learns_patterns_learns_them(folder):
    machine = ("--machine", "recurrent.toml")
    assert run(*RECURRENT["train"], *machine, "--save", "w.npz").exit_code == 0
    assert run(*RECURRENT["recall"]).exit_code == 0
    # So few recalls are short of what is required, which the exit code may say; the board is right in each bit.
    assert run(*RECURRENT["demo"], *machine).exit_code in (0, 1)
    assert json.loads((folder / "d/result.json").read_text(encoding="utf-8"))["bit_exact"] is True


def test_what_learns_images_refuses_recurrent_machines(folder):
    train = ("train", "--data", "digits", "--board", "golden", "--per-class", 2)
    assert_sentence(run(*train, "--machine", "recurrent.toml"), 2, "recurrent", "layered")
    assert run(*train, "--machine", "digits-64-32-10", "--epochs", 1, "--save", "w.npz").exit_code == 0
    evaluate = ("eval", "--data", "digits", "--load", "w.npz", "--board", "golden")
    assert run(*evaluate).exit_code == 0
    assert_sentence(run(*evaluate, "--machine", "recurrent.toml"), 2, "was learnt by machine")


@pytest.mark.parametrize("data", ["glyphs", "digits"])
def test_studies_and_energies_of_both(data, folder):
    """Each data set has its own machine, a recurrent and a layered one."""
    study = ("study", "--data", data, "--vary", "device=epiram", "--set", "rate=5", "--seeds", 1, "--workers", 1)
    assert run(*study, "--out", "s").exit_code == 0
    assert run("device", "energy", "epiram", "--data", data, "--json", "e.json").exit_code == 0


def test_reproduce_on_a_recurrent_machine(folder):
    assert run(*RECURRENT["reproduce"]).exit_code == 0
