"""``ohmprop reproduce`` on small plans: its files, that it goes on after Ctrl-C, and what it refuses."""

import csv
import json
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import jobs as cells
from ohmprop.host.experiments.reproduce import accuracy, convolution
from ohmprop.host.experiments.reproduce.finding import interval
from ohmprop.host.experiments.reproduce.memory import Recall
from ohmprop.host.experiments.reproduce.plan import Plan
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import opened
from ohmprop.model.data.datasets import load
from ohmprop.model.data.patterns import glyphs, nearest
from ohmprop.model.spec import MachineSpec
from tests.host.cli.test_cli import assert_sentence

CELL = Recall(MachineSpec(), "ep", "machine", 2, 0.1, 6, 1, 6)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Few images and epochs, no MNIST, and a working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path / "cache"))
    for name in ("table_images", "cut_images", "float_images", "epoch_images"):
        monkeypatch.setattr(Plan, name, 4)
    monkeypatch.setattr(Plan, "epochs", (1, 2))
    monkeypatch.setattr(accuracy, "EPOCHS", 3)
    monkeypatch.setattr(accuracy, "CUT_EPOCHS", 1)
    return tmp_path


def run(*arguments):
    """The command, with one worker unless the arguments have another number."""
    arguments = (*arguments, "--workers", 1) if "--workers" not in arguments else arguments
    return CliRunner().invoke(main, ["reproduce", *map(str, arguments)])


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_files_tell_where_they_come_from(small):
    result = run("table1", "--quick", "--seed", 3, "--out", "a", "--json", "all.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((small / "a/table1.json").read_text())
    assert json.loads((small / "all.json").read_text())["table1"] == figures
    assert (figures["seed"], figures["spec_hash"]) == (3, MachineSpec().spec_hash)
    assert figures["settings"]["rbp"]["rule"] == "rbp"
    assert figures["settings"]["ep"]["eta_shifts"] == [6]
    # Seven columns, sixteen classes and their mean.
    assert len(figures["records"]) == 7 * 17
    for record in figures["records"]:
        assert record["low"] <= record["share"] <= record["high"]
        assert record["images"] == (64 if record["class"] == "all" else 4)
    lines = (small / "a/table1.csv").read_text().splitlines()
    comments = dict(line.removeprefix("# ").split(": ", 1) for line in lines if line.startswith("#"))
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [row["class"] for row in rows] == [record["class"] for record in figures["records"]]
    with Image.open(small / "a/table1.png") as picture:
        description = json.loads(picture.info["Description"])
    for name in ("seed", "spec_hash", "settings", "quick"):
        assert json.loads(comments[name]) == description[name] == figures[name]


def test_the_number_of_workers_changes_nothing(small):
    for workers in (1, 2):
        assert run("table1", "--quick", "--workers", workers, "--out", workers).exit_code == 0
    one, two = (
        {path.relative_to(small / name): data for path, data in contents(small / name).items()} for name in "12"
    )
    assert one == two


def test_ctrl_c_loses_nothing(small, monkeypatch):
    @contextmanager
    def interrupted(title, total):
        # Once, since a second one would stop at once.
        signals = [signal.SIGINT]
        yield lambda: signals and signal.raise_signal(signals.pop())

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(cells, "progress", interrupted)
        result = run("table1", "--quick", "--out", "a")
    # The first cell, and those that its worker had taken by then.
    assert_sentence(result, 130, "Interrupted after", "of 7", "goes on")
    assert signal.getsignal(signal.SIGINT) is handler
    kept = {path: path.stat().st_mtime_ns for path in (small / "a/cells").iterdir()}
    assert 1 <= len(kept) < 7
    assert run("table1", "--quick", "--out", "a").exit_code == 0
    assert kept.items() <= {path: path.stat().st_mtime_ns for path in (small / "a/cells").iterdir()}.items()
    assert run("table1", "--quick", "--out", "b", "--report", "one page.html").exit_code == 0
    assert (small / "one page.html").read_text().count("data:image/png;base64,") == 1
    assert (small / "a/table1.csv").read_bytes() == (small / "b/table1.csv").read_bytes()


def test_all_goes_on_without_mnist(small):
    result = run("all", "--quick", "--flip", 0.1, "--cut", 0, "--cut", 90, "--out", "a")
    assert result.exit_code == 0, result.output
    assert "ohmprop data mnist" in result.stderr
    page = (small / "a/report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "fig5 is left out" in page
    assert 'src="http' not in page
    for name in ("table1", "fig1", "fig2", "fig3", "fig4"):
        assert {f"{name}.{end}" for end in ("png", "csv", "json")} <= {path.name for path in (small / "a").iterdir()}
    assert not (small / "a/fig5.json").exists()
    by_cut = {row[0]: row for row in json.loads((small / "a/fig2.json").read_text())["table"]["rows"]}
    # Cut connections cost no clocks.
    assert by_cut["0"][1] == "9,900"
    assert by_cut["90"][1] == "1,710"
    assert all(
        float(cut.replace(",", "")) < float(whole.replace(",", ""))
        for cut, whole in zip(by_cut["90"][-2:], by_cut["0"][-2:], strict=True)
    )
    examples = json.loads((small / "a/fig4.json").read_text())["records"]
    assert [record["wrong_pixels"] for record in examples if record["row"] == "target"] == [0] * 6


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--seed", 2), "seed = 1"),
        (("--flip", 0.2), "flips = []"),
        (("--machine", "other.toml"), "spec_hash"),
        ((), "quick"),
    ],
)
def test_another_run_is_refused_and_nothing_is_written(small, changed, said):
    (small / "other.toml").write_text(replace(MachineSpec(), lanes=16).to_toml())
    assert run("fig1", "--quick", "--out", "a").exit_code == 0
    before = contents(small / "a")
    # The last of the cases is the full run instead of the quick one.
    quick = ("--quick",) if changed else ()
    assert_sentence(run("fig1", *quick, *changed, "--out", "a"), 2, "a holds a run", said, "--out")
    assert contents(small / "a") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fig2", "--cut", 99), ("cut_diagonals = 99", "0 to 98")),
        (("fig2", "--cut", -1), ("-1",)),
        (("table1", "--flip", 1.5), ("1.5",)),
        (("table1", "--flip", "nan"), ("nan",)),
        (("fig5",), ("cache", "ohmprop data mnist")),
        (("conv", "--quick"), ("cache", "ohmprop data mnist")),
        (("fig2", "--board", "sim"), ("--board", "table1")),
        (("fig1", "--machine", "small.toml"), ("25 neurons",)),
        (("fig1", "--machine", "mnist-784-128-5"), ("layered", "recurrent")),
        (("fig3", "--machine", "slow.toml"), ("eta_shifts",)),
        (("fig9",), ("fig9",)),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(small, arguments, words):
    (small / "small.toml").write_text(MachineSpec(layers=(25,)).to_toml())
    # The curves of Figure 3 need a learning rate on either side.
    first = MachineSpec().matrices[0].shift_base
    settings = replace(MachineSpec().settings, eta_shifts=(first,))
    (small / "slow.toml").write_text(replace(MachineSpec(), settings=settings).to_toml())
    assert_sentence(run(*arguments, "--out", "a"), 2, *words)
    assert not (small / "a").exists()


def test_folders_that_are_not_ours(small):
    (small / "file").write_text("")
    assert_sentence(run("fig1", "--out", "file/a"), 2, "written")
    (small / "home").mkdir()
    (small / "home/fig1.png").write_text("mine")
    assert_sentence(run("fig1", "--out", "home"), 2, "home", "new folder")
    assert contents(small / "home") == {small / "home/fig1.png": b"mine"}
    assert run("table1", "--quick", "--out", "a").exit_code == 0
    damaged = next((small / "a/cells").iterdir())
    damaged.write_text("{")
    assert_sentence(run("table1", "--quick", "--out", "a"), 2, damaged.name, "delete")


def test_a_cell_depends_on_its_fields_alone():
    assert CELL.compute() == CELL.compute()
    images, labels = CELL.corrupted
    for changed in (replace(CELL, rule="hebb", engine="float64", epochs=0), replace(CELL, epochs=9)):
        assert np.array_equal(changed.corrupted[0], images)
    for changed in (replace(CELL, p=0.2), replace(CELL, seed=2)):
        assert not np.array_equal(changed.corrupted[0], images)
    fewer = replace(CELL, recalls=2)
    assert np.array_equal(fewer.corrupted[0], images[np.arange(len(images)) % 6 < 2])
    assert np.array_equal(fewer.examples, CELL.examples)
    names = {replace(CELL, **change).name for change in ({}, {"p": 0.2}, {"seed": 2}, {"recalls": 2}, {"epochs": 3})}
    assert len(names) == 5
    bound = replace(CELL, rule="bound", p=0.3, engine="float64").compute()["right"]
    images, labels = replace(CELL, p=0.3).corrupted
    right = (nearest(glyphs(), images) == labels).reshape(16, 6).sum(axis=1)
    # `nearest` gives ties to the first pattern, where the bound counts them as failures.
    assert (bound <= right).all() and sum(bound) > 0.6 * sum(right)


def test_a_board_finds_what_the_golden_machine_finds():
    advanced = []
    with opened("golden", MachineSpec()) as port:
        # By EP the board keeps the side network's states that RBP has left.
        for rule in ("rbp", "ep"):
            spec = replace(MachineSpec(), settings=replace(MachineSpec().settings, rule=rule))
            cell = replace(CELL, spec=spec, rule=rule, epochs=1, recalls=2)
            board_cell = replace(cell, engine="board")
            found = board_cell.compute_on(Board(port, spec), lambda: advanced.append(1), lambda: False)
            assert found == cell.compute()
    assert len(advanced) == 2 * cell.board_runs == 2 * 16 * 3


def test_interval_by_hand():
    # Wilson: with no failure in n trials the lower end is n / (n + z^2), z = 1.959964.
    assert interval(10, 10) == pytest.approx((10 / (10 + 1.959964**2), 1), abs=1e-6)
    assert interval(0, 10) == pytest.approx((0, 1.959964**2 / (10 + 1.959964**2)), abs=1e-6)


def test_convolution_beside_full_layers(small, monkeypatch):
    (small / "tiny.toml").write_text(
        'machine.layers = [64, 36, 10]\nmachine.kernels = ["3x3x4 pool", "full"]\nmachine.nudges = true\n'
    )
    courses = (convolution.Course("tiny.toml", 2, 0.5), convolution.Course("digits-64-32-10", 2, 0.5))
    monkeypatch.setattr(convolution, "QUICK", courses)
    monkeypatch.setattr(convolution, "QUICK_PER_CLASS", 30)
    monkeypatch.setattr(convolution, "load", lambda name, choice, seed: load("digits", choice, seed))
    plan = Plan(MachineSpec(), 1, True, (), (), "golden")
    store = cells.Store(small / "a", plan.identity())
    for cell in convolution.CONVOLUTION.cells(plan):
        store.save(cell, cell.compute())
    found = convolution.CONVOLUTION.finding(plan, store)
    errors = {(machine, engine, epoch): error for machine, engine, _, epoch, error in found.records}
    assert errors["tiny.toml", "golden", 2] < 0.7 and len(errors) == 8
    assert [row[0] for row in found.rows] == ["tiny.toml", "digits-64-32-10"]
    # 36 + 90 weights of 16 bits, and those of the full layers, which have 8.
    assert [row[1] for row in found.rows] == ["6,336", "18,944"]


def test_products_of_a_pattern():
    """Each window's products, of the inputs once, of all other layers there and back in each sweep."""
    spec = MachineSpec.load("mnist-p16-s32-10")
    once, sweep = 24 * 24 * 25 * 16, 2 * (4 * 4 * 400 * 32 + 512 * 10)
    assert convolution.products(spec, 3) == once + 3 * sweep
    assert convolution.products(MachineSpec(layers=(6, 5, 4)), 2) == 30 + 2 * 2 * 20
