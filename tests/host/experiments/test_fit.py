"""Measured pulses: every export of them is read, the device behind them is found, and what means nothing is no result."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import energy
from ohmprop.host.experiments.fit import bent, fit_exponential
from ohmprop.host.experiments.pulse_data import read_pulses
from ohmprop.host.experiments.study import command, plan
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.errors import UserError
from ohmprop.model.memristors.curves import ExponentialCurve
from ohmprop.model.memristors.fitted import device_named

PULSES = 50
X = np.linspace(0.0, 1.0, PULSES + 1)
UP, DOWN = list(range(10)), list(range(10, 0, -1))


def run(code, *arguments):
    """Run `ohmprop ...`; its output, or its one sentence."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    if code:
        assert "Traceback" not in result.output and result.stderr.count("\n") == 1 and result.stderr.endswith(".\n")
    return result.stderr if code else result.stdout


def pulse_lines(up, down):
    return ["pulse,up,down", *(f"{k},{float(a)!r},{float(b)!r}" for k, (a, b) in enumerate(zip(up, down, strict=True)))]


def write(tmp_path, lines, name="measured.csv"):
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path / name


# -- reading -----------------------------------------------------------------------------------------------------------

GOOD = pulse_lines(UP, DOWN)
#: The same measurement as editors, spreadsheets and instruments write it.
EXPORTS = {
    "a blank last line": [*GOOD, "", "  "],
    "trailing commas": [*(f"{line},," for line in GOOD), ",,,,"],
    "capitals": ["Pulse,UP,Down", *GOOD[1:]],
    "spaces": [line.replace(",", " , ") for line in GOOD],
    "semicolons and decimal commas": [line.replace(",", ";").replace(".", ",") for line in GOOD],
    "Excel's own line": ["sep=;", *(line.replace(",", ";") for line in GOOD)],
    "tabs": [line.replace(",", "\t") for line in GOOD],
    "tabs and decimal commas": [line.replace(",", "\t").replace(".", ",") for line in GOOD],
    "columns of spaces": [line.replace(",", "   ") for line in GOOD],
    "quotes": [",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD],
    "comments": ["# sample 7", "% 300 K", "", *GOOD[:3], "// probe lifted here", *GOOD[3:]],
    "units and the field's words": [
        "Pulse number;Potentiation (µS);Depression [µS]",
        *(x.replace(",", ";") for x in GOOD[1:]),
    ],
    "another order, and more": [
        "Time,LTD,LTP,Pulses",
        *(f"1e-3,{b},{a},{k}" for k, a, b in (x.split(",") for x in GOOD[1:])),
    ],
}


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_export_is_read(tmp_path, export, encoding):
    (tmp_path / "m.csv").write_text("\r\n".join(EXPORTS[export]), encoding=encoding)
    up, down = read_pulses(tmp_path / "m.csv")
    assert up.tolist() == UP and down.tolist() == DOWN


REFUSED = {
    "heading": GOOD[1:],
    "no heading": [],
    "Line 4": [*GOOD[:3], "2,,8", *GOOD[4:]],
    "Line 5": [*GOOD[:4], "3,4"],
    "pulse 3 is expected": [*GOOD[:4], *GOOD[5:]],
    "3 lines": GOOD[:4],
    "Line 5 of": [*GOOD[:4], "3,nan,7", *GOOD[5:]],
    "'nan'": [*GOOD[:4], "3,nan,7", *GOOD[5:]],
    "'inf'": [*GOOD[:4], "3,4,inf", *GOOD[5:]],
    "'#DIV/0!'": [*GOOD[:4], "3,4,#DIV/0!", *GOOD[5:]],
    "Line 7 of": ["# sample 7", "", *GOOD[:4], "3,nan,7", *GOOD[5:]],
    "columns": pulse_lines(DOWN, UP),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_no_measurement(tmp_path, words):
    path = write(tmp_path, REFUSED[words])
    assert words in run(2, "device", "fit", path, "--out", tmp_path, "--json", tmp_path / "fit.json")
    assert not (tmp_path / "fit.json").exists()


# -- fitting -----------------------------------------------------------------------------------------------------------


def test_fit_finds_the_model(tmp_path):
    """Conductances of NeuroSim's formula with 1 % noise of the measurement."""
    low, high, shapes, rng = 5.0, 80.0, (0.45, -0.7), np.random.default_rng(1)
    rise, fall = low + (high - low) * bent(1 / shapes[0], X), low + (high - low) * bent(1 / shapes[1], 1 - X)
    path = write(tmp_path, pulse_lines(*(values + rng.normal(0, 0.75, PULSES + 1) for values in (rise, fall))))
    text = run(0, "device", "fit", path, "--out", tmp_path, "--json", tmp_path / "fit.json")
    found = json.loads((tmp_path / "fit.json").read_text())
    device = found["device"]
    assert "shape up" in text and (tmp_path / "measured.png").is_file()
    assert device["low"] == pytest.approx(low, abs=1) and device["high"] == pytest.approx(high, abs=1)
    assert device["shape_up"] == pytest.approx(shapes[0], rel=0.05)
    assert device["shape_down"] == pytest.approx(shapes[1], rel=0.05)
    assert found["rms_error"] == pytest.approx(0.75, rel=0.2)
    # It is not taken for a noise of the pulses.
    assert found["noise_of_a_measurement"] == pytest.approx(0.75, rel=0.2) and device["range_noise"] < 0.002


@pytest.mark.parametrize("shapes", [(0.4, 0.4), (0.4, 0.67), (-0.4, 0.67), (5.0, -0.1)])
def test_each_branch_has_its_own_ends(shapes):
    up, down = 2 + 8 * bent(1 / shapes[0], X), 3 + 4 * bent(1 / shapes[1], 1 - X)
    fit = fit_exponential(up, down)
    device = fit.device
    assert (device.shape_up, device.shape_down) == pytest.approx(shapes, rel=1e-4)
    assert device.ends_up == pytest.approx((2, 10), abs=1e-5) and device.ends_down == pytest.approx((3, 7), abs=1e-5)
    assert fit.rms < 1e-6 and device.range_noise < 1e-6
    # What was measured is what its pulses do, where both directions were measured.
    assert (device.low, device.high) == pytest.approx((3, 7), abs=1e-5)
    inside = up[:-1][(up[:-1] > 3) & (up[1:] < 7)]
    assert np.allclose(inside + device.up(inside), up[1:][(up[:-1] > 3) & (up[1:] < 7)], atol=1e-4)
    assert np.allclose(down[:-1] - device.down(down[:-1]), down[1:], atol=1e-4)


def test_fit_of_a_straight_line():
    fit = fit_exponential(np.linspace(1, 3, 21), np.linspace(3, 1, 21))
    assert abs(fit.device.shape_up) > 50 and fit.rms < 0.01
    assert np.allclose(fit.device.curve(1.0, 20, True), np.linspace(1, 3, 21), atol=0.02)


@pytest.mark.parametrize(("pulse_noise", "read_noise"), [(0.1, 0.0), (0.1, 0.02), (0.03, 0.1), (0.0, 0.1)])
def test_noise_of_pulses_and_of_measurements_are_told_apart(pulse_noise, read_noise):
    device = ExponentialCurve(source="", high=10.0, levels_up=200, levels_down=200, shape_up=0.5, shape_down=-0.5)
    rng, found = np.random.default_rng(3), []
    for _ in range(8):
        branches = []
        for start, sign, step in ((0.0, 1, device.up), (10.0, -1, device.down)):
            values = [start]
            for _ in range(200):
                values.append(values[-1] + sign * step(np.array(values[-1])) + rng.normal(0, pulse_noise))
            branches.append(np.array(values) + rng.normal(0, read_noise, 201))
        fit = fit_exponential(*branches)
        assert fit.device.range_noise == pytest.approx(fit.pulse_noise / (fit.device.high - fit.device.low))
        found.append((fit.pulse_noise, fit.read_noise))
    assert np.mean(found, axis=0) == pytest.approx((pulse_noise, read_noise), rel=0.15, abs=0.012)


NOISY = np.random.default_rng(5).normal(0, 2.0, (2, PULSES + 1))
MEANINGLESS = {
    "misses column up": (5 + 0.02 * X + NOISY[0] + 4 * X, 10 - 5 * X),
    "misses column down": (5 * X, 9 - 5 * X + NOISY[1]),
    "within a few pulses": (bent(35.0, X), 1 - X),
    "in common": (1 + X, 200 - 100 * X),
}


@pytest.mark.parametrize("words", MEANINGLESS)
def test_a_fit_that_means_nothing_is_no_result(tmp_path, words):
    up, down = (np.array(values) for values in MEANINGLESS[words])
    up[-1], down[-1] = max(up[-1], up[0] + 0.1), min(down[-1], down[0] - 0.1)
    path = write(tmp_path, pulse_lines(up, down))
    assert words in run(2, "device", "fit", path, "--out", tmp_path, "--json", tmp_path / "fit.json")
    assert sorted(tmp_path.iterdir()) == [path]


# -- the device of a fit -------------------------------------------------------------------------------------------------


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """A working folder with a fitted device in ``my device.json``, with noise of its pulses."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    up, down = (np.cumsum(rng.normal(0, 0.02, PULSES + 1)) for _ in range(2))
    lines = pulse_lines(2 + 8 * bent(2.5, X) + up, 3 + 6 * bent(-1.5, 1 - X) + down)
    run(0, "device", "fit", write(tmp_path, lines), "--json", "my device.json")
    return "my device.json"


def test_a_fitted_device_is_a_device_by_its_file(fitted):
    device = device_named(fitted)
    assert isinstance(device, ExponentialCurve) and device.source == "fitted, my device.json"
    assert device.range_noise > 0.001 and device.ends_up != device.ends_down
    for arguments in (
        ("device", "plot", fitted),
        ("device", "pulse", fitted, "--board", "golden", "--count", 5),
        ("device", "glyphs", fitted, "--epochs", 1, "--eta-shift", 4),
    ):
        run(0, *arguments)


@pytest.mark.parametrize(
    "options",
    [
        ("--patterns", "glyphs", "--machine", "glyphs-pulses-100"),
        ("--data", "digits", "--machine", "digits-64-32-10", "--per-class", 2, "--keep-going"),
    ],
)
def test_training_with_a_fitted_device(fitted, tmp_path, options):
    options = (*options, "--board", "golden")
    run(0, "train", *options, "--device", fitted, "--epochs", 1, "--save", "w.npz", "--json", "t.json")
    told = json.loads((tmp_path / "t.json").read_text())
    assert told["device"] == fitted
    saved = Checkpoint.load(tmp_path / "w.npz")
    assert saved.memristors.unit.noise and saved.memristors.pulses.sum() > 0
    # The file of the weights has all of the device in it.
    (tmp_path / fitted).unlink()
    run(0, "train", *options, "--load", "w.npz", "--epochs", 2)


def test_a_study_of_fitted_devices(fitted, tmp_path, monkeypatch):
    def compute(title, cells, store, workers):
        for cell in store.missing(cells):
            store.save(cell, cell.compute())

    monkeypatch.setattr(command, "compute", compute)
    monkeypatch.setattr(plan, "EPOCHS", {"glyphs": (1, 1)})
    monkeypatch.setattr(plan, "IMAGES", (4, 4))
    options = ("study", "--vary", f"device=linear,{fitted}", "--set", "rate=4", "--seeds", 1)
    run(0, *options)
    names = {path.name for path in (tmp_path / "runs/study/cells").iterdir()}
    assert len(names) == 2 and all("/" not in name for name in names)
    # Another device in the same file is another training.
    content = json.loads((tmp_path / fitted).read_text())
    content["device"]["range_noise"] = 0.0
    (tmp_path / fitted).write_text(json.dumps(content))
    run(0, *options)
    assert len(list((tmp_path / "runs/study/cells").iterdir())) == 3
    with monkeypatch.context() as patch:
        patch.setattr(energy, "EPOCHS", {"glyphs": (1, 1)})
        patch.setattr(energy, "IMAGES", (4, 4))
        run(0, "device", "energy", fitted)


WRONG = {
    "no JSON": lambda device: "{",
    "no device": lambda device: json.dumps({"low": 1}),
    "a member less": lambda device: json.dumps({"device": {k: v for k, v in device.items() if k != "shape_up"}}),
    "a member more": lambda device: json.dumps({"device": device | {"shape": 1}}),
    "no number": lambda device: json.dumps({"device": device | {"low": "1"}}),
    "not a number": lambda device: json.dumps({"device": device | {"low": float("nan")}}),
    "too large a number": lambda device: json.dumps({"device": device | {"levels_up": 10**400}}),
    "ends of one": lambda device: json.dumps({"device": device | {"ends_up": [1]}}),
    "no shape": lambda device: json.dumps({"device": device | {"shape_up": 0}}),
    "no pulses": lambda device: json.dumps({"device": device | {"levels_up": 0}}),
    "a noise below 0": lambda device: json.dumps({"device": device | {"range_noise": -1}}),
    "pulses up that fall": lambda device: json.dumps({"device": device | {"ends_up": [-5, -4]}}),
    "no range": lambda device: json.dumps({"device": device | {"low": device["high"]}}),
    "an enormous bend": lambda device: json.dumps({"device": device | {"shape_down": 1e-300}}),
}


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.filterwarnings("error")
def test_wrong_device_files_are_refused(fitted, tmp_path, fault):
    (tmp_path / "bad.json").write_text(WRONG[fault](json.loads((tmp_path / fitted).read_text())["device"]))
    assert run(2, "device", "plot", "bad.json")
    with pytest.raises(UserError):
        device_named("bad.json")


def test_no_such_device(fitted, tmp_path):
    for arguments in (
        ("device", "plot"),
        ("device", "glyphs"),
        ("device", "energy"),
        ("train", "--board", "golden", "--device"),
    ):
        assert "There is no device 'absent.json'" in run(2, *arguments, "absent.json")
        assert "directory" in run(2, *arguments, tmp_path)
