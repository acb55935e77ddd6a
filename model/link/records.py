"""Fixed-size records, and what the machine reports in them: replies and counters."""

import dataclasses
from dataclasses import dataclass
from typing import Self

from ohmprop.model.link.frames import REPLY_BYTES


@dataclass(frozen=True)
class Record:
    """Base of the fixed-size records: fields with a width in bytes each, little-endian, packed."""

    @classmethod
    def widths(cls) -> dict[str, int]:
        """Field names with their widths in bytes, in order."""
        return {item.name: item.metadata["bytes"] for item in dataclasses.fields(cls)}

    @classmethod
    def size(cls) -> int:
        """Bytes of the packed record."""
        return sum(cls.widths().values())

    def pack(self) -> bytes:
        """The record as bytes."""
        return b"".join(int(getattr(self, name)).to_bytes(width, "little") for name, width in self.widths().items())

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The record from its bytes; the caller has checked the length."""
        values, at = {}, 0
        for name, width in cls.widths().items():
            values[name] = int.from_bytes(data[at : at + width], "little")
            at += width
        return cls(**values)


def number_bytes(width: int) -> int:
    """A field of a Record: a number of ``width`` bytes."""
    return dataclasses.field(default=0, metadata={"bytes": width})


@dataclass(frozen=True)
class LearnReply(Record):
    """What one learnt pattern reports: steps of both phases, the machine's clocks, the LFSR after it."""

    free_steps: int = number_bytes(1)
    nudged_steps: int = number_bytes(1)
    clocks: int = number_bytes(4)
    lfsr: int = number_bytes(4)


@dataclass(frozen=True)
class RecallReply(Record):
    """What one recall reports before the sign words: steps with the input on and off, the machine's clocks."""

    driven_steps: int = number_bytes(1)
    released_steps: int = number_bytes(1)
    clocks: int = number_bytes(4)


@dataclass(frozen=True)
class StoredReply(Record):
    """What learnt or recalled patterns of the store report together; sums wrap around."""

    patterns: int = number_bytes(2)
    wrong: int = number_bytes(2)  #: recalled ones whose strongest output, the first of several, is not their class
    first_steps: int = number_bytes(3)  #: sum of free or driven steps
    second_steps: int = number_bytes(3)  #: sum of nudged or released steps
    clocks: int = number_bytes(4)  #: sum of the machine's
    lfsr: int = number_bytes(4)  #: after them
    replies: int = number_bytes(4)  #: CRC-32 of a LearnReply of each, or of a RecallReply and the outputs' states
    fill: int = number_bytes(REPLY_BYTES - 22)  #: zeros


@dataclass(frozen=True)
class Holding(Record):
    """What the store holds."""

    records: int = number_bytes(3)
    slots: int = number_bytes(1)  #: of each
    received: int = number_bytes(4)  #: CRC-32 of all of them as they came, one after the other
    read: int = number_bytes(4)  #: of those asked for, as they are read from the store; 0 of none


@dataclass(frozen=True)
class Counters(Record):
    """Space.COUNTERS: counts since power-up; all wrap around."""

    clocks: int = number_bytes(6)  #: every clock
    busy_clocks: int = number_bytes(6)  #: clocks spent learning or recalling
    steps: int = number_bytes(4)  #: Euler steps
    learnt: int = number_bytes(4)  #: patterns learnt
    recalled: int = number_bytes(4)  #: patterns recalled
    rows_skipped: int = number_bytes(6)  #: words of zero inputs that were neither read nor programmed
    updates_skipped: int = number_bytes(4)  #: updates left out, as no nudged step had changed a state
    frames: int = number_bytes(4)  #: frames received whole
    refused: int = number_bytes(2)  #: requests refused, damaged ones included
    repeated: int = number_bytes(2)  #: requests answered from the cache
    dropped: int = number_bytes(2)  #: frames that found no free buffer
