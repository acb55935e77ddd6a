"""Equilibrium propagation in closed loop with a circuit."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.analog.comparing import EULER_STEPS
from ohmprop.analog.engines import Equations, Neospice
from ohmprop.analog.learning import CircuitLearner
from ohmprop.analog.spec import AnalogSpec
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from tests.kit.memories import classifier, memory


def beside(spec, solver):
    """The circuit and float64, with the same weights, whose phases all settle."""
    # Not beyond what cells hold, also once something has been learnt.
    weights = tuple(matrix / 2 for matrix in initial_weights(spec, 1))
    settled = replace(
        spec.settings,
        free_steps=EULER_STEPS,
        nudged_steps=EULER_STEPS,
        driven_steps=EULER_STEPS,
        released_steps=EULER_STEPS if spec.recurrent else 0,
    )
    return CircuitLearner(spec, weights, AnalogSpec(), solver), Reference(spec, settled, weights)


def apart(circuit, reference):
    pairs = zip(circuit.weights, reference.weights, strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def test_spice_learns_a_memory_as_float64_does():
    spec = MachineSpec.from_toml("[machine]\nlayers = [16]\n[settings]\neta_shifts = [3]\n")
    patterns = memory(16, 3)[1]
    circuit, reference = beside(spec, Neospice())
    start = [matrix.copy() for matrix in circuit.weights]
    for _ in range(6):
        for pattern in patterns:
            circuit.learn(pattern, pattern)
            reference.learn(pattern)
    assert circuit.solved == 36 and np.abs(circuit.weights[0] - start[0]).max() > 0.1
    assert apart(circuit, reference) < 1e-4
    answers = np.array([circuit.recall(pattern) for pattern in patterns])
    assert np.array_equal(answers, reference.recall_many(patterns)) and np.array_equal(answers, patterns)


@pytest.mark.parametrize("fields", [{}, {"biases": True}], ids=["plain", "biases"])
def test_a_layered_circuit_learns_as_float64_does(fields):
    machine, images, targets = classifier(**fields)
    circuit, reference = beside(machine.spec, Equations())
    for _ in range(3):
        for image, target in zip(images, targets, strict=True):
            circuit.learn(image, target)
            reference.learn(image, target)
    assert apart(circuit, reference) < 1e-3
    answers = np.array([circuit.recall(image) for image in images])
    assert np.abs(answers - reference.recall_many(images)).max() < 1e-3


def test_phases_that_do_not_rest_are_counted(monkeypatch):
    spec, patterns = memory(16, 3)[0].spec, memory(16, 3)[1]
    circuit = beside(spec, Equations())[0]
    circuit.learn(patterns[0], patterns[0])
    assert (circuit.solved, circuit.unsettled) == (2, 0)
    monkeypatch.setattr("ohmprop.analog.engines.SPANS", (1.0, 1.0))
    monkeypatch.setattr("ohmprop.analog.engines.MOST_SPANS", 1)
    circuit.learn(patterns[0], patterns[0])
    assert (circuit.solved, circuit.unsettled) == (4, 2)


def test_cells_have_rails():
    spec = MachineSpec.from_toml("[machine]\nlayers = [4]\nlanes = 2\n[settings]\neta_shifts = [2]\n")
    learner = CircuitLearner(spec, initial_weights(spec, 1), AnalogSpec(g_on=21e-6, on_off=21.0), Equations())
    pattern = np.array([True, True, False, False])
    for _ in range(12):
        learner.learn(pattern, pattern)
    assert np.abs(learner.weights[0]).max() == pytest.approx(0.2) and np.all(np.diag(learner.weights[0]) == 0)


def test_rules_without_a_circuit_are_refused():
    for text in ('nudge = "random"', 'rule = "continual"'):
        spec = MachineSpec.from_toml(
            f"[machine]\nlayers = [4]\nlanes = 2\nnudges = true\ncontinual = true\n[settings]\n{text}\n"
        )
        with pytest.raises(UserError, match="a circuit learns by rule = ep and a positive nudge"):
            CircuitLearner(spec, initial_weights(spec, 1), AnalogSpec(), Equations())
