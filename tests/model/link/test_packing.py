"""Patterns as bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.frames import CRC_BYTES
from ohmprop.model.link.packing import block_bytes, frame_bytes, pack_pattern, pattern_bytes, unpack_pattern
from ohmprop.model.spec import MachineSpec


@given(st.integers(2, 256), st.integers(1, 64), st.data())
def test_patterns_round_trip(neurons, lanes, data):
    spec = MachineSpec(layers=(neurons,), lanes=lanes)
    bits = data.draw(st.integers(0, (1 << neurons) - 1))
    pattern = np.array([bits >> at & 1 for at in range(neurons)], np.bool_)
    packed = pack_pattern(spec, pattern)
    assert len(packed) == pattern_bytes(spec) == spec.layout.blocks * block_bytes(spec)
    assert np.array_equal(unpack_pattern(spec, packed), pattern)
    for neuron in range(neurons):
        block, lane = divmod(neuron, lanes)
        assert packed[block * block_bytes(spec) + lane // 8] >> lane % 8 & 1 == pattern[neuron]
    assert frame_bytes(spec) >= 2 + 2 * len(packed) + CRC_BYTES
    assert frame_bytes(spec) & (frame_bytes(spec) - 1) == 0
