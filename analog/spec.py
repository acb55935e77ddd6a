"""AnalogSpec: what the circuit of a machine is built from."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ohmprop.model.errors import UserError
from ohmprop.model.spec import ready_machines
from ohmprop.model.text import read_text

#: What makes activities of a recurrent machine: an ideal tanh, or a differential pair of bipolar transistors.
IDEAL, PAIR = "ideal", "pair"
#: Twice the thermal voltage at 27 degrees, which is the unit of a differential pair: its currents differ by tanh(v / 2 V_T).
PAIR_UNIT = 2 * 1.380649e-23 * 300.15 / 1.602176634e-19
#: What a value of each type may be in a file, and what that is called.
_KINDS: dict[Any, tuple[Any, str]] = {
    float: ((int, float), "a number"),
    int: (int, "a whole number"),
    str: (str, "a text"),
}


@dataclass(frozen=True)
class AnalogSpec:
    """The circuit of a machine; what is absent from the table [analog] of a machine's file is as here.

    Members
    -------
    unit : volts of a state or an activity of 1.
    g_one : siemens by which a weight of 1 differs from one of 0.
    g_on, on_off : siemens of the largest conductance of a cell, and how many times the smallest it is.
    wire : ohms of a segment of wire between two cells, and between a line's end and what it leads to; 0: none.
    rc : seconds, the time constant of each neuron.
    gain : of the operational amplifiers, without feedback.
    offset : volts, the standard deviation of the amplifiers' offsets. An output shows it many times over, by all the cells at
        its summing node against one of g_one.
    mismatch : volts, the standard deviation of the differential pairs' offsets.
    seed : of both.
    activation : "ideal", or "pair", which a recurrent machine can have; its unit is PAIR_UNIT.
    """

    unit: float = 0.1
    g_one: float = 100e-6
    g_on: float = 101e-6
    on_off: float = 101.0
    wire: float = 0.0
    rc: float = 10e-6
    gain: float = 1e5
    offset: float = 0.0
    mismatch: float = 0.0
    seed: int = 1
    activation: str = IDEAL

    def __post_init__(self) -> None:
        for name in ("unit", "g_one", "g_on", "rc"):
            if not 0 < getattr(self, name) < 1e6:
                raise UserError(f"[analog] {name} is {getattr(self, name)!r}; it must be above 0.")
        if not self.on_off > 1:
            raise UserError(
                f"[analog] on_off is {self.on_off!r}; the largest conductance must exceed the smallest, as 100."
            )
        if not 0 <= self.wire < 1e6:
            raise UserError(f"[analog] wire is {self.wire!r}; a segment of wire has 0 ohms or more, as 1.")
        if not 10 <= self.gain <= 1e9:
            raise UserError(f"[analog] gain is {self.gain!r}; an amplifier's gain is 10 to 1e9.")
        for name in ("offset", "mismatch"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"[analog] {name} is {getattr(self, name)!r}; it is in volts, 0 to 1, as 0.001.")
        if self.activation not in (IDEAL, PAIR):
            raise UserError(f"[analog] activation is {self.activation!r}; write {IDEAL!r} or {PAIR!r}.")
        if self.activation == PAIR and abs(self.unit / PAIR_UNIT - 1) > 1e-3:
            raise UserError(
                f"[analog] unit is {self.unit!r}; a differential pair saturates by {PAIR_UNIT:.5f} V, write that."
            )

    @property
    def g_min(self) -> float:
        """Siemens of the smallest conductance of a cell."""
        return self.g_on / self.on_off

    @classmethod
    def load(cls, machine: Path | None) -> "AnalogSpec":
        """The table [analog] of a machine's file; the defaults without one, and for ready machines, which have none."""
        if machine is None or str(machine) in ready_machines():
            return cls()
        table = tomllib.loads(read_text(machine, "machine file", "give the path of a TOML file")).get("analog", {})
        if not isinstance(table, dict):
            raise UserError("[analog] in the machine file is not a table; write [analog] and keys below it.")
        kinds = {item.name: item.type for item in fields(cls)}
        for name, value in table.items():
            if name not in kinds:
                raise UserError(
                    f"The machine file has an unknown key {name!r} in [analog]; known are {', '.join(kinds)}."
                )
            taken, wanted = _KINDS[kinds[name]]
            if isinstance(value, bool) or not isinstance(value, taken):
                raise UserError(f"[analog] {name} is {value!r}; it must be {wanted}.")
        values: dict[str, Any] = {
            name: float(value) if kinds[name] is float else value for name, value in table.items()
        }
        return cls(**values)
