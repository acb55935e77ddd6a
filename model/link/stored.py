"""Patterns that a board keeps: sparse ones in slots of its store, learnt and recalled by their numbers (docs/protocol.md)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ohmprop.model.link.frames import CRC_BYTES
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.link.records import Holding
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES

#: Bytes of a number of a record, of one relative to a first one, and of how many slots a record has.
NUMBER_BYTES, RELATIVE_BYTES, SLOTS_BYTES = 3, 2, 1
#: Bytes before the records of STORE.
STORE_HEADER = NUMBER_BYTES + SLOTS_BYTES
#: Slots that a record can have, the same for all that are stored.
SLOTS = (1, 2)
#: Records that numbers relative to a first one reach.
REACH = 1 << 8 * RELATIVE_BYTES


def numbers_in_frame(spec: MachineSpec) -> int:
    """Patterns of a LEARN_STORED or RECALL_STORED at most."""
    return (frame_bytes(spec) - 2 - CRC_BYTES - NUMBER_BYTES) // RELATIVE_BYTES


def numbered(first: int, numbers: Sequence[int]) -> bytes:
    """The payload of LEARN_STORED or RECALL_STORED; ``numbers`` are at least ``first``, and less than REACH beyond it."""
    return first.to_bytes(NUMBER_BYTES, "little") + b"".join(
        (number - first).to_bytes(RELATIVE_BYTES, "little") for number in numbers
    )


@dataclass
class Store:
    """What a store holds: records in their order, stored from number 0 on without a gap.

    Members
    -------
    slots : of SLOT_BYTES, in all.
    each : slots of a record.
    records : as bytes.
    received : CRC-32 of all of them.
    """

    slots: int
    each: int = SLOTS[0]
    records: list[bytes] = field(default_factory=list)
    received: int = 0

    def fits(self, first: int, each: int, records: Sequence[bytes]) -> bool:
        """Whether records can be stored from number ``first`` on: in place of all, or behind those that are there."""
        follows = first == 0 or (first == len(self.records) and each == self.each)
        room = (first + len(records)) * each <= self.slots
        return follows and each in SLOTS and room and max(map(len, records)) <= each * SLOT_BYTES

    def add(self, first: int, each: int, records: Sequence[bytes]) -> None:
        """Store records that fit."""
        if first == 0:
            self.records, self.each, self.received = [], each, 0
        self.records += records
        self.received = zlib.crc32(b"".join(records), self.received)

    def holding(self, first: int = 0, count: int = 0) -> Holding:
        """What a board says of it; ``first`` + ``count`` is at most the number of records."""
        read = zlib.crc32(b"".join(self.records[first : first + count]))
        return Holding(len(self.records), self.each, self.received, read)


def store_of(spec: MachineSpec) -> Store:
    """A machine's empty store."""
    return Store(spec.store // SLOT_BYTES)
