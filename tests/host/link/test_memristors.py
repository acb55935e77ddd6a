"""Devices on a board, by the driver: the golden machine behind the link."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.host.link.access import access
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort, open_port
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import ACCESS_BYTES, Op
from ohmprop.model.link.registers import PulseRequest
from ohmprop.model.link.spaces import Space
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.unit import pulse_unit, stuck_cells
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.virtual_board import VirtualBoard
from tests.host.link.test_board import connect, random_weights

PATTERNS = MachineSpec(layers=(12,), lanes=8, pulses=True)
IMAGES = MachineSpec(layers=(9, 7, 4), lanes=4, pulses=True)


def counted(board):
    return [[counts.up, counts.down, counts.lost] for counts in board.memristors.counts()]


def test_devices_of_a_recurrent_board():
    rng = np.random.default_rng(1)
    _, board = connect(PATTERNS)
    golden = GoldenMachine(PATTERNS)
    weights = random_weights(PATTERNS, rng)
    unit = replace(pulse_unit(preset("epiram"), PATTERNS, 3, "pair"), read_noise=20, decay_every=2)
    golden.device = replace(
        unit, stuck=stuck_cells(PATTERNS, [weights], unit.tables, [(0, 3, 1, "max"), (0, 5, 2, "min")])
    )
    golden.weights = (weights,)
    board.write_weights([weights])
    board.memristors.load(golden.device)
    for _ in range(3):
        pattern = rng.random(PATTERNS.neurons) < 0.5
        assert board.learn(pattern) == golden.learn(pattern)
    assert np.array_equal(board.read_weights(), golden.weights)
    assert counted(board) == golden.pulses.tolist() and golden.pulses[0, :2].all()
    ((up, down),) = board.read_conductances(golden.device)
    assert np.array_equal(up - down, golden.weights[0]) and min(up.min(), down.min()) == 0
    board.memristors.load(None)
    golden.device = None
    assert board.learn(pattern) == golden.learn(pattern)
    assert np.array_equal(board.read_weights(), golden.weights)


def test_devices_of_a_layered_board():
    rng = np.random.default_rng(2)
    board, golden = Board(GoldenPort(GoldenBoard(IMAGES)), IMAGES), GoldenMachine(IMAGES)
    unit = pulse_unit(preset("pcm"), IMAGES, 2)
    masks = tuple(rng.random((matrix.rows, matrix.columns)) < 0.2 for matrix in IMAGES.matrices)
    golden.device = replace(unit, stuck=masks)
    golden.weights = [rng.integers(-90, 91, mask.shape) for mask in masks]
    board.write_weights(golden.weights)
    board.memristors.load(golden.device)
    images, targets = rng.integers(0, 16, (3, 9)).astype(np.uint8), np.eye(3, 4, dtype=bool)
    replies = golden.learn_many(images, targets).tolist()
    for (reply, _), expected in zip(board.learn_many(images, targets), replies, strict=True):
        assert [reply.free_steps, reply.nudged_steps, reply.clocks, reply.lfsr] == expected
    assert all(np.array_equal(*pair) for pair in zip(board.read_weights(), golden.weights, strict=True))
    assert counted(board) == golden.pulses.tolist()


#: Machines on whose virtual boards cells are pulsed.
PULSED = {
    "recurrent": MachineSpec(layers=(7,), lanes=3, pulses=True),
    "layered": MachineSpec(layers=(5, 4, 3), lanes=3, biases=True, pulses=True),
    "serial": MachineSpec(layers=(11,), lanes=8, serial=True, pulses=True),
}


@pytest.mark.parametrize(
    # All are compared byte for byte in test_quick.
    "name",
    ["recurrent", pytest.param("layered", marks=pytest.mark.slow), pytest.param("serial", marks=pytest.mark.slow)],
)
def test_pulses_on_cells_of_a_virtual_board(name):
    """Up and down each conductance, among patterns; weights, counters, clocks and random numbers are the golden board's."""
    spec, rng = PULSED[name], np.random.default_rng(8)
    unit = replace(pulse_unit(preset("epiram"), spec, 3, "pair"), decay_every=2)
    with VirtualBoard(spec) as simulated, closing(open_port(simulated.port, spec.baud)) as port:
        boards = [Board(port, spec), Board(GoldenPort(GoldenBoard(spec)), spec)]
        pattern, target = rng.random(spec.inputs) < 0.5, rng.random(spec.outputs) < 0.5
        cells = [(m, r, c) for m, s in enumerate(spec.matrices) for r, c in ((s.rows - 1, 0), (0, s.columns - 1))]
        results = []
        for board in boards:
            board.memristors.load(unit)
            found = []
            for cell in cells:
                for conductance in "+-":
                    found.append(list(board.memristors.pulse_many(cell, conductance, [3] * 9 + [-1] * 5 + [1, -2])))
                found.append(board.learn(pattern.astype(np.uint8), target))
                found.append([matrix.tolist() for matrix in board.read_weights()])
            counters = board.read_counters()
            results.append((found, counted(board), board.read_settings(), counters.busy_clocks, counters.learnt))
    assert results[0] == results[1]
    assert len({weight for weights in results[0][0][:2] for weight in weights}) > 9


@pytest.mark.parametrize(
    ("scheme", "moves"),
    [
        ("reference", {("+", 1): 1, ("+", -1): -1, ("-", 1): "fixed reference", ("-", -1): "fixed reference"}),
        ("pair", {("+", 1): 1, ("+", -1): -1, ("-", 1): -1, ("-", -1): 1}),
        (
            "one-sided",
            {("+", 1): 1, ("-", 1): -1, ("+", -1): "no pulse that lowers G", ("-", -1): "no pulse that lowers G"},
        ),
    ],
)
def test_which_pulse_moves_which_conductance(scheme, moves):
    _, board = connect(PATTERNS)
    unit = replace(pulse_unit(preset("linear"), PATTERNS, 2, scheme), noise=False, spread=0)
    board.memristors.load(unit)
    for (conductance, pulses), move in moves.items():
        # G- at its lowest to raise G+ or lower it, and G+ to pulse G-.
        start = (20 if conductance == "+" else -20) if pulses < 0 else 0
        before = np.full((12, 12), start, np.int8) * synapse_mask(PATTERNS)
        board.write_weights([before])
        if isinstance(move, str):
            with pytest.raises(UserError, match=move):
                board.memristors.pulse(0, 4, 2, conductance, pulses)
            assert np.array_equal(board.read_weights(), [before])
            continue
        ((up, down),) = board.read_conductances(unit)
        weight = board.memristors.pulse(0, 4, 2, conductance, pulses)
        moved = weight - before.astype(int)
        assert np.sign(moved[4, 2]) == np.sign(moved[2, 4]) == move
        ((now_up, now_down),) = board.read_conductances(unit)
        assert weight == now_up[4, 2] - now_down[4, 2]
        of_asked = (now_up - up, now_down - down)["+-".index(conductance)]
        assert np.sign(of_asked[4, 2]) == pulses and np.count_nonzero(of_asked) == 2


def test_pulses_that_are_refused_change_nothing():
    rng = np.random.default_rng(3)
    _, board = connect(PATTERNS)
    board.write_weights([random_weights(PATTERNS, rng)])

    def state():
        return (
            board.read_weights()[0].tolist(),
            counted(board),
            board.read_settings(),
            board.read_counters().busy_clocks,
        )

    before, unit = state(), pulse_unit(preset("epiram"), PATTERNS, 3, "pair")
    for device in (None, unit, None):
        board.memristors.load(device)
        refused = {
            "at once": [(0, 3, 1, "+", 0), (0, 3, 1, "+", 4), (0, 3, 1, "-", -4)],
            "outside the array": [(0, 3, 3), (0, 12, 0), (0, 0, -1), (1, 0, 1)],
            "no conductance": [(0, 3, 1, "*")],
        }
        for sentence, requests in refused.items():
            for request in requests:
                with pytest.raises(UserError, match=sentence if device else "linear synapses take no pulses"):
                    board.memristors.pulse(*request)
        assert state() == before
    # What no driver sends moves nothing either: linear cells draw no bytes.
    packed = PulseRequest.of(PATTERNS, (0, 3, 1), 1).pack()
    board.request(Op.WRITE, access(Space.PROGRAM, 0, len(packed)) + packed)
    assert state() == before


def test_what_is_refused():
    linear = replace(PATTERNS, pulses=False)
    _, board = connect(linear)
    with pytest.raises(UserError, match="no pulse unit"):
        board.memristors.load(None)
    _, board = connect(PATTERNS)
    for space, op in (
        (Space.STEPS, Op.READ),
        (Space.STUCK, Op.READ),
        (Space.PULSES, Op.WRITE),
        (Space.PROGRAM, Op.READ),
    ):
        content = bytes(1) if op == Op.WRITE else b""
        with pytest.raises(MachineError):
            board.request(op, bytes([space, 0, 0, 1, 0]) + content)
    assert len(bytes([Space.STEPS, 0, 0, 1, 0])) == ACCESS_BYTES


def test_a_pulse_unit_wants_narrow_weights():
    from ohmprop.model.formats import Format

    with pytest.raises(UserError, match="pulses = true is impossible"):
        MachineSpec(layers=(4, 3, 2), weight=Format(True, 12, 11), input_weight=Format(True, 12, 12), pulses=True)
