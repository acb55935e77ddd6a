"""`ohmprop device`: lists, plots, fits, learns, and refuses in one sentence."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from host.cli import main
from host.commands_device import fit_exponential
from model.devices.presets import PRESETS
from model.errors import UserError


def run(code, *arguments):
    """Run `ohmprop device ...`; its output, or its one sentence."""
    result = CliRunner().invoke(main, ["device", *map(str, arguments)])
    assert result.exit_code == code, result.output
    if code:
        assert "Traceback" not in result.output and result.stderr.count("\n") == 1 and result.stderr.endswith(".\n")
    return result.stderr if code else result.stdout


def measured(tmp_path, lines):
    path = tmp_path / "measured.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def pulse_lines(up, down):
    return ["pulse,up,down", *(f"{k},{a!r},{b!r}" for k, (a, b) in enumerate(zip(up, down, strict=True)))]


def test_list(tmp_path):
    text = run(0, "list", "--json", tmp_path / "list.json")
    figures = json.loads((tmp_path / "list.json").read_text())
    assert list(figures) == list(PRESETS)
    for name, row in figures.items():
        assert name in text and row["step_error"] < 0.5 and row["curve_error"] < 0.5


@pytest.mark.parametrize(
    "arguments", [("reram-es",), ("epiram", "--scheme", "pair"), ("pcm", "--bits", 6, "--levels", 20)]
)
def test_plot(tmp_path, arguments):
    run(0, "plot", *arguments, "--out", tmp_path, "--json", tmp_path / "plot.json")
    figures = json.loads((tmp_path / "plot.json").read_text())
    assert figures["picture"] == str(tmp_path / f"{arguments[0]}.png")
    assert (tmp_path / f"{arguments[0]}.png").read_bytes().startswith(b"\x89PNG")
    assert figures["step_error"] < 0.05


def test_fit_finds_the_model(tmp_path):
    """Conductances of NeuroSim's formula with 1 % noise."""
    low, high, shapes, count = 5.0, 80.0, (0.45, -0.7), 60
    p, rng = np.arange(count + 1), np.random.default_rng(1)

    def formula(p, shape):
        a = shape * count
        return (high - low) / (1 - np.exp(-count / a)) * (1 - np.exp(-p / a)) + low

    up, down = (
        values + rng.normal(0, 0.75, count + 1) for values in (formula(p, shapes[0]), formula(count - p, shapes[1]))
    )
    path = measured(tmp_path, pulse_lines(up.tolist(), down.tolist()))
    text = run(0, "fit", path, "--out", tmp_path, "--json", tmp_path / "fit.json")
    found = json.loads((tmp_path / "fit.json").read_text())
    assert "shape up" in text and (tmp_path / "measured.png").is_file()
    assert found["low"] == pytest.approx(low, abs=1) and found["high"] == pytest.approx(high, abs=1)
    assert found["shape_up"] == pytest.approx(shapes[0], rel=0.05)
    assert found["shape_down"] == pytest.approx(shapes[1], rel=0.05)
    assert found["rms_error"] == pytest.approx(0.75, rel=0.2)


def test_fit_of_a_straight_line():
    device, error = fit_exponential(np.linspace(1, 3, 21), np.linspace(3, 1, 21))
    assert abs(device.shape_up) > 50 and error < 0.01
    assert np.allclose(device.curve(1.0, 20, True), np.linspace(1, 3, 21), atol=0.02)


def test_glyphs(tmp_path):
    options = ("--epochs", 4, "--eta-shift", 4, "--eta-shift", 9, "--json", tmp_path / "glyphs.json")
    text = run(0, "glyphs", "soft-bounds", "--stuck", 0.1, *options)
    row = json.loads((tmp_path / "glyphs.json").read_text())["soft-bounds"]
    assert "soft-bounds" in text and row["eta_shift"] == 4
    assert row["pulses"][0] > 100 and all(0 <= share <= 1 for share in row["recalls"])


def test_bad_input(tmp_path):
    assert "unobtainium" in run(2, "plot", "unobtainium")
    assert "255" in run(2, "plot", "linear", "--levels", 256)
    assert "8 bits" in run(2, "plot", "linear", "--bits", 9)
    assert "only rise" in run(2, "plot", "pcm", "--scheme", "reference", "--out", tmp_path)
    assert "eta_shifts" in run(2, "glyphs", "linear", "--eta-shift", 15)
    assert "cannot be read" in run(2, "fit", tmp_path / "absent.csv")
    good = pulse_lines(range(10), range(10, 0, -1))
    for words, lines in {
        "heading": good[1:],
        "Line 4": [*good[:3], "2,,8", *good[4:]],
        "Line 5": [*good[:4], "3,4"],
        "pulse 3 belongs": [*good[:4], *good[5:]],
        "3 lines": good[:4],
        "finite": [*good[:4], "3,nan,7", *good[5:]],
        "columns": pulse_lines(range(10, 0, -1), range(10)),
    }.items():
        assert words in run(2, "fit", measured(tmp_path, lines), "--out", tmp_path)


def test_fitting_without_scipy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.optimize", None)
    with pytest.raises(UserError, match="scipy"):
        fit_exponential(np.arange(10.0), np.arange(10.0)[::-1])
