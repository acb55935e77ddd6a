"""Frames: there and back, and damage noticed."""

from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.frames import CRC_BYTES, decode_frame, encode_frame

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
