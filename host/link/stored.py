"""Patterns that a board keeps: they are sent to it once, and then learnt and recalled by their numbers."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.access import CLOCK_BYTES, Request, read_clocks, sized
from ohmprop.host.link.exchange import Link
from ohmprop.host.link.patterns import Pace
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.link.frames import CRC_BYTES, Op
from ohmprop.model.link.handling import stored_clocks
from ohmprop.model.link.records import Holding, StoredReply
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.link.stored import NUMBER_BYTES, REACH, RELATIVE_BYTES, SLOTS, STORE_HEADER, numbered, store_of
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES

#: Records of a DIGEST, and clocks that one takes at most: it is read and gone through.
DIGESTED, DIGEST_CLOCKS = 500, 2000


class MemoryFault(MachineError):
    """The board's store holds other patterns than were sent to it."""


def further_clocks(pattern: int, op: int, payload: bytes) -> int:
    """Clocks that a request takes at most beyond those of one pattern, which takes ``pattern``."""
    if op in (Op.LEARN_STORED, Op.RECALL_STORED):
        return (len(payload) - NUMBER_BYTES) // RELATIVE_BYTES * pattern
    return int.from_bytes(payload[NUMBER_BYTES:], "little") * DIGEST_CLOCKS if op == Op.DIGEST else 0


class Library:
    """Patterns as a store has them, set after set.

    Parameters
    ----------
    spec : the machine that learns them.
    frame_bytes : the longest frame that a board takes.
    sets : inputs (count, inputs) of four bits and targets (count, outputs), one of which is set, of each.

    Members
    -------
    records : all of them, as bytes.
    slots : of a record.

    UserError, which says what is too large, if a store cannot hold them.
    """

    def __init__(
        self, spec: MachineSpec, frame_bytes: int, sets: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]]
    ) -> None:
        self.records: list[bytes] = []
        self._sets: list[tuple[int, dict[bytes, int]]] = []
        for inputs, targets in sets:
            first, labels = len(self.records), targets.argmax(axis=1).tolist()
            self.records += [Sparse(label, pixels).pack() for label, pixels in zip(labels, inputs, strict=True)]
            keys = map(_key, labels, inputs)
            self._sets.append((first, {key: number for number, key in enumerate(keys, first)}))
        longest, count = max(map(len, self.records)), len(self.records)
        self.slots = SLOTS[longest > SLOT_BYTES]
        if longest > min(SLOTS[-1] * SLOT_BYTES, frame_bytes - 2 - CRC_BYTES - STORE_HEADER):
            raise UserError(f"A pattern of {longest} bytes is too long for the board's store; leave --stored out.")
        room = store_of(spec).slots // self.slots
        if count > room or max(len(inputs) for inputs, _ in sets) > REACH:
            raise UserError(
                f"{count} patterns are too many for the board's store, which holds {min(room, REACH)} of them; give fewer "
                "(--per-class), or leave --stored out."
            )

    def find(self, inputs: NDArray[Any], targets: NDArray[np.bool_]) -> tuple[int, list[int]] | None:
        """The first number of a set that has all of these, and their numbers; None if there is no such set."""
        keys = [*map(_key, targets.argmax(axis=1).tolist(), inputs)]
        for first, numbers in self._sets:
            if all(key in numbers for key in keys):
                return first, [numbers[key] for key in keys]
        return None


def _key(label: int, pixels: NDArray[Any]) -> bytes:
    """What a pattern is known by."""
    return bytes([label]) + pixels.tobytes()


class Stored:
    """The store of a connected board.

    Members
    -------
    uploaded_bytes : what was sent to it to be stored, frames and all.
    """

    def __init__(self, link: Link, spec: MachineSpec, frame_bytes: int) -> None:
        self._link, self._spec, self._room = link, spec, frame_bytes - 2 - CRC_BYTES
        self.uploaded_bytes = 0

    def upload(self, library: Library, advance: Callable[[], None] = lambda: None) -> None:
        """See that the board has these patterns and no others; what it has already is not sent again.

        ``advance`` is called for each record. MemoryFault if it reads others than were sent.
        """
        records, slots, sent = library.records, library.slots, self._link.sent
        held = self._digest(0, 0)
        begun = held.records if self._begins(held, library) else 0
        for _ in range(begun):
            advance()
        for reply in self._link.exchange(self._store(records, begun, slots)):
            for _ in range(Holding.unpack(sized(reply, Holding.size())).records - begun):
                advance()
                begun += 1
        self.uploaded_bytes += self._link.sent - sent
        for first in range(0, len(records), DIGESTED):
            part = records[first : first + DIGESTED]
            if self._digest(first, len(part)).read != zlib.crc32(b"".join(part)):
                raise MemoryFault(
                    f"The board's memory has changed one of the patterns {first} to {first + len(part) - 1}; it is damaged, or "
                    "too slow for this clock: give --no-stored, and try ohmprop board check."
                )

    def _begins(self, held: Holding, library: Library) -> bool:
        """Whether what the board has are the library's first patterns."""
        begin = library.records[: held.records]
        whole = held.records <= len(library.records) and held.slots == library.slots
        return whole and held.received == zlib.crc32(b"".join(begin))

    def _store(self, records: Sequence[bytes], number: int, slots: int) -> Iterator[Request]:
        """Requests that store the records from a number on."""
        while number < len(records):
            count, size = 0, STORE_HEADER
            while count < MOST_PATTERNS and number + count < len(records):
                size += len(records[number + count])
                if size > self._room:
                    break
                count += 1
            head = number.to_bytes(NUMBER_BYTES, "little") + bytes([slots])
            yield Op.STORE, head + b"".join(records[number : number + count])
            number += count

    def _digest(self, first: int, count: int) -> Holding:
        payload = b"".join(number.to_bytes(NUMBER_BYTES, "little") for number in (first, count))
        (reply,) = self._link.exchange([(Op.DIGEST, payload)])
        return Holding.unpack(sized(reply, Holding.size()))

    def learn(self, library: Library, first: int, groups: Iterable[Sequence[int]], pace: Pace) -> Iterator[StoredReply]:
        """Learn groups of numbers of the library's set that begins with ``first``, the next on its way while one is learnt.

        ``pace`` is added to once all are taken.
        """
        sent, begun = self._link.sent, read_clocks(self._link)
        busy = learnt = handling = 0

        def requests() -> Iterator[Request]:
            nonlocal handling
            for group in groups:
                size = len(library.records[group[0]])
                handling += stored_clocks(self._spec, len(group), library.slots, size)
                yield Op.LEARN_STORED, numbered(first, group)

        for reply in self._replies(requests()):
            busy, learnt = busy + reply.clocks, learnt + reply.patterns
            yield reply
        pace.clocks += (read_clocks(self._link) - begun) % (1 << 8 * CLOCK_BYTES)
        pace.busy += busy
        pace.handling += handling
        pace.patterns += learnt
        pace.sent += self._link.sent - sent

    def recall(self, first: int, groups: Iterable[Sequence[int]]) -> Iterator[StoredReply]:
        """Recall groups of numbers, as ``learn``."""
        return self._replies((Op.RECALL_STORED, numbered(first, group)) for group in groups)

    def _replies(self, requests: Iterable[Request]) -> Iterator[StoredReply]:
        size = StoredReply.size()
        return (StoredReply.unpack(sized(reply, size)) for reply in self._link.exchange(requests))
