"""The ID block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.features import FEATURES, basic, feature_bits, lacking
from ohmprop.model.link.identity import Identity
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped


@given(st.integers(2, 256), st.integers(1, 64))
def test_identity_round_trips(neurons, lanes):
    identity = Identity.of(MachineSpec(layers=(neurons,), lanes=lanes))
    packed = identity.pack()
    assert len(packed) == Identity.size()
    assert Identity.unpack(packed) == identity
    assert Identity.unpack(packed[:-1]) is None
    assert Identity.unpack(b"?" + packed[1:]) is None


def test_a_feature_that_a_board_lacks():
    spec = MachineSpec(layers=(10,), lanes=4, pulses=True)
    (pulses,) = lacking(spec, Identity.of(basic(spec)).features)
    assert pulses.field == "pulses" and not lacking(spec, feature_bits(spec))
    assert not lacking(basic(spec), 0)
    assert len({feature.bit for feature in FEATURES}) == len(FEATURES)


@pytest.mark.parametrize("layers", [(9,), (9, 5, 3)], ids=str)
def test_settings_that_need_a_feature_do_not_hide_the_basic_machine(layers):
    plain = MachineSpec(layers=layers)
    order = plain.topology.order
    for changes in ({"order": order, "free_eps": 1.0}, {"nudge": "random", "beta": 0.5}, {"rule": "continual"}):
        machine = equipped(plain, **changes)
        assert machine.spec_hash != plain.spec_hash == basic(machine).spec_hash
    # Two weights for a pair are not the weights of a machine that has one.
    field = equipped(plain, rule="continual-vector-field", order=order)
    assert basic(field).spec_hash == equipped(plain, rule="vector-field").spec_hash != plain.spec_hash
