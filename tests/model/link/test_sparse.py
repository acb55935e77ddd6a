"""Sparse patterns as bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.frames import PACKET, REPLY_BYTES
from ohmprop.model.link.packing import input_bytes
from ohmprop.model.link.records import LearnReply
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse, unpack_sparse
from ohmprop.model.spec import MachineSpec


@given(st.data())
def test_records_round_trip(data):
    spec = MachineSpec(layers=(data.draw(st.integers(1, 90)), 4, 7))
    # Many zeros one after the other, as in images.
    pixels = st.lists(st.sampled_from([0] * 9 + list(range(16))), min_size=spec.inputs, max_size=spec.inputs)
    drawn = data.draw(st.lists(st.tuples(st.integers(0, 6), pixels), min_size=1, max_size=MOST_PATTERNS))
    records = [Sparse(label, np.array(image, np.uint8)) for label, image in drawn]
    found = unpack_sparse(spec, b"".join(record.pack() for record in records))
    assert found is not None and [one.label for one in found] == [label for label, _ in drawn]
    assert all(np.array_equal(one.pixels, record.pixels) for one, record in zip(found, records, strict=True))


@pytest.mark.parametrize(
    ("pixels", "packed"),
    [
        ([0] * 40, "07 00"),
        ([1, 15], "07 f1 00"),
        ([0, 3], "07 10 03 00"),
        # Runs of 15 and 31 zeros: a digit of 15 is followed by another.
        ([*[0] * 15, 2], "07 f0 20 00"),
        ([*[0] * 31, 2], "07 f0 1f 02 00"),
        ([5, 0, 0, 6, 0, 0, 0], "07 05 62 00"),
    ],
)
def test_the_bytes_of_a_record(pixels, packed):
    assert Sparse(7, np.array(pixels, np.uint8)).pack().hex(" ") == packed


def test_a_reply_to_as_many_patterns_as_go_into_one_fills_a_packet():
    assert MOST_PATTERNS * LearnReply.size() <= REPLY_BYTES < (MOST_PATTERNS + 1) * LearnReply.size()
    # Op, number, status and CRC, and two bytes of COBS.
    assert REPLY_BYTES + 3 + 4 + 2 == PACKET


def test_a_dense_image_is_longer_than_as_packed_pixels():
    spec = MachineSpec(layers=(784, 16, 10))
    black_and_white = np.arange(spec.inputs, dtype=np.uint8) % 2
    assert len(Sparse(0, black_and_white).pack()) > input_bytes(spec) > len(Sparse(0, 0 * black_and_white).pack())


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "00",
        "00 00 00",
        "05 00",
        "00 11 11 11 00",
        "00 01",
        "00 f0 05 00",
        "00 00 01",
        "00 00" * (MOST_PATTERNS + 1),
    ],
)
def test_what_is_no_record(payload):
    assert unpack_sparse(MachineSpec(layers=(5, 4, 5)), bytes.fromhex(payload)) is None
