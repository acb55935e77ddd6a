"""The rules side by side: `bench rules` and `reproduce family` on short runs, recurrent and layered."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import jobs, nudges, rule_cases, rules
from ohmprop.host.experiments.reproduce import family
from ohmprop.host.experiments.rule_cases import CASES, GLYPHS, SHALLOW, Case, first_of
from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import NUDGES
from tests.host.cli.test_cli import assert_sentence

#: The same cases, each for one epoch.
SHORT = tuple(replace(case, task=replace(case.task, epochs=1)) for case in CASES)


@pytest.fixture(autouse=True)
def short(tmp_path, monkeypatch):
    """One epoch each, few images, no MNIST, and a working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(rule_cases, "CASES", SHORT)
    monkeypatch.setattr(rules, "CASES", SHORT)
    monkeypatch.setattr(family, "CASES", SHORT)
    small = [replace(task, epochs=1) for task in (GLYPHS, SHALLOW)]
    monkeypatch.setattr(family, "GLYPHS", small[0])
    monkeypatch.setattr(family, "SHALLOW", small[1])
    monkeypatch.setattr(family, "ALIGNED", [Case.of(task) for task in small])
    monkeypatch.setattr(family, "PATTERNS", 40)
    monkeypatch.setattr(rule_cases, "IMAGES", 5)


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def in_this_process(work, items, workers, stopped=lambda: False):
    """As side_by_side does, with what is patched here; the last is done first."""
    yield from ((item, work(item)) for item in reversed(items))


def test_every_rule_has_a_case_and_each_machine_its_own_order_beside_all_together():
    assert {case.spec.settings.rule for case in SHORT} == set(RULES)
    for task in {case.task for case in SHORT}:
        first = first_of(task).spec.settings
        assert (first.rule, first.order, first.free_eps, first.nudged_eps) == ("ep", "together", 0.5, 0.5)
        assert not first_of(task).spec.in_turn
        assert MachineSpec.load(task.machine) in [case.spec for case in SHORT if case.task == task]


def test_clocks_stand_beside_those_of_all_together(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "side_by_side", in_this_process)
    result = run("bench", "rules", "--machine", "glyphs-100", "--machine", "digits-64-32-10", "--json", "r.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [row["machine"] for row in rows] == ["glyphs-100"] * 6 + ["digits-64-32-10"] * 4
    for machine in ("glyphs-100", "digits-64-32-10"):
        first, *others = (row for row in rows if row["machine"] == machine)
        assert first["times_fewer_clocks"] == 1
        for row in others:
            ratio = first["clocks_per_pattern"] / row["clocks_per_pattern"]
            assert row["times_fewer_clocks"] == pytest.approx(ratio)
    assert next(row for row in rows if row["order"] == "layers")["times_fewer_clocks"] > 1.2


def test_what_needs_mnist_is_left_out(tmp_path, monkeypatch):
    cases, why = rules.with_data(list(CASES))
    assert {case.task.machine for case in cases}.isdisjoint({"mnist-784-128-5", "mnist-784-500-10"})
    assert "ohmprop data mnist" in why


def test_the_family_is_a_table_a_picture_and_a_page(tmp_path):
    for cell in family._cells(PLAN):
        STORED[cell.name] = json.loads(json.dumps(cell.compute()))
    finding = family.FAMILY.finding(PLAN, Shelf())
    rows = finding.further["rows"]
    keys = {"machine", "rule", "order", "fine_bits", "seeds", "clocks_per_pattern"}
    for row in rows:
        assert keys < set(row) and ("recall" in row) != ("test_error" in row)
        assert ("reference_recall" if "recall" in row else "reference_test_error") in row
        assert ("cosine" in row) == ("vector-field" in row["rule"])
    for found in finding.further["alignment"].values():
        float64, machine = found["float64"], found["machine"]
        # The smaller the nudge, the nearer to the gradient, and the integers follow float64.
        assert float64["0.01"] > float64["1"] > 0.5
        assert machine["1"] == pytest.approx(float64["1"], abs=0.1)
    assert len(finding.rows) == len(rows) == len(finding.records)


PLAN = family.Plan(MachineSpec(), 1, True, (), (), "golden")
STORED: dict[str, object] = {}


class Shelf:
    """The results in this process."""

    def load(self, cell):
        return STORED[cell.name]


def test_nudges_are_compared_at_their_best_rates(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "side_by_side", in_this_process)
    monkeypatch.setattr(nudges, "SLOWER", (0, 1))
    monkeypatch.setattr(nudges, "BETAS", (0.5,))
    result = run("bench", "nudges", "--seeds", 1, "--epochs", 1, "--json", "n.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "n.json").read_text())["rows"]
    assert [(row["fine_bits"], row["nudge"]) for row in rows] == [(bits, nudge) for bits in (0, 4) for nudge in NUDGES]
    for row in rows:
        assert row["held_out_error"] == min(row["held_out_errors"].values()) < 0.9
    centred = next(row for row in rows if row["nudge"] == "centred")
    assert centred["held_out_errors"] != rows[0]["held_out_errors"]


def test_training_tells_its_rule(tmp_path):
    result = run(
        "train", "--board", "golden", "--rule", "vector-field", "--epochs", 2, "--json", "v.json", "--save", "v.npz"
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "v.json").read_text())
    assert figures["rule"] == "vector-field" and figures["bit_exact"]
    assert len(figures["cosines"]) == 2 and figures["cosine"] == figures["cosines"][-1]
    # The weights begin independent of each other.
    assert 0 < figures["cosines"][0] < figures["cosine"] < 0.9
    again = run("train", "--board", "golden", "--load", "v.npz", "--epochs", 3)
    assert again.exit_code == 0, again.output
    assert_sentence(
        run("train", "--board", "golden", "--load", "v.npz", "--rule", "ep", "--epochs", 3), 2, "for each direction"
    )


def test_images_are_learnt_continually(tmp_path):
    data = ("--data", "digits", "--machine", "digits-64-32-10", "--board", "golden", "--epochs", 1)
    result = run("train", *data, "--rule", "continual", "--json", "c.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "c.json").read_text())
    assert figures["rule"] == "continual" and figures["nudged_steps_mean"] > 1
    assert np.isfinite(figures["clocks_over_bound"]) and figures["clocks_over_bound"] > 1
    assert_sentence(run("train", *data, "--rule", "rbp"), 2, "recurrent")
    result = run("train", *data, "--rule", "vector-field", "--json", "v.json", "--out", "pictures")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "v.json").read_text())
    assert [figures["cosine"]] == figures["cosines"] and 0 < figures["cosine"] < 0.5
    assert (tmp_path / "pictures" / "cosines.png").stat().st_size > 1000
