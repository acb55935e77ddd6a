"""What python -m tests.mutants does apart from running tests: which faults, for how long, and what a slow one is."""

import subprocess
from dataclasses import replace

import pytest

from tests.mutants import MUTANTS
from tests.mutants import __main__ as planting
from tests.mutants.choice import chosen

REPORT = """<testsuites><testsuite>
<testcase classname="tests.hw.test_quick" name="test_link" time="3.0"/>
<testcase classname="tests.hw.units.test_pulse_unit" name="test_a" time="1.0"/>
<testcase classname="tests.hw.units.test_pulse_unit" name="test_b[x]" time="2.0"/>
</testsuite></testsuites>"""
ONE, TWO = MUTANTS[0], MUTANTS[1]


def test_limits_follow_the_fault_free_run(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    tests = ["tests/hw/test_quick.py::test_link", "tests/hw/units/test_pulse_unit.py"]
    allowed = planting.limits(tmp_path / "report.xml", 8.0, tests)
    assert allowed == {tests[0]: 10 * (2 + 3), tests[1]: 10 * (2 + 1 + 2)}


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """try_all with verdicts in place of runs; returns its exit code and the limits that it gave."""

    def run(verdicts):
        given = []

        def outcome(source, mutant, limit):
            given.append(limit)
            return verdicts[mutant.name].pop(0), "output"

        monkeypatch.setattr(planting, "outcome", outcome)
        monkeypatch.setattr(planting, "tested", lambda *_: ("passed", ""))
        monkeypatch.setattr(planting, "faulty", lambda *_: "")
        monkeypatch.setattr(planting, "limits", lambda *_: {ONE.tests: 5.0, TWO.tests: 5.0})
        return planting.try_all(tmp_path, [ONE, TWO]), given

    return run


def test_a_slow_machine_is_no_fault(planted, capsys):
    code, given = planted({ONE.name: ["slow", "caught"], TWO.name: ["caught"]})
    assert code == 0 and sorted(given) == [5.0, 5.0, 15.0]
    assert "2 of" in (said := capsys.readouterr().out) and "2 caught" in said


@pytest.mark.parametrize("verdicts", [["slow", "slow"], ["passed"], ["broken"]])
def test_what_is_not_caught_is_named(planted, capsys, verdicts):
    code, _ = planted({ONE.name: verdicts, TWO.name: ["caught"]})
    assert code == 1 and f"survived: {ONE.name}" in capsys.readouterr().out


def test_the_faults_of_changed_files_and_some_by_the_commit(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path, check=True)

    mutants = [replace(ONE, name=str(number), file=f"file{number % 5}.py") for number in range(50)]
    assert len(chosen(mutants, 7, tmp_path)) == 7, "not a repository at all"
    git("init", "-q")
    (tmp_path / "hw").mkdir()
    for number in range(3):
        (tmp_path / "hw" / "file3.py").write_text(f"{number}")
        git("add", "-A")
        git("commit", "-q", "-m", f"{number}")
        found = chosen(mutants, 7, tmp_path)
        changed = [mutant for mutant in found if mutant.file == "file3.py"]
        # The first commit has none before it, as in a shallow clone.
        assert len(found) == 17 and len(changed) == 10 if number else len(found) == 7
        assert chosen(mutants, 7, tmp_path) == found
    assert len(chosen(mutants, 1000, tmp_path)) == len(mutants)
