"""The states along a pattern are those that the machine itself goes through, and looking at them changes nothing."""

import numpy as np
import pytest

from ohmprop.host.run.trace import trace
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped

SPECS = {
    "recurrent": MachineSpec(layers=(12,), lanes=4),
    "blocks in turn": equipped(MachineSpec(layers=(12,), lanes=4), order="blocks", free_eps=1.0),
    "one hidden layer": MachineSpec(layers=(9, 6, 3), lanes=4),
    "two hidden layers, in turn": MachineSpec(layers=(9, 6, 5, 3), lanes=4),
    "recurrent backpropagation": equipped(MachineSpec(layers=(12,), lanes=4), rule="rbp"),
}


@pytest.mark.parametrize("name", SPECS)
def test_states_along_a_pattern(name):
    spec, rng = SPECS[name], np.random.default_rng(3)
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, initial_weights(spec, 1))
    pattern = rng.integers(0, 2, spec.inputs).astype(bool if spec.recurrent else np.uint8) * (
        1 if spec.recurrent else 9
    )
    target = np.arange(spec.outputs) == 1
    before = [matrix.copy() for matrix in machine.weights], machine.lfsr
    found = trace(machine, pattern.astype(bool) if spec.recurrent else pattern, target)
    assert all(map(np.array_equal, machine.weights, before[0])) and machine.lfsr == before[1] and machine.learnt == 0
    reply = machine.learn(pattern.astype(bool) if spec.recurrent else pattern, target)
    assert found.free_steps == reply.free_steps and len(found.states) == 1 + reply.free_steps + reply.nudged_steps
    assert not found.states[0].any() and (np.diff(found.states[: found.free_steps], axis=0) != 0).any(axis=1).all()
    # The states at the end of the second phase; those of a side network are not the neurons'.
    assert np.array_equal(found.states[-1], machine.states)
