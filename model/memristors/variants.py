"""Devices with one property changed, to see by itself what it does: number of levels, bend of the curves, symmetry."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.curves import Device, ExponentialCurve, Floats, LinearStep

#: Conductances over which steps are averaged.
_POINTS = 1001
#: Largest non-linearity; NeuroSim's goes to 9.
MOST_NONLINEARITY = 9.0


@dataclass(frozen=True, kw_only=True)
class Changed(Device):
    """A device with other steps.

    Members
    -------
    base : the device whose steps they were.
    factor : what every step is multiplied by.
    symmetric : a pulse down is of the same size as a pulse up from the same conductance, the mean of both.
    """

    base: Device
    factor: float = 1.0
    symmetric: bool = False

    def up(self, w: Floats) -> Floats:
        """Step of a pulse up."""
        step = (self.base.up(w) + self.base.down(w)) / 2 if self.symmetric else self.base.up(w)
        return self.factor * step

    def down(self, w: Floats) -> Floats:
        """Step of a pulse down."""
        return self.up(w) if self.symmetric else self.factor * self.base.down(w)


def levels(device: Device) -> float:
    """Pulses that the range takes at the mean step: over all conductances, of the directions that the device has."""
    w = np.linspace(device.low, device.high, _POINTS)
    step = device.up(w) if device.one_sided else (device.up(w) + device.down(w)) / 2
    return float((device.high - device.low) / step.mean())


def with_levels(device: Device, count: float) -> Device:
    """The device with all steps scaled by one factor, so that it has this many levels."""
    return Changed(base=device, factor=levels(device) / count, **_common(device))


def symmetric(device: Device) -> Device:
    """The device with pulses up and down of one size at each conductance, the mean of its own; one-sided ones unchanged."""
    if device.one_sided:
        return device
    return Changed(base=device, symmetric=True, **_common(device))


def with_nonlinearity(device: Device, nonlinearity: float) -> Device:
    """The device with as many levels, in NeuroSim's exponential curves of this non-linearity up and minus it down."""
    common, count = _common(device), levels(device)
    shape = shape_of(nonlinearity)
    if not np.isfinite(shape):
        step = (device.high - device.low) / count
        return LinearStep(step_up=step, step_down=step, **common)
    pulses = round(count)
    return ExponentialCurve(levels_up=pulses, levels_down=pulses, shape_up=shape, shape_down=-shape, **common)


def shape_of(nonlinearity: float) -> float:
    """The shape A of ExponentialCurve for a non-linearity as NeuroSim counts it, 0 (an infinite shape) to 9.

    Ten times the largest distance of the pulse curve from the straight line, as a share of the range. NeuroSim has a table
    whose fourteen published entries agree to 6 %.
    """
    if not 0 <= nonlinearity <= MOST_NONLINEARITY:
        raise UserError(
            f"nonlinearity = {nonlinearity:g} is impossible; give a number from 0 to {MOST_NONLINEARITY:g}."
        )
    # Below this the curve is straight to a ten thousandth of the range.
    low, high = 1e-3, 1e3
    if 10 * _distance(low) >= nonlinearity:
        return float("inf")
    for _ in range(60):
        middle = (low * high) ** 0.5
        if 10 * _distance(middle) < nonlinearity:
            low = middle
        else:
            high = middle
    return 1 / low


def _distance(bend: float) -> float:
    """Largest distance of (1 - e^(-b x)) / (1 - e^-b), x from 0 to 1, from x."""
    span = -np.expm1(-bend)
    # Where the curve's slope is 1.
    x = -np.log(span / bend) / bend
    return float(-np.expm1(-bend * x) / span - x)


def _common(device: Device) -> dict[str, Any]:
    """What all devices have, of this one."""
    return {item.name: getattr(device, item.name) for item in dataclasses.fields(Device)}
