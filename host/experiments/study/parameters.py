"""What a study may set, vary or choose: the parameters, their values, and how they are written on the command line."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.tables import SCHEMES
from ohmprop.model.memristors.variants import MOST_NONLINEARITY
from ohmprop.model.rules import BASIC_RULES

#: A value of a parameter.
Value = str | int | float
#: Idealised properties: c2c noise, device-to-device spread, pulses up unlike those down, too few or too many levels.
IDEALS = ("none", "noise", "spread", "symmetry", "levels", "all")
#: Where the weights were learnt that are read: on the array itself, or on one without faults and wires and copied to it; and
#: whether a gain of all currents makes up for the wires.
TRAININGS = ("array", "copied", "array+gain", "copied+gain")


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Members
    -------
    wanted : its values in words, for errors and help.
    parse : its value from text; ValueError if the text is no valid value.
    default : the value where the study does not say; None for the device's own, of rate for a choice.
    """

    wanted: str
    parse: Callable[[str], Value]
    default: Value | None = None


def _number(low: float, high: float, kind: Callable[[str], Value] = float) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        value = kind(text)
        assert not isinstance(value, str)
        # Not a number is not within the limits either.
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def _bits(low: int, high: int) -> Callable[[str], Value]:
    """A number of bits, or 0."""
    number = _number(low, high, int)
    return lambda text: 0 if text == "0" else number(text)


def _one_power(high: int) -> Callable[[str], Value]:
    """A power of two."""
    return lambda text: int(_one_of([str(1 << shift) for shift in range(high.bit_length())])(text))


def _one_of(names: Sequence[str]) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        if text not in names:
            raise ValueError
        return text

    return parse


def _choice(names: Sequence[str], default: str | None = None) -> Parameter:
    return Parameter(f"one of {', '.join(names)}", _one_of(names), default)


def _device(text: str) -> Value:
    # UserError, which says more than that the value is impossible, if there is none.
    device_named(text)
    return text


PARAMETERS: Mapping[str, Parameter] = {
    "device": Parameter("a device of `ohmprop device list` or a fitted one's file", _device, "linear"),
    "scheme": _choice(SCHEMES),
    "rule": _choice(BASIC_RULES, "ep"),
    "rate": Parameter("a learning rate's shift, 0 to 15", _number(0, 15, int)),
    "pulses": Parameter("most pulses per update, 1 to 7", _number(1, 7, int), 1),
    "bits": Parameter("bits of a weight, 2 to 8", _number(2, 8, int), 8),
    "adc": Parameter("bits of each current's converter, 2 to 16, or 0 for none", _bits(2, 16), 0),
    "adc_range": Parameter("its range in units, 1 to 64, a power of two", _one_power(64), 4),
    "dac": Parameter("bits of each activity's converter, 2 to 7, or 0 for none", _bits(2, 7), 0),
    "levels": Parameter("levels of a conductance, 2 to 100000", _number(2, 100_000)),
    "nonlinearity": Parameter(f"NeuroSim's non-linearity, 0 to {MOST_NONLINEARITY:g}", _number(0, MOST_NONLINEARITY)),
    "noise": Parameter("a deviation from pulse to pulse, in steps, 0 to 10", _number(0, 10)),
    "spread": Parameter("a deviation from device to device, in steps, 0 to 1", _number(0, 1)),
    "stuck": Parameter("a share of cells stuck at either end, 0 to 0.9", _number(0, 0.9), 0.0),
    "frozen": Parameter("a share of cells stuck where they began, 0 to 0.9", _number(0, 0.9), 0.0),
    "read_noise": Parameter("a deviation of each current, 0 to 1", _number(0, 1), 0.0),
    "on_off": Parameter("an on/off ratio, 1.1 to 1000000 or inf", _number(1.1, math.inf), math.inf),
    "ideal": _choice(IDEALS, "none"),
    "training": _choice(TRAININGS, "array"),
    "wire": Parameter("a segment of wire's share of a cell's resistance, 0 to 0.1", _number(0, 0.1), 0.0),
    "wire_every": Parameter(
        "patterns after which the wires are looked at again, or 0 for never", _number(0, 65_536, int), 1
    ),
}


def parse(option: str, text: str) -> tuple[str, tuple[Value, ...]]:
    """The name and the values of NAME=VALUE,VALUE..., each once; UserError, naming the option, if it is malformed."""
    name, equals, values = text.partition("=")
    if not equals or name not in PARAMETERS:
        fault = "has no =" if not equals else f"names no parameter {name!r}"
        raise UserError(f"{option} {text} {fault}; write NAME=VALUE,VALUE with one of {', '.join(PARAMETERS)}.")
    if (name, values) == ("device", "all"):
        return name, tuple(PRESETS)
    parameter, found = PARAMETERS[name], []
    for value in values.split(","):
        try:
            found.append(parameter.parse(value.strip()))
        except ValueError:
            raise UserError(f"{name} = {value!r} is impossible; give {parameter.wanted}.") from None
    return name, tuple(dict.fromkeys(found))


def completed(values: Mapping[str, Value]) -> dict[str, Any]:
    """The values of all parameters."""
    return {name: values.get(name, parameter.default) for name, parameter in PARAMETERS.items()}
