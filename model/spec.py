"""MachineSpec: the one description from which hardware, golden model, ID block and documentation tables are made."""

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from model.errors import UserError
from model.formats import Format

MAX_NEURONS = 256
MAX_LANES = 64
#: Random bits added below the weight's LSB when an update is rounded stochastically.
DITHER_BITS = 8
#: The update's variable shift takes this many values (three levels of multiplexers in a lane).
UPDATE_SHIFTS = 8


def _whole(name: str, value: object, low: int, high: int) -> None:
    """Refuse anything but a whole number from low to high, in one sentence."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{name} = {value!r} is impossible; give a whole number from {low} to {high}.")


@dataclass(frozen=True)
class Settings:
    """What may change from run to run without new hardware; each is a register behind the link.

    Members
    -------
    free_steps, nudged_steps : most Euler steps of the two phases of learning, 0 to 255.
    driven_steps, released_steps : most steps of recall with the input on, then off, 0 to 255.
    eta_shift : the learning rate is eta = 2**-eta_shift (beta is 1).
    tolerance : a state that moves by at most this many LSBs counts as settled, 0 to 127.
    stop_when_settled : end a phase as soon as a step has moved no state by more than the tolerance.
    """

    free_steps: int = 20
    nudged_steps: int = 8
    driven_steps: int = 20
    released_steps: int = 44
    eta_shift: int = 6
    tolerance: int = 0
    stop_when_settled: bool = True

    def __post_init__(self) -> None:
        for name in ("free_steps", "nudged_steps", "driven_steps", "released_steps"):
            _whole(name, getattr(self, name), 0, 255)
        _whole("eta_shift", self.eta_shift, 0, 15)
        _whole("tolerance", self.tolerance, 0, 127)
        if not isinstance(self.stop_when_settled, bool):
            raise UserError(f"stop_when_settled = {self.stop_when_settled!r} is impossible; write true or false.")


@dataclass(frozen=True)
class MachineSpec:
    """A machine: its topology, number formats, parallelism and link; validated on construction, hashable, frozen.

    Members
    -------
    layers : unit counts; one entry is a recurrent layer in which every unit is input and output (2 to 256 units).
    lanes : column multipliers that work side by side, 1 to 64.
    cut_diagonals : K outer diagonals of the weight matrix are absent (Zoppo, Marrone, Corinto 2020, Fig. 2);
        N*N - K*(K+1) - N synapses remain, self weights being absent always.
    weight, state, activity, accumulator : number formats (docs/arithmetic.md).
    input_level : the clamped input of a white pixel, in LSBs of the state; a black one has the negative.
    target_level : the target of a white pixel, in LSBs of the activity; a black one has the negative.
    memory_bytes : the weight memory that the board offers.
    clock_hz, baud : the machine's clock and its serial rate.
    settings : run-time defaults; not part of the hash, since they need no new hardware.
    """

    layers: tuple[int, ...] = (100,)
    lanes: int = 32
    cut_diagonals: int = 0
    weight: Format = Format(True, 8, 7)
    state: Format = Format(True, 8, 5)
    activity: Format = Format(True, 8, 7)
    accumulator: Format = Format(True, 24, 14)
    input_level: int = 16
    target_level: int = 127
    memory_bytes: int = 1 << 20
    clock_hz: int = 4_000_000
    baud: int = 1_000_000
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or len(self.layers) != 1:
            raise UserError(
                f"layers = {self.layers!r} is impossible; give one number, the units of a recurrent layer, as [100]."
            )
        _whole("layers[0]", self.layers[0], 2, MAX_NEURONS)
        _whole("lanes", self.lanes, 1, MAX_LANES)
        _whole("cut_diagonals", self.cut_diagonals, 0, self.neurons - 2)
        self._check_formats()
        _whole("input_level", self.input_level, 1, self.state.high)
        _whole("target_level", self.target_level, 1, self.activity.high)
        _whole("memory_bytes", self.memory_bytes, 1, 1 << 30)
        _whole("clock_hz", self.clock_hz, 1, 10**9)
        _whole("baud", self.baud, 1, 10**8)
        if self.clock_hz < 4 * self.baud:
            raise UserError(
                f"baud = {self.baud} is too fast for clock_hz = {self.clock_hz}; the receiver needs four clocks a bit, "
                f"so ask for at most {self.clock_hz // 4} baud."
            )
        if not self.update_shift_base <= self.settings.eta_shift < self.update_shift_base + UPDATE_SHIFTS:
            raise UserError(
                f"eta_shift = {self.settings.eta_shift} is out of this machine's reach; with weights {self.weight} give "
                f"{self.update_shift_base} to {self.update_shift_base + UPDATE_SHIFTS - 1}."
            )
        self._check_memory()

    def _check_memory(self) -> None:
        # Only here, since a layout is made from a spec.
        from model.layout import Layout

        needed = Layout(self).words * self.lanes
        if needed > self.memory_bytes:
            raise UserError(
                f"memory_bytes = {self.memory_bytes} is too little for this machine's weights, which take {needed}; "
                "give fewer neurons, cut diagonals, or a board with more memory."
            )

    def _check_formats(self) -> None:
        for name, low, high in (("weight", 2, 8), ("state", 4, 8), ("activity", 2, 8), ("accumulator", 8, 48)):
            number = getattr(self, name)
            if not isinstance(number, Format) or not number.signed or not low <= number.bits <= high:
                raise UserError(f"{name} = {number} is impossible; give a signed format of {low} to {high} bits.")
        if self.activity.fraction != self.activity.bits - 1:
            raise UserError(
                f"activity = {self.activity} is impossible; tanh lies within +-1, so give "
                f"fxp-s{self.activity.bits}/{self.activity.bits - 1}."
            )
        if self.accumulator.fraction != self.weight.fraction + self.activity.fraction:
            raise UserError(
                f"accumulator = {self.accumulator} does not match the products of {self.weight} and {self.activity}; "
                f"give it {self.weight.fraction + self.activity.fraction} bits of fraction."
            )
        if self.accumulator.fraction < self.state.fraction:
            raise UserError(
                f"state = {self.state} has more fraction than the accumulator {self.accumulator}; give it fewer bits of fraction."
            )
        if self.worst_accumulator > self.accumulator.high:
            raise UserError(
                f"accumulator = {self.accumulator} overflows: the largest sum is {self.worst_accumulator}; "
                f"give it at least {self.worst_accumulator.bit_length() + 1} bits."
            )

    # -- topology ------------------------------------------------------------------------------------------------

    @property
    def neurons(self) -> int:
        """Units of the recurrent layer."""
        return self.layers[0]

    @property
    def reach(self) -> int:
        """Units i and j are connected if 1 <= abs(i - j) <= reach."""
        return self.neurons - 1 - self.cut_diagonals

    @property
    def synapses(self) -> int:
        """Entries of the weight matrix that may differ from zero; each symmetric pair counts two."""
        n, k = self.neurons, self.cut_diagonals
        return n * n - k * (k + 1) - n

    # -- arithmetic ----------------------------------------------------------------------------------------------

    @property
    def weight_limit(self) -> int:
        """Weights saturate at plus and minus this, so that the format is symmetric."""
        return self.weight.high

    @property
    def activity_limit(self) -> int:
        """Activities lie within plus and minus this."""
        return self.activity.high

    @property
    def leak_shift(self) -> int:
        """Left shift that brings a state to the accumulator's binary point."""
        return self.accumulator.fraction - self.state.fraction

    @property
    def nudge_shift(self) -> int:
        """Left shift that brings an activity to the accumulator's binary point; beta is 1."""
        return self.accumulator.fraction - self.activity.fraction

    @property
    def euler_shift(self) -> int:
        """Right shift from the accumulator to a state's increment: the step is eps = 1/2."""
        return self.leak_shift + 1

    @property
    def update_shift_base(self) -> int:
        """The eta_shift at which the update's variable shift is zero; the reach is UPDATE_SHIFTS values from here."""
        return self.weight.fraction - 2 * self.activity.fraction + DITHER_BITS + 1

    @property
    def worst_accumulator(self) -> int:
        """The largest magnitude that any sum in a neuron can have, rounding included."""
        fan_in = min(self.neurons - 1, 2 * self.reach)
        current = fan_in * self.weight_limit * self.activity_limit
        leak = (self.input_level - self.state.low) << self.leak_shift
        nudge = (self.target_level + self.activity_limit) << self.nudge_shift
        return current + leak + nudge + (1 << (self.euler_shift - 1))

    # -- identity ------------------------------------------------------------------------------------------------

    def _hardware(self) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name == "settings":
                continue
            table[item.name] = str(value) if isinstance(value, Format) else value
        table["layers"] = list(self.layers)
        return table

    @property
    def spec_hash(self) -> str:
        """Sixteen hexadecimal digits over everything that the hardware depends on; equal on every computer."""
        text = json.dumps(self._hardware(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # -- TOML ----------------------------------------------------------------------------------------------------

    def to_toml(self) -> str:
        """The spec as TOML text: a table ``machine`` and a table ``settings``."""
        return tomli_w.dumps({"machine": self._hardware(), "settings": dataclasses.asdict(self.settings)})

    @classmethod
    def from_toml(cls, text: str) -> "MachineSpec":
        """Read what ``to_toml`` writes; absent keys take their defaults, unknown ones raise UserError."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(
                f"The machine file is not TOML ({error}); see `ohmprop info --machine-toml` for one."
            ) from None
        for section in document:
            if section not in ("machine", "settings"):
                raise UserError(
                    f"The machine file has an unknown table [{section}]; it may have [machine] and [settings]."
                )
        machine = _known(document.get("machine", {}), cls, "machine")
        settings = _known(document.get("settings", {}), Settings, "settings")
        for name in ("weight", "state", "activity", "accumulator"):
            if name in machine:
                machine[name] = Format.parse(machine[name])
        if isinstance(machine.get("layers"), list):
            machine["layers"] = tuple(machine["layers"])
        return cls(**machine, settings=Settings(**settings))

    @classmethod
    def load(cls, path: str | Path) -> "MachineSpec":
        """Read a TOML file."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"The machine file {path} cannot be read ({error}); give the path of a TOML file."
            ) from None
        return cls.from_toml(text)


def _known(table: object, cls: type, section: str) -> dict[str, Any]:
    """The table, if it holds only fields of the class."""
    names = [item.name for item in dataclasses.fields(cls) if item.name != "settings"]
    if not isinstance(table, dict):
        raise UserError(f"[{section}] in the machine file is not a table; write [{section}] and keys below it.")
    for key in table:
        if key not in names:
            raise UserError(
                f"The machine file has an unknown key {key!r} in [{section}]; known are {', '.join(names)}."
            )
    return dict(table)
