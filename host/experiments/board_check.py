"""What ``ohmprop board check`` does: is the board at this port the machine that it says it is, in every bit?"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.experiments.line import PROMISED, try_rate
from ohmprop.host.link.access import Access
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import has_rate, opened
from ohmprop.host.link.stored import MemoryFault
from ohmprop.host.run.run import fresh
from ohmprop.host.run.stored import StoredTwin
from ohmprop.host.run.twin import Twin
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.link.records import LearnReply
from ohmprop.model.link.spaces import Space, cell_spaces
from ohmprop.model.link.stored import SLOTS, store_of
from ohmprop.model.spec import MachineSpec

#: Patterns that board and golden machine learn, and those of weights at a rail.
PATTERNS, AT_RAIL = 20, 2
#: Patterns that are stored, where a board can, and learnt by their numbers.
STORED = 100
#: Pixels of a layered machine's patterns that are not zero.
SHARE = 0.2
#: What is checked, in its order, and what a difference means.
MEANINGS = {
    "identity": "the port has another machine, or none",
    "memory": "a weight memory does not hold what is written: the clock is too fast for this FPGA, its power is unsteady, or it "
    "is damaged; build with a lower --freq",
    "rails": "weights do not stop at their largest values as they should: the clock is too fast for this FPGA; build with a "
    "lower --freq",
    "patterns": "the board learns otherwise than its model: the clock is too fast for this FPGA, or the bitstream is another "
    "version's; build again, with a lower --freq",
    "store": "the memory that keeps patterns does not hold what is written, or gives it too late for this clock; train with "
    "--no-stored, or build with a lower --freq",
    "rates": "the serial line does not take rates up to 2 % off as it should: a long or bad cable; try another, or build with a "
    "lower --baud",
}


def steps(board: str, spec: MachineSpec) -> int:
    """How often `check` advances at most."""
    return 1 + 4 * len(cell_spaces(spec)) + 2 * AT_RAIL + PATTERNS + _storable(spec) + len(_rates(board))


def check(
    spec: MachineSpec,
    board: str,
    seed: int,
    advance: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Check a board, named as ``--board`` names it; it has its weights and settings back when this ends.

    Returns the figures by the names that the JSON uses: ``passed``, the ``first_difference`` with what it means, and which
    checks were made. MachineError if nothing answers, UserError if the port cannot be opened.
    """
    found: dict[str, Any] = {"board": board, "spec_hash": spec.spec_hash, "seed": seed, "passed": False}
    found |= {"first_difference": None, "meaning": None, "checks": []}
    # Closed wherever it ends, since it then gives the board its weights back.
    with closing(_checks(spec, board, seed, advance)) as checks:
        for name, differences in checks:
            if stopped():
                return found
            if differences:
                return found | {"first_difference": f"{name}: {differences}", "meaning": MEANINGS[name]}
            found["checks"] = list(dict.fromkeys([*found["checks"], name]))
    return found | {"passed": True}


def _checks(
    spec: MachineSpec, board: str, seed: int, advance: Callable[[], None]
) -> Generator[tuple[str, str], None, None]:
    """The names of what is checked, each with its first difference or nothing; a line that has no rate is not tried."""
    rng = np.random.default_rng(seed)
    with opened(board, spec) as port:
        try:
            connected = Board(port, spec)
        except UserError as error:
            # A port that does not open is no difference, and has been left above.
            yield "identity", str(error)
            return
        advance()
        yield "identity", ""
        with _kept(connected):
            yield "memory", _memory(connected, rng, advance)
            for name, count in (("rails", AT_RAIL), ("patterns", PATTERNS)):
                yield name, _learnt(connected, name, count, rng, advance)
            if spec.store:
                yield "store", _stored(connected, rng, advance)
    for percent in _rates(board):
        rate = try_rate(spec, board, percent, lambda: None)
        yield "rates", "" if rate["outcome"] == "passed" else f"{percent:+} %: {rate['outcome']}"
        advance()


def _rates(board: str) -> range:
    """The rates that are tried, in percent off the board's."""
    return PROMISED if board != "golden" and has_rate(board) else range(0)


@contextmanager
def _kept(board: Board) -> Iterator[None]:
    """A board that has its weights, settings and random register back at the end."""
    spaces = Access(board.link, board.spec, board.identity.frame_bytes)
    cells = {space: spaces.read(space) for space in cell_spaces(board.spec)}
    settings, lfsr = board.read_settings()
    try:
        yield
    finally:
        board.write_settings(settings, lfsr)
        for space, content in cells.items():
            spaces.write(space, content)


def _memory(board: Board, rng: np.random.Generator, advance: Callable[[], None]) -> str:
    """Every address is written and read: random values, their negatives, and both rails."""
    spec = board.spec
    spaces = Access(board.link, spec, board.identity.frame_bytes)
    for space in cell_spaces(spec):
        limit = spec.weight_limit if space is Space.WEIGHTS else (1 << spec.fine_bits >> 1) - 1
        size = spec.layout.words * spec.lanes
        drawn = rng.integers(-limit, limit + 1, size).astype(np.int8)
        for written in (drawn, -drawn, np.full(size, limit, np.int8), np.full(size, -limit, np.int8)):
            spaces.write(space, written.tobytes())
            read = np.frombuffer(spaces.read(space), np.int8)
            if len(wrong := np.flatnonzero(read != written)):
                word, lane = divmod(int(wrong[0]), spec.lanes)
                return (
                    f"word {word}, lane {lane} of {space.name} holds {read[wrong[0]]} where {written[wrong[0]]} was written "
                    f"({len(wrong)} of {size} differ)"
                )
            advance()
    return ""


def _learnt(board: Board, name: str, count: int, rng: np.random.Generator, advance: Callable[[], None]) -> str:
    """Board and golden machine learn random patterns and recall the last, with ``rails`` from weights at both rails."""
    spec = board.spec
    start = fresh(spec, int(rng.integers(1 << 31)))
    weights = start.weights
    rails = [[np.sign(matrix) * part.limit for part, matrix in zip(spec.matrices, weights, strict=True)]]
    rails.append([-matrix for matrix in rails[0]])
    for beginning in rails if name == "rails" else [weights]:
        twin = Twin(board, spec.settings, [matrix.astype(np.int16) for matrix in beginning], start.lfsr)
        inputs, targets = _drawn(spec, count, rng)
        for reply in twin.learn(
            [f"pattern {number}" for number in range(1, count + 1)], inputs, targets, lambda: False
        ):
            assert isinstance(reply, LearnReply)
            advance()
        twin.answer("recall", inputs[-1:])
        twin.check(f"after {count} patterns")
        if twin.count:
            return twin.differences[0]
    return ""


def _storable(spec: MachineSpec) -> int:
    """Patterns that the check stores."""
    return min(STORED, store_of(spec).slots // SLOTS[-1])


def _stored(board: Board, rng: np.random.Generator, advance: Callable[[], None]) -> str:
    """Board and golden machine learn patterns that the board has stored."""
    spec, count = board.spec, _storable(board.spec)
    start = fresh(spec, int(rng.integers(1 << 31)))
    twin = StoredTwin(board, spec.settings, start.weights, start.lfsr)
    inputs, targets = _drawn(spec, count, rng)
    try:
        twin.store([(inputs, targets)], advance)
    except MemoryFault as fault:
        return str(fault)
    order = rng.permutation(count)
    names = [f"stored pattern {number}" for number in order]
    deque(twin.learn(names, inputs[order], targets[order], lambda: False), maxlen=0)
    twin.check(f"after {count} stored patterns")
    return twin.differences[0] if twin.count else ""


def _drawn(spec: MachineSpec, count: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Random patterns and their targets."""
    if spec.recurrent:
        patterns = rng.random((count, spec.neurons)) < 0.5
        return patterns, patterns
    driven = rng.random((count, spec.inputs)) < SHARE
    inputs = (rng.integers(1, 1 << spec.pixel_bits, driven.shape) * driven).astype(np.uint8)
    return inputs, np.eye(spec.outputs, dtype=np.bool_)[rng.integers(spec.outputs, size=count)]


def complaint(found: dict[str, Any]) -> MachineError:
    """The error of a board that did not pass."""
    return MachineError(f"The board differs ({found['first_difference']}): {found['meaning']}.")
