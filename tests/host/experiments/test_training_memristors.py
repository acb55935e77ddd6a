"""`ohmprop train --device`: patterns and data sets, on a board and beside it, saved, resumed, and refused in one sentence."""

import json
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import training
from ohmprop.host.link import board as board_link
from ohmprop.host.link.port import GoldenPort
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.memristors import Memristors
from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.unit import pulse_unit
from ohmprop.model.spec import MachineSpec
from tests.kills import same
from tests.kit.specs import PULSED

PATTERNS, DIGITS = (replace(PULSED[name], pulses=False) for name in ("recurrent", "layered"))
FINE = MachineSpec(layers=(64, 6, 10), input_weight=Format(True, 12, 12), weight=Format(True, 12, 11))
#: What learns, with as many patterns an epoch.
KINDS = {
    "patterns": (("--machine", "patterns.toml", "--patterns", "p.npy"), 4),
    "data": (("--machine", "digits.toml", "--data", "digits", "--per-class", 5, "--keep-going"), 50),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with machines and patterns; a board ``device`` is the golden device behind the link."""
    monkeypatch.chdir(tmp_path)
    for name, spec in (("patterns", PATTERNS), ("digits", DIGITS), ("fine", FINE)):
        (tmp_path / f"{name}.toml").write_text(spec.to_toml())
    np.save(tmp_path / "p.npy", np.random.default_rng(5).random((4, PATTERNS.neurons)) < 0.5)

    opened = board_link.opened

    @contextmanager
    def opened_here(board, spec, opening, cable=None):
        if board != "device":
            with opened(board, spec, opening, cable) as port:
                yield port
            return
        yield GoldenPort(GoldenBoard(spec))

    monkeypatch.setattr(board_link, "opened", opened_here)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def figures(name):
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def assert_sentence(result, code, *words):
    assert result.exit_code == code, result.output
    text = result.stderr.strip()
    assert text.endswith(".") and "\n" not in text and "Traceback" not in result.output
    for word in words:
        assert word in text


def counts(told):
    return [list(row.values()) for row in told["pulses"].values()]


@pytest.mark.parametrize("device", [("epiram", "pair", 3), ("pcm", None, 7)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told(kind, device, folder):
    """The board's figures are the golden machine's, by itself where there is one."""
    name, scheme, most = device
    options = (*KINDS[kind][0], "--device", name, *(("--scheme", scheme) if scheme else ()), "--pulses", most)
    for board in ("device", "golden"):
        given = ("--epochs", 2, "--board", board, "--save", f"{board}.npz", "--json", f"{board}.json")
        result = run(*options, *given)
        assert result.exit_code == 0, result.output
        for word in (f"device: {name}", f"scheme: {scheme or 'one-sided'}", f"most pulses: {most}", "lost:"):
            assert word in result.output
    told, alone = figures("device.json"), figures("golden.json")
    assert (told["device"], told["scheme"], told["most_pulses"]) == (name, scheme or "one-sided", most)
    assert told["bit_exact"] is True and told["pulses"] == alone["pulses"]
    saved = Checkpoint.load(folder / "device.npz")
    assert len(told["pulses"]) == len(saved.spec.matrices) and saved.spec.pulses
    assert all(row["up"] and row["down"] for row in told["pulses"].values())
    assert counts(told) == saved.memristors.pulses.tolist()
    assert same(saved, Checkpoint.load(folder / "golden.npz"))


def test_without_a_comparison_the_board_counts(folder):
    options = (*KINDS["patterns"][0], "--board", "golden", "--device", "epiram", "--epochs", 9)
    assert run(*options, "--save", "a.npz", "--json", "a.json").exit_code == 0
    assert run(*options, "--save", "b.npz", "--json", "b.json", "--no-compare").exit_code == 0
    assert figures("a.json")["pulses"] == figures("b.json")["pulses"]
    assert same(Checkpoint.load(folder / "a.npz"), Checkpoint.load(folder / "b.npz"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_count_is_found(kind, folder, monkeypatch):
    class Wrong(GoldenBoard):
        def _learn(self, payload):
            answer = super()._learn(payload)
            self.machine.pulses[-1, 2] += self.machine.learnt == 3
            return answer

    monkeypatch.setattr(f"{__name__}.GoldenBoard", Wrong)
    result = run(*KINDS[kind][0], "--board", "device", "--device", "epiram", "--epochs", 1, "--json", "t.json")
    assert_sentence(result, 1, "differ in")
    assert figures("t.json")["bit_exact"] is False and "pulses" in figures("t.json")["differences"][0]


# -- saved and continued ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_virtual_board_ends_what_a_golden_one_has_begun(kind, folder, monkeypatch):
    """Interrupted by Ctrl-C and resumed; every bit is that of a run of the golden machine without a break."""
    options, epoch = KINDS[kind]
    device = ("--device", "ag-a-si", "--scheme", "one-sided", "--pulses", 2)

    @contextmanager
    def interrupted(title, total):
        done = []

        def advance():
            done.append(1)
            if len(done) == epoch + 3:
                signal.raise_signal(signal.SIGINT)

        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(training, "progress", interrupted)
        result = run(
            *options, *device, "--epochs", 3, "--board", "device", "--checkpoint", "c.npz", "--every", epoch // 2
        )
    assert_sentence(result, 130, "--resume c.npz")
    # Those that were on their way when Ctrl-C came are learnt.
    assert epoch < Checkpoint.load(folder / "c.npz").learnt < 3 * epoch
    going = ["--keep-going"] if "--keep-going" in options else []
    result = run("--resume", "c.npz", "--board", "sim", "--json", "sim.json", *going)
    assert result.exit_code == 0, result.output
    assert (
        run(*options, *device, "--epochs", 3, "--board", "golden", "--save", "w.npz", "--json", "w.json").exit_code == 0
    )
    first, second = Checkpoint.load(folder / "c.npz"), Checkpoint.load(folder / "w.npz")
    assert same(first, second)
    assert figures("sim.json")["bit_exact"] is True
    for name in ("device", "scheme", "most_pulses", "pulses", "counters", "learnt"):
        assert figures("sim.json")[name] == figures("w.json")[name]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_loaded_with_their_device(kind, folder):
    """The file's device unless another one is named; its pulses are counted on, another one's from 0."""
    options = ("--board", "golden", *KINDS[kind][0])
    device = ("--device", "ecram", "--pulses", 5)
    assert run(*options, *device, "--epochs", 1, "--save", "one.npz").exit_code == 0
    assert run(*options, *device, "--epochs", 2, "--save", "two.npz").exit_code == 0
    assert run(*options, "--load", "one.npz", "--epochs", 2, "--save", "on.npz").exit_code == 0
    assert same(Checkpoint.load(folder / "on.npz"), Checkpoint.load(folder / "two.npz"))
    other = ("--device", "epiram", "--load", "one.npz", "--epochs", 2, "--save", "other.npz", "--json", "o.json")
    assert run(*options, *other).exit_code == 0
    assert (figures("o.json")["device"], figures("o.json")["most_pulses"]) == ("epiram", 1)
    assert np.sum(counts(figures("o.json"))) < Checkpoint.load(folder / "two.npz").memristors.pulses.sum()


def test_weights_of_linear_cells_move_within_the_rails(folder):
    linear = (*KINDS["data"][0], "--board", "golden")
    assert run(*linear, "--epochs", 1, "--save", "linear.npz").exit_code == 0
    before = Checkpoint.load(folder / "linear.npz")
    assert before.memristors is None and not before.spec.pulses
    pulsed = before.with_device("reram-sb", None, 1)
    low = pulsed.unit.tables.low
    assert min(map(np.min, before.weights)) < low == min(map(np.min, pulsed.weights)) and low == -76
    assert run(*linear, "--device", "reram-sb", "--load", "linear.npz", "--epochs", 2, "--save", "p.npz").exit_code == 0
    assert min(map(np.min, Checkpoint.load(folder / "p.npz").weights)) >= low


def noisy(folder, kind):
    """Files of the same weights, in ``noisy.npz`` with read noise."""
    options = ("--board", "golden", "--device", "epiram", "--epochs", 9, "--save", "quiet.npz")
    assert run(*KINDS[kind][0], *options).exit_code == 0
    start = Checkpoint.load(folder / "quiet.npz")
    memristors = replace(start.memristors, unit=replace(start.unit, read_noise=2000))
    replace(start, memristors=memristors).save(folder / "noisy.npz")


def test_reading_takes_the_devices_of_the_file(folder):
    noisy(folder, "data")
    told = []
    for name in ("quiet", "noisy"):
        command = ["eval", "--data", "digits", "--board", "device", "--load", f"{name}.npz", "--json", "e.json"]
        assert CliRunner().invoke(main, command).exit_code == 0
        told.append(figures("e.json"))
    assert told[0]["bit_exact"] is told[1]["bit_exact"] is True
    assert told[0]["confusion"] != told[1]["confusion"] and told[0]["train_error"] != told[1]["train_error"]


def test_recall_takes_the_devices_of_the_file(folder):
    noisy(folder, "patterns")
    told = []
    for name in ("quiet", "noisy"):
        command = ["recall", "--patterns", "p.npy", "--board", "device", "--load", f"{name}.npz", "--json", "r.json"]
        assert CliRunner().invoke(main, [*command, "--flip", "0.2", "--images", "40"]).exit_code == 0
        told.append(figures("r.json"))
    assert told[0]["bit_exact"] is told[1]["bit_exact"] is True
    rows = [row["recall"]["0.20"] for row in told]
    assert all(rows[0][name] != rows[1][name] for name in ("board", "golden"))


def full():
    """A checkpoint in which all of a pulse unit is used but decay."""
    spec, rng = replace(DIGITS, pulses=True), np.random.default_rng(3)
    masks = tuple(rng.random((matrix.rows, matrix.columns)) < 0.2 for matrix in spec.matrices)
    unit = replace(pulse_unit(preset("reram-es"), spec, 4, "pair"), stuck=masks, read_noise=9)
    weights = tuple(rng.integers(-99, 100, mask.shape).astype(np.int16) for mask in masks)
    return Checkpoint(
        spec, weights, 5, 3, 1, memristors=Memristors("mine", unit, np.array([[1, 2, 3], [4, 5, 1 << 40]]))
    )


def test_a_file_holds_the_whole_pulse_unit(tmp_path):
    original = full()
    original.save(tmp_path / "c.npz")
    loaded = Checkpoint.load(tmp_path / "c.npz")
    assert same(loaded, original) and loaded.memristors.name == "mine"
    assert loaded.unit.tables.scheme == "pair"
    assert all(np.array_equal(*pair) for pair in zip(loaded.unit.stuck, original.unit.stuck, strict=True))
    # A machine file without a pulse unit gets one for them.
    assert Checkpoint.load(tmp_path / "c.npz", DIGITS).spec.pulses
    assert loaded.weights[0].shape == (64, 6)


def test_cells_that_decay_are_not_kept():
    start = full()
    with pytest.raises(UserError, match=r"decay_every = 5.*from 0; give decay_every = 0\.$"):
        replace(start.memristors, unit=replace(start.unit, decay_every=5))


DAMAGE = {
    "no JSON": lambda spec, parts: parts | {"cells": b"{"},
    "no object": lambda spec, parts: parts | {"cells": b"[]"},
    "no name": lambda spec, parts: parts | {"cells": b'{"scheme": "pair", "pulses": [[0, 0, 0], [0, 0, 0]]}'},
    "no scheme": lambda spec, parts: parts | {"cells": parts["cells"].replace(b'"pair"', b'"triple"')},
    "a matrix too few": lambda spec, parts: parts | {"cells": parts["cells"].replace(b"[1, 2, 3], ", b"")},
    "a count below 0": lambda spec, parts: parts | {"cells": parts["cells"].replace(b"[1, ", b"[-1, ")},
    "no unit": lambda spec, parts: parts | {"unit": b""},
    "a short unit": lambda spec, parts: parts | {"unit": parts["unit"][1:]},
    "a long unit": lambda spec, parts: parts | {"unit": parts["unit"] + bytes(8)},
    "no pulses": lambda spec, parts: parts | {"unit": parts["unit"][:-12] + bytes(12)},
    "too many pulses": lambda spec, parts: parts | {"unit": parts["unit"][:-12] + b"\x09" + parts["unit"][-11:]},
    "decay": lambda spec, parts: parts | {"unit": parts["unit"][:-4] + b"\x01" + parts["unit"][-3:]},
}


@pytest.mark.parametrize("stuck", [False, True])
@pytest.mark.parametrize("name", DAMAGE)
def test_strange_devices_in_a_file_are_refused(name, stuck, tmp_path, monkeypatch):
    original = full()
    if not stuck:
        original = replace(original, memristors=replace(original.memristors, unit=replace(original.unit, stuck=())))
    parts = DAMAGE[name](original.spec, original.memristors.pack(original.spec))
    monkeypatch.setattr(Memristors, "pack", lambda self, spec: parts)
    original.save(tmp_path / "c.npz")
    with pytest.raises(UserError, match=r"\.$"):
        Checkpoint.load(tmp_path / "c.npz")


def test_devices_of_a_machine_without_a_pulse_unit_are_refused(tmp_path):
    replace(full(), spec=DIGITS, memristors=None).save(tmp_path / "linear.npz")
    assert Checkpoint.load(tmp_path / "linear.npz").memristors is None
    replace(full(), spec=DIGITS).save(tmp_path / "c.npz")
    with pytest.raises(UserError, match="without a pulse unit"):
        Checkpoint.load(tmp_path / "c.npz")


# -- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = {
    "no such device": (("--device", "none-such"), "none-such", "epiram"),
    "no such scheme": (("--device", "epiram", "--scheme", "triple"), "triple", "pair"),
    "a scheme that the device has not": (("--device", "pcm", "--scheme", "reference"), "reference", "give one-sided"),
    "no pulses": (("--device", "epiram", "--pulses", 0), "0", "1<=x<=7"),
    "too many pulses": (("--device", "epiram", "--pulses", 8), "8", "1<=x<=7"),
    "a scheme of no device": (("--scheme", "pair"), "--scheme", "without --device"),
    "pulses of no device": (("--pulses", 2), "--pulses", "without --device"),
    "another device for a run": (("--resume", "c.npz", "--device", "epiram"), "--device does not go with --resume"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_one_sentence_and_change_nothing(name, kind, folder, monkeypatch):
    def untouched(board, spec, opening, cable=None):
        raise AssertionError("the board was opened")

    monkeypatch.setattr(board_link, "opened", untouched)
    arguments, *words = MISTAKES[name]
    options = () if "--resume" in arguments else KINDS[kind][0]
    assert_sentence(run(*options, "--board", "device", *arguments, "--save", "w.npz"), 2, *words)
    assert not (folder / "w.npz").exists()


def test_weights_that_are_too_wide(folder):
    options = ("--machine", "fine.toml", *KINDS["data"][0][2:], "--device", "epiram")
    for board in ("golden", "device"):
        assert_sentence(run(*options, "--board", board), 2, "12 bits", "leave --device out")


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_without_a_pulse_unit(kind, folder, monkeypatch):
    boards = []

    @contextmanager
    def linear(board, spec, opening, cable=None):
        boards.append(GoldenBoard(replace(spec, pulses=False)))
        yield GoldenPort(boards[-1])

    monkeypatch.setattr(board_link, "opened", linear)
    result = run(*KINDS[kind][0], "--board", "device", "--device", "epiram")
    assert_sentence(result, 2, "without a pulse unit", "leave --device out", "pulses = true")
    machine = boards[0].machine
    assert machine.learnt == 0 and not any(np.any(matrix) for matrix in machine.weights)
