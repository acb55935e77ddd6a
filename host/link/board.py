"""A board behind a port: every request of the link's protocol, retries and deadlines included."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.access import CLOCKS, Access, Reading, Request, access, read_clocks, sized
from ohmprop.host.link.exchange import Link
from ohmprop.host.link.identify import check_link, identify
from ohmprop.host.link.memristors import Memristors
from ohmprop.host.link.patterns import Input, Pace, Patterns
from ohmprop.host.link.port import Port, open_port, opened
from ohmprop.host.link.stored import Stored, further_clocks
from ohmprop.host.link.weights import Weights, checked_weights
from ohmprop.host.link.wires import WireFactors
from ohmprop.model.errors import UserError
from ohmprop.model.link.frames import Op
from ohmprop.model.link.packing import (
    join_words,
    pattern_bytes,
    split_words,
    target_blocks,
    unpack_pattern,
)
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space, space_words
from ohmprop.model.memristors.tables import conductances
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec, Settings

#: Seconds to wait for a reply, beside the longest relaxation; for the first one, which says whether a board is there.
REPLY_SECONDS = 5.0
CONNECT_SECONDS = 1.0
#: A simulated board runs at least this many clocks per second; a physical one is faster.
SLOWEST_CLOCK_HZ = 500_000

#: What a recall answers: which states are positive, bool (neurons,), or a layered machine's outputs' states, uint8 (outputs,).
Answer = NDArray[Any]
States = NDArray[np.integer[Any]]
_NOTHING = Reading([], 0)


class Board:
    """A board, real, simulated or golden, behind an open port; connects, or refuses the board, at once.

    Parameters
    ----------
    port : the open port (ohmprop.host.link.port); the caller closes it.
    spec : the machine that the board must be.
    timeout : seconds to wait for a reply, beside the longest relaxation.
    clock : what these seconds are measured by; the port's own ``now`` if it has one.

    Members
    -------
    identity : the board's ID block.
    link : requests and replies one by one; its window may be made smaller.
    memristors : what the board's cells are, and pulses on single cells.
    wires : the factors of the crossbar's wires.
    store : the patterns that the board keeps.

    Every method raises MachineError if the link breaks, stays silent, or the board refuses; a request whose frame or
    reply was lost is sent again under its number, so it is executed once. A board that has forgotten what it had learnt
    is a MachineError of the kind BoardReset.

    Examples
    --------
    >>> with connect("golden", MachineSpec(layers=(4,))) as board:
    ...     weights = board.read_weights()
    >>> weights[0].shape
    (4, 4)
    """

    def __init__(
        self,
        port: Port,
        spec: MachineSpec,
        timeout: float = REPLY_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        check_link(spec)
        seconds: Callable[[], float] = getattr(port, "now", time.monotonic) if clock is None else clock
        self.spec = spec
        self.link = Link(port, min(CONNECT_SECONDS, timeout), seconds)
        self.identity = identify(self.link, spec)
        self.link.window = self.identity.window
        # Two phases of 255 steps at most; every word read once and programmed in two clocks.
        clocks = 2 * 255 * spec.layout.step_words + 3 * spec.layout.words
        self.link.timeout = timeout + clocks / SLOWEST_CLOCK_HZ
        self.link.further = lambda op, payload: further_clocks(clocks, op, payload) / SLOWEST_CLOCK_HZ
        # The setting, which sparse patterns want; None while it is not known.
        self._skips: bool | None = None
        self._spaces = Access(self.link, spec, self.identity.frame_bytes)
        self.memristors = Memristors(self.link, spec, self._spaces)
        self.wires = WireFactors(spec, self._spaces, self.read_weights)
        self.store = Stored(self.link, spec, self.identity.frame_bytes)
        # What is read behind each pattern. A layered board's states are not read in learning, since its next image is then
        # on its way while it learns.
        blocks, outputs = range(spec.layout.blocks), target_blocks(spec)
        reads = self._spaces.reading
        self._after_learning = reads(Space.STATES, blocks) if spec.recurrent else _NOTHING
        self._after_recall = _NOTHING if spec.recurrent else reads(Space.STATES, outputs)

    def identify_again(self) -> None:
        """Get in step with a board that was reset; refuses the board as at the first time."""
        self.identity = identify(self.link, self.spec)
        self._skips = None

    # -- patterns ----------------------------------------------------------------------------------------------------

    def learn(self, pattern: Input, target: NDArray[np.bool_] | None = None) -> LearnReply:
        """Learn one pattern; the target, bool (outputs,), is the pattern itself if not given."""
        ((reply, _),) = self._learn([(pattern, pattern if target is None else target)], _NOTHING)
        return reply

    def learn_many(
        self,
        patterns: Iterable[Input],
        targets: Iterable[NDArray[np.bool_]] | None = None,
        pace: Pace | None = None,
    ) -> Iterator[tuple[LearnReply, States | None]]:
        """Learn patterns one after another; yields each one's reply and the states (neurons,) after it.

        Targets, bool (outputs,), are the patterns themselves if not given. A layered board's states are not read: None. The
        next pattern is on its way while the board learns. Take all items: what is left was learnt all the same.
        ``pace`` is added to once all are taken.
        """
        pairs = (
            ((pattern, pattern) for pattern in patterns) if targets is None else zip(patterns, targets, strict=False)
        )
        return self._learn(pairs, self._after_learning, pace)

    def _learn(
        self, pairs: Iterable[tuple[Input, NDArray[np.bool_]]], reading: Reading, pace: Pace | None = None
    ) -> Iterator[tuple[LearnReply, States | None]]:
        patterns, size, sent = self._patterns(), LearnReply.size(), self.link.sent
        # Waited for, so that a cable's chip holds nothing back: the replies to sparse patterns fill its packets.
        begun = read_clocks(self.link) if pace else 0
        replies = self.link.exchange(chain(_each_with(reading, patterns.to_learn(pairs)), [CLOCKS] if pace else []))
        busy = learnt = 0
        for reply in replies:
            if pace and not patterns.unanswered:
                pace.clocks += (int.from_bytes(reply, "little") - begun) % (1 << 8 * len(reply))
                break
            read = sized(b"".join(islice(replies, len(reading.requests))), reading.size)
            for record in patterns.learnt(reply):
                learn_reply = LearnReply.unpack(sized(record, size))
                busy, learnt = busy + learn_reply.clocks, learnt + 1
                yield learn_reply, self._states(read) if reading.size else None
        if pace:
            pace.busy += busy
            pace.patterns += learnt
            pace.handling += patterns.handling
            pace.sent += self.link.sent - sent

    def recall(self, pattern: Input) -> tuple[RecallReply, Answer]:
        """Recall one pattern; returns the reply and the answer."""
        return next(self.recall_many([pattern]))

    def recall_many(self, patterns: Iterable[Input]) -> Iterator[tuple[RecallReply, Answer]]:
        """Recall patterns one after another; yields each one's reply and answer."""
        spec, size, reading = self.spec, RecallReply.size(), self._after_recall
        replies = self.link.exchange(_each_with(reading, map(self._patterns().to_recall, patterns)))
        for reply in replies:
            read = sized(b"".join(islice(replies, len(reading.requests))), reading.size)
            signs = sized(reply, size + pattern_bytes(spec))[size:]
            answer = np.frombuffer(read, np.uint8)[: spec.outputs] if reading.size else unpack_pattern(spec, signs)
            yield RecallReply.unpack(reply[:size]), answer

    def _patterns(self) -> Patterns:
        """How the board gets patterns by its settings."""
        if self.spec.sparse and self._skips is None:
            self._skips = self.read_settings()[0].skip
        return Patterns(self.spec, self.identity.frame_bytes, bool(self.spec.sparse and self._skips))

    # -- what a board holds ------------------------------------------------------------------------------------------

    def read_weights(self) -> Weights:
        """All weights, int16, matrix after matrix."""
        spec = self.spec
        rounded = np.frombuffer(self._spaces.read(Space.WEIGHTS), np.int8)
        rest = np.frombuffer(self._spaces.read(Space.FINE), np.int8) if spec.fine_bits else np.zeros_like(rounded)
        return tuple(spec.layout.from_words(join_words(spec, rounded, rest).reshape(-1, spec.lanes)))

    def read_conductances(self, unit: PulseUnit) -> list[tuple[NDArray[np.int16], NDArray[np.int16]]]:
        """G+ and G- of all cells in levels, matrix after matrix, as the scheme of the device has them (docs/devices.md)."""
        return [conductances(matrix, unit.tables) for matrix in self.read_weights()]

    def write_weights(self, weights: Iterable[NDArray[Any]]) -> None:
        """Replace all weights, which `checked_weights` must accept."""
        words = self.spec.layout.to_words(checked_weights(self.spec, tuple(weights)))
        rounded, rest = split_words(self.spec, words)
        self._spaces.write(Space.WEIGHTS, rounded.tobytes())
        if self.spec.fine_bits:
            self._spaces.write(Space.FINE, rest.tobytes())

    def read_states(self) -> States:
        """The neurons' states (neurons,), in LSBs: int8 of a recurrent board, uint8 of a layered one."""
        return self._states(self._spaces.read(Space.STATES))

    def _states(self, data: bytes) -> States:
        kind = np.int8 if self.spec.state.signed else np.uint8
        states: States = self.spec.layout.from_blocks(np.frombuffer(data, kind))
        return states

    def read_side_states(self) -> NDArray[np.int16]:
        """The side network's states (neurons,), in LSBs of ``spec.side``; (0,) of a layered board, which has none."""
        if not space_words(self.spec)[Space.SIDE]:
            return np.zeros(0, np.int16)
        cells = np.frombuffer(self._spaces.read(Space.SIDE), np.uint8).reshape(-1, 2, self.spec.lanes).astype(np.uint16)
        return self.spec.layout.from_blocks((cells[:, 0] | cells[:, 1] << 8).view(np.int16))

    def read_settings(self) -> tuple[Settings, int]:
        """The run-time settings and the LFSR's value."""
        registers = SettingsRegisters.unpack(self._spaces.read(Space.SETTINGS))
        return registers.settings(self.spec), registers.lfsr

    def write_settings(self, settings: Settings, lfsr: int) -> None:
        """Replace the run-time settings and the LFSR (1 to 2**32 - 1)."""
        if not 0 < lfsr < 1 << 32:
            raise UserError(f"The LFSR cannot hold {lfsr}, and never leaves 0; give 1 to {(1 << 32) - 1}.")
        data = SettingsRegisters.of(self.spec, settings, lfsr).pack()
        self.request(Op.WRITE, access(Space.SETTINGS, 0, len(data)) + data)
        self._skips = settings.skip

    def read_counters(self) -> Counters:
        """The board's counters."""
        counters: Counters = Counters.unpack(self._spaces.read(Space.COUNTERS))
        return counters

    # -- any request -------------------------------------------------------------------------------------------------

    def request(self, op: int, payload: bytes) -> bytes:
        """One request of any kind; returns the reply's payload behind the status."""
        return next(self.exchange([(op, payload)]))

    def exchange(self, requests: Iterable[Request]) -> Iterator[bytes]:
        """Requests (op, payload) of any kind, the next one on its way while one is executed; as ``request`` for each."""
        return self.link.exchange(requests)


def _each_with(reading: Reading, requests: Iterable[Request]) -> Iterator[Request]:
    """Requests, each followed by a reading."""
    return chain.from_iterable((request, *reading.requests) for request in requests)


@contextmanager
def connect(
    board: str, spec: MachineSpec, opening: Callable[[str, int], Port] = open_port, cable: str | None = None
) -> Iterator[Board]:
    """The board named as ``--board`` names it: ``sim`` (started here), ``golden``, or a port's URL; closed at the end.

    A URL is opened by ``opening``, which gets it and the baud rate; ``cable`` as in `ohmprop.host.link.port.opened`.
    """
    # Before a virtual board is built for nothing.
    check_link(spec)
    with opened(board, spec, opening, cable) as port:
        yield Board(port, spec)
