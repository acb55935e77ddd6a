"""Machines as TOML: a table ``machine`` and a table ``settings``; what a circuit is built from may stand beside them."""

import dataclasses
import tomllib
from typing import Any

import tomli_w

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.spec.fields import BY_TOPOLOGY, MachineFields
from ohmprop.model.spec.optional import off_values
from ohmprop.model.spec.settings import Settings
from ohmprop.model.spec.topology import foreign_fields, topology_of

#: The tables of a file. The last one is that of ohmprop.analog.spec.
TABLES = ("machine", "settings", "analog")
#: Settings that are written even if off, as they always were.
_LISTED = ("feedforward", "rule")


def hardware(machine: MachineFields) -> dict[str, Any]:
    """What the hardware depends on, by the fields' names: not the settings, nothing of another topology, and no field at
    its off value, so that machines keep the hash that they had before there was such a field.
    """
    off = off_values(type(machine))
    return {name: value for name, value in _written(machine).items() if name not in off or value != off[name]}


def write(machine: MachineFields) -> str:
    """The machine as TOML text. What is off is left out where it is so by default."""
    topology = topology_of(machine.layers, machine.kernels)
    fields = {item.name: item.default for item in dataclasses.fields(machine) if item.default is not BY_TOPOLOGY}
    table = _without_off(_written(machine), type(machine), topology.defaults(machine) | fields)
    settings = dataclasses.asdict(machine.settings)
    kept = _without_off(settings, Settings, dataclasses.asdict(topology.settings(machine)))
    # In the order of the fields.
    settings = {name: value for name, value in settings.items() if name in kept or name in _LISTED}
    return tomli_w.dumps({"machine": table, "settings": settings})


def _without_off(table: dict[str, Any], cls: type, default: dict[str, Any]) -> dict[str, Any]:
    """The table without what is off, where it is so by default."""
    off = off_values(cls)
    return {
        name: value for name, value in table.items() if name not in off or value != off[name] or value != default[name]
    }


def _written(machine: MachineFields) -> dict[str, Any]:
    """The fields of a machine's topology, as TOML has them; not the settings."""
    foreign = foreign_fields(topology_of(machine.layers, machine.kernels))
    table: dict[str, Any] = {}
    for item in dataclasses.fields(machine):
        value = getattr(machine, item.name)
        if item.name != "settings" and item.name not in foreign:
            table[item.name] = str(value) if isinstance(value, Format) else value
    kernels = {"kernels": list(machine.kernels)} if "kernels" in table else {}
    return table | {"layers": list(machine.layers)} | kernels


def read(text: str, cls: type[MachineFields], saved: bool) -> dict[str, Any]:
    """The arguments of ``cls`` from TOML text; UserError for what is no TOML, and for unknown tables and keys.

    A key that is absent from a user's file has its default of today. In a file that the program ``saved``, which lists
    all that was on, it means off.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The machine file is not TOML ({error}); see `ohmprop info --machine-toml` for one.") from None
    for section in document:
        if section not in TABLES:
            known = " and ".join([", ".join(f"[{name}]" for name in TABLES[:-1]), f"[{TABLES[-1]}]"])
            raise UserError(f"The machine file has an unknown table [{section}]; it may have {known}.")
    machine = _known(document.get("machine", {}), cls, "machine")
    settings = _known(document.get("settings", {}), Settings, "settings")
    for item in dataclasses.fields(cls):
        if item.name in machine and item.type is Format:
            machine[item.name] = Format.parse(machine[item.name])
    if isinstance(machine.get("layers"), list):
        machine["layers"] = tuple(machine["layers"])
    if isinstance(machine.get("kernels"), list):
        machine["kernels"] = tuple(machine["kernels"])
    if isinstance(settings.get("eta_shifts"), list):
        settings["eta_shifts"] = tuple(settings["eta_shifts"])
    layers = machine.get("layers", cls.layers)
    topology = topology_of(layers, machine.get("kernels", ()))
    if saved:
        foreign = foreign_fields(topology)
        machine = {name: off for name, off in off_values(cls).items() if name not in foreign} | machine
        settings = off_values(Settings) | settings
    plain = {item.name: machine[item.name] for item in dataclasses.fields(MachineFields) if item.name in machine}
    return machine | {"settings": dataclasses.replace(topology.settings(MachineFields(**plain)), **settings)}


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
