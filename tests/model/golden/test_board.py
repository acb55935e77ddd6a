"""The driver and the golden device of layered machines: every request, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.formats import Format
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import Op
from ohmprop.model.link.packing import target_bytes
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.spec import MachineSpec
from tests.kit.specs import PLAIN

SPECS = {
    "lanes do not divide": MachineSpec(layers=(11, 7, 3), lanes=4),
    "white or black": MachineSpec(layers=(13, 5, 2), lanes=3, pixel_bits=1),
    "bytes, two hidden layers": MachineSpec(layers=(10, 9, 6, 4), lanes=4, pixel_bits=8, **PLAIN),
    "three hidden layers": MachineSpec(layers=(9, 5, 7, 4, 3), lanes=2, **PLAIN),
    "three hidden layers and biases": MachineSpec(layers=(9, 5, 7, 4, 3), lanes=2, biases=True),
    "outputs in many blocks": MachineSpec(layers=(30, 20, 64), lanes=1),
    "fine bits": MachineSpec(layers=(9, 5, 7, 3), lanes=3, fine_bits=4),
    "eight fine bits": MachineSpec(layers=(12, 6, 3), lanes=16, fine_bits=8),
    "coarse weights": MachineSpec(layers=(12, 6, 3), lanes=16, weight=Format(True, 5, 4), input_weight=Format(True, 4, 4)),
}  # fmt: skip
FINE = MachineSpec(layers=(64, 32, 10), input_weight=Format(True, 12, 12), weight=Format(True, 12, 11))


def random_weights(spec, rng):
    return [
        rng.integers(-matrix.limit, matrix.limit + 1, (matrix.rows, matrix.columns)).astype(np.int16)
        for matrix in spec.matrices
    ]


def random_pairs(spec, rng, count):
    images = rng.integers(0, 1 << spec.pixel_bits, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < 0.5)
    return images.astype(np.uint8), rng.random((count, spec.outputs)) < 0.4


def assert_same_weights(board, golden):
    for ours, theirs in zip(board, golden, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SPECS)
def test_every_request(name):
    spec, rng = SPECS[name], np.random.default_rng(1)
    board, golden = Board(GoldenPort(GoldenBoard(spec)), spec), GoldenMachine(spec)
    shifts = tuple(max(0, matrix.shift_base + index) for index, matrix in enumerate(spec.matrices))
    settings = replace(
        spec.settings, free_steps=9, driven_steps=7, eta_shifts=shifts, tolerance=1, feedforward=True, skip=True
    )
    board.write_settings(settings, 0x1234567)
    golden.settings, golden.lfsr = settings, 0x1234567
    assert board.read_settings() == (settings, 0x1234567)
    golden.weights = random_weights(spec, rng)
    board.write_weights(golden.weights)
    assert_same_weights(board.read_weights(), golden.weights)

    images, targets = random_pairs(spec, rng, 8)
    replies = [reply for reply, _ in board.learn_many(images, targets)]
    assert replies == [LearnReply(*row) for row in golden.learn_many(images, targets).tolist()]
    np.testing.assert_array_equal(board.read_states(), golden.states)
    assert_same_weights(board.read_weights(), golden.weights)
    answered = list(board.recall_many(images))
    assert len(answered) == len(images)
    for image, (reply, states) in zip(images, answered, strict=True):
        expected, expected_states = golden.recall(image)
        assert reply == expected
        np.testing.assert_array_equal(states, expected_states)
    np.testing.assert_array_equal(board.read_states(), golden.states)
    counters = board.read_counters()
    for counter in ("busy_clocks", "steps", "learnt", "recalled", "rows_skipped", "updates_skipped"):
        assert getattr(counters, counter) == getattr(golden, counter), counter
    assert counters.rows_skipped > 0
    assert (counters.refused, counters.repeated) == (0, 0)


def test_replies_and_refusals_of_the_device():
    spec = SPECS["lanes do not divide"]
    device = GoldenBoard(spec)
    board = Board(GoldenPort(device), spec)
    device.machine.weights = random_weights(spec, np.random.default_rng(2))
    reply = board.request(Op.RECALL, b"\xff" * 6)
    signs = np.unpackbits(np.frombuffer(reply[RecallReply.size() :], np.uint8)[:, None], axis=1, bitorder="little")
    states = device.machine.states
    # The seven hidden units take two blocks of four lanes, the outputs begin the third one.
    np.testing.assert_array_equal(np.concatenate([signs[0, :4], signs[1, :3], signs[2, :3]]), states > 0)
    for op, length in ((Op.LEARN, 6), (Op.LEARN, 7 + target_bytes(spec)), (Op.RECALL, 5), (Op.RECALL, 7)):
        with pytest.raises(MachineError, match="length"):
            board.request(op, bytes(length))
    assert device.machine.learnt == 0
    board.request(Op.LEARN, bytes(6 + target_bytes(spec)))
    assert device.machine.learnt == 1


def test_weights_the_machine_or_the_link_cannot_hold_are_refused():
    with pytest.raises(UserError, match="12 bits and the link carries 8"):
        Board(GoldenPort(GoldenBoard(FINE)), FINE)
    spec = SPECS["coarse weights"]
    board = Board(GoldenPort(GoldenBoard(spec)), spec)
    good = random_weights(spec, np.random.default_rng(3))
    board.write_weights(good)
    large = [matrix.copy() for matrix in good]
    large[0][0, 0] = 8
    for bad in (large, good[:1]):
        with pytest.raises(UserError):
            board.write_weights(bad)
    assert_same_weights(board.read_weights(), good)
