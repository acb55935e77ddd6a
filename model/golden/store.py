"""The golden machine's store of patterns: what a board answers to STORE, LEARN_STORED, RECALL_STORED and DIGEST."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import Op, Status
from ohmprop.model.link.records import LearnReply, RecallReply, Record, StoredReply
from ohmprop.model.link.sparse import Sparse, split_sparse
from ohmprop.model.link.stored import NUMBER_BYTES, RELATIVE_BYTES, STORE_HEADER, Store, store_of
from ohmprop.model.spec import MachineSpec

#: The requests that this answers.
STORED = (Op.STORE, Op.LEARN_STORED, Op.RECALL_STORED, Op.DIGEST)
Answer = tuple[Status, bytes]


def packed_rows(kind: type[Record], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Records of a kind as bytes (count, its size), from their fields (count, fields)."""
    columns = [
        np.ascontiguousarray(rows[:, at]).astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
        for at, width in enumerate(kind.widths().values())
    ]
    return np.concatenate(columns, axis=1)


def learnt_together(rows: NDArray[np.int64], lfsr: int) -> StoredReply:
    """What LEARN_STORED answers to patterns whose LearnReplies' fields are ``rows``."""
    packed = packed_rows(LearnReply, rows)
    return _together(rows, 0, lfsr, zlib.crc32(packed.tobytes()))


def recalled_together(
    rows: NDArray[np.int64], answers: NDArray[np.uint8], labels: NDArray[Any], lfsr: int
) -> StoredReply:
    """What RECALL_STORED answers to patterns of classes ``labels`` with these answers and RecallReplies' fields."""
    packed = np.concatenate([packed_rows(RecallReply, rows), answers], axis=1)
    wrong = int((answers.argmax(axis=1) != labels).sum())
    return _together(rows, wrong, lfsr, zlib.crc32(packed.tobytes()))


def _together(rows: NDArray[np.int64], wrong: int, lfsr: int, replies: int) -> StoredReply:
    first, second, clocks = (int(total) for total in rows[:, :3].sum(axis=0))
    widths = StoredReply.widths()
    limit = {name: 1 << 8 * width for name, width in widths.items()}
    return StoredReply(
        len(rows),
        wrong,
        first % limit["first_steps"],
        second % limit["second_steps"],
        clocks % limit["clocks"],
        lfsr,
        replies,
    )


class GoldenStore:
    """The store of a golden board, and what it answers.

    Members
    -------
    machine : learns and recalls.
    held : what is stored.
    """

    def __init__(self, spec: MachineSpec, machine: GoldenMachine) -> None:
        self._spec, self.machine = spec, machine
        self.held: Store = store_of(spec)
        self._patterns: list[Sparse] = []

    def execute(self, op: int, payload: bytes) -> Answer:
        """What is answered to one of STORED; all checks come first."""
        if op == Op.STORE:
            return self._add(payload)
        if op == Op.DIGEST:
            return self._digest(payload)
        return self._run(op == Op.LEARN_STORED, payload)

    def _add(self, payload: bytes) -> Answer:
        if len(payload) <= STORE_HEADER:
            return Status.BAD_LENGTH, b""
        first, each = int.from_bytes(payload[:NUMBER_BYTES], "little"), payload[NUMBER_BYTES]
        records = split_sparse(self._spec, payload[STORE_HEADER:])
        if not records:
            return Status.BAD_PATTERN, b""
        parts = [part for _, part in records]
        if not self.held.fits(first, each, parts):
            return Status.NOT_STORED, b""
        if first == 0:
            self._patterns = []
        self.held.add(first, each, parts)
        self._patterns += [pattern for pattern, _ in records]
        return Status.DONE, self.held.holding().pack()

    def _digest(self, payload: bytes) -> Answer:
        if len(payload) != 2 * NUMBER_BYTES:
            return Status.BAD_LENGTH, b""
        first, count = (int.from_bytes(payload[at:][:NUMBER_BYTES], "little") for at in (0, NUMBER_BYTES))
        if first + count > len(self.held.records):
            return Status.NOT_STORED, b""
        return Status.DONE, self.held.holding(first, count).pack()

    def _run(self, learn: bool, payload: bytes) -> Answer:
        size = len(payload) - NUMBER_BYTES
        if size < RELATIVE_BYTES or size % RELATIVE_BYTES:
            return Status.BAD_LENGTH, b""
        first = int.from_bytes(payload[:NUMBER_BYTES], "little")
        numbers = first + np.frombuffer(payload[NUMBER_BYTES:], "<u2").astype(np.int64)
        if numbers.max() >= len(self._patterns):
            return Status.NOT_STORED, b""
        machine = self.machine
        if not machine.settings.skip:
            return Status.BAD_PATTERN, b""
        chosen = [self._patterns[number] for number in numbers]
        images = np.stack([pattern.pixels for pattern in chosen])
        labels = np.array([pattern.label for pattern in chosen])
        if learn:
            rows = machine.learn_many(images, labels[:, None] == np.arange(self._spec.outputs))
            return Status.DONE, learnt_together(rows, machine.lfsr).pack()
        answers, rows = machine.recall_many(images)
        return Status.DONE, recalled_together(rows, answers, labels, machine.lfsr).pack()
