"""Who learns in a run: the golden machine by itself, or a board (beside the golden machine: host/run/twin.py)."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Answer, Board, States
from ohmprop.host.link.weights import Weights
from ohmprop.host.show.console import note_uncompiled
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.pulses import COUNTER_BYTES
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec, Settings

#: Patterns that the golden machine alone learns between two looks at Ctrl-C.
CHUNK = 256
#: Where a counter of pulses wraps around.
COUNTER_WRAP = 1 << 8 * COUNTER_BYTES
#: Counters of learning that a saved run keeps.
COUNTERS = ("busy_clocks", "steps", "rows_skipped", "updates_skipped")
#: Those of the line.
LINE = ("refused", "repeated", "dropped")
#: Those that both board and golden machine have.
COMPARED = ("busy_clocks", "steps", "learnt", "recalled", "rows_skipped", "updates_skipped")

Stopped = Callable[[], bool]


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
    other = GoldenMachine(machine.spec, machine.settings)
    other.weights, other.device = machine.weights, machine.device
    return other.recall_many(inputs)[0]


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
    """

    machine: GoldenMachine | None = None

    def __init__(
        self,
        board: Board,
        settings: Settings,
        weights: Sequence[NDArray[Any]],
        lfsr: int,
        unit: PulseUnit | None = None,
    ) -> None:
        board.write_settings(settings, lfsr)
        board.write_weights(weights)
        if board.spec.pulses:
            board.memristors.load(unit)
        self.board, self.spec = board, board.spec
        self._before, self._pulses_before = board.read_counters(), board.memristors.counts()
        self._line: dict[str, int] = {}

    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""
        before, lfsr = self.board.read_settings()
        if before != settings:
            self.board.write_settings(settings, lfsr)

    def learn(
        self, names: Sequence[str], inputs: NDArray[Any], targets: NDArray[np.bool_], stopped: Stopped
    ) -> Iterator[LearnReply]:
        """Learn on the board until stopped; yields every reply."""
        source = takewhile(lambda _: not stopped(), inputs)
        for index, (reply, states) in enumerate(self.board.learn_many(source, targets)):
            self._learnt(names[index], inputs[index], targets[index], reply, states)
            yield reply

    def _learnt(
        self, name: str, pattern: NDArray[Any], target: NDArray[np.bool_], reply: LearnReply, states: States | None
    ) -> None:
        """The board has learnt a pattern."""

    def answer(
        self,
        name: str,
        inputs: NDArray[Any],
        advance: Callable[[], None] = lambda: None,
        stopped: Stopped = lambda: False,
    ) -> NDArray[Any]:
        """The board's answers (count, outputs) to inputs (count, ...); fewer if stopped."""
        answers = []
        for index, (reply, answer) in enumerate(self.board.recall_many(takewhile(lambda _: not stopped(), inputs))):
            self._recalled(f"{name} {index}", inputs[index], reply, answer)
            answers.append(answer)
            advance()
        return np.stack(answers) if answers else np.zeros((0, self.spec.outputs), np.uint8)

    def _recalled(self, name: str, pattern: NDArray[Any], reply: RecallReply, answer: Answer) -> None:
        """The board has recalled a pattern."""

    def state(self) -> State:
        """What the board has learnt; its counters are those of learning alone if it has recalled nothing."""
        counted = self.counted()
        counters = {name: counted[name] for name in COUNTERS}
        lfsr = self.board.read_settings()[1]
        return State(self.board.read_weights(), lfsr, counted["learnt"], counters, self.pulse_counts())

    def counted(self) -> dict[str, int]:
        """What the board's counters have grown by; wrapped as they are."""
        counters, widths = self.board.read_counters(), Counters.widths()
        grown = {
            name: (getattr(counters, name) - getattr(self._before, name)) % (1 << 8 * widths[name])
            for name in (*COMPARED, *LINE)
        }
        # Kept, since a board is closed before the figures are asked for.
        self._line = {"retries": self.board.link.retries, **{name: grown.pop(name) for name in LINE}}
        return grown

    def figures(self) -> dict[str, Any]:
        """What went wrong on the line, up to the last time that the counters were read."""
        return {"link": self._line}

    def pulse_counts(self) -> NDArray[np.int64]:
        """What the board's counters of pulses up, down and lost have grown by, (matrices, 3); wrapped as they are."""
        now, before = (
            np.array([astuple(row) for row in rows], np.int64).reshape(-1, 3)
            for rows in (self.board.memristors.counts(), self._pulses_before)
        )
        grown: NDArray[np.int64] = (now - before) % COUNTER_WRAP
        return grown
