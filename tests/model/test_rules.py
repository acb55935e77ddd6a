"""The rules' records: what spec, golden machine, hardware and the link rely on."""

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.rules import EP, RBP, RULES, Factor, Rule, Second, code_bits, rule_of, rules_of
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.topology import TOPOLOGIES


def test_codes_stay() -> None:
    # They are in the registers of boards that were built.
    assert {rule.name: rule.code for rule in RULES.values()} == {"ep": 0, "rbp": 1}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_both_copies_of_a_pair_learn_the_same(rule: Rule) -> None:
    factors = {Factor.FREE: np.array([3, -5, 7]), Factor.SECOND: np.array([11, 2, -13])}
    total = sum(
        product.sign * np.multiply.outer(factors[product.row], factors[product.column]) for product in rule.products
    )
    assert np.array_equal(total, np.transpose(total))


@pytest.mark.parametrize("topology", [topology.name for topology in TOPOLOGIES])
def test_registers_and_rules(topology: str) -> None:
    possible = rules_of(topology)
    assert possible[0] is EP and all(rule.code < 1 << code_bits(topology) for rule in possible)
    for rule in possible:
        assert rule_of(rule.code, topology) is rule is rule_of(rule.code + (1 << code_bits(topology)), topology)


def test_a_rule_of_another_topology_is_refused() -> None:
    assert (RBP.second, rules_of("layered"), code_bits("layered")) == (Second.SIDE, (EP,), 0)
    settings = Settings(nudged_steps=4, released_steps=0, eta_shifts=(3, 4), rule="rbp")
    with pytest.raises(UserError, match=r"^rule = rbp belongs to a recurrent machine; a layered one learns by ep, so"):
        MachineSpec(layers=(9, 4, 2), settings=settings)
    for wrong in ("hebb", ["ep"], 1):
        with pytest.raises(UserError, match=r"^rule = .* is impossible; give one of ep, rbp\.$"):
            Settings(rule=wrong)  # type: ignore[arg-type]
