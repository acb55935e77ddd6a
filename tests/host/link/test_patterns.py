"""Patterns as requests: which of them share a frame, and that the board learns the same."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board, connect
from ohmprop.host.link.exchange import _REFUSALS, _RESEND
from ohmprop.host.link.patterns import Pace, Patterns
from ohmprop.host.link.port import GoldenPort
from ohmprop.model.errors import MachineError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import Op, Status
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.link.sparse import MOST_PATTERNS
from ohmprop.model.spec import MachineSpec

SPEC = MachineSpec(layers=(196, 9, 10), lanes=8, sparse=True)


def drawn(spec, count, share=0.2, seed=3):
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 16, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < share)
    return images.astype(np.uint8), np.eye(spec.outputs, dtype=bool)[rng.integers(spec.outputs, size=count)]


def ops(patterns, images, targets):
    return [
        (op, len(list(patterns.learnt(bytes(60))))) for op, _ in patterns.to_learn(zip(images, targets, strict=True))
    ]


def test_sparse_patterns_share_frames_in_their_order():
    images, targets = drawn(SPEC, 12)
    patterns = Patterns(SPEC, 512, sparse=True)
    full = [(Op.LEARN_SPARSE, MOST_PATTERNS)] * 2
    assert ops(patterns, images, targets) == [*full, (Op.LEARN_SPARSE, 2)] and not patterns.unanswered
    # Two classes at once, or none, are no class.
    targets[3] = True
    targets[7] = False
    counts = [(Op.LEARN_SPARSE, 3), (Op.LEARN, 1), (Op.LEARN_SPARSE, 3), (Op.LEARN, 1), (Op.LEARN_SPARSE, 4)]
    assert ops(patterns, images, targets) == counts
    assert ops(Patterns(SPEC, 512, sparse=False), images, targets) == [(Op.LEARN, 1)] * 12


def test_a_frame_takes_as_many_as_it_has_room_for():
    size = 256
    images, targets = drawn(SPEC, 9, share=0.9)
    requests = list(Patterns(SPEC, size, sparse=True).to_learn(zip(images, targets, strict=True)))
    assert len(requests) == 5 and all(len(payload) <= size - 6 for _, payload in requests)
    # What no frame has room for goes as it is.
    wide = MachineSpec(layers=(784, 4, 10), sparse=True)
    image = np.arange(wide.inputs, dtype=np.uint8) % 2
    ((op, _),) = Patterns(wide, frame_bytes(wide), sparse=True).to_learn([(image, np.arange(10) == 1)])
    assert op == Op.LEARN
    assert Patterns(wide, frame_bytes(wide), sparse=True).to_recall(image)[0] == Op.RECALL


@pytest.mark.parametrize("skip", [True, False])
def test_a_board_learns_sparse_patterns_as_it_does_others(skip):
    images, targets = drawn(SPEC, 30)
    targets[11] = True
    found = []
    for spec in (SPEC, replace(SPEC, sparse=False)):
        with connect("golden", spec) as board:
            board.write_settings(replace(spec.settings, skip=skip), 0xC0FFEE)
            pace = Pace()
            replies = [reply for reply, _ in board.learn_many(images, targets, pace)]
            single = board.learn(images[0], targets[1])
            answers = [(reply, answer.tolist()) for reply, answer in board.recall_many(images[:5])]
            found.append((replies, single, answers, [matrix.tolist() for matrix in board.read_weights()]))
            assert pace.patterns == 30 and pace.busy == sum(reply.clocks for reply in replies) == pace.clocks
            assert pace.figures(spec) == {}
    assert found[0] == found[1] and len(found[0][0]) == 30


def test_a_board_that_nobody_has_set_says_whether_it_skips():
    """At first, and after a reset, which brings back the spec's setting."""
    spec = replace(SPEC, settings=replace(SPEC.settings, skip=False))
    port = GoldenPort(GoldenBoard(spec))
    board, (images, targets) = Board(port, spec), drawn(spec, 3)
    assert len(list(board.learn_many(images, targets))) == 3
    board.write_settings(SPEC.settings, 1)
    port._device = GoldenBoard(spec)
    board.identify_again()
    assert len(list(board.learn_many(images, targets))) == 3


@pytest.mark.parametrize(
    ("op", "payload"), [(Op.LEARN_SPARSE, b"\x0a\0"), (Op.RECALL_SPARSE, b"\0\0\0\0"), (Op.LEARN_SPARSE, b"\0")]
)
def test_a_refused_pattern_is_a_sentence_and_changes_nothing(op, payload):
    """A class that there is not, two patterns to recall, one that is cut short."""
    with connect("golden", SPEC) as board:
        before = board.read_counters().learnt, board.read_weights()
        with pytest.raises(
            MachineError, match=rf"refused the request {op.name} because a pattern is cut short, .* skip is off"
        ):
            board.request(op, payload)
        assert board.read_counters().learnt == before[0]
        assert all(map(np.array_equal, board.read_weights(), before[1]))


def test_every_refusal_has_its_words():
    """But for those that are sent again, or say more than a refusal."""
    known = {*_REFUSALS, *_RESEND, Status.DONE, Status.NOT_IDENTIFIED}
    assert known == set(Status)
