"""What the cells of a training run are: a device's pulse unit, and the pulses that its cells have been given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.link.pulses import PulseCounts, pack_unit, unpack_unit
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.tables import SCHEMES
from ohmprop.model.memristors.unit import PulseUnit, pulse_unit
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.validation import STEP_TABLE_BITS

Counts = NDArray[np.int64]
#: Pulses up, down and lost, by the names that the JSON uses.
COUNTED = tuple(field.name for field in fields(PulseCounts))


@dataclass(frozen=True)
class Memristors:
    """Cells that are memristors of one device.

    Members
    -------
    name : the device's name.
    unit : its pulse unit, without decay: a board counts the patterns up to the next decay from 0 when its device is loaded.
    pulses : pulses up, down and lost since the cells are this device, (matrices, 3).
    """

    name: str
    unit: PulseUnit
    pulses: Counts

    def __post_init__(self) -> None:
        if self.unit.decay_every:
            raise UserError(
                f"A device with decay (decay_every = {self.unit.decay_every}) cannot continue bit for bit from a file, since a "
                "board then counts the patterns up to the next decay from 0; give decay_every = 0."
            )

    @classmethod
    def of(cls, spec: MachineSpec, name: str, scheme: str | None, most: int) -> "Memristors":
        """The device of this name or file for a machine; UserError if there is none, or scheme or machine do not fit it."""
        device = device_named(name)
        widths = sorted({matrix.weight.bits for matrix in spec.matrices})
        if len(widths) > 1 or widths[-1] > STEP_TABLE_BITS:
            raise UserError(
                f"This machine's weights have {' and '.join(map(str, widths))} bits, and devices need weights of one width "
                f"of at most {STEP_TABLE_BITS}; give another --machine, or leave --device out."
            )
        unit = pulse_unit(device, spec, most, scheme)
        unit.check(spec)
        return cls(name, unit, np.zeros((len(spec.matrices), len(COUNTED)), np.int64))

    def grown(self, counted: Counts) -> "Memristors":
        """The cells after ``counted`` (matrices, 3) more pulses."""
        return replace(self, pulses=self.pulses + counted)

    def figures(self) -> dict[str, Any]:
        """The device and its pulses, by the names that the JSON uses."""
        return {
            "device": self.name,
            "scheme": self.unit.tables.scheme,
            "most_pulses": self.unit.most,
            "pulses": {
                f"matrix_{index}": dict(zip(COUNTED, row, strict=True))
                for index, row in enumerate(self.pulses.tolist())
            },
        }

    # -- in a file ---------------------------------------------------------------------------------------------------

    def pack(self, spec: MachineSpec) -> dict[str, bytes]:
        """What a file holds of them: JSON, and the pulse unit as it goes over the link, so that presets may change."""
        content = {"name": self.name, "scheme": self.unit.tables.scheme, "pulses": self.pulses.tolist()}
        return {"cells": json.dumps(content).encode(), "unit": pack_unit(spec, self.unit)}

    @classmethod
    def unpack(cls, spec: MachineSpec, parts: Mapping[str, bytes]) -> "Memristors":
        """The inverse of ``pack``; ValueError or UserError if they describe no cells."""
        content = json.loads(parts["cells"])
        if not isinstance(content, dict) or content.keys() != {"name", "scheme", "pulses"}:
            raise ValueError("its device is stored in an unknown format")
        name, scheme, pulses = content["name"], content["scheme"], content["pulses"]
        if not isinstance(name, str) or scheme not in SCHEMES or not _counts(pulses, len(spec.matrices)):
            raise ValueError("the name, the scheme or the pulses of its device are invalid")
        unit = unpack_unit(spec, parts["unit"])
        return cls(name, replace(unit, tables=replace(unit.tables, scheme=scheme)), np.array(pulses, np.int64))


def _counts(pulses: object, matrices: int) -> bool:
    """Whether these are counters of that number of matrices."""
    return (
        isinstance(pulses, list)
        and len(pulses) == matrices
        and all(isinstance(row, list) and len(row) == len(COUNTED) for row in pulses)
        and all(type(count) is int and 0 <= count < 1 << 63 for row in pulses for count in row)
    )
