"""A long run over a faulty line, its replies and weights compared with those of a run without a fault."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import numpy as np

from ohmprop.host.link.board import Board
from ohmprop.host.link.faults import KINDS, Fault, FaultyPort, SimulatedTime, at_random
from ohmprop.host.link.port import GoldenPort, Port, opened
from ohmprop.host.run.run import fresh
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import CRC_BYTES, Op
from ohmprop.model.link.packing import frame_bytes, input_bytes, target_bytes
from ohmprop.model.link.records import Counters
from ohmprop.model.link.sparse import MOST_PATTERNS, Sparse
from ohmprop.model.link.stored import NUMBER_BYTES, SLOTS, STORE_HEADER, numbered
from ohmprop.model.spec import MachineSpec

#: Seconds without a reply after which a request is sent again; shorter than a driver's, as silence is what a soak makes.
REPLY_SECONDS = 0.25
#: Pixels of a random sparse pattern that are not zero.
SPARSE_SHARE = 0.2
#: Stored patterns that a frame has at most.
MOST_STORED = 4


def soak(
    spec: MachineSpec,
    board: str,
    frames: int,
    rate: float,
    seed: int,
    advance: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Learn ``frames`` frames of random patterns while each byte of the line meets a fault with probability ``rate``.

    ``board`` is as ``--board`` names it; the golden board's waits are simulated and take no time. ``stopped`` ends the
    run early. Returns the figures by the names that the JSON uses; ``passed`` is the verdict.
    """
    rng = np.random.default_rng(seed)
    faults = at_random(rate, np.random.default_rng([seed, 1])), at_random(rate, np.random.default_rng([seed, 2]))
    traffic, sent = Traffic(spec, rng), list[tuple[int, bytes]]()
    asked = 0

    def requests() -> Iterator[tuple[int, bytes]]:
        nonlocal asked
        for _ in takewhile(lambda _: not stopped(), range(frames)):
            request, count = traffic.draw()
            asked += count
            sent.append(request)
            yield request

    with _line(board, spec) as (line, clock):
        port = FaultyPort(line, *faults, clock)
        faulty = Board(port, spec, REPLY_SECONDS, clock)
        # Long enough for a request to be sent again.
        port.stall_for(1.5 * faulty.link.timeout)
        clean = Board(GoldenPort(GoldenBoard(spec)), spec)
        for connected in (faulty, clean):
            _prepare(connected, seed)
        before = faulty.read_counters()
        different = 0
        for index, reply in enumerate(faulty.exchange(requests())):
            different += reply != clean.request(*sent[index])
            sent[index] = (0, b"")
            advance()
        counters = faulty.read_counters()
        equal = all(map(np.array_equal, faulty.read_weights(), clean.read_weights()))
        learnt = grown(before, counters, "learnt")
    return {
        "board": board,
        "spec_hash": spec.spec_hash,
        "seed": seed,
        "rate": rate,
        "frames": len(sent),
        "faults": port.faults.total(),
        "faults_by_kind": dict(sorted(port.faults.items())),
        "retries": faulty.link.retries,
        "repeated_from_cache": grown(before, counters, "repeated"),
        "refused": grown(before, counters, "refused"),
        "patterns": asked,
        "lost": max(0, asked - learnt),
        "duplicated": max(0, learnt - asked),
        "replies_different": different,
        "weights_equal": equal,
        "passed": learnt == asked and equal and not different,
    }


class Traffic:
    """Requests that learn random patterns.

    A machine takes one in each; or as many sparse ones as a frame takes at most; or, with a store, at first such ones to be
    stored, and from then on as often up to MOST_STORED of these.
    """

    def __init__(self, spec: MachineSpec, rng: np.random.Generator) -> None:
        self._spec, self._rng, self._stored = spec, rng, 0

    def draw(self) -> tuple[tuple[int, bytes], int]:
        """The next request, and how many patterns it learns."""
        spec, rng = self._spec, self._rng
        if not spec.sparse:
            return (Op.LEARN, rng.bytes(input_bytes(spec) + target_bytes(spec))), 1
        if spec.store and not self._stored:
            records = self._records(STORE_HEADER)
            self._stored = len(records)
            return (Op.STORE, bytes(NUMBER_BYTES) + bytes([SLOTS[-1]]) + b"".join(records)), 0
        if spec.store and rng.random() < 0.5:
            count = int(rng.integers(1, MOST_STORED + 1))
            return (Op.LEARN_STORED, numbered(0, rng.integers(self._stored, size=count).tolist())), count
        records = self._records(0)
        return (Op.LEARN_SPARSE, b"".join(records)), len(records)

    def _records(self, taken: int) -> list[bytes]:
        """One or more sparse patterns that fit a frame, ``taken`` bytes of which are."""
        spec, rng = self._spec, self._rng
        count = int(rng.integers(1, MOST_PATTERNS + 1))
        driven = rng.random((count, spec.inputs)) < SPARSE_SHARE
        images = (rng.integers(1, 1 << spec.pixel_bits, driven.shape) * driven).astype(np.uint8)
        records = [Sparse(int(rng.integers(spec.outputs)), image).pack() for image in images]
        room = frame_bytes(spec) - 2 - CRC_BYTES - taken
        while sum(map(len, records)) > room:
            records.pop()
        return records


def each_byte(spec: MachineSpec, frames: int, seed: int) -> dict[str, Any]:
    """Learn ``frames`` frames of random patterns once without a fault, then with each fault of KINDS at each byte in turn.

    Each time a fresh golden board is connected. Returns the figures by the names that the JSON uses.
    """
    rng = np.random.default_rng(seed)
    traffic = Traffic(spec, rng)
    requests, counts = zip(*(traffic.draw() for _ in range(frames)), strict=True)
    patterns = sum(counts)

    def learn(to_board: list[Fault], to_host: list[Fault]) -> tuple[Board, FaultyPort, GoldenBoard, list[bytes]]:
        clock, device = SimulatedTime(), GoldenBoard(spec)
        port = FaultyPort(GoldenPort(device, clock.sleep), to_board, to_host, clock.now)
        # Within this time a host that connects has sent its request again, and has not given up.
        port.stall_for(4 * REPLY_SECONDS)
        board = Board(port, spec, REPLY_SECONDS, clock.now)
        return board, port, device, list(board.exchange(requests))

    clean, _, golden, replies = learn([], [])
    exchanged = clean.link.sent, clean.link.received
    total, kinds = Counter[str](), Counter[str]()
    for to_board, count in zip((True, False), exchanged, strict=True):
        for position in range(count):
            for kind in KINDS:
                fault = [Fault(position, kind, int(rng.integers(1, 256)))]
                faulty, port, device, got = learn(*((fault, []) if to_board else ([], fault)))
                learnt = device.machine.learnt
                kinds += port.faults
                total["retries"] += faulty.link.retries
                total["lost"] += max(0, patterns - learnt)
                total["duplicated"] += max(0, learnt - patterns)
                total["replies_different"] += sum(a != b for a, b in zip(got, replies, strict=True))
                total["weights_different"] += not all(
                    map(np.array_equal, device.machine.weights, golden.machine.weights)
                )
                total["exchanges"] += 1
    names = ("exchanges", "retries", "lost", "duplicated", "replies_different", "weights_different")
    return {
        "spec_hash": spec.spec_hash,
        "seed": seed,
        "patterns": patterns,
        "bytes_to_board": exchanged[0],
        "bytes_to_host": exchanged[1],
        "faults": kinds.total(),
        "faults_by_kind": dict(sorted(kinds.items())),
        **{name: total[name] for name in names},
        "passed": not any(total[name] for name in names[2:]),
    }


@contextmanager
def _line(board: str, spec: MachineSpec) -> Iterator[tuple[Port, Callable[[], float]]]:
    """A board's port, and the clock that its waits are measured by."""
    if board == "golden":
        simulated = SimulatedTime()
        yield GoldenPort(GoldenBoard(spec), simulated.sleep), simulated.now
    else:
        with opened(board, spec) as port:
            yield port, time.monotonic


def grown(before: Counters, after: Counters, name: str) -> int:
    """What a counter has counted between two readings."""
    return int(getattr(after, name) - getattr(before, name)) % (1 << 8 * Counters.widths()[name])


def _prepare(board: Board, seed: int) -> None:
    """The spec's settings and LFSR, and initial weights."""
    start = fresh(board.spec, seed)
    board.write_settings(board.spec.settings, start.lfsr)
    board.write_weights(start.weights)
