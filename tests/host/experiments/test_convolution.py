"""Machines with kernels by the commands that know any machine: the golden machine alone learns them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.estimators.conventions import InputError
from ohmprop.host.estimators.networks.layers import layers_of
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.hw.top import machine_of
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

SMALL = """[machine]
layers = [64, 36, 48, 10]
kernels = ["3x3x4 pool", "2x2x12", "full"]
nudges = true
"""


def ohmprop(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(name="machine")
def machine_file(tmp_path):
    path = tmp_path / "a machine.toml"
    path.write_text(SMALL)
    return path


def test_digits_are_learnt_read_and_shown(machine, tmp_path):
    saved, figures = tmp_path / "s.npz", tmp_path / "f.json"
    result = ohmprop(
        *("train", "--data", "digits", "--machine", machine, "--board", "golden", "--per-class", 120, "--epochs", 6),
        *("--save", saved, "--json", figures, "--out", tmp_path / "out"),
    )
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    assert found["test_error"] < 0.2 and found["reference_test_error"][-1] < 0.2
    assert len(found["unsettled"]) == 6 and 1 < found["free_sweeps_mean"] <= 16
    assert all((tmp_path / "out" / f"{name}.png").stat().st_size > 5_000 for name in ("hidden", "maps", "states"))
    read = ohmprop("eval", "--data", "digits", "--load", saved, "--board", "golden", "--json", tmp_path / "e.json")
    assert read.exit_code == 0, read.output
    assert json.loads((tmp_path / "e.json").read_text())["test_error"] == found["test_error"]
    circuit = ohmprop("spice", "export", "--data", "digits", "--load", saved, "--out", tmp_path / "c.cir")
    assert circuit.exit_code and "A machine with kernels has no circuit yet" in circuit.output
    with pytest.raises(InputError, match="kernels have no place in it"):
        layers_of(MachineSpec.load(machine), Checkpoint.load(saved).weights)
    assert "size 1 to one side" not in result.output


def test_a_continued_run_is_the_same(machine, tmp_path):
    whole, half, rest = (tmp_path / f"{name}.npz" for name in ("whole", "half", "rest"))
    data = ("--data", "digits", "--board", "golden", "--keep-going", "--per-class", 12)
    first = ("--machine", machine, "--halvings", 0)
    for options in (
        (*first, "--epochs", 3, "--save", whole),
        (*first, "--epochs", 1, "--save", half),
        ("--load", half, "--epochs", 3, "--save", rest),
    ):
        result = ohmprop("train", *data, *options)
        assert result.exit_code == 0, result.output
    pairs = zip(Checkpoint.load(whole).weights, Checkpoint.load(rest).weights, strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


def test_one_sided_nudges_are_warned_of(machine, tmp_path):
    machine.write_text(SMALL.replace("nudges = true\n", ""))
    result = ohmprop(
        *("train", "--data", "digits", "--machine", machine, "--board", "golden", "--per-class", 5, "--epochs", 1),
        "--keep-going",
    )
    assert result.exit_code == 0 and "A nudge of size 1 to one side kills outputs" in result.output


def test_no_board_has_kernels(machine):
    result = ohmprop("train", "--data", "digits", "--machine", machine, "--epochs", 1)
    assert result.exit_code and "learnt and read by the golden machine alone" in result.output
    for command in (("board", "build", "icebreaker", "--no-place"), ("info",)):
        result = ohmprop(*command, "--machine", machine)
        assert result.exit_code and isinstance(result.exception, SystemExit) and "kernels" in result.output, command
    with pytest.raises(UserError, match="No hardware has kernels yet"):
        machine_of(MachineSpec.load(machine))


def test_images_of_another_size_are_refused(tmp_path):
    result = ohmprop("train", "--data", "digits", "--machine", "mnist-p16-s32-10", "--board", "golden", "--epochs", 1)
    assert result.exit_code and "give" in result.output.splitlines()[-1]
