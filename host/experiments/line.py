"""What ``ohmprop link test`` measures: round trips, what the line carries, and which rates the board receives."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice, pairwise
from typing import Any

import numpy as np

from ohmprop.host.experiments.soak import grown
from ohmprop.host.link.access import access
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import Port, has_rate, open_port, opened, virtual_board
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.link.frames import ACCESS_BYTES, CRC_BYTES, LINE_BITS, Op
from ohmprop.model.link.packing import input_bytes
from ohmprop.model.link.records import Counters
from ohmprop.model.link.spaces import Space, space_words
from ohmprop.model.spec import MachineSpec

#: The host's rates that are tried, in percent off the board's, those that the protocol promises, and requests at each.
PERCENT = range(-6, 7)
PROMISED = range(-2, 3)
REQUESTS = 40
#: Seconds of waiting for a reply while rates are tried, as most wrong ones are met with silence.
REPLY_SECONDS = 0.25

_CLOCKS = Op.READ, access(Space.COUNTERS, 0, Counters.widths()["clocks"])


def measure(
    spec: MachineSpec,
    board: str,
    requests: int,
    seed: int,
    cable: str | None = None,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure the link of the board that is named as ``--board`` names it; its weights are not changed.

    Each figure is taken over this many ``requests``, `steps` in all, and ``advance`` is called after each. Time is the
    board's own, by its counter of clocks; the golden board has neither clock nor line, and gives wall time only.
    Returns the figures by the names that the JSON uses.
    """
    with opened(board, spec, cable=cable) as port:
        connected = Board(port, spec)
        link, timed = connected.link, board != "golden" or cable is not None
        before = connected.read_counters()
        figures = {
            "board": board,
            "spec_hash": spec.spec_hash,
            "clock_hz": spec.clock_hz,
            "baud": spec.baud,
            "window": link.window,
            "requests": requests,
            "round_trip": _round_trip(connected, requests, timed, advance),
        }
        streams, windows = [], sorted({1, link.window})
        for name, payloads in _payloads(connected, seed).items():
            for window in windows:
                link.window = window
                stream = list(islice(cycle(payloads), requests))
                streams.append({"stream": name, "window": window, **_run(connected, stream, timed, advance)})
        figures["streams"] = streams
        after = connected.read_counters()
        figures["retries"] = link.retries
        figures |= {name: grown(before, after, name) for name in ("frames", "refused", "repeated", "dropped")}
    if _has_rate(board):
        rates = [try_rate(spec, board, percent, advance) for percent in PERCENT]
        figures |= {"rates": rates, "recommended_baud": _recommended(spec.baud, rates)}
    return figures


def steps(board: str, requests: int) -> int:
    """How often `measure` advances at most: round trips, three streams with two windows each, rates."""
    return 7 * requests + _has_rate(board) * len(PERCENT) * REQUESTS


def _has_rate(board: str) -> bool:
    """Whether the rate of the host's end can differ from the board's."""
    return board != "golden" and has_rate(board)


def _clocks(board: Board) -> int:
    return int.from_bytes(board.request(*_CLOCKS), "little")


def _round_trip(board: Board, requests: int, timed: bool, advance: Callable[[], None]) -> dict[str, Any]:
    """Minimum, median and 99th percentile of the time from a short request to its reply."""
    seconds, clocks = [], [_clocks(board)]
    for _ in range(requests):
        begin = time.perf_counter()
        clocks.append(_clocks(board))
        seconds.append(time.perf_counter() - begin)
        advance()
    taken = {"wall_ms": [1e3 * value for value in seconds]}
    if timed:
        taken["board_clocks"] = [float(later - earlier) for earlier, later in pairwise(clocks)]
    return {
        name: dict(zip(("min", "median", "p99"), map(float, np.quantile(values, (0, 0.5, 0.99))), strict=True))
        for name, values in taken.items()
    }


def _payloads(board: Board, seed: int) -> dict[str, list[tuple[int, bytes]]]:
    """What is streamed: the longest WRITEs, of the words that are there already, the longest READs, and RECALLs."""
    spec, rng = board.spec, np.random.default_rng(seed)
    words = space_words(spec)[Space.WEIGHTS]
    chunk = (board.identity.frame_bytes - 2 - ACCESS_BYTES - CRC_BYTES) // spec.lanes
    heads = [access(Space.WEIGHTS, at, min(chunk, words - at)) for at in range(0, words, chunk)]
    reads = [(int(Op.READ), head) for head in heads]
    contents = board.link.exchange(reads)
    return {
        "write": [(int(Op.WRITE), head + content) for head, content in zip(heads, contents, strict=True)],
        "read": reads,
        "recall": [(int(Op.RECALL), rng.bytes(input_bytes(spec))) for _ in range(16)],
    }


def _run(
    board: Board, stream: list[tuple[int, bytes]], timed: bool, advance: Callable[[], None]
) -> dict[str, float | int]:
    """Requests per second and, for a board with a clock, the share of the time that each direction's line is busy.

    The time runs from the execution of a READ before the stream to that of a READ behind it. In between the line carries
    the reply to the first, the stream, its replies, and the second.
    """
    link, spec = board.link, board.spec
    received, first = link.received, _clocks(board)
    sent, begin = link.sent, time.perf_counter()
    for _ in link.exchange(stream):
        advance()
    seconds, received = time.perf_counter() - begin, link.received - received
    clocks = _clocks(board) - first
    sent = link.sent - sent
    if not timed:
        return {"requests_per_second": len(stream) / seconds}
    share = LINE_BITS * spec.clock_hz / spec.baud / clocks
    return {
        "requests_per_second": len(stream) * spec.clock_hz / clocks,
        "board_clocks": clocks,
        "bytes_to_board": sent,
        "bytes_to_host": received,
        "line_to_board": sent * share,
        "line_to_host": received * share,
    }


# -- rates -------------------------------------------------------------------------------------------------------


@contextmanager
def _opened_at(spec: MachineSpec, board: str, baud: int) -> Iterator[Port]:
    """The board's port with the host's end at another rate."""
    if board == "sim":
        # Its port has no rate; the simulated line's other end has.
        off = spec.baud / baud - 1
        with virtual_board(spec, baud_error=off) as simulated, closing(open_port(simulated.port, baud)) as port:
            yield port
    else:
        with closing(open_port(board, baud)) as port:
            yield port


def try_rate(spec: MachineSpec, board: str, percent: int, advance: Callable[[], None]) -> dict[str, Any]:
    """Whether long requests and long replies all come through at once, at this many percent off the board's rate."""
    baud = round(spec.baud * (1 + percent / 100))
    outcome, done = "passed", 0
    try:
        with _opened_at(spec, board, baud) as port:
            connected = Board(port, spec, REPLY_SECONDS)
            payloads = _payloads(connected, 0)
            stream = payloads["write"] + payloads["read"]
            for _ in connected.link.exchange(islice(cycle(stream), REQUESTS)):
                if connected.link.retries:
                    break
                done += 1
                advance()
        if connected.link.retries:
            outcome = "errors"
    except MachineError:
        outcome = "no answer"
    except UserError:
        outcome = "not possible"
    for _ in range(REQUESTS - done):
        advance()
    return {"percent": percent, "baud": baud, "outcome": outcome}


def _recommended(baud: int, rates: list[dict[str, Any]]) -> int | None:
    """The board's rate if all went well up to 2 % around it, else the middle of the good rates, if there are any."""
    passed: set[int] = {rate["percent"] for rate in rates if rate["outcome"] == "passed"}
    if passed.issuperset(PROMISED):
        return baud
    if not passed:
        return None
    return round(baud * (1 + (min(passed) + max(passed)) / 200))
