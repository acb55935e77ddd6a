"""Devices on a board, by the driver: the golden machine behind the link."""

from dataclasses import replace

import numpy as np
import pytest

from host.driver import Board
from host.transport import GoldenPort
from model.device import GoldenDevice
from model.devices.presets import preset
from model.devices.pulses import pulse_unit, stuck_cells
from model.errors import MachineError, UserError
from model.golden import GoldenMachine
from model.layered import LayeredMachine
from model.protocol import ACCESS_BYTES, Op, Space
from model.spec import MachineSpec
from tests.test_driver import connect, random_weights

PATTERNS = MachineSpec(layers=(12,), lanes=8, pulses=True)
IMAGES = MachineSpec(layers=(9, 7, 4), lanes=4, pulses=True)


def counted(board):
    return [[counts.up, counts.down, counts.lost] for counts in board.read_pulses()]


def test_devices_of_a_recurrent_board():
    rng = np.random.default_rng(1)
    _, board = connect(PATTERNS)
    golden = GoldenMachine(PATTERNS)
    weights = random_weights(PATTERNS, rng)
    unit = replace(pulse_unit(preset("epiram"), PATTERNS, 3, "pair"), read_noise=20, decay_every=2)
    golden.device = replace(
        unit, stuck=stuck_cells(PATTERNS, [weights], unit.tables, [(0, 3, 1, "max"), (0, 5, 2, "min")])
    )
    golden.weights = weights.copy()
    board.write_weights(weights)
    board.load_device(golden.device)
    for _ in range(3):
        pattern = rng.random(PATTERNS.neurons) < 0.5
        assert board.learn(pattern) == golden.learn(pattern)
    assert np.array_equal(board.read_weights(), golden.weights)
    assert counted(board) == golden.pulses.tolist() and golden.pulses[0, :2].all()
    (up,), (down,) = board.read_conductances(golden.device)
    assert np.array_equal(up - down, golden.weights) and min(up.min(), down.min()) == 0
    board.load_device(None)
    golden.device = None
    assert board.learn(pattern) == golden.learn(pattern)
    assert np.array_equal(board.read_weights(), golden.weights)


def test_devices_of_a_layered_board():
    rng = np.random.default_rng(2)
    board, golden = Board(GoldenPort(GoldenDevice(IMAGES)), IMAGES), LayeredMachine(IMAGES)
    unit = pulse_unit(preset("pcm"), IMAGES, 2)
    masks = tuple(rng.random((matrix.rows, matrix.columns)) < 0.2 for matrix in IMAGES.matrices)
    golden.device = replace(unit, stuck=masks)
    golden.weights = [rng.integers(-90, 91, mask.shape) for mask in masks]
    board.write_matrices(golden.weights)
    board.load_device(golden.device)
    images, targets = rng.integers(0, 16, (3, 9)).astype(np.uint8), np.eye(3, 4, dtype=bool)
    replies = golden.learn_many(images, targets).tolist()
    for reply, expected in zip(board.learn_images(zip(images, targets, strict=True)), replies, strict=True):
        assert [reply.free_steps, reply.nudged_steps, reply.clocks, reply.lfsr] == expected
    assert all(np.array_equal(*pair) for pair in zip(board.read_matrices(), golden.weights, strict=True))
    assert counted(board) == golden.pulses.tolist()


def test_what_is_refused():
    linear = replace(PATTERNS, pulses=False)
    _, board = connect(linear)
    with pytest.raises(UserError, match="no pulse unit"):
        board.load_device(None)
    _, board = connect(PATTERNS)
    for space, op in ((Space.STEPS, Op.READ), (Space.STUCK, Op.READ), (Space.PULSES, Op.WRITE)):
        content = bytes(1) if op == Op.WRITE else b""
        with pytest.raises(MachineError):
            board.request(op, bytes([space, 0, 0, 1, 0]) + content)
    assert len(bytes([Space.STEPS, 0, 0, 1, 0])) == ACCESS_BYTES


def test_a_pulse_unit_wants_narrow_weights():
    from model.formats import Format

    with pytest.raises(UserError, match="pulses = true is impossible"):
        MachineSpec(layers=(4, 3, 2), weight=Format(True, 12, 11), input_weight=Format(True, 12, 12), pulses=True)
