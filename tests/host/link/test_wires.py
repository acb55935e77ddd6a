"""The factors of a board's wires, by the driver: the golden machine behind the link, and the virtual board."""

from contextlib import closing

import numpy as np
import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort, open_port
from ohmprop.host.run.learner import OnBoard
from ohmprop.host.run.trace import trace
from ohmprop.model.errors import UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.virtual_board import VirtualBoard
from tests.host.link.test_board import connect, random_weights

SPEC = MachineSpec(layers=(12,), lanes=13, wires=True)
FINE = MachineSpec(layers=(9,), lanes=9, wires=True, fine_bits=4, adc_bits=7)


def learnt_on(board, golden, wires, rounds=3):
    """Four patterns a round, at whose beginning the factors are computed; every state is compared."""
    spec, rng = board.spec, np.random.default_rng(5)
    golden.weights = (random_weights(spec, rng),)
    golden.wires = wires
    board.write_weights(golden.weights)
    for _ in range(rounds):
        factors = board.wires.measure(wires)
        for pattern in rng.random((wires.every, spec.neurons)) < 0.5:
            assert board.learn(pattern) == golden.learn(pattern)
            assert np.array_equal(board.read_states(), golden.states)
        assert np.array_equal(factors, golden.factors) and np.array_equal(board.wires.read(), factors)
    assert np.array_equal(board.read_weights(), golden.weights)
    return factors


@pytest.mark.parametrize("spec", [SPEC, FINE], ids=["plain", "fine"])
def test_a_board_learns_on_wires(spec):
    board = Board(GoldenPort(GoldenBoard(spec)), spec)
    factors = learnt_on(board, GoldenMachine(spec), Wires(5e-3, every=4, gain=1.2))
    assert factors.any()


def test_the_virtual_board_learns_on_wires():
    with VirtualBoard(SPEC) as simulated, closing(open_port(simulated.port, SPEC.baud)) as port:
        learnt_on(Board(port, SPEC), GoldenMachine(SPEC), Wires(5e-3, every=4), rounds=2)


def test_what_is_no_factor_is_refused():
    _, plain = connect(MachineSpec(layers=(12,), lanes=12))
    for ask in (plain.wires.read, lambda: plain.wires.measure(Wires(1e-3))):
        with pytest.raises(UserError, match="no factors of its wires; give it wires = true"):
            ask()
    board = Board(GoldenPort(GoldenBoard(SPEC)), SPEC)
    for factors in (np.zeros((11, 12), np.int8), np.zeros((12, 12), np.int16)):
        with pytest.raises(UserError, match=r"do not fit; give int8 of shape \(12, 12\)"):
            board.wires.write(factors)


def test_a_run_begins_on_ideal_wires():
    """Another program's factors are still on the board, and a run's golden machine has none."""
    board, rng = Board(GoldenPort(GoldenBoard(SPEC)), SPEC), np.random.default_rng(3)
    board.wires.write(rng.integers(-64, 128, (12, 12)).astype(np.int8))
    learner = OnBoard(board, SPEC.settings, (random_weights(SPEC, rng).astype(np.int16),), 1)
    assert not board.wires.read().any() and learner.state().learnt == 0


def test_a_trace_is_on_the_machine_s_wires():
    machine, rng = GoldenMachine(SPEC), np.random.default_rng(4)
    machine.weights = (random_weights(SPEC, rng),)
    pattern = rng.random(12) < 0.5
    ideal = trace(machine, pattern, pattern)
    machine.factors = np.full((12, 12), -64, np.int8)
    cut = trace(machine, pattern, pattern)
    # Without currents a state goes to its input.
    assert not np.array_equal(ideal.states, cut.states)
    assert np.abs(cut.states[cut.free_steps]).max() <= SPEC.input_level
