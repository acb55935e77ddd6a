"""Integer step tables of a device: what the hardware looks a pulse's step up in (docs/devices.md)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.memristors.curves import Device, Floats

Integers = NDArray[np.int64]

#: How one signed weight stands for two conductances.
SCHEMES = ("reference", "pair", "one-sided")
#: Width of a table's entries.
ENTRY_BITS = 12
#: Fraction of a step, once its entry has been shifted up by the tables' ``scale``, and width of what rounds it at random.
STEP_FRACTION = 16
#: Widest weights; a table has an entry for each weight.
MOST_BITS = 8
#: Standard deviation of the sum of four random nibbles minus 30: sqrt(4 (16^2 - 1) / 12).
NOISE_UNIT = 85**0.5
UP, DOWN = 0, 1


@dataclass(frozen=True, eq=False)
class StepTables:
    """Steps of one device for each weight.

    Members
    -------
    weight : format of the cells.
    low, high : rails, in levels; a weight never leaves them.
    steps : (2, 2**bits), 0 to 4095: a pulse up, a pulse down, from each of the format's integers, the lowest first. The
        step is entry << scale, in 2**-16 levels.
    noises : (2, 2**bits), 0 to 4095: standard deviations of a pulse's noise / NOISE_UNIT, in the units of steps.
    scale : left shift of every entry, 0 to 15.
    scheme : one of SCHEMES.
    """

    weight: Format
    low: int
    high: int
    steps: Integers
    noises: Integers
    scale: int
    scheme: str

    def __post_init__(self) -> None:
        if self.weight.bits > MOST_BITS:
            raise UserError(
                f"Step tables have an entry for each weight, and {self.weight} has too many; give weights of at most "
                f"{MOST_BITS} bits."
            )
        if not -self.weight.high <= self.low < self.high <= self.weight.high:
            raise UserError(
                f"Levels from {self.low} to {self.high} do not fit weights of {self.weight}; keep them within "
                f"-{self.weight.high} and {self.weight.high}."
            )
        entries = 1 << self.weight.bits
        for table in (self.steps, self.noises):
            if table.shape != (2, entries) or table.min() < 0 or table.max() >= 1 << ENTRY_BITS:
                raise UserError(
                    f"Step tables for weights of {self.weight} have two rows of {entries} entries from 0 to "
                    f"{(1 << ENTRY_BITS) - 1}; these are of shape {table.shape}, {table.min()} to {table.max()}."
                )
        if not 0 <= self.scale < 16:
            raise UserError(f"scale = {self.scale} is impossible; give a shift from 0 to 15.")
        levels = self.levels
        for name, after in (("up", levels + self.step(UP, levels)), ("down", levels - self.step(DOWN, levels))):
            # Each of the two steps may be off by half an entry.
            falls = np.flatnonzero(np.diff(after) < -(2.0 ** (self.scale - STEP_FRACTION)))
            if len(falls):
                raise UserError(
                    f"The table of pulses {name} is not monotone: a pulse from level {levels[falls[0]]} ends above one from "
                    f"level {levels[falls[0] + 1]}; give steps that change by less than one level from level to level."
                )

    @property
    def levels(self) -> Integers:
        """All weights between the rails, in their order."""
        return np.arange(self.low, self.high + 1)

    def step(self, direction: int, levels: Integers) -> Floats:
        """Mean steps in levels of pulses UP or DOWN from these levels, within the rails."""
        entries = self.steps[direction, levels - self.weight.low]
        steps = (entries << self.scale) / (1 << STEP_FRACTION)
        limited: Floats = np.minimum(steps, self.high - levels if direction == UP else levels - self.low)
        return limited

    @property
    def bottom(self) -> int:
        """The level at which G+ is at its lowest."""
        return self.low if self.scheme == "reference" else 0

    def curve(self, pulses: int, rising: bool, start: int | None = None) -> Floats:
        """Levels of G+ after 0, 1, ... pulses, up from its lowest or down from its highest, or from ``start``, (pulses + 1,).

        Without noise, and without rounding: each level keeps its fraction, and takes the step of the nearest one.
        """
        direction, sign = (UP, 1) if rising else (DOWN, -1)
        values = np.empty(pulses + 1)
        values[0] = start if start is not None else self.bottom if rising else self.high
        for index in range(pulses):
            near = np.floor(values[index : index + 1] + 0.5).astype(np.int64)
            moved = values[index] + sign * self.step(direction, near)[0]
            values[index + 1] = min(max(moved, self.bottom), self.high)
        return values

    def mean_curve(self, pulses: int, rising: bool) -> tuple[Floats, Floats]:
        """Mean and standard deviation of ``curve`` with the cells' whole levels and their rounding at random.

        Exact: the probabilities of all levels are carried from pulse to pulse. They spread by rounding alone, without noise.
        """
        levels = self.levels[self.levels >= self.bottom]
        direction, sign = (UP, 1) if rising else (DOWN, -1)
        steps = self.step(direction, levels)
        whole = np.floor(steps).astype(np.int64)
        share = steps - whole
        last = len(levels) - 1
        near = np.clip(np.arange(last + 1) + sign * whole, 0, last)
        far = np.clip(near + sign, 0, last)
        moves = np.zeros((last + 1, last + 1))
        moves[levels - self.bottom, near] += 1 - share
        moves[levels - self.bottom, far] += share
        chances = np.zeros(last + 1)
        chances[0 if rising else last] = 1.0
        means, deviations = np.empty(pulses + 1), np.empty(pulses + 1)
        for index in range(pulses + 1):
            means[index] = chances @ levels
            deviations[index] = np.sqrt(chances @ (levels - means[index]) ** 2)
            chances = chances @ moves
        return means, deviations


def conductances(weights: NDArray[np.int16], tables: StepTables) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """G+ and G- of cells in levels, as the tables' scheme has them: w = G+ - G-."""
    if tables.scheme == "reference":
        return (weights - tables.low).astype(np.int16), np.full_like(weights, -tables.low)
    return np.maximum(weights, 0), np.maximum(-weights, 0)


def pulse_direction(scheme: str, conductance: str, raises: bool) -> int:
    """1 if a pulse that raises (or else lowers) G+ or G- is a pulse up of the weight, -1 if it is a pulse down.

    ``conductance`` is "+" or "-". UserError if the scheme has no such pulse.
    """
    if conductance not in ("+", "-"):
        raise UserError(f"There is no conductance {conductance!r} in a pair; give + or -.")
    if scheme == "reference" and conductance == "-":
        raise UserError("G- is a fixed reference that no pulse moves; pulse G+, or load the device by the scheme pair.")
    if scheme == "one-sided" and not raises:
        other = "-" if conductance == "+" else "+"
        raise UserError(f"A one-sided device has no pulse that lowers G{conductance}; raise G{other}.")
    return 1 if (conductance == "+") == raises else -1


@dataclass(frozen=True)
class Equation:
    """A device's equations in levels of a weight.

    Members
    -------
    device, scheme : the device and one of SCHEMES.
    low, high : rails, in levels.
    per_level : the conductance of one level.
    """

    device: Device
    scheme: str
    low: int
    high: int
    per_level: float

    def conductance(self, levels: Floats) -> Floats:
        """Conductance of the cell that the weight's magnitude lies in: G+, or of a negative weight of a pair G-."""
        if self.scheme == "reference":
            w = self.device.reference + levels * self.per_level
        else:
            w = self.device.low + np.abs(levels) * self.per_level
        return np.clip(w, self.device.low, self.device.high)

    def _pulse(self, direction: int, levels: Floats) -> tuple[Floats, Floats]:
        """Steps before they are limited, and standard deviations of their noise, in levels."""
        device, w = self.device, self.conductance(levels)
        outwards = levels >= 0 if direction == UP else levels <= 0
        if self.scheme == "reference":
            step = device.up(w) if direction == UP else device.down(w)
        elif self.scheme == "pair":
            step = np.where(outwards, device.up(w), device.down(w))
        else:
            w = np.where(outwards, w, device.low)
            step = device.up(w)
        return step / self.per_level, device.deviation(w, step) / self.per_level

    def step(self, direction: int, levels: Floats) -> Floats:
        """Size of the step of a pulse UP or DOWN from these levels, in levels, limited to where the cell ends."""
        step, _ = self._pulse(direction, levels)
        room = self.high - levels if direction == UP else levels - self.low
        if self.scheme == "pair":
            # Towards 0 the cell that is not at its lowest conductance falls, and ends there.
            inwards = levels < 0 if direction == UP else levels > 0
            room = np.where(inwards, np.abs(levels), room)
        return np.clip(step, 0.0, room)

    def curve(self, pulses: int, rising: bool) -> Floats:
        """Levels of G+ after 0, 1, ... pulses, up from its lowest or down from its highest, (pulses + 1,)."""
        direction, sign = (UP, 1) if rising else (DOWN, -1)
        bottom = self.low if self.scheme == "reference" else 0
        values = np.empty(pulses + 1)
        values[0] = bottom if rising else self.high
        for index in range(pulses):
            moved = values[index] + sign * self.step(direction, values[index : index + 1])[0]
            values[index + 1] = min(max(moved, bottom), self.high)
        return values

    def noise(self, direction: int, levels: Floats) -> Floats:
        """Standard deviation of a pulse's move, in levels."""
        return self._pulse(direction, levels)[1]


def equation(device: Device, weight: Format, scheme: str | None = None, levels: int | None = None) -> Equation:
    """The device's equations in levels of ``weight``.

    Parameters
    ----------
    scheme : "reference": G+ is the device, G- stays at its reference. "pair": a weight of 0 is two cells at their lowest
        conductance; a pulse raises the cell on its side or, where the other one is not at its lowest, lowers that.
        "one-sided": a pulse raises one cell, after which both are lowered alike until one is at its lowest. By default
        one-sided for devices that are, and else reference.
    levels : the levels that each conductance takes; all that the weights have if None. Around a fixed reference they are
        as many above as below, so one of an even number is left out.
    """
    scheme = scheme or ("one-sided" if device.one_sided else "reference")
    if scheme not in SCHEMES:
        raise UserError(f"There is no scheme {scheme!r}; give one of {', '.join(SCHEMES)}.")
    if device.one_sided and scheme != "one-sided":
        raise UserError(
            f"scheme = {scheme!r} lowers conductances, and those of this device ({device.source}) only rise; give one-sided."
        )
    most = 2 * weight.high + 1 if scheme == "reference" else weight.high + 1
    if levels is None:
        levels = most
    if not 3 <= levels <= most:
        raise UserError(
            f"{levels} levels do not fit weights of {weight}, by the scheme {scheme}; give 3 to {most} levels or wider weights."
        )
    if scheme != "reference":
        high = levels - 1
        return Equation(device, scheme, -high, high, (device.high - device.low) / high)
    half = (levels - 1) // 2
    below, above = device.reference - device.low, device.high - device.reference
    per_level = max(below, above) / half
    # The nearest whole levels: the ends of the range need not be any.
    return Equation(device, scheme, -round(below / per_level), round(above / per_level), per_level)


def step_tables(device: Device, weight: Format, scheme: str | None = None, levels: int | None = None) -> StepTables:
    """Integer tables of the device's equations; parameters and errors as ``equation``."""
    exact = equation(device, weight, scheme, levels)
    inside = np.clip(np.arange(weight.low, weight.high + 1.0), exact.low, exact.high)
    sizes = np.stack([exact.step(direction, inside) for direction in (UP, DOWN)])
    noises = np.stack([exact.noise(direction, inside) for direction in (UP, DOWN)]) / NOISE_UNIT
    one, most = 1 << STEP_FRACTION, (1 << ENTRY_BITS) - 1
    scale = 0
    while max(sizes.max(), noises.max()) * one / (1 << scale) > most:
        scale += 1
    steps, deviations = (np.rint(values * one / (1 << scale)).astype(np.int64) for values in (sizes, noises))
    return StepTables(weight, exact.low, exact.high, steps, deviations, scale, exact.scheme)


#: Pulses of each direction that ``table_errors`` looks at.
COMPARED = 500


def table_errors(tables: StepTables, exact: Equation) -> tuple[float, float]:
    """Largest differences between tables and equations in levels: of one step from any level, and of the pulse curves."""
    levels = tables.levels
    step = max(
        float(np.abs(tables.step(way, levels) - exact.step(way, levels.astype(float))).max()) for way in (UP, DOWN)
    )
    curve = max(
        float(np.abs(tables.curve(COMPARED, rising) - exact.curve(COMPARED, rising)).max()) for rising in (True, False)
    )
    return step, curve
