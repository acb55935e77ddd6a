"""Settings that want hardware which not every machine has: the field of the machine that each of them needs."""

from dataclasses import replace
from typing import Any

from ohmprop.model.spec.fields import MachineFields
from ohmprop.model.spec.optional import off_values
from ohmprop.model.spec.settings import Settings

#: Setting -> the field that must be true wherever the setting is not at its off value.
NEEDS = {"order": "in_turn", "free_eps": "in_turn", "nudged_eps": "in_turn", "nudge": "nudges", "beta": "nudges"}


def needed(settings: Settings) -> dict[str, str]:
    """The settings that are not off and need a field of the machine, with that field."""
    off = off_values(Settings)
    return {name: field for name, field in NEEDS.items() if getattr(settings, name) != off[name]}


def equipped(machine: Any, **changes: Any) -> Any:
    """The machine with other settings, and with the hardware that they need; a MachineSpec as ``machine`` is."""
    assert isinstance(machine, MachineFields)
    settings = replace(machine.settings, **changes)
    hardware: dict[str, Any] = dict.fromkeys(needed(settings).values(), True)
    return replace(machine, settings=settings, **hardware)
