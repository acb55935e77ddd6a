"""Fixed-size records, and what the machine reports in them: replies and counters."""

import dataclasses
from dataclasses import dataclass
from typing import Self


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
