"""Without a second phase nothing is learnt: it is said, and the clocks are not below their bound."""

import json

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main

MACHINES = {
    "recurrent": ("machine.layers = [100]", ["--patterns", "glyphs", "--epochs", "2"]),
    "layered": ("machine.layers = [64, 32, 10]", ["--data", "digits", "--per-class", "4", "--epochs", "1"]),
}


@pytest.mark.parametrize("nudged", [0, 4])
@pytest.mark.parametrize("name", MACHINES)
def test_a_run_without_a_second_phase(name, nudged, tmp_path):
    text, options = MACHINES[name]
    (tmp_path / "m.toml").write_text(f"{text}\nsettings.nudged_steps = {nudged}\n", encoding="utf-8")
    files = ["--machine", str(tmp_path / "m.toml"), "--json", str(tmp_path / "f.json")]
    result = CliRunner().invoke(main, ["train", "--board", "golden", *files, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    said = "Nothing was learnt: with nudged_steps = 0 no weight is updated"
    assert (said in result.stderr) == (nudged == 0)
    figures = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    figures |= figures.get("training", {})
    assert 1 <= figures["clocks_over_bound"] < 3
    assert figures["clocks_over_bound"] == pytest.approx(figures["clocks_per_pattern"] / figures["bound_per_pattern"])
