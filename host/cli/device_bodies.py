"""What ``ohmprop device`` does: list, plot and fit devices, and learn the glyphs with them."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.show.console import print_table, progress, show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import save
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors.curves import Device, ExponentialCurve
from ohmprop.model.memristors.presets import PRESETS, preset
from ohmprop.model.memristors.tables import COMPARED, equation, step_tables, table_errors
from ohmprop.model.memristors.unit import pulse_unit, stuck_cells
from ohmprop.model.spec import MachineSpec

Floats = NDArray[np.float64]
FOLDER = Path("runs/device")
#: Flip probabilities of the recalls, and corrupted images a glyph.
FLIPS, IMAGES = (0.10, 0.20), 100
_FORM = "give a heading line pulse,up,down and lines of three numbers, as 0,1.0,9.5"


def _figures(device: Device, scheme: str | None, bits: int, levels: int | None) -> dict[str, Any]:
    """A device's table and how far it is from the equations, by the names that the JSON uses."""
    weight = Format(True, bits, bits - 1)
    tables, exact = step_tables(device, weight, scheme, levels), equation(device, weight, scheme, levels)
    step, curve = table_errors(tables, exact)
    means = [tables.mean_curve(COMPARED, rising) for rising in (True, False)]
    return {
        "source": device.source,
        "scheme": tables.scheme,
        "rails": f"{tables.low} to {tables.high}",
        "scale": tables.scale,
        "step_error": step,
        "curve_error": curve,
        "rounding_spread": max(float(deviations.max()) for _, deviations in means),
    }


def run_list(json_file: Path | None) -> None:
    """All presets and their table errors with weights of 8 bits."""
    check_writable(json_file)
    figures = {name: _figures(device, None, 8, None) for name, device in PRESETS.items()}
    table = Table("device", "scheme", "rails", "step error", "curve error", "source")
    for name, row in figures.items():
        errors = (f"{row['step_error']:.4f}", f"{row['curve_error']:.3f}")
        table.add_row(name, row["scheme"], row["rails"], *errors, row["source"])
    print_table(table)
    if json_file:
        write_json(json_file, figures)


def run_plot(
    name: str, scheme: str | None, bits: int, levels: int | None, json_file: Path | None, out: Path | None
) -> None:
    """Pulse curves of a preset: equation, table, and the mean of whole levels rounded at random."""
    device, folder = preset(name), out or FOLDER
    weight = Format(True, bits, bits - 1)
    exact, tables = equation(device, weight, scheme, levels), step_tables(device, weight, scheme, levels)
    check_writable(json_file)
    check_writable(folder, folder=True)
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, rising in zip(figure.subplots(1, 2, sharey=True), (True, False), strict=True):
        pulses = np.arange(COMPARED + 1)
        mean, spread = tables.mean_curve(COMPARED, rising)
        axes.fill_between(pulses, mean - spread, mean + spread, alpha=0.25, label="whole levels, mean and deviation")
        axes.plot(pulses, exact.curve(COMPARED, rising), label="equation", linewidth=3, alpha=0.5)
        axes.plot(pulses, tables.curve(COMPARED, rising), "--", color="black", label="integer table", linewidth=1)
        axes.set(xlabel=f"pulses {'up' if rising else 'down'}", title=f"{name}, {tables.scheme}")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("level")
    figure.axes[0].legend()
    path = folder / f"{name}.png"
    save(figure, path)
    figures = {"device": name, **_figures(device, scheme, bits, levels), "picture": str(path)}
    show("Pulse curves, errors and spread in levels", figures)
    if json_file:
        write_json(json_file, figures)


def read_pulses(path: Path) -> tuple[Floats, Floats]:
    """Conductances after 0, 1, ... pulses up, and after 0, 1, ... down, from a CSV; UserError if any is missing."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The pulse data {path} cannot be read ({error}); give the path of a CSV file.") from None
    if not rows or [cell.strip() for cell in rows[0]] != ["pulse", "up", "down"]:
        raise UserError(f"The pulse data {path} has no heading pulse,up,down; {_FORM}.")
    values = []
    for number, row in enumerate(rows[1:], start=2):
        try:
            pulse, up, down = (float(cell) for cell in row)
        except ValueError:
            raise UserError(f"Line {number} of {path} has a gap or is not of three numbers; {_FORM}.") from None
        if pulse != number - 2:
            raise UserError(
                f"Line {number} of {path} is of pulse {pulse:g} where pulse {number - 2} belongs; give every pulse from 0 on."
            )
        values.append((up, down))
    data = np.array(values).reshape(-1, 2)
    if len(data) < 5 or not np.isfinite(data).all():
        raise UserError(
            f"The pulse data {path} has {len(data)} lines, or one that is not finite; give at least 5 pulses."
        )
    if data[-1, 0] <= data[0, 0] or data[-1, 1] >= data[0, 1]:
        raise UserError(
            f"The conductances of {path} do not rise in column up and fall in column down; look at the columns."
        )
    return data[:, 0], data[:, 1]


def fit_exponential(up: Floats, down: Floats) -> tuple[ExponentialCurve, float]:
    """The exponential model nearest to conductances after 0, 1, ... pulses, and the root mean square of what is left.

    Least squares over low, high and both bends b = 1 / shape: G(x) = low + (high - low) (1 - e^(-b x)) / (1 - e^-b), x from 0
    to 1 over the pulses. A bend of 0 is a straight line.
    """
    try:
        from scipy.optimize import least_squares
    except ImportError:
        raise UserError("Fitting takes scipy, which is not installed; pip install scipy.") from None
    x, last = np.linspace(0.0, 1.0, len(up)), len(up) - 1
    span = max(np.ptp(up), np.ptp(down))

    def bent(b: float, x: Floats) -> Floats:
        # Near 0 the quotient is 0 / 0; the straight line is its limit.
        return x if abs(b) < 1e-6 else np.asarray(np.expm1(-b * x) / np.expm1(-b))

    def left(p: Floats) -> Floats:
        low, high, b_up, b_down = p
        rise, fall = low + (high - low) * bent(b_up, x), low + (high - low) * bent(b_down, 1 - x)
        return np.concatenate([rise - up, fall - down]) / span

    low, high = min(up[0], down[-1]), max(up[-1], down[0])
    best = min(
        (
            least_squares(left, (low, high, b, -b), bounds=((-np.inf, -np.inf, -30, -30), (np.inf, np.inf, 30, 30)))
            for b in (0.1, 5.0)
        ),
        key=lambda result: float(result.cost),
    )
    low, high, *bends = (float(value) for value in best.x)
    shapes = [1 / (bend if abs(bend) > 1e-6 else 1e-6) for bend in bends]
    if not low < high:
        raise UserError("No rising exponential is near these conductances; look at the columns up and down.")
    device = ExponentialCurve(
        source="fitted", low=low, high=high, levels_up=last, levels_down=last, shape_up=shapes[0], shape_down=shapes[1]
    )
    return device, float(np.sqrt(np.mean(best.fun**2)) * span)


def run_fit(file: Path, json_file: Path | None, out: Path | None) -> None:
    """Fit a user's measurements."""
    folder = out or FOLDER
    check_writable(json_file)
    check_writable(folder, folder=True)
    up, down = read_pulses(file)
    device, error = fit_exponential(up, down)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, values, rising, colour in (("up", up, True, "C0"), ("down", down, False, "C1")):
        axes.plot(values, ".", color=colour, label=f"measured, {name}")
        start = device.low if rising else device.high
        axes.plot(device.curve(start, len(values) - 1, rising), color=colour, label=f"fitted, {name}")
    axes.set(xlabel="pulses", ylabel="conductance", title=file.name)
    axes.legend()
    axes.grid(alpha=0.3)
    path = folder / f"{file.stem}.png"
    save(figure, path)
    figures = {
        "low": device.low,
        "high": device.high,
        "levels": len(up) - 1,
        "shape_up": device.shape_up,
        "shape_down": device.shape_down,
        "rms_error": error,
        "rms_error_of_range": error / (device.high - device.low),
        "picture": str(path),
    }
    show("Exponential model (conductances in the file's unit)", figures)
    if json_file:
        write_json(json_file, figures)


def run_glyphs(
    names: tuple[str, ...],
    scheme: str | None,
    rule: str,
    eta_shifts: tuple[int, ...],
    pulses: int,
    noise: bool,
    stuck: float,
    epochs: int,
    seed: int,
    json_file: Path | None,
) -> None:
    """Recall after learning with each device, at the rate that is best.

    The rate is chosen by a training with ``seed``; what is told is another one's, with the next seed and other images, so
    that the choice does not flatter it.
    """
    check_writable(json_file)
    devices = {name: preset(name) for name in names or PRESETS}
    figures: dict[str, Any] = {}
    with progress("learning", len(devices) * len(eta_shifts)) as advance:
        for name, device in devices.items():
            options = (device, scheme, rule, pulses, noise, stuck, epochs)
            trials = []
            for shift in eta_shifts:
                trials.append(_learn_glyphs(shift, seed, *options)["recalls"])
                advance()
            best = eta_shifts[max(range(len(trials)), key=lambda index: trials[index])]
            figures[name] = _learn_glyphs(best, seed + 1, *options)
    table = Table("device", "scheme", "eta", *(f"p = {p:.2f}" for p in FLIPS), "pulses up", "down", "lost")
    for name, row in figures.items():
        recalls = (f"{share:.3f}" for share in row["recalls"])
        table.add_row(name, row["scheme"], f"2^-{row['eta_shift']}", *recalls, *(f"{n:,}" for n in row["pulses"]))
    print_table(table)
    if json_file:
        write_json(json_file, figures)


def _learn_glyphs(
    shift: int,
    seed: int,
    device: Device,
    scheme: str | None,
    rule: str,
    pulses: int,
    noise: bool,
    stuck: float,
    epochs: int,
) -> dict[str, Any]:
    """One training of the default machine, and the shares of corrupted glyphs that it recalls."""
    settings = dataclasses.replace(MachineSpec().settings, eta_shifts=(shift,), rule=rule)
    spec, patterns, rng = MachineSpec(settings=settings), glyphs(), np.random.default_rng(seed)
    machine = GoldenMachine(spec)
    machine.lfsr = DEFAULT_LFSR ^ seed
    unit = pulse_unit(device, spec, pulses, scheme)
    if not noise:
        unit = dataclasses.replace(unit, noise=False, spread=0)
    if stuck:
        pairs = np.argwhere(np.tri(spec.neurons, k=-1) * (rng.random((spec.neurons, spec.neurons)) < stuck))
        cells = [(0, int(row), int(column), str(rng.choice(["min", "max"]))) for row, column in pairs]
        unit = dataclasses.replace(unit, stuck=stuck_cells(spec, machine.weights, unit.tables, cells))
    machine.device = unit
    for _ in range(epochs):
        machine.learn_many(patterns)
    recalls = []
    for p in FLIPS:
        images, labels = corrupt(patterns, p, IMAGES, rng)
        recalls.append(float(recalled(patterns, labels, machine.recall_many(images)[0]).mean()))
    return {
        "scheme": unit.tables.scheme,
        "eta_shift": shift,
        "recalls": recalls,
        "pulses": machine.pulses[0].tolist(),
    }
