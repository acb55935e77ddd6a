"""Checkpoints: whole after every kill, the same end after every resumption, and no harm from a file of a stranger."""

import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import training
from ohmprop.host.run.checkpoint import Checkpoint, leave
from ohmprop.host.run.memristors import Memristors
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec
from tests.kills import same

SPEC = MachineSpec(layers=(12,), lanes=4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a machine and four patterns for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.toml").write_text(SPEC.to_toml(), encoding="utf-8")
    np.save(tmp_path / "p.npy", np.random.default_rng(5).random((4, SPEC.neurons)) < 0.5)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(*arguments):
    return run("train", "--machine", "m.toml", "--board", "golden", "--patterns", "p.npy", *arguments)


def resume(*arguments):
    return run("train", "--board", "golden", "--resume", *arguments)


def made(**changes):
    weights = np.triu(np.random.default_rng(1).integers(-9, 10, (12, 12)), 1)
    values = {"spec": SPEC, "weights": ((weights + weights.T).astype(np.int16),), "lfsr": 77, "learnt": 8, "seed": 3}
    values |= {"counters": {"steps": 5}, "run": {"patterns": "glyphs", "epochs": 4, "content": 1}}
    return Checkpoint(**values | changes)


def refusal(path):
    with pytest.raises(UserError, match=r"\.$") as caught:
        Checkpoint.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_killed_runs_end_as_those_that_nobody_killed():
    subprocess.run([sys.executable, "-m", "tests.kills", "--runs", "5"], check=True, timeout=300)


@pytest.mark.parametrize("options", [(), ("--no-compare",)])
def test_checkpoints_do_not_change_the_run(folder, options):
    assert train("--epochs", 6, "--save", "plain.npz", *options).exit_code == 0
    assert train("--epochs", 6, "--checkpoint", "c.npz", "--every", 5, *options).exit_code == 0
    assert same(Checkpoint.load(folder / "c.npz"), Checkpoint.load(folder / "plain.npz"))


def test_resumed_after_ctrl_c_and_with_more_epochs(folder, monkeypatch):
    @contextmanager
    def interrupted(title, total):
        done = []

        def advance():
            done.append(1)
            if len(done) == 10:
                signal.raise_signal(signal.SIGINT)

        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(training, "progress", interrupted)
        result = train("--epochs", 6, "--checkpoint", "c.npz", "--every", 7)
    assert result.exit_code == 130 and "--resume c.npz" in result.stderr
    assert 10 <= Checkpoint.load(folder / "c.npz").learnt < 24
    assert resume("c.npz").exit_code == 0
    assert train("--epochs", 6, "--save", "whole.npz").exit_code == 0
    assert same(Checkpoint.load(folder / "c.npz"), Checkpoint.load(folder / "whole.npz"))
    assert resume("c.npz", "--json", "finished.json", "--out", "pictures").exit_code == 0
    assert json.loads((folder / "finished.json").read_text())["learnt"] == 24
    less = resume("c.npz", "--epochs", 5)
    assert less.exit_code == 2 and "--epochs 7" in less.stderr
    assert same(Checkpoint.load(folder / "c.npz"), Checkpoint.load(folder / "whole.npz"))
    assert resume("c.npz", "--epochs", 8, "--checkpoint", "other.npz").exit_code == 0
    assert Checkpoint.load(folder / "c.npz").learnt == 24
    assert Checkpoint.load(folder / "other.npz").learnt == 32


def test_a_resumed_classifier(folder):
    """A data set's options come from the file, and a finished run still gives its figures and pictures."""
    options = ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", 5, "--epochs", 2, "--halvings", 0.5)
    assert run("train", "--board", "golden", *options, "--checkpoint", "c.npz", "--every", 30).exit_code == 0
    assert resume("c.npz", "--json", "again.json", "--out", "again").exit_code == 0
    assert resume("c.npz", "--epochs", 3, "--json", "more.json").exit_code == 0
    assert run("train", "--board", "golden", *options, "--epochs", 3, "--save", "whole.npz").exit_code == 0
    assert same(Checkpoint.load(folder / "c.npz"), Checkpoint.load(folder / "whole.npz"))
    refused = resume("c.npz", "--per-class", 6)
    assert refused.exit_code == 2 and "--per-class does not go with --resume" in refused.stderr


def test_what_cannot_be_resumed(folder):
    assert train("--epochs", 2, "--checkpoint", "c.npz").exit_code == 0
    for option in (
        ("--patterns", "p.npy"),
        ("--seed", 2),
        ("--load", "c.npz"),
        ("--machine", "m.toml"),
        ("--rule", "ep"),
        ("--device", "epiram"),
        ("--scheme", "pair"),
        ("--pulses", 1),
    ):
        result = resume("c.npz", *option)
        assert result.exit_code == 2 and f"{option[0]} does not go with --resume" in result.stderr
    made(run={}).save(folder / "weights.npz")
    assert "no run to resume" in resume("weights.npz").stderr
    before = (folder / "c.npz").read_bytes()
    np.save(folder / "p.npy", np.eye(4, SPEC.neurons) > 0)
    changed = resume("c.npz", "--epochs", 3)
    assert changed.exit_code == 2 and "have changed" in changed.stderr
    assert (folder / "c.npz").read_bytes() == before


def pulsed():
    return made().with_device("epiram", "pair", 3)


def test_files_of_linear_cells_are_as_before_there_were_devices(tmp_path):
    made().save(tmp_path / "c.npz")
    names = {"spec_hash", "machine_toml", "counters", "run", "weights", "lfsr", "learnt", "seed"}
    assert np.load(tmp_path / "c.npz").keys() == names
    assert Checkpoint.load(tmp_path / "c.npz").memristors is None
    pulsed().save(tmp_path / "p.npz")
    assert np.load(tmp_path / "p.npz").keys() == names | {"cells", "unit"}


@pytest.mark.parametrize("original", [made(), pulsed()], ids=["linear", "devices"])
def test_a_damaged_file(original, tmp_path):
    """A file with a changed byte (every third), or cut short, is refused in a sentence, or was changed where nothing is told."""
    path = tmp_path / "c.npz"
    original.save(path)
    assert same(Checkpoint.load(path), original)
    content = path.read_bytes()
    refused = 0
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            assert same(Checkpoint.load(path), original), place
        except UserError as error:
            assert str(error).endswith("."), place
            refused += 1
    assert refused > 0.2 * len(content)
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        refusal(path)


def replaced(path, name, content):
    """The file with another member of this name."""
    made().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {item: archive.read(item) for item in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item, data in (members | {f"{name}.npy": content}).items():
            archive.writestr(item, data)


def packed(array, **options):
    data = io.BytesIO()
    np.save(data, array, **options)
    return data.getvalue()


STRANGE = {
    "pickled": ("weights", packed(np.array([print], object), allow_pickle=True)),
    "a header of a terabyte": ("weights", packed(np.zeros((12, 12), np.int8)).replace(b"(12, 12), ", b"(1 << 40,)")),
    "a shape of a terabyte": ("weights", packed(np.zeros(0, np.int8)).replace(b"(0,), }      ", b"(9999999999,),}")),
    "an eighth of a gigabyte of zeros": ("machine_toml", bytes(1 << 27)),
    "no array": ("lfsr", b"hello"),
    "no number": ("seed", packed(np.zeros(3, np.int64))),
    "a negative seed": ("seed", packed(np.int64(-1))),
    "another shape": ("weights", packed(np.zeros((13, 13), np.int8))),
    "no JSON": ("run", packed(np.frombuffer(b"{", np.uint8))),
    "deep JSON": ("run", packed(np.frombuffer(b"[" * 60_000, np.uint8))),
    "other options": ("run", packed(np.frombuffer(b'{"patterns": 3, "epochs": 4, "content": 1}', np.uint8))),
    "no TOML": ("machine_toml", packed(np.frombuffer(b"= =", np.uint8))),
    "no counts": ("counters", packed(np.frombuffer(b'{"steps": "x"}', np.uint8))),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_file_does_no_harm(tmp_path, name):
    path = tmp_path / "c.npz"
    replaced(path, *STRANGE[name])
    tracemalloc.start()
    refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "c.npz").open("wb") as file:
        file.truncate(1 << 33)
    assert "bytes" in refusal(tmp_path / "c.npz")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_last_file(tmp_path, monkeypatch, call):
    path = tmp_path / "c.npz"
    made().save(path)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"ohmprop.host.show.files.os.{call}", full)
        with pytest.raises(UserError, match=r"No space left.*\.$"):
            made(learnt=9).save(path)
    assert Checkpoint.load(path).learnt == 8
    assert [item.name for item in tmp_path.iterdir()] == ["c.npz"]


def only_into(folder, monkeypatch):
    """Let nothing be written but into this folder, as on disks that are full."""
    replaced = os.replace

    def replace_there(source, target):
        if Path(target).parent.resolve() != folder:
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr("ohmprop.host.show.files.os.replace", replace_there)


@pytest.mark.parametrize("kind", ["patterns", "data"])
def test_a_checkpoint_that_meets_a_full_disk_does_not_end_the_run(kind, folder, monkeypatch):
    data = ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", 2)
    start = {"patterns": train, "data": lambda *options: run("train", "--board", "golden", *data, *options)}[kind]
    assert start("--epochs", 3, "--save", "whole.npz").exit_code == 0
    (folder / "full").mkdir()
    with monkeypatch.context() as patch:
        only_into(folder / "runs", patch)
        result = start("--epochs", 3, "--checkpoint", "full/c.npz", "--every", 5)
    lines = [line for line in result.stderr.splitlines() if "cannot be written" in line]
    assert result.exit_code == 2 and len(lines) == 2
    assert "the run goes on" in lines[0] and "--load runs/interrupted.npz" in lines[1]
    kept, whole = (Checkpoint.load(folder / name) for name in ("runs/interrupted.npz", "whole.npz"))
    assert all(map(np.array_equal, kept.weights, whole.weights)) and kept.learnt == whole.learnt
    assert not list((folder / "full").iterdir())


def test_what_can_be_kept_nowhere_is_said_to_be_lost(folder, monkeypatch):
    only_into(folder / "nowhere", monkeypatch)
    result = train("--epochs", 2, "--save", "w.npz", "--json", "t.json")
    assert result.exit_code == 2 and "t.json cannot be written" in result.stderr
    result = train("--epochs", 2, "--save", "w.npz")
    assert result.exit_code == 2 and "what was learnt is lost" in result.stderr and result.stderr.count("\n") == 1


#: Runs whose disk fills up: how they start, and what they write.
FILLING = {
    "patterns": ("--board", "golden"),
    "data": ("--board", "golden", "--data", "digits", "--machine", "digits-64-32-10", "--per-class", "2"),
    "virtual": ("--board", "sim", "--data", "digits", "--machine", "digits-64-32-10", "--per-class", "2"),
}
#: Each write of a run of patterns, and some of the others.
STEP = {"patterns": 1, "data": 5, "virtual": 9}
WRITTEN = {"--checkpoint": "c.npz", "--save": "w.npz", "--json": "t.json", "--out": "out", "--report": "p.html"}


@pytest.mark.parametrize("kind", FILLING)
def test_a_disk_that_fills_up_at_any_write_of_a_run_costs_nothing_learnt(kind, folder, monkeypatch):
    """From each write on nothing more can be written there: the run ends as ever, and what was learnt is kept elsewhere."""
    words = [*FILLING[kind], "--epochs", "2", "--every", "10"]
    (folder / "disk").mkdir()
    files = [word for option, name in WRITTEN.items() for word in (option, f"disk/{name}")]
    replaced, writes, room = os.replace, 0, 1 << 30

    def filling(source, target):
        nonlocal writes
        if Path(target).resolve().is_relative_to(folder / "disk"):
            writes += 1
            if writes > room:
                raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr("ohmprop.host.show.files.os.replace", filling)
    assert run("train", *words, *files).exit_code == 0
    whole, in_all = Checkpoint.load(folder / "disk" / "w.npz"), writes
    assert in_all > 8
    for room in range(0, in_all, STEP[kind]):
        for name in ("c.npz", "w.npz", "t.json", "p.html"):
            (folder / "disk" / name).unlink(missing_ok=True)
        (folder / "runs" / "interrupted.npz").unlink(missing_ok=True)
        writes = 0
        result = run("train", *words, *files)
        assert result.exit_code == 2 and "No space left" in result.stderr and "Traceback" not in result.output, room
        last = result.stderr.splitlines()[-1]
        assert "cannot be written" in last and last.endswith("."), last
        places = (folder / "disk" / "c.npz", folder / "disk" / "w.npz", folder / "runs" / "interrupted.npz")
        kept = [Checkpoint.load(path) for path in places if path.exists()]
        reached = max(kept, key=lambda checkpoint: checkpoint.learnt)
        assert all(map(np.array_equal, reached.weights, whole.weights)) and reached.lfsr == whole.lfsr, room
        assert reached.counters == whole.counters and "busy clocks" in result.output, room


def test_loops_compiled_for_a_new_device_serve_one_from_a_file():
    spec = MachineSpec(layers=(4,), lanes=2, pulses=True)
    made = Memristors.of(spec, "epiram", "pair", 3)
    loaded = Memristors.unpack(spec, made.pack(spec))
    for name in ("steps", "noises"):
        arrays = [getattr(memristors.unit.tables, name) for memristors in (made, loaded)]
        assert np.array_equal(*arrays)
        assert arrays[0].flags.c_contiguous
        assert arrays[1].flags.c_contiguous


def test_the_command_that_goes_on_takes_a_path_with_a_space(tmp_path):
    path = tmp_path / "my run.npz"
    kept = leave(made(), path, None, always=False)
    assert kept.command == f"`ohmprop train --load '{path}'`" and path.exists()
