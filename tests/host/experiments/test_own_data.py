"""A user's own images, from the command line: trained, read and predicted with no option that the data answer."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ohmprop.host.cli.main import main
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.task import default_halvings
from ohmprop.model.data.patterns import corrupt, glyphs
from tests.kit.own_images import draw


def run(*words, code=0):
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def figures(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A folder with own pictures of three classes, and what was learnt of them."""
    folder = tmp_path_factory.mktemp("own images")
    draw(folder / "my letters", "ABC", 30, seed=1)
    run("train", "--data", folder / "my letters", "--board", "golden", "--epochs", 8, "--save", folder / "abc.npz",
        "--json", folder / "train.json")  # fmt: skip
    return folder


def test_own_pictures_are_learnt_read_and_predicted(learnt, tmp_path):
    said = figures(learnt / "train.json")
    assert (said["data"], said["classes"], said["layers"]) == ("my letters", ["A", "B", "C"], [784, 128, 3])
    assert said["test_error"] <= 0.2 and said["dead_outputs"] == []
    run("eval", "--load", learnt / "abc.npz", "--board", "golden", "--json", tmp_path / "e.json")
    assert figures(tmp_path / "e.json")["test_error"] == said["test_error"]
    draw(tmp_path / "new ones", "ABC", 4, seed=2)
    run("predict", tmp_path / "new ones", "--load", learnt / "abc.npz", "--board", "golden", "--out", tmp_path / "a.csv",
        "--pictures", tmp_path / "pictures", "--json", tmp_path / "p.json")  # fmt: skip
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "class", "margin", "A", "B", "C"] and len(rows) == 12
    assert np.mean([row["class"] == Path(row["file"]).parent.name for row in rows]) >= 0.6
    for row in rows:
        states = sorted(int(row[label]) for label in "ABC")
        assert float(row["margin"]) == pytest.approx((states[-1] - states[-2]) / 255, abs=1e-4)
    assert (tmp_path / "pictures" / "answers-1.png").exists()
    assert sum(figures(tmp_path / "p.json")["counts"].values()) == 12
    for suffix in (".json", ".npy"):
        run("predict", tmp_path / "new ones", "--load", learnt / "abc.npz", "--board", "golden", "--out",
            tmp_path / f"a{suffix}")  # fmt: skip
    states = np.load(tmp_path / "a.npy")
    assert (
        [row["A"] for row in figures(tmp_path / "a.json")] == states[:, 0].tolist() == [int(row["A"]) for row in rows]
    )


def test_a_file_knows_its_classes_and_images(learnt, tmp_path):
    weights = learnt / "abc.npz"
    kept = Checkpoint.load(weights).run
    assert kept["classes"] == ["A", "B", "C"] and kept["prepared"]["shape"] == [28, 28]
    draw(tmp_path / "others", "DEF", 6, seed=3)
    result = run("eval", "--data", tmp_path / "others", "--load", weights, "--board", "golden", code=2)
    assert "A is no class" in result.stderr
    for option, value in (("--classes", "A,C,B"), ("--resize", 14), ("--threshold", 99)):
        result = run("eval", "--load", weights, option, value, "--board", "golden", code=2)
        assert f"was learnt with {option[2:]} =" in result.stderr
    assert "learnt with threshold = None" in run("eval", "--load", weights, "--threshold", "otsu", code=2).stderr
    # What was learnt may be said again.
    same = ("--classes", "A,B,C", "--resize", 28, "--invert", "--board", "golden")
    run("eval", "--load", weights, *same, "--json", tmp_path / "s.json")
    assert figures(tmp_path / "s.json")["test_error"] == figures(learnt / "train.json")["test_error"]
    assert "was learnt with invert" in run("eval", "--load", weights, "--no-invert", "--board", "golden", code=2).stderr
    # The same classes from elsewhere, prepared as the first ones.
    draw(tmp_path / "again", "CBA", 12, seed=4)
    run("eval", "--data", tmp_path / "again", "--load", weights, "--board", "golden", "--json", tmp_path / "e.json")
    assert figures(tmp_path / "e.json")["test_error"] <= 0.5
    result = run("predict", tmp_path, "--load", weights, "--out", tmp_path / "a.txt", code=2)
    assert ".csv, .json, .npy" in result.stderr


def test_a_file_whose_classes_are_not_its_machines_is_refused(learnt, tmp_path):
    saved = Checkpoint.load(learnt / "abc.npz")
    np.save(tmp_path / "x.npy", np.zeros((2, 28, 28)))
    wrong = ({"classes": ["A", "B"]}, {"prepared": {**saved.run["prepared"], "shape": [27, 28]}})
    for number, changes in enumerate(wrong):
        path = tmp_path / f"{number}.npz"
        replace(saved, run={**saved.run, **changes}).save(path)
        result = run("predict", tmp_path / "x.npy", "--load", path, "--board", "golden", code=2)
        assert "contradicts itself" in result.stderr


def test_a_run_goes_on_with_its_own_classes_and_halvings(learnt, tmp_path):
    data = ("--data", learnt / "my letters", "--board", "golden", "--save", tmp_path / "w.npz")
    run("train", *data, "--epochs", 2)
    assert Checkpoint.load(tmp_path / "w.npz").run["halvings"] == default_halvings(2) == 1
    run("train", *data, "--epochs", 4, "--load", tmp_path / "w.npz")
    longer = Checkpoint.load(tmp_path / "w.npz")
    assert longer.run["halvings"] == 1 and longer.learnt == 4 * 72
    assert (default_halvings(6), default_halvings(30)) == (0.4, 0.08)
    run("train", *data, "--epochs", 4, "--halvings", 1)
    assert all(map(np.array_equal, Checkpoint.load(tmp_path / "w.npz").weights, longer.weights))


def test_outputs_that_died_are_a_failure_after_all_files_are_written(tmp_path):
    (tmp_path / "m.toml").write_text(
        "machine.layers = [64, 64, 64, 10]\nsettings.eta_shifts = [2, 2, 2]\n", encoding="utf-8"
    )
    result = run("train", "--data", "digits", "--machine", tmp_path / "m.toml", "--board", "golden", "--epochs", 2,
                 "--json", tmp_path / "f.json", "--save", tmp_path / "w.npz", code=1)  # fmt: skip
    assert figures(tmp_path / "f.json")["dead_outputs"] and (tmp_path / "w.npz").exists()
    last = result.stderr.splitlines()[-1]
    assert "of 10 outputs have died" in last and "eta_shifts larger" in last
    # So does a run that was killed between its last checkpoint and its end, which has no epoch left to learn.
    for words, code in (([], 1), (["--keep-going"], 0)):
        again = run("train", "--board", "golden", "--resume", tmp_path / "w.npz", *words, code=code)
        assert ("of 10 outputs have died" in again.stderr) == (code == 1)


def test_data_check_says_what_was_understood(learnt, tmp_path):
    result = run("data", "check", learnt / "my letters", "--json", tmp_path / "c.json", "--out", tmp_path / "sheet")
    said = figures(tmp_path / "c.json")
    assert said["images_of_classes"] == {label: [24, 6] for label in "ABC"} and said["machine"] == [784, 128, 3]
    assert said["invert"] is True and "light" in " ".join(said["notes"]) and "784-128-3" in result.output
    assert (tmp_path / "sheet" / "sheet.png").exists()


# -- patterns ----------------------------------------------------------------------------------------------------------


def test_own_corrupted_images_are_recalled(tmp_path):
    weights, array, photos, out = (tmp_path / name for name in ("g.npz", "c.npy", "photos", "out"))
    run("train", "--board", "golden", "--epochs", 100, "--save", weights, "--json", tmp_path / "t.json")
    said = figures(tmp_path / "t.json")
    assert said["not_recalled"] == [] and said["reference"] == said["nearest_pattern"] == said["patterns_recalled"] == 1
    images, labels = corrupt(glyphs(), 0.1, 1, np.random.default_rng(1))
    np.save(array, images.reshape(-1, 10, 10))
    photos.mkdir()
    for number in range(3):
        grey = np.kron(images[number].reshape(10, 10) * 120 + 60, np.ones((5, 5)))
        Image.fromarray(grey.astype(np.uint8)).save(photos / f"photo {number}.jpg")
    # Dark on nothing, as a drawing program may save it.
    dark = np.stack([np.zeros((10, 10)), np.where(images[3].reshape(10, 10), 0, 255)], 2).astype(np.uint8)
    Image.fromarray(dark, "LA").save(photos / "photo 3.png")
    recall, names = ("recall", "--load", weights, "--board", "golden", "--images"), list("0123456789ABCDEF")
    run(*recall, array, "--out", out)
    with (out / "recalled.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "pattern", "wrong_pixels"]
    right = [
        row["pattern"] == names[label] and row["wrong_pixels"] == "0" for row, label in zip(rows, labels, strict=True)
    ]
    assert np.mean(right) > 0.9
    recalled = np.load(out / "recalled.npy")
    assert np.array_equal(recalled.reshape(16, -1)[right], glyphs()[labels][right])
    run(*recall, photos, "--json", tmp_path / "r.json")
    assert [row["pattern"] for row in figures(tmp_path / "r.json")["rows"]] == names[:4]
    assert "no file and no folder" in run(*recall, tmp_path / "absent", code=2).stderr
    assert "1<=x<=100000" in run(*recall, 0, code=2).stderr
    assert "ohmprop recall --images" in run("predict", array, "--load", weights, code=2).stderr


def test_patterns_that_are_not_recalled_are_named(tmp_path):
    result = run("train", "--board", "golden", "--epochs", 1, "--json", tmp_path / "t.json")
    said = figures(tmp_path / "t.json")
    assert said["not_recalled"] and set(said["not_recalled"]) <= set("0123456789ABCDEF")
    assert len(said["not_recalled"]) == round(16 * (1 - said["patterns_recalled"]))
    assert "Patterns that are not recalled" in result.output


def test_runs_end_when_nothing_is_left_to_learn(tmp_path):
    run("train", "--board", "golden", "--until-learnt", "--json", tmp_path / "t.json")
    said = figures(tmp_path / "t.json")
    assert said["not_recalled"] == [] and said["learnt"] % 16 == 0 and said["epochs"] < 100
    before = figures_after(said["epochs"] - 1, tmp_path)
    assert before["not_recalled"]
    words = (
        "train",
        "--data",
        "digits",
        "--machine",
        "digits-64-32-10",
        "--per-class",
        20,
        "--board",
        "golden",
        "--epochs",
        60,
    )
    run(*words, "--patience", 3, "--json", tmp_path / "d.json")
    errors = figures(tmp_path / "d.json")["train_error"]
    assert len(errors) < 60 and errors.index(min(errors)) == len(errors) - 4
    for options in (("--patience", 3), ("--data", "digits", "--until-learnt"), ("--until-learnt", "--no-compare")):
        run("train", "--board", "golden", *options, code=2)


def figures_after(epochs, folder):
    run("train", "--board", "golden", "--epochs", round(epochs), "--json", folder / "b.json")
    return figures(folder / "b.json")
