"""Records: there and back."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.link.registers import SettingsRegisters


@pytest.mark.parametrize("record", [LearnReply, RecallReply, SettingsRegisters, Counters])
@given(data=st.data())
def test_records_round_trip(record, data):
    values = {name: data.draw(st.integers(0, 256**width - 1)) for name, width in record.widths().items()}
    packed = record(**values).pack()
    assert len(packed) == record.size() == sum(record.widths().values())
    assert dataclasses.asdict(record.unpack(packed)) == values
