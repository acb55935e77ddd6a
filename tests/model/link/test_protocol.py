"""The codecs of model/link/protocol.py."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.protocol import (
    CRC_BYTES,
    Counters,
    Identity,
    LearnReply,
    RecallReply,
    SettingsRegisters,
    block_bytes,
    decode_frame,
    encode_frame,
    frame_bytes,
    pack_pattern,
    pattern_bytes,
    unpack_pattern,
)
from ohmprop.model.spec import MachineSpec, Settings

BYTE = st.integers(0, 255)
#: Zeros are frequent and long runs without one as well, as those are COBS's two cases.
PAYLOAD = st.one_of(
    st.binary(max_size=600), st.builds(lambda n, tail: b"x" * n + tail, st.integers(240, 260), st.binary())
)


@given(BYTE, BYTE, PAYLOAD)
def test_frames_round_trip(op, sequence, payload):
    wire = encode_frame(op, sequence, payload)
    assert wire.count(0) == 1 and wire[-1] == 0
    body = 2 + len(payload) + CRC_BYTES
    assert body + 2 <= len(wire) <= body + -(-body // 254) + 1
    assert decode_frame(wire[:-1]) == (op, sequence, payload)


@given(BYTE, BYTE, PAYLOAD, st.data())
def test_one_damaged_byte_is_noticed(op, sequence, payload, data):
    wire = bytearray(encode_frame(op, sequence, payload)[:-1])
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    assert all(decode_frame(piece) is None for piece in bytes(wire).split(b"\0"))


@given(st.binary(max_size=300))
def test_rubbish_is_no_frame_or_encodes_to_itself(wire):
    decoded = decode_frame(wire)
    if decoded:
        assert decode_frame(encode_frame(*decoded)[:-1]) == decoded


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


@pytest.mark.parametrize("record", [LearnReply, RecallReply, SettingsRegisters, Counters])
@given(data=st.data())
def test_records_round_trip(record, data):
    values = {name: data.draw(st.integers(0, 256**width - 1)) for name, width in record.widths().items()}
    packed = record(**values).pack()
    assert len(packed) == record.size() == sum(record.widths().values())
    assert dataclasses.asdict(record.unpack(packed)) == values


@given(st.integers(2, 256), st.integers(1, 64))
def test_identity_round_trips(neurons, lanes):
    identity = Identity.of(MachineSpec(layers=(neurons,), lanes=lanes))
    packed = identity.pack()
    assert len(packed) == Identity.size()
    assert Identity.unpack(packed) == identity
    assert Identity.unpack(packed[:-1]) is None
    assert Identity.unpack(b"?" + packed[1:]) is None


def test_settings_registers_hold_the_settings():
    settings = Settings(1, 2, 3, 4, (7,), 5, False)
    registers = SettingsRegisters.of(MachineSpec(settings=settings), settings, 9)
    assert registers.pack() == bytes(
        [1, 2, 3, 4, 7 - MachineSpec().update_shift_base, 0, 0, 0, 0, 5, 0, 0, 1, 0, 9, 0, 0, 0]
    )
