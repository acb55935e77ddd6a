"""Experiments: training and recall on a board, bit by bit beside the golden machine."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.link.board import Board, Matrices
from ohmprop.model.data.patterns import corrupt, nearest_pattern_bound, recalled
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.float64.recurrent import Reference
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.pulses import COUNTER_BYTES
from ohmprop.model.link.records import Counters, LearnReply, RecallReply
from ohmprop.model.memristors.unit import PulseUnit
from ohmprop.model.spec import MachineSpec, Settings

Bits = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
#: Differences that a comparison describes; later ones are only counted, since they follow from the first.
DESCRIBED = 10
#: Where a counter of pulses wraps around.
COUNTER_WRAP = 1 << 8 * COUNTER_BYTES
_COMPARED_COUNTERS = ("busy_clocks", "steps", "learnt", "recalled", "rows_skipped", "updates_skipped")


def check_recurrent(spec: MachineSpec) -> None:
    """Refuse a machine with inputs and outputs of their own, which learns images and not patterns."""
    if not spec.recurrent:
        raise UserError(
            f"This machine is a layered one, {'-'.join(map(str, spec.layers))}, and patterns take a recurrent one; give "
            "`ohmprop train` or `ohmprop eval` some --data, or another --machine."
        )


class Comparison(ABC):
    """A golden machine that does all the board does; notes where the two differ.

    Attributes
    ----------
    machine : the golden machine.
    differences : sentences on the first differences, each with its place.
    count : all differences.
    """

    machine: GoldenMachine

    def __init__(self, board: Board) -> None:
        self.differences: list[str] = []
        self.count = 0
        self._board = board
        self._before = board.read_counters()
        self._pulses_before = board.read_pulses() if board.spec.pulses else []

    @abstractmethod
    def _check_weights(self, where: str) -> None:
        """Compare all weights, and what states no reply has shown."""

    def counted(self) -> dict[str, int]:
        """What the board's counters have grown by, of those that the machine has as well."""
        counters = self._board.read_counters()
        return {
            name: (getattr(counters, name) - getattr(self._before, name)) % (1 << 8 * Counters.widths()[name])
            for name in _COMPARED_COUNTERS
            if hasattr(self.machine, name)
        }

    def pulsed(self) -> NDArray[np.int64]:
        """What the board's counters of pulses up, down and lost have grown by, (matrices, 3); wrapped as they are."""
        now, before = (
            np.array([astuple(row) for row in rows]) for rows in (self._board.read_pulses(), self._pulses_before)
        )
        grown: NDArray[np.int64] = (now - before) % COUNTER_WRAP
        return grown

    def check(self, where: str) -> None:
        """Compare all weights, the LFSR and the machine's counters."""
        self._check_weights(where)
        self._compare(f"{where}: LFSR", self._board.read_settings()[1], self.machine.lfsr)
        for name, counted in self.counted().items():
            wrap = 1 << 8 * Counters.widths()[name]
            self._compare(f"{where}: {name}", counted, getattr(self.machine, name) % wrap)
        if self._board.spec.pulses:
            self._compare(f"{where}: pulses", self.pulsed().tolist(), (self.machine.pulses % COUNTER_WRAP).tolist())

    def figures(self) -> dict[str, Any]:
        """The verdict, by the names that the JSON uses."""
        return {"bit_exact": self.count == 0, "differences": self.differences, "differences_in_all": self.count}

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

    def _compare_arrays(self, where: str, board: NDArray[np.generic], golden: NDArray[np.generic]) -> None:
        if not np.array_equal(board, golden):
            place = tuple(np.argwhere(board != golden)[0].tolist())
            self._compare(f"{where} {place}", board[place].item(), golden[place].item())


class Twin(Comparison):
    """The golden machine beside a recurrent board."""

    def __init__(
        self, board: Board, settings: Settings, weights: NDArray[np.int8], lfsr: int, unit: PulseUnit | None = None
    ) -> None:
        """Give the board and a golden machine the same settings, weights (neurons, neurons), LFSR and devices."""
        board.write_settings(settings, lfsr)
        board.write_weights(weights)
        if board.spec.pulses:
            board.load_device(unit)
        self.machine = GoldenMachine(board.spec, settings, lfsr)
        self.machine.weights = (weights,)
        self.machine.device = unit
        # Left by whatever the board has learnt before; nothing but recurrent backpropagation changes them.
        self.machine.side_states = board.read_side_states()
        super().__init__(board)

    def learn(self, where: str, pattern: Bits, reply: LearnReply, states: NDArray[np.int8]) -> None:
        """Learn the pattern (neurons,) as the board did, and compare its reply and states (neurons,)."""
        self._compare(f"{where}: reply", reply, self.machine.learn(pattern))
        self._compare_arrays(f"{where}: states", states, self.machine.states)

    def recall(self, where: str, image: Bits, reply: RecallReply, signs: Bits) -> None:
        """Recall the image (neurons,) as the board did, and compare its reply and signs (neurons,)."""
        expected, expected_signs = self.machine.recall(image)
        self._compare(f"{where}: reply", reply, expected)
        self._compare_arrays(f"{where}: signs", signs, expected_signs)

    def _check_weights(self, where: str) -> None:
        self._compare_arrays(f"{where}: weights", self._board.read_weights(), self.machine.weights[0])
        self._compare_arrays(f"{where}: side states", self._board.read_side_states(), self.machine.side_states)


class LayeredTwin(Comparison):
    """A layered board as the learner, and the golden machine that does all the board does."""

    def __init__(self, board: Board, weights: Matrices, lfsr: int, unit: PulseUnit | None = None) -> None:
        """Give the board and a golden machine the same weights, LFSR and devices, and the spec's settings."""
        board.write_settings(board.spec.settings, lfsr)
        board.write_matrices(weights)
        if board.spec.pulses:
            board.load_device(unit)
        self.machine = GoldenMachine(board.spec, lfsr=lfsr)
        self.machine.weights = tuple(weights)
        self.machine.device = unit
        super().__init__(board)

    def use(self, settings: Settings) -> None:
        """Learn with these settings from now on."""
        self._board.write_settings(settings, self.machine.lfsr)
        self.machine.settings = settings

    def learn(
        self, places: Sequence[str], images: Pixels, targets: Bits, stopped: Callable[[], bool]
    ) -> Iterator[LearnReply]:
        """Learn on the board until stopped; compares and yields every reply; ``places`` name the patterns."""
        pairs = takewhile(lambda _: not stopped(), zip(images, targets, strict=True))
        for index, reply in enumerate(self._board.learn_images(pairs)):
            expected = self.machine.learn(images[index], targets[index])
            self._compare(f"{places[index]}: reply", reply, expected)
            yield reply

    def answer(self, images: Pixels, advance: Callable[[], None], stopped: Callable[[], bool]) -> NDArray[np.uint8]:
        """The board's outputs' states (count, outputs) for images (count, inputs), compared; fewer if stopped."""
        answers = [np.zeros((0, self.machine.spec.outputs), np.uint8)]
        source = takewhile(lambda _: not stopped(), images)
        for index, (reply, states) in enumerate(self._board.answer_many(source)):
            expected, expected_states = self.machine.recall(images[index])
            self._compare(f"test image {index}: reply", reply, expected)
            self._compare_arrays(f"test image {index}: outputs", states, expected_states)
            answers.append(states[None])
            advance()
        return np.concatenate(answers)

    def _check_weights(self, where: str) -> None:
        for index, (board, golden) in enumerate(zip(self._board.read_matrices(), self.machine.weights, strict=True)):
            self._compare_arrays(f"{where}: weights of matrix {index}", board, golden)


@dataclass(frozen=True)
class Training:
    """What a training run took; means are over the patterns learnt in it.

    Members
    -------
    patterns : patterns learnt.
    free_steps, nudged_steps : mean Euler steps of the two phases.
    clocks_per_pattern : mean clocks, by the machine's counter.
    bound_per_pattern : mean clocks at a multiply-accumulate a lane a clock.
    clocks_over_bound : their ratio.
    updates_per_second : connection updates (synapses times patterns) a second of wall time.
    seconds : wall time.
    """

    patterns: int
    free_steps: float
    nudged_steps: float
    clocks_per_pattern: float
    bound_per_pattern: float
    clocks_over_bound: float
    updates_per_second: float
    seconds: float


def train(
    board: Board,
    twin: Twin | None,
    patterns: Bits,
    numbers: range,
    check_epochs: int = 1,
    advance: Callable[[], None] = lambda: None,
    after_epoch: Callable[[int], None] = lambda epoch: None,
    stopped: Callable[[], bool] = lambda: False,
    every: int | None = None,
    keep: Callable[[int], None] = lambda done: None,
) -> Training:
    """Learn patterns (count, neurons) in their order, round after round; ``numbers`` counts on from the first round.

    Parameters
    ----------
    twin : compares every pattern's reply and states, and weights and counters after each ``check_epochs`` epochs.
    advance, after_epoch : called after each pattern; after each whole epoch with the number of epochs done.
    stopped : asked before each pattern is sent; true ends the run after those already sent.
    every, keep : at each multiple of ``every`` patterns the board stops and ``keep`` is called with their number.
    """
    begin = time.monotonic()
    count = len(patterns)
    every = every or count
    totals = np.zeros(3, np.int64)
    done = numbers.start
    while done < numbers.stop and not stopped():
        rest = range(done, min(numbers.stop, *((done // size + 1) * size for size in (count, every))))
        source = (patterns[number % count] for number in takewhile(lambda _: not stopped(), rest))
        for reply, states in board.learn_many(source):
            totals += (reply.free_steps, reply.nudged_steps, reply.clocks)
            if twin:
                twin.learn(
                    f"epoch {done // count + 1}, pattern {done % count + 1}", patterns[done % count], reply, states
                )
            done += 1
            advance()
        if done % count == 0:
            if twin and done // count % check_epochs == 0:
                twin.check(f"after epoch {done // count}")
            after_epoch(done // count)
        if done % every == 0:
            keep(done)
    if twin:
        twin.check("after training")
    seconds = time.monotonic() - begin
    learnt = done - numbers.start
    free, nudged, clocks = (totals / max(1, learnt)).tolist()
    bound = board.spec.timing.bound(free + nudged, nudged > 0)
    rate = learnt * board.spec.synapses / seconds
    # Of no pattern there are neither clocks nor a bound.
    return Training(learnt, free, nudged, clocks, bound, clocks / bound if learnt else 0.0, rate, seconds)


class Examples(NamedTuple):
    """A few images and what the board made of them, (count, neurons) each, for a picture."""

    originals: Bits
    corrupted: Bits
    recalled: Bits


def recall(
    board: Board,
    twin: Twin,
    reference: Reference | None,
    patterns: Bits,
    p: float,
    per_class: int,
    per_class_board: int,
    rng: np.random.Generator,
    advance: Callable[[], None],
) -> tuple[dict[str, float | int], Examples]:
    """Recall ``per_class`` corrupted copies of each pattern, the board the first ``per_class_board`` of each.

    Returns the shares of images recalled without error, with their numbers, by the names that the tables and the JSON
    use, and one example a pattern. The twin compares every recall of the board.
    """
    images, labels = corrupt(patterns, p, per_class, rng)
    chosen = np.flatnonzero(np.arange(len(images)) % per_class < per_class_board)
    begin = time.monotonic()
    signs = np.zeros((len(chosen), patterns.shape[1]), np.bool_)
    for index, (reply, bits) in enumerate(board.recall_many(images[chosen])):
        twin.recall(f"p = {p:g}, image {chosen[index]}", images[chosen[index]], reply, bits)
        signs[index] = bits
        advance()
    seconds = time.monotonic() - begin
    # A machine of its own, so that the twin's counters stay those of the board.
    golden = GoldenMachine(board.spec, twin.machine.settings)
    golden.weights, golden.device = twin.machine.weights, twin.machine.device
    figures: dict[str, float | int] = {"p": p, "board": float(recalled(patterns, labels[chosen], signs).mean())}
    answers = {"golden": golden.recall_many(images)[0]}
    if reference:
        answers["reference"] = reference.recall_many(images)
    for name, answer in answers.items():
        right = recalled(patterns, labels, answer)
        figures[name] = float(right.mean())
        figures[f"{name}_on_board_images"] = float(right[chosen].mean())
    figures["bound"] = nearest_pattern_bound(patterns, images, labels)
    figures["images"] = len(images)
    figures["images_board"] = len(chosen)
    figures["board_seconds"] = seconds
    one = slice(None, None, per_class_board)
    return figures, Examples(patterns[labels[chosen]][one], images[chosen][one], signs[one])
