"""``ohmprop study`` and ``ohmprop device energy`` on small plans."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import energy
from ohmprop.host.experiments.jobs import Store
from ohmprop.host.experiments.study import plan, trial
from ohmprop.host.experiments.study.parameters import parse
from ohmprop.host.experiments.study.plan import Plan
from ohmprop.host.experiments.study.trial import Trial
from ohmprop.model.errors import UserError
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.variants import levels
from tests.host.cli.test_cli import assert_sentence

GLYPHS = Trial("glyphs", (("rate", 6),), 2, 3, 1, False)
DIGITS = Trial("digits", (("rate", 3),), 1, 3, 1, False)


def at(start, **values):
    return replace(start, point=tuple(sorted({**dict(start.point), **values}.items())))


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "EPOCHS", {"glyphs": (2, 3), "digits": (1, 1)})
    monkeypatch.setattr(plan, "IMAGES", (4, 8))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["study", *map(str, arguments)])


def test_values():
    assert parse("--vary", "stuck=0, 0.1,0.1") == ("stuck", (0.0, 0.1))
    assert parse("--vary", "device=all")[1][:2] == ("linear", "soft-bounds")
    for text, words in {
        "stuck": "no =",
        "stucked=1": "'stucked'",
        "stuck=2": "0 to 0.9",
        "stuck=": "0 to 0.9",
        "noise=nan": "0 to 10",
        "pulses=1.5": "1 to 7",
        "device=unobtainium": "linear, soft-bounds",
        "on_off=1": "1.1",
    }.items():
        with pytest.raises(UserError, match=words):
            parse("--vary", text)


def test_what_a_point_makes_of_the_machine():
    spec, unit = GLYPHS.machine()
    assert spec.weight.bits == 8 and (unit.tables.low, unit.tables.high, unit.most) == (-127, 127, 1)
    spec, unit = at(GLYPHS, bits=5, pulses=3, rule="rbp", read_noise=0.1).machine()
    assert (spec.weight.bits, unit.most, spec.settings.rule, spec.settings.nudged_steps) == (5, 3, "rbp", 20)
    # A tenth of 2**(4 + 7), over the deviation of four nibbles.
    assert unit.read_noise == round(0.1 * 2**11 / 85**0.5)
    spec, unit = at(DIGITS, bits=6, rate=4).machine()
    assert [str(matrix.weight.bits) for matrix in spec.matrices] == ["6", "6"] and spec.settings.eta_shifts == (4, 5)
    # A half of the range.
    assert at(GLYPHS, on_off=2.0).machine()[1].tables.high == 63
    assert at(GLYPHS, on_off=2.0, scheme="pair").machine()[1].tables.high == 63
    assert at(GLYPHS, device="pcm").machine()[1].tables.scheme == "one-sided"
    with pytest.raises(UserError, match="only rise"):
        at(GLYPHS, device="pcm", scheme="pair").machine()
    with pytest.raises(UserError, match="--data glyphs"):
        at(DIGITS, rule="rbp").machine()
    with pytest.raises(UserError, match="eta_shifts"):
        at(GLYPHS, rate=15).machine()


def test_what_is_ideal():
    def device(**values):
        return trial.device_of(trial.completed({"device": "ag-a-si", **values}))

    own = device()
    assert own == preset("ag-a-si")
    assert device(ideal="noise").range_noise == 0 and device(noise=0.3).noise == 0.3
    assert device(spread=0.2).spread == 0.2 and device(spread=0.2, ideal="spread").spread == 0
    assert levels(device(ideal="levels")) == pytest.approx(128)
    w = np.array([5.0, 30.0])
    assert np.allclose(device(ideal="symmetry").up(w), device(ideal="symmetry").down(w))
    ideal = device(ideal="all", nonlinearity=0.0)
    assert np.allclose(ideal.up(w), 35.42 / 128) and (ideal.range_noise, ideal.spread) == (0, 0)


def test_a_trial_depends_on_its_fields_alone():
    found = GLYPHS.compute()
    assert found == GLYPHS.compute() != replace(GLYPHS, seed=2).compute()
    assert found["learnt"] == 32 and list(found["scores"]) == ["p = 0.10", "p = 0.20"]
    # Without faults nothing is lost in copying.
    assert at(GLYPHS, training="copied").compute() == found
    assert at(GLYPHS, rate=5).compute()["pulses"] != found["pulses"]
    names = {at(GLYPHS, **change).name for change in ({}, {"stuck": 0.1}, {"rate": 5}, {"training": "copied"})}
    assert len({*names, replace(GLYPHS, choosing=True).name, replace(GLYPHS, seed=2).name}) == 6


@pytest.mark.parametrize("start", [GLYPHS, DIGITS])
def test_faults(start, monkeypatch):
    """Where the weights of the machine have come to, by the faults and the way they were learnt."""
    ends, done = {}, []

    class Watched(trial.GoldenMachine):
        def recall_many(self, images):
            ends[done[-1]] = [matrix.copy() for matrix in self.weights]
            return super().recall_many(images)

    monkeypatch.setattr(trial, "GoldenMachine", Watched)
    for name, values in {
        "none": {},
        "array": {"stuck": 0.2},
        "copied": {"stuck": 0.2, "training": "copied"},
        "frozen": {"frozen": 0.2},
        "fewer": {"stuck": 0.1},
    }.items():
        done.append(name)
        at(start, **values).compute()
    for number, learnt in enumerate(ends["none"]):
        array, copied, frozen, fewer = (ends[name][number] for name in ("array", "copied", "frozen", "fewer"))
        stuck = copied != learnt
        share = stuck.mean()
        assert share == pytest.approx(0.2, abs=0.05)
        assert set(np.unique(copied[stuck])) == {-127, 127}
        # The same cells are stuck where it is learnt on the array, at the same ends, and the others learn otherwise.
        assert (array[stuck] == copied[stuck]).all() and (array[~stuck] != learnt[~stuck]).any()
        assert (frozen[stuck] != learnt[stuck]).mean() > 0.5 and not np.isin(frozen[stuck], (-127, 127)).any()
        assert ((np.abs(fewer) == 127) <= (np.abs(array) == 127)).mean() > 0.99


def test_digits_choose_without_the_test_images(monkeypatch):
    seen = []
    monkeypatch.setattr(trial, "pixels", lambda images, bits: seen.append(len(images)) or (images >> 4))
    DIGITS.compute()
    replace(DIGITS, choosing=True).compute()
    whole, tests, chosen, held_out = seen
    assert tests == 359 and chosen + held_out == whole and held_out == -(-whole // 5)


def test_plan(tmp_path):
    def planned(vary, tune=(), fix=(), data="glyphs"):
        return Plan.of(data, *([parse("x", text) for text in texts] for texts in (fix, vary, tune)), 2, False)

    study = planned(["device=linear,pcm"], ["scheme=reference,pair,one-sided", "rate=1,6,7"])
    # No rate 2**-1 reaches this machine, and PCM has one scheme.
    assert len(study.candidates({"device": "linear"})) == 6 and len(study.candidates({"device": "pcm"})) == 2
    point, candidates = {"device": "pcm"}, study.candidates({"device": "pcm"})
    store = Store(tmp_path, study.identity())
    for one, score in zip(study.choosing(point, candidates), (0.2, 0.4), strict=True):
        assert one.choosing and one.seed == 0
        store.save(one, {"scores": {"p = 0.10": 0.3, "p = 0.20": score}})
    assert study.best(point, candidates, store)["rate"] == 7
    assert [one.seed for one in study.trials(point, candidates[0])] == [1, 2]
    fixed = planned(["stuck=0,0.1"], fix=["rate=6"])
    assert fixed.candidates({"stuck": 0.0}) == [{}] and fixed.choosing({"stuck": 0.0}, [{}]) == []
    # A value that is the default one is not told apart.
    assert fixed.trial({"stuck": 0.0}, {}, 1).point == (("rate", 6),)
    with pytest.raises(UserError, match="eta_shifts"):
        planned(["stuck=0"], ["rate=0,1"]).candidates({"stuck": 0.0})


def test_the_files_and_going_on(small):
    options = ("--vary", "stuck=0,0.3", "--vary", "training=array,copied", "--tune", "rate=6,7", "--workers", 1)
    result = run(*options, "--seeds", 1, "--out", "a", "--json", "all.json")
    assert result.exit_code == 0, result.output
    assert "copied" in result.output and "study.png" in result.output
    kept = {path.name: path.stat().st_mtime_ns for path in (small / "a/cells").iterdir()}
    assert run(*options, "--seeds", 2, "--out", "a", "--report", "p.html").exit_code == 0
    page = (small / "p.html").read_text()
    assert page.count("data:image/png;base64,") == 1 and "stuck = " in page and "p = 0.10" in page
    after = {path.name: path.stat().st_mtime_ns for path in (small / "a/cells").iterdir()}
    assert kept.items() < after.items() and len(after) == len(kept) + 4
    with (small / "a/study.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and {row["seed"] for row in rows} == {"1", "2"}
    figures = json.loads((small / "a/study.json").read_text())
    for point, pair in zip(figures["points"], zip(rows[::2], rows[1::2], strict=True), strict=True):
        assert [str(value) for value in point["values"].values()] == [pair[0]["stuck"], pair[0]["training"]]
        assert point["mean"]["p = 0.10"] == pytest.approx(sum(float(row["p = 0.10"]) for row in pair) / 2)
        assert int(pair[0]["pulses_up"]) == point["trainings"][0]["pulses"][0][0]
    assert (small / "a/study.png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (small / "a/report.html").read_text()
    assert json.loads((small / "all.json").read_text())["seeds"] == 1
    assert_sentence(run("--vary", "noise=0", "--vary", "training=array", "--out", "a"), 2, "varied", "--out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--vary",)),
        (("--vary", "stuck=2"), ("stuck", "0 to 0.9")),
        (("--vary", "bits=7,8", "--vary", "stuck=0", "--vary", "noise=0"), ("not 3",)),
        (("--vary", "bits=7", "--set", "bits=8"), ("more than once",)),
        (("--vary", "bits=7", "--set", "stuck=0,1"), ("stuck = '1'",)),
        (("--vary", "bits=7", "--set", "stuck=0,0.1"), ("2 values", "--vary")),
        (("--vary", "bits=7", "--set", "rate=15"), ("eta_shifts",)),
        (("--vary", "device=pcm", "--set", "scheme=pair"), ("one-sided",)),
        (("--data", "digits", "--vary", "rule=rbp"), ("--data glyphs",)),
        (("--vary", "bits=7", "--out", "file/a"), ("written",)),
        (("--data", "letters", "--vary", "bits=7"), ("letters",)),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(small, arguments, words):
    (small / "file").write_text("")
    assert_sentence(run("--out", "a", *arguments), 2, *words)
    assert not (small / "a").exists()


def test_energy(small, monkeypatch):
    monkeypatch.setattr(energy, "EPOCHS", plan.EPOCHS)
    arguments = (
        "device",
        "energy",
        "epiram",
        "--set",
        "pulses=2",
        "--pulse-pj",
        "2",
        "--read-pj",
        "0.5",
        "--json",
        "e.json",
    )
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads((small / "e.json").read_text())
    (row,) = figures["matrices"]
    assert row["reads"] % 9900 == 0 and row["pulses_up"] > 0 and figures["patterns"] == 48
    assert figures["uj_of_training"] == pytest.approx(
        (2 * (row["pulses_up"] + row["pulses_down"]) + row["reads"] / 2) / 1e6
    )
    assert figures["settings"] == {"pulses": 2, "rate": 6}
    # What a pulse on a weight is for the cells: 5 V up and 3 V down for 5 us through 81 kOhm.
    up, down = (1e12 * volts**2 * 5e-6 / 81e3 for volts in (5, 3))
    pulses = {"reference": (up, down), "pair": ((up + down) / 2,) * 2, "one-sided": (up, up)}
    for scheme, expected in pulses.items():
        arguments = ("device", "energy", "epiram", "--set", f"scheme={scheme}", "--json", "s.json")
        assert CliRunner().invoke(main, arguments).exit_code == 0
        told = json.loads((small / "s.json").read_text())
        assert (told["pj_per_pulse_up"], told["pj_per_pulse_down"]) == pytest.approx(expected)
    for wrong, words in {("nothing",): ("nothing",), ("epiram", "--set", "device=pcm"): ("device",)}.items():
        assert_sentence(CliRunner().invoke(main, ["device", "energy", *wrong]), 2, *words)


def test_wires_and_their_gain():
    """At r/R_on = 1e-3 what is copied is lost; a gain brings it back, and so does learning on the array. No look is too few."""
    learnt = replace(GLYPHS, epochs=60)

    def recalled(**values):
        return at(learnt, wire=1e-3, **values).compute()["scores"]["p = 0.10"]

    copied, gained, array, both = (recalled(training=way) for way in ("copied", "copied+gain", "array", "array+gain"))
    assert copied < 0.5 and gained > 0.9 and both > 0.9 and array > copied + 0.2
    assert recalled(training="array", wire_every=16) > 0.8 > recalled(training="array", wire_every=0)
    with pytest.raises(UserError, match="wire needs a recurrent machine; give --data glyphs"):
        at(DIGITS, wire=1e-3).compute()
