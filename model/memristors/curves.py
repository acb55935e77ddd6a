"""Pulse curves of memristors in float64: by how much one programming pulse moves a conductance.

A conductance w lies in low..high, in the units of its source. A pulse up moves it by ``up(w)`` >= 0, a pulse down by
-``down(w)`` <= 0, and both stop at the ends. Every function takes and returns arrays of any shape.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Device(ABC):
    """What all devices have.

    Members
    -------
    source : where its parameters were published.
    low, high : ends of the conductance's range.
    zero : the conductance of a weight of 0 where the other cell of the pair is a fixed reference; by default half way.
    noise : standard deviation of a pulse's step from pulse to pulse, as a share of the step.
    noise_floor, noise_slope : what is added to the step before ``noise`` is taken of it: floor + slope |w|.
    range_noise : standard deviation that every pulse adds whatever its step, as a share of high - low.
    spread : standard deviation of the step from device to device, as a share of the step.
    one_sided : pulses only raise the conductance, and a weight falls by raising the other cell of its pair.
    """

    source: str
    low: float = -1.0
    high: float = 1.0
    zero: float | None = None
    noise: float = 0.0
    noise_floor: float = 0.0
    noise_slope: float = 0.0
    range_noise: float = 0.0
    spread: float = 0.0
    one_sided: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise UserError(f"A device from {self.low:g} to {self.high:g} has no range; give low below high.")
        if not self.low < self.reference < self.high:
            raise UserError(
                f"A device with its zero at {self.zero:g} has no weights on one side of it; "
                f"give a zero between {self.low:g} and {self.high:g}."
            )

    @abstractmethod
    def up(self, w: Floats) -> Floats:
        """Step of a pulse up at conductance w, before the end of the range stops it."""

    @abstractmethod
    def down(self, w: Floats) -> Floats:
        """Step of a pulse down at conductance w, as a positive number, before the end of the range stops it."""

    @property
    def reference(self) -> float:
        """The conductance of a weight of 0 beside a fixed reference."""
        return (self.low + self.high) / 2 if self.zero is None else self.zero

    def deviation(self, w: Floats, step: Floats) -> Floats:
        """Standard deviation of a pulse's move from pulse to pulse, for steps of size ``step`` at w."""
        share = self.noise * (step + self.noise_floor + self.noise_slope * np.abs(w))
        return share + self.range_noise * (self.high - self.low)

    def curve(self, start: float, pulses: int, rising: bool) -> Floats:
        """Conductances after 0, 1, ... pulses of one direction without noise, (pulses + 1,)."""
        values = np.empty(pulses + 1)
        values[0] = start
        for index in range(pulses):
            w = values[index : index + 1]
            moved = w + self.up(w) if rising else w - self.down(w)
            values[index + 1] = np.clip(moved, self.low, self.high)[0]
        return values


@dataclass(frozen=True, kw_only=True)
class LinearStep(Device):
    """Steps that fall linearly towards the end of the range: aihwkit's LinearStepDevice (Rasch et al. 2021).

        up(w) = step_up (1 - slope_up w / high),    down(w) = step_down (1 - slope_down w / low)

    Slopes of 0 are constant steps (Gokmen and Vlasov 2016), slopes of 1 soft bounds (Fusi and Abbott 2007).
    """

    step_up: float
    step_down: float
    slope_up: float = 0.0
    slope_down: float = 0.0

    def up(self, w: Floats) -> Floats:
        """Step of a pulse up."""
        return np.maximum(self.step_up * (1 - self.slope_up * w / self.high), 0.0)

    def down(self, w: Floats) -> Floats:
        """Step of a pulse down."""
        return np.maximum(self.step_down * (1 - self.slope_down * w / self.low), 0.0)


@dataclass(frozen=True, kw_only=True)
class ExponentialStep(Device):
    """Steps that change exponentially with the conductance: aihwkit's ExpStepDevice (Gong et al. 2018).

    z = 2 scale w / (high - low) + offset
    up(w) = step_up max(1 - gain_up e^(rate_up z), 0)
    down(w) = step_down max(1 - gain_down e^(-rate_down z), 0)
    """

    step_up: float
    step_down: float
    scale: float
    offset: float
    gain_up: float
    gain_down: float
    rate_up: float
    rate_down: float

    def _position(self, w: Floats) -> Floats:
        return 2 * self.scale * w / (self.high - self.low) + self.offset

    def up(self, w: Floats) -> Floats:
        """Step of a pulse up."""
        return self.step_up * np.maximum(1 - self.gain_up * np.exp(self.rate_up * self._position(w)), 0.0)

    def down(self, w: Floats) -> Floats:
        """Step of a pulse down."""
        return self.step_down * np.maximum(1 - self.gain_down * np.exp(-self.rate_down * self._position(w)), 0.0)


@dataclass(frozen=True, kw_only=True)
class ExponentialCurve(Device):
    """Conductances that are exponential in the number of pulses: NeuroSim (Chen, Peng, Yu 2018).

        G(P) = B (1 - e^(-P / A)) + low,    B = (high - low) / (1 - e^(-levels / A)),    A = shape * levels

    A pulse up goes from G(P) to G(P + 1) on the curve of ``levels_up`` and ``shape_up``; a pulse down from G(P) to
    G(P - 1) on that of ``levels_down`` and ``shape_down``. With P eliminated a step is linear in the conductance:

        up(G) = (low + B_up - G) (1 - e^(-1 / A_up)),    down(G) = (low + B_down - G) (e^(1 / A_down) - 1)

    A negative shape bends the curve the other way. From one end to the other it takes ``levels`` pulses. NeuroSim's
    non-linearity NL stands for a shape by a table: NL 1 is a shape of about 1.25, NL 4.88 one of 0.2.

    Members
    -------
    levels_up, levels_down, shape_up, shape_down : of the two curves.
    ends_up, ends_down : low and high of the two curves where they are not those of the device, as in measurements.
    """

    low: float = 0.0
    levels_up: int
    levels_down: int
    shape_up: float
    shape_down: float
    ends_up: tuple[float, float] | None = None
    ends_down: tuple[float, float] | None = None

    def up(self, w: Floats) -> Floats:
        """Step of a pulse up."""
        low, high = self.ends_up or (self.low, self.high)
        a = self.shape_up * self.levels_up
        span = (high - low) / -np.expm1(-1 / self.shape_up)
        step: Floats = (low + span - w) * -np.expm1(-1 / a)
        return step

    def down(self, w: Floats) -> Floats:
        """Step of a pulse down."""
        low, high = self.ends_down or (self.low, self.high)
        a = self.shape_down * self.levels_down
        span = (high - low) / -np.expm1(-1 / self.shape_down)
        step: Floats = (low + span - w) * np.expm1(1 / a)
        return step
