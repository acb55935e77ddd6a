"""The rules' records: what spec, golden machine, hardware and the link rely on."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.rules import EP, RBP, RULES, Factor, Rule, Second, code_bits, rule_of, rules_of
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.options import equipped


def test_codes_stay() -> None:
    # They are in the registers of boards that were built.
    codes = {"ep": 0, "rbp": 1, "continual": 2, "vector-field": 3, "continual-vector-field": 4}
    assert {rule.name: rule.code for rule in RULES.values()} == codes


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_both_copies_of_a_pair_learn_the_same(rule: Rule) -> None:
    factors = {Factor.FREE: np.array([3, -5, 7]), Factor.SECOND: np.array([11, 2, -13])}
    total = sum(
        product.sign * np.multiply.outer(factors[product.row], factors[product.column]) for product in rule.products
    )
    assert np.array_equal(total, np.transpose(total)) != rule.asymmetric


MACHINES = {
    "recurrent": MachineSpec(layers=(9,)),
    "layered": MachineSpec(layers=(9, 4, 2)),
    "continual": MachineSpec(layers=(9,), continual=True),
    "asymmetric": MachineSpec(layers=(9,), asymmetric=True),
    "both": MachineSpec(layers=(9,), continual=True, asymmetric=True),
}


@pytest.mark.parametrize("name", MACHINES)
def test_registers_and_rules(name: str) -> None:
    spec = MACHINES[name]
    possible, bits = rules_of(spec), code_bits(spec)
    assert spec.settings.rule == possible[0].name
    assert len(possible) == 1 or all(rule.code < 1 << bits for rule in possible)
    for rule in possible:
        assert rule_of(rule.code, spec) is rule is rule_of(rule.code + (1 << bits), spec)


def test_a_machine_without_options_has_the_bits_that_it_had() -> None:
    assert [code_bits(MACHINES[name]) for name in ("recurrent", "layered")] == [1, 0]


@pytest.mark.parametrize("name", MACHINES)
def test_a_rule_that_the_machine_lacks_is_refused(name: str) -> None:
    spec = MACHINES[name]
    for rule in RULES.values():
        if rule in rules_of(spec):
            continue
        with pytest.raises(
            UserError, match=f"^rule = {rule.name} (belongs to|does not go with|needs hardware)[^;]*;.*\\.$"
        ):
            replace(spec, settings=replace(spec.settings, rule=rule.name))
        if spec.topology.name in rule.topologies:
            assert equipped(spec, rule=rule.name).settings.rule == rule.name


def test_a_continual_rule_has_no_centred_nudge() -> None:
    with pytest.raises(UserError, match=r"^nudge = centred does not go with rule = continual.*; give another nudge\.$"):
        equipped(MACHINES["layered"], rule="continual", nudge="centred")


def test_a_rule_of_another_topology_is_refused() -> None:
    assert (RBP.second, rules_of(MACHINES["layered"])) == (Second.SIDE, (EP,))
    settings = Settings(nudged_steps=4, released_steps=0, eta_shifts=(3, 4), rule="rbp")
    with pytest.raises(UserError, match=r"^rule = rbp belongs to a recurrent machine; a layered one learns by ep, so"):
        MachineSpec(layers=(9, 4, 2), settings=settings)
    for wrong in ("hebb", ["ep"], 1):
        with pytest.raises(UserError, match=r"^rule = .* is impossible; give one of ep, rbp, continual, .*\.$"):
            Settings(rule=wrong)  # type: ignore[arg-type]
