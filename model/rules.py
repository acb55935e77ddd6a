"""The learning rules, a record for each: spec, golden machine, hardware and the link read from it what the rule does.

A rule relaxes twice and then updates the weights by two products of what the two phases ended with. The first phase, the
free one, is the same for all.
"""

from dataclasses import dataclass
from enum import Enum


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
    products : the two products whose sum is a weight's difference. Where storage is symmetric, their sum must be the same
        for (i, j) and (j, i).
    topologies : names of the topologies that may learn by it.
    """

    name: str
    title: str
    code: int
    second: Second
    products: tuple[Product, Product]
    topologies: tuple[str, ...]


#: Equilibrium propagation (Scellier and Bengio 2017, eq. 9): g_i' g_j' - g_i g_j, ' nudged.
EP = Rule(
    "ep",
    "equilibrium propagation",
    0,
    Second.NUDGED,
    (Product(1, Factor.SECOND, Factor.SECOND), Product(-1, Factor.FREE, Factor.FREE)),
    ("recurrent", "layered"),
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
#: All rules by their names, in the order of their codes.
RULES = {rule.name: rule for rule in (EP, RBP)}


def rules_of(topology: str) -> tuple[Rule, ...]:
    """The rules that machines of a topology may learn by."""
    return tuple(rule for rule in RULES.values() if topology in rule.topologies)


def code_bits(topology: str) -> int:
    """Bits of the register ``rule`` that a machine of a topology has; 0 where there is one rule, of code 0."""
    return max(rule.code for rule in rules_of(topology)).bit_length()


def rule_of(code: int, topology: str) -> Rule:
    """The rule that a register's value stands for: higher bits are ignored, and a code of no rule means the first."""
    code %= 1 << code_bits(topology)
    return next((rule for rule in rules_of(topology) if rule.code == code), EP)
