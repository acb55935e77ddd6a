"""Settings that want hardware which not every machine has: the field of the machine that each of them needs."""

from dataclasses import replace
from typing import Any

from ohmprop.model.rules import RULES
from ohmprop.model.spec.fields import MachineFields
from ohmprop.model.spec.optional import off_values
from ohmprop.model.spec.settings import Settings
from ohmprop.model.spec.topology import topology_of

#: Setting -> the field that must be true wherever the setting is not at its off value. The rule's are its own (Rule.fields).
NEEDS = {"order": "in_turn", "free_eps": "in_turn", "nudged_eps": "in_turn", "nudge": "nudges", "beta": "nudges"}
#: All fields that ask for such hardware.
OPTIONS = ("in_turn", "nudges", "continual", "asymmetric")


def needed(settings: Settings) -> list[tuple[str, str]]:
    """The settings that are not off and need a field of the machine, each with that field."""
    off = off_values(Settings)
    own = [(name, field) for name, field in NEEDS.items() if getattr(settings, name) != off[name]]
    return own + [("rule", field) for field in RULES[settings.rule].fields]


def equipped(machine: Any, **changes: Any) -> Any:
    """The machine with other settings, and with the hardware that they need; a MachineSpec as ``machine`` is."""
    assert isinstance(machine, MachineFields)
    settings = replace(machine.settings, **changes)
    hardware: dict[str, Any] = {field: True for _, field in needed(settings)}
    asymmetric = RULES[settings.rule].asymmetric
    if "rule" in changes:
        # A pair's weights are one or two, as the rule has it.
        hardware["asymmetric"] = asymmetric
    if asymmetric and not machine.asymmetric and "eta_shifts" not in changes:
        shifts = topology_of(machine.layers, machine.kernels).both_ways(settings.eta_shifts, machine.layers)
        settings = replace(settings, eta_shifts=shifts)
    return replace(machine, settings=settings, **hardware)
