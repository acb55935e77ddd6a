"""Who learns in a run: the golden machine by itself, or a board (beside the golden machine: host/run/twin.py)."""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, fields
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Answer, Board, States
from ohmprop.host.link.exchange import BoardReset
from ohmprop.host.link.patterns import Pace
from ohmprop.host.link.weights import Weights
from ohmprop.host.show.console import note_uncompiled, warn
from ohmprop.model.golden.machine import GoldenMachine, copied
from ohmprop.model.link.pulses import COUNTER_BYTES, PulseCounts
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec, Settings

#: Patterns that the golden machine alone learns between two looks at Ctrl-C.
CHUNK = 256
#: Where a counter of pulses wraps around.
COUNTER_WRAP = 1 << 8 * COUNTER_BYTES
#: Counters of pulses of a matrix: up, down and lost.
PULSE_COUNTERS = len(fields(PulseCounts))
#: Counters of learning that a saved run keeps.
COUNTERS = ("busy_clocks", "steps", "rows_skipped", "updates_skipped")
#: Those of the line.
LINE = ("refused", "repeated", "dropped")
#: Those that both board and golden machine have.
COMPARED = ("busy_clocks", "steps", "learnt", "recalled", "rows_skipped", "updates_skipped")

#: Times that a board may be reset without doing anything of what it is asked; then its power supply is at fault.
RESETS = 10

Stopped = Callable[[], bool]
Answered = TypeVar("Answered")


class State(NamedTuple):
    """What has been learnt: weights and LFSR; patterns learnt, and what the counters and those of pulses have grown by."""

    weights: Weights
    lfsr: int
    learnt: int
    counters: dict[str, int]
    pulses: NDArray[np.int64]


class Learner(Protocol):
    """A machine that learns and recalls.

    Attributes
    ----------
    spec : the machine.
    machine : the golden machine that holds what was learnt; None where only a board does.
    """

    spec: MachineSpec
    machine: GoldenMachine | None

    @abstractmethod
    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""

    @abstractmethod
    def learn(
        self, names: Sequence[str], inputs: NDArray[Any], targets: NDArray[np.bool_], stopped: Stopped
    ) -> Iterator[LearnReply]:
        """Learn inputs (count, ...) with targets (count, outputs) until stopped; yields each one's reply.

        ``names`` say in a comparison which pattern is meant.
        """

    @abstractmethod
    def answer(
        self,
        name: str,
        inputs: NDArray[Any],
        advance: Callable[[], None] = lambda: None,
        stopped: Stopped = lambda: False,
    ) -> NDArray[Any]:
        """The answers (count, outputs) to inputs (count, ...), each of which is a ``name``; fewer if stopped."""

    @abstractmethod
    def state(self) -> State:
        """What has been learnt since the start."""

    def check(self, where: str) -> None:
        """Compare everything, if there is something to compare with."""
        return None

    def errors(self, inputs: NDArray[Any], targets: NDArray[np.bool_]) -> int | None:
        """How many inputs a board that has stored them reads as another class than their targets'; None if none has."""
        return None

    def figures(self) -> dict[str, Any]:
        """The verdict of the comparison, by the names that the JSON uses."""
        return {}

    def require_equal(self) -> None:
        """MachineError if a comparison has found a difference."""
        return None


def golden(
    spec: MachineSpec, settings: Settings, weights: Sequence[NDArray[Any]], lfsr: int, unit: PulseUnit | None
) -> GoldenMachine:
    """A golden machine that has learnt this."""
    note_uncompiled()
    machine = GoldenMachine(spec, settings, lfsr)
    machine.weights, machine.device = tuple(weights), unit
    return machine


def state_of(machine: GoldenMachine) -> State:
    """What a golden machine has learnt."""
    counters = {name: getattr(machine, name) for name in COUNTERS}
    return State(
        tuple(matrix.copy() for matrix in machine.weights),
        machine.lfsr,
        machine.learnt,
        counters,
        machine.pulses.copy(),
    )


def golden_answers(machine: GoldenMachine, inputs: NDArray[Any]) -> NDArray[Any]:
    """The answers (count, outputs) to inputs (count, ...), by a machine of its own: counters and LFSR stay."""
    return copied(machine).recall_many(inputs)[0]


class Alone(Learner):
    """The golden machine as a learner of its own, without a board or a link."""

    machine: GoldenMachine

    def __init__(
        self, spec: MachineSpec, weights: Sequence[NDArray[Any]], lfsr: int, unit: PulseUnit | None = None
    ) -> None:
        self.spec = spec
        self.machine = golden(spec, spec.settings, weights, lfsr, unit)

    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""
        self.machine.settings = settings

    def learn(
        self, names: Sequence[str], inputs: NDArray[Any], targets: NDArray[np.bool_], stopped: Stopped
    ) -> Iterator[LearnReply]:
        """Learn inputs (count, ...) with targets (count, outputs) until stopped; yields each one's reply."""
        for at in takewhile(lambda _: not stopped(), range(0, len(inputs), CHUNK)):
            for row in self.machine.learn_many(inputs[at : at + CHUNK], targets[at : at + CHUNK]).tolist():
                yield LearnReply(*row)

    def answer(
        self,
        name: str,
        inputs: NDArray[Any],
        advance: Callable[[], None] = lambda: None,
        stopped: Stopped = lambda: False,
    ) -> NDArray[Any]:
        """The answers (count, outputs) to inputs (count, ...)."""
        return golden_answers(self.machine, inputs)

    def state(self) -> State:
        """What the machine has learnt."""
        return state_of(self.machine)

    def figures(self) -> dict[str, Any]:
        """No verdict."""
        return {"bit_exact": None}


class OnBoard(Learner):
    """A board as the learner, with nothing beside it.

    Parameters
    ----------
    board : connected; gets all of the following.
    settings : the run-time settings.
    weights : matrix after matrix.
    lfsr : the random register, 1 to 2**32 - 1.
    unit : what the cells are; None for linear ones.
    reconnects : a board that was reset in the midst gets all it had learnt again, and the run goes on. What it learnt since
        ``state`` was last asked for it then learns once more.
    """

    machine: GoldenMachine | None = None

    def __init__(
        self,
        board: Board,
        settings: Settings,
        weights: Sequence[NDArray[Any]],
        lfsr: int,
        unit: PulseUnit | None = None,
        reconnects: bool = False,
    ) -> None:
        self.board, self.spec = board, board.spec
        self._settings, self._unit, self._reconnects = settings, unit, reconnects
        nothing = dict.fromkeys(COUNTERS, 0)
        pulses = np.zeros((len(self.spec.matrices) if self.spec.pulses else 0, PULSE_COUNTERS), np.int64)
        self._kept = State(tuple(weights), lfsr, 0, nothing, pulses)
        # What was learnt since then, with its settings; only where it may be needed.
        self._since: list[tuple[Settings, NDArray[Any], NDArray[np.bool_]]] = []
        self._line = dict.fromkeys(LINE, 0)
        self._restored, self._pace = 0, Pace()
        self._surely(self._load)

    # -- a board that was reset --------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Give the board what was kept, and count from there what its counters grow by."""
        board, kept = self.board, self._what_was_kept()
        board.write_settings(self._settings, kept.lfsr)
        board.write_weights(kept.weights)
        if self.spec.wires:
            # What is kept in files was learnt on ideal wires.
            board.wires.write(np.zeros((self.spec.neurons, self.spec.neurons), np.int8))
        if self.spec.pulses:
            board.memristors.load(self._unit)
        self._base = {**kept.counters, "learnt": kept.learnt, "recalled": self._recalls(), **self._line}
        self._pulses_base = kept.pulses
        self._before, self._pulses_before = board.read_counters(), self._pulses_now()

    def _what_was_kept(self) -> State:
        """What a board gets that has forgotten what it had learnt."""
        return self._kept

    def _recalls(self) -> int:
        """Recalls so far; nobody asks for those of a board without a golden machine."""
        return 0

    def _restore(self) -> None:
        """Give a board that was reset all that it had learnt."""
        warn("The board was reset; it gets back what it had learnt, and the run goes on.")
        self._restored += 1
        self.board.identify_again()
        latest = self._settings
        try:
            self._load()
            for settings, group in groupby(self._since, itemgetter(0)):
                _, inputs, targets = zip(*group, strict=True)
                self._change(settings)
                deque(self.board.learn_many(inputs, targets), maxlen=0)
            self._change(latest)
        finally:
            # It may be reset in the midst of this as well.
            self._settings = latest

    def _surely(self, work: Callable[[], Answered]) -> Answered:
        """What ``work`` comes to, begun again each time that the board was reset in its midst."""
        resets = 0
        while True:
            try:
                if resets:
                    self._restore()
                return work()
            except BoardReset:
                resets += 1
                if not self._reconnects or resets > RESETS:
                    raise

    # -- learning and recall -----------------------------------------------------------------------------------------

    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""
        self._surely(lambda: self._change(settings))

    def _change(self, settings: Settings) -> None:
        if settings != self._settings:
            self.board.write_settings(settings, self.board.read_settings()[1])
            self._settings = settings

    def learn(
        self, names: Sequence[str], inputs: NDArray[Any], targets: NDArray[np.bool_], stopped: Stopped
    ) -> Iterator[LearnReply]:
        """Learn on the board until stopped; yields every reply."""
        done = resets = 0
        while done < len(inputs) and not stopped():
            try:
                if resets:
                    self._restore()
                source = takewhile(lambda _: not stopped(), inputs[done:])
                for reply, states in self.board.learn_many(source, targets[done:], self._pace):
                    self._learnt(names[done], inputs[done], targets[done], reply, states)
                    done, resets = done + 1, 0
                    yield reply
            except BoardReset:
                resets += 1
                if not self._reconnects or resets > RESETS:
                    raise

    def _learnt(
        self, name: str, pattern: NDArray[Any], target: NDArray[np.bool_], reply: LearnReply, states: States | None
    ) -> None:
        """The board has learnt a pattern."""
        if self._reconnects:
            self._since.append((self._settings, pattern, target))

    def answer(
        self,
        name: str,
        inputs: NDArray[Any],
        advance: Callable[[], None] = lambda: None,
        stopped: Stopped = lambda: False,
    ) -> NDArray[Any]:
        """The board's answers (count, outputs) to inputs (count, ...); fewer if stopped."""
        answers: list[Answer] = []

        def ask() -> None:
            for reply, answer in self.board.recall_many(takewhile(lambda _: not stopped(), inputs[len(answers) :])):
                self._recalled(f"{name} {len(answers)}", inputs[len(answers)], reply, answer)
                answers.append(answer)
                advance()

        self._surely(ask)
        return np.stack(answers) if answers else np.zeros((0, self.spec.outputs), np.uint8)

    def _recalled(self, name: str, pattern: NDArray[Any], reply: RecallReply, answer: Answer) -> None:
        """The board has recalled a pattern."""

    # -- what was learnt ---------------------------------------------------------------------------------------------

    def state(self) -> State:
        """What the board has learnt; its counters are those of learning alone if it has recalled nothing."""
        self._kept = self._surely(self._read_state)
        self._since.clear()
        return self._kept

    def _read_state(self) -> State:
        counted = self.counted()
        counters = {name: counted[name] for name in COUNTERS}
        lfsr = self.board.read_settings()[1]
        return State(self.board.read_weights(), lfsr, counted["learnt"], counters, self.pulse_counts())

    def counted(self) -> dict[str, int]:
        """What the board's counters have grown by; wrapped as they are."""
        counters, widths = self.board.read_counters(), Counters.widths()
        grown = {
            name: (self._base[name] + getattr(counters, name) - getattr(self._before, name)) % (1 << 8 * widths[name])
            for name in (*COMPARED, *LINE)
        }
        # Kept, since a board is closed before the figures are asked for.
        self._line = {name: grown.pop(name) for name in LINE}
        return grown

    def figures(self) -> dict[str, Any]:
        """What went wrong on the line, up to the last time that the counters were read, and how fast the board learnt."""
        trouble = {"retries": self.board.link.retries, **self._line, "restored": self._restored}
        return {"link": trouble, "stored": False, "uploaded_bytes": 0, **self._pace.figures(self.spec)}

    def pulse_counts(self) -> NDArray[np.int64]:
        """What the board's counters of pulses up, down and lost have grown by, (matrices, 3); wrapped as they are."""
        grown: NDArray[np.int64] = (self._pulses_base + self._pulses_now() - self._pulses_before) % COUNTER_WRAP
        return grown

    def _pulses_now(self) -> NDArray[np.int64]:
        counts = self.board.memristors.counts()
        return np.array([astuple(row) for row in counts], np.int64).reshape(-1, PULSE_COUNTERS)
