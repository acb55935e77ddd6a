"""The learning rules, a record for each: spec, golden machine, hardware and the link read from it what the rule does.

A rule relaxes twice and then updates the weights by two products of what the two phases ended with. The first phase, the
free one, is the same for all.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Second(Enum):
    """What relaxes in the second phase."""

    NUDGED = "nudged"  #: the neurons, which the nudge draws to the target
    SIDE = "side"  #: the side network, which carries the error back; the neurons keep what the free phase ended with


class Factor(Enum):
    """A factor of a product: one value per neuron."""

    FREE = "free"  #: the activities at the end of the free phase
    SECOND = "second"  #: what the second phase ended with: nudged activities, or the side network's states


@dataclass(frozen=True)
class Product:
    """A product of the update: ``sign`` * (the row's factor) * (the column's factor)."""

    sign: int
    row: Factor
    column: Factor


@dataclass(frozen=True)
class Rule:
    """A learning rule.

    Members
    -------
    name : its name in the settings.
    title : its name in sentences.
    code : its number in the machine's register ``rule``.
    second : what relaxes in the second phase.
    products : the two products whose sum is a weight's difference, of the neuron that drives the row and the one that the
        column's current goes to. Where a pair of neurons shares its weight, the sum must be the same both ways.
    topologies : names of the topologies that may learn by it.
    every_step : the weights learn after every step of the second phase, by what that step changed; else once, after it.
    asymmetric : the two directions between a pair of neurons are two weights; in every other rule they are one.
    """

    name: str
    title: str
    code: int
    second: Second
    products: tuple[Product, Product]
    topologies: tuple[str, ...]
    every_step: bool = False
    asymmetric: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the spec that ask for the hardware that it needs."""
        return tuple(
            name for name, wanted in (("continual", self.every_step), ("asymmetric", self.asymmetric)) if wanted
        )


#: Equilibrium propagation (Scellier and Bengio 2017, eq. 9): g_i' g_j' - g_i g_j, ' nudged.
EP = Rule(
    "ep",
    "equilibrium propagation",
    0,
    Second.NUDGED,
    (Product(1, Factor.SECOND, Factor.SECOND), Product(-1, Factor.FREE, Factor.FREE)),
    ("recurrent", "layered", "convolutional"),
)
#: Recurrent backpropagation (Almeida 1987, Pineda 1987), made symmetric: y_i g_j + g_i y_j, y of the side network.
RBP = Rule(
    "rbp",
    "recurrent backpropagation",
    1,
    Second.SIDE,
    (Product(1, Factor.SECOND, Factor.FREE), Product(1, Factor.FREE, Factor.SECOND)),
    ("recurrent",),
)
#: Continual equilibrium propagation (Ernoult et al. 2020): the same difference of two steps that follow each other.
CONTINUAL = Rule(
    "continual",
    "continual equilibrium propagation",
    2,
    Second.NUDGED,
    EP.products,
    ("recurrent", "layered"),
    every_step=True,
)
#: Equilibrium propagation in a vector field (Scellier et al. 2018): (g_i' - g_i) g_j, i driven by j.
VECTOR_FIELD = Rule(
    "vector-field",
    "equilibrium propagation with asymmetric weights",
    3,
    Second.NUDGED,
    (Product(1, Factor.FREE, Factor.SECOND), Product(-1, Factor.FREE, Factor.FREE)),
    ("recurrent", "layered"),
    asymmetric=True,
)
#: Both (Ernoult et al. 2020).
CONTINUAL_VECTOR_FIELD = Rule(
    "continual-vector-field",
    "the same, continually",
    4,
    Second.NUDGED,
    VECTOR_FIELD.products,
    VECTOR_FIELD.topologies,
    every_step=True,
    asymmetric=True,
)
#: All rules by their names, in the order of their codes.
RULES = {rule.name: rule for rule in (EP, RBP, CONTINUAL, VECTOR_FIELD, CONTINUAL_VECTOR_FIELD)}

#: Names of those that need no hardware of their own; devices learn by these.
BASIC_RULES = tuple(name for name, rule in RULES.items() if not rule.fields)


class Machine(Protocol):
    """What the rules of a machine depend on; a MachineSpec has it."""

    @property
    def recurrent(self) -> bool:
        """One recurrent layer; if false, a layered machine."""

    @property
    def continual(self) -> bool:
        """The weights can learn after every step."""

    @property
    def asymmetric(self) -> bool:
        """The two directions between two neurons have a weight each."""


def rules_of(machine: Machine) -> tuple[Rule, ...]:
    """The rules that a machine may learn by."""
    topology = "recurrent" if machine.recurrent else "layered"
    return tuple(
        rule
        for rule in RULES.values()
        if topology in rule.topologies
        and rule.asymmetric == machine.asymmetric
        and all(getattr(machine, name) for name in rule.fields)
    )


def first_rule(machine: Machine) -> str:
    """The name of the rule that a machine learns by if nobody gives any."""
    return rules_of(machine)[0].name


def code_bits(machine: Machine) -> int:
    """Bits of the register ``rule`` that a machine has; 0 where there is one rule."""
    rules = rules_of(machine)
    return max(rule.code for rule in rules).bit_length() if len(rules) > 1 else 0


def rule_of(code: int, machine: Machine) -> Rule:
    """The rule that a register's value stands for: higher bits are ignored, and a code of no rule means the first."""
    rules, code = rules_of(machine), code % (1 << code_bits(machine))
    return next((rule for rule in rules if rule.code == code), rules[0])
