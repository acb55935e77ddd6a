"""A board that keeps the patterns it learns, beside the golden machine."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.exchange import BoardReset
from ohmprop.host.link.stored import Library
from ohmprop.host.run.learner import RESETS, Stopped
from ohmprop.host.run.twin import Twin
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.golden.store import learnt_together, recalled_together
from ohmprop.model.link.records import LearnReply
from ohmprop.model.link.stored import numbers_in_frame

#: Patterns of the first frame; later ones have up to as many as a frame takes, but fewer where Ctrl-C would wait for longer.
FIRST_PATTERNS, PATIENCE_SECONDS = 64, 0.5


class StoredTwin(Twin):
    """A board that keeps patterns, as the learner; a frame of numbers stands for many of them.

    A frame's reply holds sums and a CRC of all single replies, so that it is compared with the golden machine's in every bit.
    """

    _library: Library | None = None
    _size = FIRST_PATTERNS

    def store(
        self, sets: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]], advance: Callable[[], None] = lambda: None
    ) -> None:
        """See that the board has sets of inputs and targets; UserError if they cannot be stored."""
        self._library = library = Library(self.spec, self.board.identity.frame_bytes, sets)
        self._surely(lambda: self.board.store.upload(library, advance))

    def _load(self) -> None:
        """Give the board its patterns as well."""
        super()._load()
        if self._library:
            self.board.store.upload(self._library)

    def learn(
        self, names: Sequence[str], inputs: NDArray[Any], targets: NDArray[np.bool_], stopped: Stopped
    ) -> Iterator[LearnReply]:
        """Learn on the board until stopped; yields every reply, of stored patterns the golden machine's."""
        found = self._find(inputs, targets)
        if found is None or self._library is None:
            yield from super().learn(names, inputs, targets, stopped)
            return
        first, numbers = found
        done = resets = 0
        while done < len(numbers) and not stopped():
            try:
                if resets:
                    self._restore()
                groups = self._groups(numbers[done:], stopped)
                for reply in self.board.store.learn(self._library, first, groups, self._pace):
                    begin, done, resets = done, done + reply.patterns, 0
                    rows = self.machine.learn_many(inputs[begin:done], targets[begin:done])
                    expected = learnt_together(rows, self.machine.lfsr)
                    self._compare(f"{names[begin]} and the {len(rows) - 1} behind it: reply", reply, expected)
                    yield from (LearnReply(*row) for row in rows.tolist())
            except BoardReset:
                resets += 1
                if not self._reconnects or resets > RESETS:
                    raise

    def errors(self, inputs: NDArray[Any], targets: NDArray[np.bool_]) -> int | None:
        """How many of stored inputs the board reads as another class than their targets'; nothing of it is counted.

        None if they are not stored, or where devices make each reading another one.
        """
        found = self._find(inputs, targets)
        if found is None or self.machine.device:
            return None
        first, numbers = found
        counted = self._surely(self.counted)
        wrong = self._surely(lambda: self._misread(first, numbers, inputs, targets))
        self._surely(lambda: self._count_from(counted))
        return wrong

    def _count_from(self, counted: dict[str, int]) -> None:
        """Leave out of the counters what they have grown by since they were so; the line's go on."""
        self.counted()
        self._base, self._before = {**counted, **self._line}, self.board.read_counters()

    def _misread(self, first: int, numbers: list[int], inputs: NDArray[Any], targets: NDArray[np.bool_]) -> int:
        machine = GoldenMachine(self.spec, self.machine.settings, self.machine.lfsr)
        machine.weights = self.machine.weights
        labels, done, wrong = targets.argmax(axis=1), 0, 0
        for reply in self.board.store.recall(first, self._groups(numbers, lambda: False)):
            part = slice(done, done + reply.patterns)
            answers, rows = machine.recall_many(inputs[part])
            expected = recalled_together(rows, answers, labels[part], machine.lfsr)
            self._compare(f"stored inputs {part.start} to {part.stop - 1}: reply", reply, expected)
            done, wrong = part.stop, wrong + reply.wrong
        return wrong

    def _find(self, inputs: NDArray[Any], targets: NDArray[np.bool_]) -> tuple[int, list[int]] | None:
        """Where these are stored; None if they are not all, or cannot be learnt so by the settings."""
        if self._library is None or not self._settings.skip:
            return None
        return self._library.find(inputs, targets)

    def _groups(self, numbers: list[int], stopped: Stopped) -> Iterator[list[int]]:
        """Numbers in groups of one frame each, as large as replies come soon enough."""
        at, most = 0, numbers_in_frame(self.spec)
        while at < len(numbers) and not stopped():
            # Asked for the next one when a frame has been answered.
            asked, size = time.monotonic(), self._size
            yield numbers[at : at + size]
            at += size
            self._size = min(most, 2 * size) if time.monotonic() - asked < PATIENCE_SECONDS else max(1, size // 2)

    def figures(self) -> dict[str, Any]:
        """Whether the patterns were stored, and the bytes that this took, beside the rest."""
        stored = {"stored": self._library is not None, "uploaded_bytes": self.board.store.uploaded_bytes}
        return super().figures() | stored
