"""The ID block."""

from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.features import FEATURES, basic, feature_bits, lacking
from ohmprop.model.link.identity import Identity
from ohmprop.model.spec import MachineSpec


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
