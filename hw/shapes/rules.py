"""What the hardware reads from the register ``rule``."""

from functools import reduce
from operator import or_

from amaranth import Const
from amaranth.hdl import Value
from amaranth.lib import data

from ohmprop.model.rules import Second, code_bits, rules_of
from ohmprop.model.spec import MachineSpec


def by_side(spec: MachineSpec, settings: data.View) -> Value:
    """The second phase is the side network's, and the update takes its products; ``settings`` are the registers."""
    topology = spec.topology.name
    code = settings.rule[: code_bits(topology)]
    chosen = (code == rule.code for rule in rules_of(topology) if rule.second is Second.SIDE)
    return reduce(or_, chosen, Const(0))
