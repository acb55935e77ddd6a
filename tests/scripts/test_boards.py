"""`make boards` builds again what the committed reports are of."""

import json

import pytest
from click.testing import CliRunner

from ohmprop.boards import build
from ohmprop.host.cli.main import main
from scripts.boards import REPORTS, command


@pytest.mark.parametrize("report", sorted(REPORTS.glob("*.json")), ids=lambda report: report.stem)
def test_the_command_builds_the_reports_machine(report, tmp_path, monkeypatch):
    found, built = json.loads(report.read_text(encoding="utf-8")), []

    def noting(board, spec, name, folder, seed, place, progress):
        built.append((board.name, name, spec.lanes, spec.clock_hz / 1e6, seed, place))
        return found

    monkeypatch.setattr(build, "build", noting)
    copy = tmp_path / report.name
    copy.write_bytes(report.read_bytes())
    arguments = command(copy)[3:]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert built == [(found["board"], found["machine"], found["lanes"], found["target_mhz"], found["seed"], True)]
    assert json.loads(copy.read_text()) == found


def test_lanes_and_seed_are_not_lost(tmp_path):
    file = next(REPORTS.glob("ulx3s-*.json"))
    other = tmp_path / "of-any-name.json"
    other.write_text(json.dumps(json.loads(file.read_text()) | {"lanes": 50, "seed": 7, "target_mhz": 62.5}))
    text = " ".join(command(other))
    assert "--lanes 50 --freq 62.5 --seed 7" in text
    assert text.endswith(f"--json {other}")
