"""Patterns as requests: each by itself or, where a board takes sparse ones, several in a frame."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.access import Request
from ohmprop.model.link.frames import CRC_BYTES, LINE_BITS, Op
from ohmprop.model.link.handling import handling_clocks, sparse_clocks
from ohmprop.model.link.packing import pack_input, pack_target
from ohmprop.model.link.records import LearnReply
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.spec import MachineSpec

#: A pattern, bool (neurons,) with True for white, or a layered machine's pixels, uint8 (inputs,) of pixel_bits each.
Input = NDArray[Any]


@dataclass
class Pace:
    """What learning on a board has taken, by its own counter of clocks: between two readings, before and behind the patterns.

    Members
    -------
    patterns, clocks : in all.
    busy : clocks of learning itself.
    handling : those of taking patterns in and replying, by the formula of model/link/handling.py.
    sent : bytes on the line to the board.
    """

    patterns: int = 0
    clocks: int = 0
    busy: int = 0
    handling: int = 0
    sent: int = 0

    def figures(self, spec: MachineSpec) -> dict[str, Any]:
        """Means, by the names that the JSON uses; empty for a board whose clock stands still while it waits."""
        if self.clocks <= self.busy:
            return {}
        seconds = self.clocks / spec.clock_hz
        return {
            "board_patterns_per_second": self.patterns / seconds,
            "load_clocks": self.handling / self.patterns,
            "idle_clocks": (self.clocks - self.busy) / self.patterns,
            "line_share": LINE_BITS * self.sent / spec.baud / seconds,
        }


class Patterns:
    """How a board gets patterns.

    Parameters
    ----------
    spec : the machine that the board is.
    frame_bytes : the longest frame that it takes.
    sparse : patterns may go without their zeros; the machine takes such ones, and drives no row of a zero pixel.

    Members
    -------
    handling : clocks that taking in the patterns and replying take, by formula, of those that were asked for.
    """

    def __init__(self, spec: MachineSpec, frame_bytes: int, sparse: bool) -> None:
        self._spec, self._room, self._sparse = spec, frame_bytes - 2 - CRC_BYTES, sparse
        self.handling = 0
        # Patterns of each request that is not answered; 0 for one by itself, whose reply is of that one.
        self._counts = deque[int]()

    @property
    def unanswered(self) -> bool:
        """A request that learns is on its way."""
        return bool(self._counts)

    def to_learn(self, pairs: Iterable[tuple[Input, NDArray[np.bool_]]]) -> Iterator[Request]:
        """Requests that learn patterns with their targets, in their order."""
        group: list[bytes] = []
        for pattern, target in pairs:
            record = self._record(pattern, target)
            full = len(group) == MOST_PATTERNS or sum(map(len, group)) + len(record or b"") > self._room
            if group and (record is None or full):
                yield self._several(group)
                group = []
            if record is None:
                self._counts.append(0)
                self.handling += handling_clocks(self._spec)
                yield Op.LEARN, pack_input(self._spec, pattern) + pack_target(self._spec, target)
            else:
                group.append(record)
        if group:
            yield self._several(group)

    def learnt(self, reply: bytes) -> Iterator[bytes]:
        """What the next request's reply says of each of its patterns."""
        count, size = self._counts.popleft(), LearnReply.size()
        return (reply[at : at + size] for at in range(0, count * size, size)) if count else iter([reply])

    def to_recall(self, pattern: Input) -> Request:
        """The request that recalls a pattern."""
        packed = pack_input(self._spec, pattern)
        record = self._record(pattern, np.arange(self._spec.outputs) == 0)
        return (Op.RECALL, packed) if record is None else (Op.RECALL_SPARSE, record)

    def _several(self, group: list[bytes]) -> Request:
        self._counts.append(len(group))
        self.handling += sparse_clocks(self._spec, len(group), sum(map(len, group)))
        return Op.LEARN_SPARSE, b"".join(group)

    def _record(self, pattern: Input, target: NDArray[np.bool_]) -> bytes | None:
        """The pattern as a sparse one; None if it cannot be one, or fits no frame."""
        if not self._sparse or np.count_nonzero(target) != 1:
            return None
        record = Sparse(int(np.argmax(target)), pattern).pack()
        return record if len(record) <= self._room else None
