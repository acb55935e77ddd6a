"""Devices by the name of a preset, or by the file that ``ohmprop device fit --json`` wrote."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.curves import Device, ExponentialCurve
from ohmprop.model.memristors.presets import PRESETS, preset
from ohmprop.model.text import read_json

#: The key of the device in such a file, and the members that are there.
KEY = "device"
_NUMBERS = ("low", "high", "shape_up", "shape_down", "range_noise")
_LEVELS = ("levels_up", "levels_down")
_ENDS = ("ends_up", "ends_down")
_REMEDY = "give a file that `ohmprop device fit --json` wrote"


def device_named(name: str) -> Device:
    """The preset of this name, or the device in the file of this path; UserError if there is neither."""
    # os.path answers false, where pathlib raises, for names too long.
    if name in PRESETS or not os.path.exists(name):
        return preset(name)
    content = read_json(Path(name), "device file", _REMEDY).get(KEY)
    try:
        return _device(content, f"fitted, {Path(name).name}")
    except (TypeError, ValueError, ArithmeticError):
        raise UserError(f"The device file {name} holds no fitted device; {_REMEDY}.") from None


def content_of(device: ExponentialCurve) -> dict[str, Any]:
    """What a file holds of a fitted device, as JSON can hold it, in nine digits."""
    content: dict[str, Any] = {name: _rounded(getattr(device, name)) for name in _NUMBERS}
    content |= {name: getattr(device, name) for name in _LEVELS}
    return content | {name: [*map(_rounded, getattr(device, name) or (device.low, device.high))] for name in _ENDS}


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _device(content: Mapping[str, Any] | None, source: str) -> Device:
    """The device in a file; TypeError, ValueError or ArithmeticError if it holds none, UserError if an impossible one."""
    if not isinstance(content, Mapping) or content.keys() != {*_NUMBERS, *_LEVELS, *_ENDS}:
        raise ValueError
    values: dict[str, Any] = {name: _number(content[name]) for name in _NUMBERS}
    values |= {name: int(_number(content[name])) for name in _LEVELS}
    for name in _ENDS:
        low, high = content[name]
        values[name] = _number(low), _number(high)
    device = ExponentialCurve(source=source, **values)
    ends = np.array([device.low, device.high])
    with np.errstate(all="ignore"):
        steps = np.concatenate([device.up(ends), device.down(ends)])
    if not np.isfinite(steps).all() or steps.min() < 0 or device.range_noise < 0:
        raise ValueError
    return device


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)
