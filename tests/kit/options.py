"""Machines and settings in which every two values of two options meet: a pairwise covering set, made by a greedy search."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from ohmprop.model.rules import RULES, Second, rules_of
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import BETAS, CENTRED, NUDGES, TOGETHER

Row = dict[str, Any]


def covering(factors: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows in which every pair of values of two factors stands in one at least; the same ones at every call."""
    rows = [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]
    missing = {pair for row in rows for pair in _pairs(row)}
    chosen = []
    while missing:
        # Among those that add as much, the last: the search begins with all options on.
        best = max(reversed(rows), key=lambda row: len(missing & _pairs(row)))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def _pairs(row: Row) -> set[Any]:
    """A row's pairs, and its values by themselves, for there may be one factor only."""
    return set(combinations(row.items(), 2)) | set(row.items())


#: The layers of each kind of machine, and what belongs to it.
_KINDS: dict[str, Row] = {
    "recurrent": {
        "layers": (11,),
        "cut_diagonals": 3,
        "settings": Settings(eta_shifts=(3,), free_steps=8, released_steps=5),
    },
    "asymmetric": {
        "layers": (10,),
        "asymmetric": True,
        "settings": Settings(eta_shifts=(3,), free_steps=8, released_steps=5, rule="vector-field"),
    },
    "layered": {"layers": (9, 10, 6, 3), "biases": True},
}
#: What a machine's hardware can have.
_HARDWARE: dict[str, Sequence[Any]] = {
    "kind": tuple(_KINDS),
    "serial": (False, True),
    "fine_bits": (0, 1, 4, 8),
    "in_turn": (False, True),
    "nudges": (False, True),
    "continual": (False, True),
}


def _machine(row: Row) -> MachineSpec:
    fields = _KINDS[row["kind"]] | {name: value for name, value in row.items() if name != "kind"}
    return MachineSpec(lanes=8 if row["serial"] else 4, **fields)


#: The machines, by what they have.
OPTIONS = {
    "-".join(
        [row["kind"], *(f"{name}{'' if row[name] is True else row[name]}" for name in list(row)[1:] if row[name])]
    ): (_machine(row))
    for row in covering(_HARDWARE)
}


def settings_of(spec: MachineSpec) -> list[Settings]:
    """Settings in which every two values of two settings meet that the machine's hardware has."""
    factors: dict[str, Sequence[Any]] = {"rule": [rule.name for rule in rules_of(spec)]}
    if spec.in_turn:
        factors |= {"order": (TOGETHER, spec.topology.order), "free_eps": (0.5, 1), "nudged_eps": (0.5, 1)}
    if spec.nudges:
        factors |= {"nudge": [nudge for nudge in NUDGES if nudge != CENTRED], "beta": BETAS}
    found = []
    for row in covering(factors):
        # A side network has no use for the others.
        side = RULES[row["rule"]].second is Second.SIDE
        found.append(replace(spec.settings, **({"rule": row["rule"]} if side else row)))
    return found
