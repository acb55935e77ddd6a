"""Machines and settings in which every two values of two options meet: a pairwise covering set, made by a greedy search."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np

from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.rules import RULES, Second, rules_of
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import BETAS, CENTRED, NUDGES, TOGETHER

Row = dict[str, Any]
Rows = Callable[[Mapping[str, Sequence[Any]]], list[Row]]


def covering(factors: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows in which every pair of values of two factors stands in one at least; the same ones at every call."""
    rows = all_of(factors)
    missing = {pair for row in rows for pair in _pairs(row)}
    chosen = []
    while missing:
        # Among those that add as much, the last: the search begins with all options on.
        best = max(reversed(rows), key=lambda row: len(missing & _pairs(row)))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def all_of(factors: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Every combination."""
    return [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]


def _pairs(row: Row) -> set[Any]:
    """A row's pairs, and its values by themselves, for there may be one factor only."""
    return set(combinations(row.items(), 2)) | set(row.items())


#: What belongs to each topology; an asymmetric machine of two hidden layers has a matrix too many with biases.
_TOPOLOGIES: dict[str, Row] = {
    "recurrent": {"layers": (11,), "cut_diagonals": 3},
    "layered": {"layers": (9, 10, 6, 3)},
}
#: What a machine's hardware can have.
_HARDWARE: dict[str, Sequence[Any]] = {
    "topology": tuple(_TOPOLOGIES),
    "asymmetric": (False, True),
    "serial": (False, True),
    "fine_bits": (0, 1, 4, 8),
    "in_turn": (False, True),
    "nudges": (False, True),
    "continual": (False, True),
}


def _machine(row: Row) -> MachineSpec:
    """Few steps at rates that change many weights."""
    fields = _TOPOLOGIES[row["topology"]] | {name: value for name, value in row.items() if name != "topology"}
    fields["lanes"] = 8 if row["serial"] else 4
    fields["biases"] = row["topology"] == "layered" and not row["asymmetric"]
    spec = MachineSpec(**fields)
    if not spec.recurrent:
        return spec
    return replace(spec, settings=replace(spec.settings, eta_shifts=(3,), free_steps=8, released_steps=5))


#: The machines, by what they have.
OPTIONS = {
    "-".join(
        [row["topology"], *(f"{name}{'' if row[name] is True else row[name]}" for name in list(row)[1:] if row[name])]
    ): (_machine(row))
    for row in covering(_HARDWARE)
}


def settings_of(spec: MachineSpec, rows: Rows = covering) -> list[Settings]:
    """Settings that the machine's hardware has: those in which every two values of two settings meet, or other ``rows``."""
    factors: dict[str, Sequence[Any]] = {"rule": [rule.name for rule in rules_of(spec)]}
    if spec.in_turn:
        factors |= {"order": (TOGETHER, spec.topology.order), "free_eps": (0.5, 1), "nudged_eps": (0.5, 1)}
    if spec.nudges:
        factors |= {"nudge": [nudge for nudge in NUDGES if nudge != CENTRED], "beta": BETAS}
    found = []
    for row in rows(factors):
        # A side network has no use for the others.
        side = RULES[row["rule"]].second is Second.SIDE
        found.append(replace(spec.settings, **({"rule": row["rule"]} if side else row)))
    return found


#: Topologies, symmetric and asymmetric, with every number of fine bits that is tested.
KINDS = list(product(_TOPOLOGIES, (False, True), _HARDWARE["fine_bits"]))


def everything(topology: str, asymmetric: bool, fine_bits: int) -> MachineSpec:
    """The machine with all other options."""
    row = dict.fromkeys(_HARDWARE, True) | {"topology": topology, "asymmetric": asymmetric}
    return _machine(row | {"serial": False, "fine_bits": fine_bits})


def digest(topology: str, asymmetric: bool, fine_bits: int) -> list[int]:
    """After a pattern with every combination of settings the LFSR, the clocks, and a sum over weights and states."""
    spec, rng, found = everything(topology, asymmetric, fine_bits), np.random.default_rng(8), []
    machine = GoldenMachine(spec)
    start = [rng.integers(-matrix.limit, matrix.limit + 1, (matrix.rows, matrix.columns)) for matrix in spec.matrices]
    if spec.recurrent and not spec.asymmetric:
        start = [np.tril(start[0], -1) + np.tril(start[0], -1).T]
    for machine.settings in settings_of(spec, all_of):
        machine.weights = start
        pattern = rng.integers(0, 2 if spec.recurrent else 16, spec.inputs).astype(bool if spec.recurrent else np.uint8)
        reply = machine.learn(pattern, rng.random(spec.outputs) < 0.5)
        parts = [matrix.tobytes() for matrix in machine.weights]
        found += [reply.lfsr, reply.clocks, zlib.crc32(b"".join([*parts, machine.states.tobytes()]))]
    return found
