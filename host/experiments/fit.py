"""``ohmprop device fit``: fit the exponential device to measured pulses, and estimate its noise."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.host.experiments.memristor_tables import FOLDER
from ohmprop.host.experiments.pulse_data import read_pulses
from ohmprop.host.show.console import show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import save
from ohmprop.model.errors import UserError
from ohmprop.model.memristors.curves import ExponentialCurve
from ohmprop.model.memristors.fitted import KEY, content_of

Floats = NDArray[np.float64]

#: Bends b = 1 / shape that are looked at, from minus this on; at the ends all of a branch moves within a few pulses.
MOST_BEND = 30.0
#: Largest root mean square of what a branch is missed by, as a share of its range; above it the model does not describe it.
MOST_MISS = 0.1
#: Least share of both branches' conductances that they have in common.
LEAST_COMMON = 0.1


@dataclass(frozen=True)
class Branch:
    """One direction's curve, from its lowest conductance to its highest.

    Members
    -------
    low, high, bend : G(x) = low + (high - low) (1 - e^(-bend x)) / (1 - e^-bend), x from 0 to 1; a bend of 0 is a straight line.
    residual : measured minus fitted conductances, by rising x.
    """

    low: float
    high: float
    bend: float
    residual: Floats

    @property
    def shape(self) -> float:
        """The shape of `ExponentialCurve`; a large one for a straight line."""
        return 1 / (self.bend if abs(self.bend) > 1e-6 else 1e-6)


@dataclass(frozen=True)
class Fit:
    """A fitted device.

    Members
    -------
    device : its range is what both branches have in common, where both steps were measured.
    rms : root mean square of what is left of all conductances.
    pulse_noise, read_noise : standard deviations of what each pulse adds, and of what each measurement adds, in conductances.
    """

    device: ExponentialCurve
    rms: float
    pulse_noise: float
    read_noise: float


def run_fit(file: Path, json_file: Path | None, out: Path | None) -> None:
    """Fit a user's measurements and draw them; UserError, and nothing written, if the fit means nothing."""
    folder = out or FOLDER
    check_writable(json_file)
    check_writable(folder, folder=True)
    up, down = read_pulses(file)
    fit = fit_exponential(up, down)
    device = fit.device
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, values, ends, shape, colour in (
        ("up", up, device.ends_up, device.shape_up, "C0"),
        ("down", down, device.ends_down, device.shape_down, "C1"),
    ):
        assert ends, "a fitted device has the ends of both branches"
        x = np.linspace(0.0, 1.0, len(values))
        fitted = ends[0] + (ends[1] - ends[0]) * bent(1 / shape, x if name == "up" else 1 - x)
        axes.plot(values, ".", color=colour, label=f"measured, {name}")
        axes.plot(fitted, color=colour, label=f"fitted, {name}")
    axes.set(xlabel="pulses", ylabel="conductance", title=file.name)
    axes.legend()
    axes.grid(alpha=0.3)
    path = folder / f"{file.stem}.png"
    save(figure, path)
    figures = {
        KEY: content_of(device),
        "rms_error": fit.rms,
        "rms_error_of_range": fit.rms / (device.high - device.low),
        "noise_of_a_pulse": fit.pulse_noise,
        "noise_of_a_measurement": fit.read_noise,
        "picture": str(path),
    }
    if json_file:
        write_json(json_file, figures)
    show("Exponential device (conductances in the file's unit)", figures)


def fit_exponential(up: Floats, down: Floats) -> Fit:
    """The exponential device nearest to conductances after 0, 1, ... pulses up and down, each branch with its own ends.

    UserError, which says what is wrong, if the fit means nothing: a branch that the model misses or that bends at once, or
    two without a common range.
    """
    rise, fall = _branch(up, "up"), _branch(down[::-1], "down")
    low, high = max(rise.low, fall.low), min(rise.high, fall.high)
    whole = max(rise.high, fall.high) - min(rise.low, fall.low)
    if high - low < LEAST_COMMON * whole:
        raise UserError(
            f"Column up goes from {rise.low:.4g} to {rise.high:.4g} and column down from {fall.high:.4g} to {fall.low:.4g}, "
            "so the two have no range in common; measure both on one cell, in one unit."
        )
    levels_up, levels_down = len(up) - 1, len(down) - 1
    pulse_noise, read_noise = _noise(
        (rise.residual, np.exp(-rise.bend / levels_up)), (fall.residual[::-1], np.exp(fall.bend / levels_down))
    )
    device = ExponentialCurve(
        source="fitted",
        low=low,
        high=high,
        levels_up=levels_up,
        levels_down=levels_down,
        shape_up=rise.shape,
        shape_down=fall.shape,
        ends_up=(rise.low, rise.high),
        ends_down=(fall.low, fall.high),
        range_noise=pulse_noise / (high - low),
    )
    left = np.concatenate([rise.residual, fall.residual])
    return Fit(device, float(np.sqrt(np.mean(left**2))), pulse_noise, read_noise)


def bent(bend: float, x: Floats) -> Floats:
    """(1 - e^(-bend x)) / (1 - e^-bend), from 0 to 1 as x."""
    # Near 0 the quotient is 0 / 0; the straight line is its limit.
    return x if abs(bend) < 1e-6 else np.asarray(np.expm1(-bend * x) / np.expm1(-bend))


def _branch(rising: Floats, name: str) -> Branch:
    """The curve nearest to conductances at x = 0 to 1; UserError if none is near."""
    x = np.linspace(0.0, 1.0, len(rising))

    def at(bend: float) -> tuple[float, Branch]:
        """The sum of squares that is left at a bend, where the best ends follow by linear least squares."""
        curve = bent(bend, x)
        ends, *_ = np.linalg.lstsq(np.stack([1 - curve, curve], axis=1), rising)
        residual = rising - ends[0] * (1 - curve) - ends[1] * curve
        return float(residual @ residual), Branch(float(ends[0]), float(ends[1]), bend, residual)

    bends = np.linspace(-MOST_BEND, MOST_BEND, 121)
    near = int(np.argmin([at(bend)[0] for bend in bends]))
    first, last = float(bends[max(near - 1, 0)]), float(bends[min(near + 1, len(bends) - 1)])
    # Thirds: the interval shrinks to 1e-9 of a bend.
    for _ in range(60):
        third = (last - first) / 3
        if at(first + third)[0] < at(last - third)[0]:
            last -= third
        else:
            first += third
    best = at((first + last) / 2)[1]
    if not best.low < best.high:
        raise UserError(
            f"No {'rising' if name == 'up' else 'falling'} exponential fits column {name}; check the column."
        )
    miss = float(np.sqrt(np.mean(best.residual**2))) / (best.high - best.low)
    if miss > MOST_MISS:
        raise UserError(
            f"The fit means nothing: the exponential model misses column {name} by {miss:.0%} of its range, root mean square, "
            f"and more than {MOST_MISS:.0%} is no result; check the column, or average several measurements."
        )
    if abs(best.bend) > 0.99 * MOST_BEND:
        raise UserError(
            f"The fit means nothing: column {name} covers its range within a few pulses; measure with smaller pulses, or "
            "leave out those that change nothing."
        )
    return best


def _noise(*branches: tuple[Floats, float]) -> tuple[float, float]:
    """Standard deviations of the pulses' noise and of the measurements'.

    A branch is its residuals pulse by pulse, and what a deviation is multiplied by in one pulse. What a pulse adds stays in
    the conductance, what a measurement adds does not: the likelihood of the residuals, by a Kalman filter, tells one from
    the other.
    """
    # The pulses' share of both variances, all shares that are tried side by side.
    share = np.linspace(0.0, 1.0, 101) ** 2
    squares, logarithms, count = np.zeros_like(share), np.zeros_like(share), 0
    for residual, factor in branches:
        expected, variance = np.zeros_like(share), share
        for value in residual:
            total = variance + 1 - share
            squares += (value - expected) ** 2 / total
            logarithms += np.log(total)
            gain = variance / total
            expected = factor * (expected + gain * (value - expected))
            variance = factor**2 * variance * (1 - gain) + share
        count += len(residual)
    scales = squares / count
    best = int(np.argmin(count * np.log(np.maximum(scales, 1e-300)) + logarithms))
    return float(np.sqrt(share[best] * scales[best])), float(np.sqrt((1 - share[best]) * scales[best]))
