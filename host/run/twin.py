"""A board beside the golden machine, which does all the board does; the two are compared in every bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Answer, Board, States
from ohmprop.host.run.learner import COUNTER_WRAP, OnBoard, State, golden, state_of
from ohmprop.model.errors import MachineError
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import Settings

#: Differences that a comparison describes; later ones are only counted, since they follow from the first.
DESCRIBED = 10


class Twin(OnBoard):
    """A board as the learner, and a golden machine that does all the board does; notes where the two differ.

    Parameters are those of ``OnBoard``; a board that was reset gets what the golden machine has learnt, to the last reply.

    Attributes
    ----------
    machine : the golden machine.
    differences : sentences on the first differences, each with its place.
    count : all differences.
    """

    machine: GoldenMachine

    def __init__(
        self,
        board: Board,
        settings: Settings,
        weights: Sequence[NDArray[Any]],
        lfsr: int,
        unit: PulseUnit | None = None,
        reconnects: bool = False,
    ) -> None:
        self.differences: list[str] = []
        self.count = 0
        self.machine = golden(board.spec, settings, weights, lfsr, unit)
        super().__init__(board, settings, weights, lfsr, unit, reconnects)

    def _load(self) -> None:
        """Give the board what the golden machine has learnt."""
        super()._load()
        # Left by whatever the board has learnt before; nothing but recurrent backpropagation changes them.
        self.machine.side_states = self.board.read_side_states()

    def _what_was_kept(self) -> State:
        """What the golden machine has learnt, up to the last reply."""
        return state_of(self.machine)

    def _recalls(self) -> int:
        return self.machine.recalled

    def _change(self, settings: Settings) -> None:
        super()._change(settings)
        self.machine.settings = settings

    def state(self) -> State:
        """What the golden machine has learnt, which outlives a board whose cable is cut."""
        return state_of(self.machine)

    def _learnt(
        self, name: str, pattern: NDArray[Any], target: NDArray[np.bool_], reply: LearnReply, states: States | None
    ) -> None:
        self._compare(f"{name}: reply", reply, self.machine.learn(pattern, target))
        if states is not None:
            self._compare_arrays(f"{name}: states", states, self.machine.states)

    def _recalled(self, name: str, pattern: NDArray[Any], reply: RecallReply, answer: Answer) -> None:
        expected, expected_answer = self.machine.recall(pattern)
        self._compare(f"{name}: reply", reply, expected)
        self._compare_arrays(f"{name}: answer", answer, expected_answer)

    def check(self, where: str) -> None:
        """Compare all weights, the side network's states, the LFSR and the machine's counters."""
        self._surely(lambda: self._compare_all(where))

    def _compare_all(self, where: str) -> None:
        machine = self.machine
        for index, matrices in enumerate(zip(self.board.read_weights(), machine.weights, strict=True)):
            self._compare_arrays(f"{where}: weights of matrix {index}", *matrices)
        self._compare_arrays(f"{where}: side states", self.board.read_side_states(), machine.side_states)
        self._compare(f"{where}: LFSR", self.board.read_settings()[1], machine.lfsr)
        for name, counted in self.counted().items():
            wrap = 1 << 8 * Counters.widths()[name]
            self._compare(f"{where}: {name}", counted, getattr(machine, name) % wrap)
        if self.spec.pulses:
            self._compare(f"{where}: pulses", self.pulse_counts().tolist(), (machine.pulses % COUNTER_WRAP).tolist())

    def figures(self) -> dict[str, Any]:
        """The verdict, by the names that the JSON uses."""
        verdict = {"bit_exact": self.count == 0, "differences": self.differences, "differences_in_all": self.count}
        return verdict | super().figures()

    def require_equal(self) -> None:
        """MachineError if there was a difference."""
        if self.count:
            raise MachineError(
                f"Board and golden machine differ in {self.count} places, the first being {self.differences[0]}; the "
                "board or its link is at fault, so report this with the machine's TOML."
            )

    def _compare(self, where: str, board: object, golden: object) -> None:
        if board != golden:
            self.count += 1
            if len(self.differences) < DESCRIBED:
                self.differences.append(f"{where}: the board has {board}, the golden machine {golden}")

    def _compare_arrays(self, where: str, board: NDArray[Any], golden: NDArray[Any]) -> None:
        if not np.array_equal(board, golden):
            place = tuple(np.argwhere(board != golden)[0].tolist())
            self._compare(f"{where} {place}", board[place].item(), golden[place].item())
