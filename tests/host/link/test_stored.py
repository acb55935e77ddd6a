"""Patterns kept on a board: what is sent, what is not sent again, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.access import read_clocks
from ohmprop.host.link.board import Board
from ohmprop.host.link.cable import handled
from ohmprop.host.link.exchange import SILENT_TRIES, Link
from ohmprop.host.link.faults import KINDS, Fault, FaultyPort, SimulatedTime
from ohmprop.host.link.patterns import Pace
from ohmprop.host.link.port import GoldenPort
from ohmprop.host.link.stored import Library, further_clocks
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import PACKET, Op, encode_frame
from ohmprop.model.link.handling import stored_clocks
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.link.stored import REACH, numbered, numbers_in_frame
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SLOT_BYTES

SPEC = MachineSpec(layers=(40, 6, 3), lanes=4, sparse=True, store=64 * SLOT_BYTES)
WIDE = MachineSpec(layers=(784, 4, 3), lanes=4, sparse=True, store=8 * SLOT_BYTES)


def drawn(spec, count, seed=1, share=0.4):
    """Random images and targets."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 16, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < share)
    return images.astype(np.uint8), np.eye(spec.outputs, dtype=np.bool_)[rng.integers(spec.outputs, size=count)]


def library(spec, *sets):
    """The library of these sets."""
    return Library(spec, frame_bytes(spec), sets)


def test_patterns_are_found_by_what_they_are():
    (images, targets), (others, classes) = drawn(SPEC, 6), drawn(SPEC, 3, seed=2)
    held = library(SPEC, (images, targets), (others, classes))
    assert len(held.records) == 9 and held.slots == 1
    assert held.find(images[[4, 0, 4]], targets[[4, 0, 4]]) == (0, [4, 0, 4])
    assert held.find(others[::-1], classes[::-1]) == (6, [8, 7, 6])
    # Not all in one set, and another class.
    assert held.find(np.concatenate([images[:1], others[:1]]), np.concatenate([targets[:1], classes[:1]])) is None
    assert held.find(images[:1], ~targets[:1]) is None


def test_what_a_store_cannot_hold():
    images, targets = drawn(SPEC, 65)
    with pytest.raises(UserError, match="65 patterns are too many for the board's store, which holds 64 of them; give"):
        library(SPEC, (images, targets))
    dense = drawn(WIDE, 5, share=0.8)
    assert library(WIDE, (dense[0][:4], dense[1][:4])).slots == 2
    with pytest.raises(UserError, match="which holds 4 of them"):
        library(WIDE, dense)
    with pytest.raises(UserError, match=r"too long for the board's store; leave --stored out\.$"):
        library(WIDE, (np.tile(np.array([[0, 1]], np.uint8), (1, 392)), np.eye(3, dtype=np.bool_)[:1]))
    assert REACH == 1 << 16 and numbers_in_frame(SPEC) == (256 - 6 - 3) // 2


def connected(device, to_board=(), to_host=()):
    """A board at the end of a line with these faults."""
    clock = SimulatedTime()
    port = FaultyPort(GoldenPort(device, clock.sleep), to_board, to_host, clock.now)
    port.stall_for(4.0)
    return Board(port, SPEC, 1.0, clock.now)


def test_what_the_board_has_is_not_sent_again():
    device, held = GoldenBoard(SPEC), library(SPEC, drawn(SPEC, 30))
    board, took = connected(device), []
    board.store.upload(held, lambda: took.append(1))
    assert device.store.held.records == held.records and len(took) == 30
    assert board.store.uploaded_bytes > sum(map(len, held.records))
    # Another host finds all of it, or the first ones, or others.
    for kept, others in ((30, False), (11, False), (0, False), (30, True)):
        again = connected(device)
        before = device.store.held.records
        device.store.held.add(0, 1, before[::-1][:kept] if others else before[:kept])
        again.store.upload(held, lambda: took.append(1))
        sent = 0 if kept == 30 and not others else sum(map(len, held.records[0 if others else kept :]))
        assert sent <= again.store.uploaded_bytes <= 1.3 * sent + 200
        assert device.store.held.records == held.records
    assert len(took) == 5 * 30
    # The first ones, but in slots of another size, in which no others can follow.
    device.store.held.add(0, 2, held.records[:11])
    connected(device).store.upload(held)
    assert (device.store.held.records, device.store.held.each) == (held.records, 1)


def test_as_many_records_as_fit_go_in_a_frame():
    spec = replace(WIDE, layers=(400, 4, 3), store=16 * SLOT_BYTES)
    device, held = GoldenBoard(spec), library(spec, drawn(spec, 9, share=0.25))
    assert 2 * min(map(len, held.records)) < frame_bytes(spec) < 3 * min(map(len, held.records))
    board = Board(GoldenPort(device), spec)
    board.store.upload(held)
    assert device.store.held.records == held.records


def test_what_learning_takes_is_added_up():
    board, held, pace = connected(GoldenBoard(SPEC)), library(SPEC, drawn(SPEC, 4)), Pace()
    board.store.upload(held)
    groups = [[2, 0, 1], [3], [1, 1]]
    replies = list(board.store.learn(held, 0, groups, pace))
    sizes = [(len(group), 1, len(held.records[group[0]])) for group in groups]
    assert pace.handling == sum(stored_clocks(SPEC, *size) for size in sizes)
    assert pace.patterns == 6 and pace.busy == sum(reply.clocks for reply in replies) == pace.clocks
    # A board behind a cable takes as long.
    device = GoldenBoard(SPEC)
    device.store.held.add(0, 1, held.records)
    for group, size in zip(groups, sizes, strict=True):
        frame = encode_frame(Op.LEARN_STORED, 1, numbered(0, group))
        assert handled(SPEC, frame, b"", device.store.held) == stored_clocks(SPEC, *size)


def test_readings_of_the_clock_fill_a_packet():
    board = Board(GoldenPort(GoldenBoard(SPEC)), SPEC)
    before = board.link.received
    read_clocks(board.link)
    assert board.link.received - before == PACKET


class Silent:
    """A port that nobody answers at, and a clock that goes on with each read."""

    port, seconds, in_waiting = "silent", 0.0, 0

    def now(self):
        return self.seconds

    def read(self, size=1, /):
        self.seconds += 0.1
        return b""

    def write(self, data, /):
        return len(data)


@pytest.mark.parametrize("further", [0.0, 20.0])
def test_further_seconds_are_waited_for_each_time(further):
    port = Silent()
    link = Link(port, 1.0, port.now)
    link.further = lambda op, payload: further
    with pytest.raises(MachineError, match="did not answer the request DIGEST"):
        list(link.exchange([(Op.DIGEST, b"")]))
    assert SILENT_TRIES * (1.0 + further) <= port.seconds < SILENT_TRIES * (1.5 + further)


def test_a_memory_that_changes_a_pattern_is_found_out():
    device, held = GoldenBoard(SPEC), library(SPEC, drawn(SPEC, 30))
    board = connected(device)
    board.store.upload(held)
    device.store.held.records[7] = device.store.held.records[8]
    with pytest.raises(MachineError, match="memory has changed one of the patterns 0 to 29; it is damaged"):
        board.store.upload(held)


def learnt(board, held):
    """What a board says that stores patterns, learns and recalls."""
    board.store.upload(held)
    replies = list(board.store.learn(held, 0, [[1, 0, 1]], Pace()))
    return [*replies, *board.store.recall(0, [[0, 1]])]


def test_a_fault_at_every_byte():
    """Of storing, learning and recalling, in either direction: each frame is executed once."""
    device, held = GoldenBoard(SPEC), library(SPEC, drawn(SPEC, 2))
    board = connected(device)
    replies = learnt(board, held)
    assert [reply.patterns for reply in replies] == [3, 2]
    for to_host, count in ((False, board.link.sent), (True, board.link.received)):
        for position in range(count):
            for kind in KINDS:
                again, fault = GoldenBoard(SPEC), [Fault(position, kind, 0x41)]
                assert learnt(connected(again, *(((), fault) if to_host else (fault, ()))), held) == replies
                assert (again.machine.learnt, again.machine.recalled) == (3, 2)
                assert all(map(np.array_equal, again.machine.weights, device.machine.weights))


def test_a_frame_is_waited_for_as_long_as_its_patterns_may_take():
    assert further_clocks(1000, Op.LEARN_STORED, numbered(0, range(250))) == 250_000
    assert further_clocks(1000, Op.DIGEST, bytes(3) + (500).to_bytes(3, "little")) == 1_000_000
    assert further_clocks(1000, Op.LEARN, bytes(400)) == 0
    board = connected(GoldenBoard(SPEC))
    seconds = [board.link.further(Op.RECALL_STORED, numbered(0, [0] * count)) for count in (1, 100)]
    assert seconds[1] == 100 * seconds[0] > 0


@pytest.mark.parametrize(
    ("op", "payload"),
    [
        (Op.LEARN_STORED, numbered(0, [4])),
        (Op.RECALL_STORED, numbered(2, [2, 4])),
        (Op.STORE, (9).to_bytes(3, "little") + b"\1\0\0"),
        (Op.DIGEST, (4).to_bytes(3, "little") + (1).to_bytes(3, "little")),
    ],
)
def test_what_is_not_stored_is_a_sentence_and_changes_nothing(op, payload):
    device = GoldenBoard(SPEC)
    board, held = connected(device), library(SPEC, drawn(SPEC, 4))
    board.store.upload(held)
    with pytest.raises(
        MachineError, match=rf"refused the request {op.name} because it has stored no pattern of this num"
    ):
        board.request(op, payload)
    assert device.machine.learnt == device.machine.recalled == 0 and device.store.held.records == held.records


def test_a_machine_without_a_store_does_not_know_the_requests():
    board = Board(GoldenPort(GoldenBoard(replace(SPEC, store=0))), replace(SPEC, store=0))
    with pytest.raises(MachineError, match="refused the request DIGEST because it does not know this request"):
        board.store.upload(library(SPEC, drawn(SPEC, 2)))
