"""What the hardware reads from the register ``rule``."""

from functools import reduce
from operator import or_

from amaranth import Const
from amaranth.hdl import Value
from amaranth.lib import data

from ohmprop.model.rules import Rule, Second, code_bits, rules_of
from ohmprop.model.spec import MachineSpec


def by_side(spec: MachineSpec, settings: data.View) -> Value:
    """The second phase is the side network's, and the update takes its products; ``settings`` are the registers."""
    return _any_of(spec, settings, [rule for rule in rules_of(spec) if rule.second is Second.SIDE])


def every_step(spec: MachineSpec, settings: data.View) -> Value:
    """The weights learn after every step of the second phase."""
    return _any_of(spec, settings, [rule for rule in rules_of(spec) if rule.every_step])


def _any_of(spec: MachineSpec, settings: data.View, rules: list[Rule]) -> Value:
    """The register names one of these rules."""
    code = settings.rule[: code_bits(spec)]
    return reduce(or_, (code == rule.code for rule in rules), Const(0))
