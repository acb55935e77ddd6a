"""MachineSpec: the one description from which hardware, golden model, ID block and documentation tables are made."""

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomli_w

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.layout import Layout
from ohmprop.model.spec import validation as checks
from ohmprop.model.spec.matrix import DITHER_BITS, UPDATE_SHIFTS, Matrix, layered_pre_shift
from ohmprop.model.spec.settings import Settings, whole
from ohmprop.model.text import read_text
from ohmprop.model.timing import Timing

__all__ = ["DITHER_BITS", "UPDATE_SHIFTS", "MachineSpec", "Settings", "ready_machines"]

MAX_LANES = 128

#: Machine files that come with the package.
_READY = Path(__file__).parents[1] / "machines"
# Default of the fields whose default depends on the topology; no machine keeps it.
_BY_TOPOLOGY: Any = None


def ready_machines() -> list[str]:
    """Names of the machines that come with the package; MachineSpec.load takes them as it takes paths."""
    return sorted(path.stem for path in _READY.glob("*.toml"))


@dataclass(frozen=True)
class MachineSpec:
    """A machine: its topology, number formats, parallelism and link; validated on construction, hashable, frozen.

    Members
    -------
    layers : unit counts. One entry is a recurrent layer in which every unit is input and output (2 to 256 units).
        Otherwise inputs (1 to 1024), one to three hidden layers (1 to 512 each) and outputs (2 to 64), each connected
        with the next: a layered machine.
    lanes : column multipliers that work side by side, 1 to 128.
    cut_diagonals : K outer diagonals of the weight matrix are absent (Zoppo, Marrone, Corinto 2020, Fig. 2);
        N*N - K*(K+1) - N synapses remain, self weights being absent always. Recurrent machines only.
    pixel_bits : an input of p bits (1, 4 or 8) stands for 0 to 1 - 2**-p. Layered machines only.
    input_weight : format of the weights of inputs and biases. Layered machines only.
    biases : every neuron has a weight from one more input, which stands at 1 - 2**-p always. Layered machines only.
    weight, state, activity, accumulator : number formats (docs/arithmetic.md), by default those of the topology; the
        accumulator is by default as wide as the machine's worst sum takes, and at least 24 bits.
    input_level : the clamped input of a white pixel, in LSBs of the state; a black one has the negative. Recurrent only.
    target_level : the target of a white pixel, in LSBs of the activity; a black one has the negative. Recurrent only.
    side : format of the side network's states, which recurrent backpropagation relaxes. Recurrent only.
    memory_bytes : the weight memory that the board offers.
    serial : one neuron and one synapse unit serve all lanes in turn, and the weight memory has one port: for small FPGAs.
        A block of neurons takes ``lanes`` clocks, and so does a word to program. Such a machine has 8 lanes.
    pulses : the synapses can be pulsed like devices (hw/units/pulse.py); what a board's memories are too few for at many lanes.
    clock_hz, baud : the machine's clock and its serial rate.
    settings : run-time defaults; not part of the hash, since they need no new hardware.
    """

    layers: tuple[int, ...] = (100,)
    lanes: int = 32
    cut_diagonals: int = 0
    pixel_bits: int = 4
    input_weight: Format = Format(True, 8, 8)
    biases: bool = False
    weight: Format = Format(True, 8, 7)
    state: Format = _BY_TOPOLOGY
    activity: Format = _BY_TOPOLOGY
    accumulator: Format = _BY_TOPOLOGY
    input_level: int = 16
    target_level: int = 127
    side: Format = Format(True, 12, 9)
    memory_bytes: int = 1 << 20
    serial: bool = False
    pulses: bool = False
    clock_hz: int = 4_000_000
    baud: int = 1_000_000
    settings: Settings = _BY_TOPOLOGY

    def __post_init__(self) -> None:
        checks.check_layers(self)
        for name, value in checks.defaults(self).items():
            if getattr(self, name) is _BY_TOPOLOGY:
                object.__setattr__(self, name, value)
        whole("lanes", self.lanes, 1, MAX_LANES)
        if self.recurrent:
            whole("cut_diagonals", self.cut_diagonals, 0, self.neurons - 2)
            checks.check_recurrent_formats(self)
            whole("input_level", self.input_level, 1, self.state.high)
            whole("target_level", self.target_level, 1, self.activity.high)
        else:
            checks.check_layered_formats(self)
        if self.accumulator is _BY_TOPOLOGY:
            object.__setattr__(self, "accumulator", Format(True, 24, self.weight.fraction + self.activity.fraction))
            bits = max(24, self.worst_accumulator.bit_length() + 1)
            object.__setattr__(self, "accumulator", replace(self.accumulator, bits=bits))
        checks.check_accumulator(self)
        whole("memory_bytes", self.memory_bytes, 1, 1 << 30)
        checks.check_serial(self)
        checks.check_pulses(self)
        whole("clock_hz", self.clock_hz, 1, 10**9)
        whole("baud", self.baud, 1, 10**8)
        if self.clock_hz < 4 * self.baud:
            raise UserError(
                f"baud = {self.baud} is too fast for clock_hz = {self.clock_hz}; the receiver needs four clocks a bit, "
                f"so ask for at most {self.clock_hz // 4} baud."
            )
        checks.check_settings(self)
        checks.check_memory(self)

    # -- topology ------------------------------------------------------------------------------------------------

    @property
    def recurrent(self) -> bool:
        """One recurrent layer; if false, a layered machine."""
        return len(self.layers) == 1

    @property
    def neurons(self) -> int:
        """Units that have a state: all of a recurrent layer, all but the inputs of a layered machine."""
        return self.layers[0] if self.recurrent else sum(self.layers[1:])

    @property
    def inputs(self) -> int:
        """Pixels of a pattern."""
        return self.layers[0]

    @property
    def outputs(self) -> int:
        """Units that have a target."""
        return self.layers[-1]

    @property
    def reach(self) -> int:
        """Units i and j of a recurrent layer are connected if 1 <= abs(i - j) <= reach."""
        return self.neurons - 1 - self.cut_diagonals

    @property
    def synapses(self) -> int:
        """Weights that may differ from zero; each symmetric pair of a recurrent layer counts two."""
        if not self.recurrent:
            return sum(matrix.rows * matrix.columns for matrix in self.matrices)
        return 2 * self.layout.pairs

    @cached_property
    def layout(self) -> Layout:
        """What lies where in the weight memory."""
        if self.recurrent:
            return Layout(self.layers, self.lanes, reach=self.reach)
        return Layout(self.layers[1:], self.lanes, inputs=self.inputs, biases=self.biases)

    @cached_property
    def timing(self) -> Timing:
        """Clocks of the machine's parts, and of a pattern."""
        return Timing(self.layout, self.serial)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """The weight matrices, from the inputs on. The inputs are rows of the first; the others have the upper layer's
        units as rows, so that few outputs take few words. The biases, if any, are the last: a row for all neurons.
        """
        if self.recurrent:
            return (Matrix(self.neurons, self.neurons, self.weight, 2 * self.activity.fraction, 0),)
        first = self.pixel_bits + self.activity.fraction
        later = 2 * self.activity.fraction
        shift = layered_pre_shift(self.input_weight, first)
        return (
            Matrix(self.layers[0], self.layers[1], self.input_weight, first, shift),
            *(
                Matrix(upper, lower, self.weight, later, layered_pre_shift(self.weight, later))
                for lower, upper in pairwise(self.layers[1:])
            ),
            *([Matrix(1, self.neurons, self.input_weight, first, shift)] if self.biases else []),
        )

    # -- arithmetic ----------------------------------------------------------------------------------------------

    @property
    def weight_limit(self) -> int:
        """Weights saturate at plus and minus this, so that the format is symmetric."""
        return self.weight.high

    @property
    def activity_limit(self) -> int:
        """Activities lie within plus and minus this; those of a layered machine are not negative."""
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
    def drive_shift(self) -> int:
        """Left shift that brings the inputs' current to the accumulator's binary point; if negative, a right shift."""
        return self.accumulator.fraction - self.input_weight.fraction - self.pixel_bits

    @property
    def side_error_shift(self) -> int:
        """Left shift that brings an activity to the binary point of the side network's currents, weight times state."""
        return self.weight.fraction + self.side.fraction - self.activity.fraction

    @property
    def side_update_shift(self) -> int:
        """Right shift from the side network's products of an update to those of EP; their mean takes one bit of it."""
        return 1 + self.side.fraction - self.activity.fraction

    @property
    def brightest(self) -> int:
        """The largest pixel, 1 - 2**-pixel_bits; the biases' input stands at it."""
        return (1 << self.pixel_bits) - 1

    @property
    def update_shift_base(self) -> int:
        """The eta_shift at which the first matrix's variable shift is zero; it reaches UPDATE_SHIFTS values from here."""
        return self.matrices[0].shift_base

    @property
    def worst_accumulator(self) -> int:
        """The largest magnitude that any sum in a neuron can have, rounding included."""
        rounding = 1 << (self.euler_shift - 1)
        if self.recurrent:
            fan_in = min(self.neurons - 1, 2 * self.reach)
            current = fan_in * self.weight_limit * self.activity_limit
            leak = (self.input_level - self.state.low) << self.leak_shift
            error = self.target_level + self.activity_limit
            side = fan_in * self.weight_limit * -self.side.low + (error << self.side_error_shift)
            return max(current + leak + (error << self.nudge_shift) + rounding, side + (1 << self.weight.fraction - 1))
        counts, shift = (self.inputs + self.biases, *(self.biases for _ in self.layers[2:])), self.drive_shift
        raws = [count * self.input_weight.high * self.brightest for count in counts]
        # A right shift is taken of the finished sum, and rounds a negative one away from zero.
        drives = [raw << shift if shift >= 0 else max(raw, (raw >> -shift) + 1) if raw else 0 for raw in raws]
        fans = (
            self.layers[2],
            *(a + b for a, b in zip(self.layers[1:], self.layers[3:], strict=False)),
            self.layers[-2],
        )
        current = max(kept + fan * self.weight_limit * self.state.high for kept, fan in zip(drives, fans, strict=True))
        return current + (2 * self.state.high << self.leak_shift) + rounding

    # -- identity ------------------------------------------------------------------------------------------------

    def _hardware(self) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            # Without biases nothing of them, so that machines keep the hash that they had before there were any; so with
            # ``serial``.
            if item.name in ("settings", *checks.foreign_fields(self)) or value is False:
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
        for name in ("input_weight", "weight", "state", "activity", "accumulator", "side"):
            if name in machine:
                machine[name] = Format.parse(machine[name])
        if isinstance(machine.get("layers"), list):
            machine["layers"] = tuple(machine["layers"])
        if isinstance(settings.get("eta_shifts"), list):
            settings["eta_shifts"] = tuple(settings["eta_shifts"])
        defaults = checks.default_settings(machine.get("layers", cls.layers), bool(machine.get("biases")))
        return cls(**machine, settings=replace(defaults, **settings))

    @classmethod
    def load(cls, path: str | Path) -> "MachineSpec":
        """Read a machine that comes with the package, by its name, or a TOML file."""
        if str(path) in ready_machines():
            path = _READY / f"{path}.toml"
        remedy = f"give the path of a TOML file or one of {', '.join(ready_machines())}"
        text = read_text(Path(path), "machine file", remedy)
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
