"""A machine's network as equations and as elements."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ohmprop.analog.circuit import Network
from ohmprop.analog.netlist import netlist
from ohmprop.analog.spec import PAIR_UNIT, AnalogSpec
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import Reference, as_float64, initial_weights, quantise
from ohmprop.model.spec import MachineSpec
from tests.kit.memories import classifier, memory, network

VECTORS = Path(__file__).parents[1] / "vectors"


def test_the_flow_of_a_recurrent_network_is_the_reference_s():
    machine, patterns = memory(16, 3)
    reference = Reference(machine.spec, machine.spec.settings, as_float64(machine.spec, machine.weights))
    circuit = network(machine).free(patterns[0])
    states = np.random.default_rng(2).normal(0, 1, 16)
    expected = reference.currents(patterns[0], states) - states
    assert np.allclose(circuit.flow(states), expected, atol=1e-12)
    nudged = network(machine).nudged(circuit, states, patterns[1])
    goal = np.where(patterns[1], 127 / 127, -127 / 127)
    assert np.allclose(nudged.flow(states), expected + goal - np.tanh(states), atol=1e-12)


@pytest.mark.parametrize("fields", [{}, {"biases": True}, {"asymmetric": True}], ids=["plain", "biases", "asymmetric"])
def test_the_flow_of_a_layered_network_is_the_reference_s(fields):
    machine, images, targets = classifier(**fields)
    spec = machine.spec
    reference = Reference(spec, spec.settings, as_float64(spec, machine.weights))
    circuit = network(machine).free(images[1])
    # Within the range, where states are activities.
    states = np.random.default_rng(2).uniform(0, 1, spec.neurons)
    expected = reference.currents(images[1], states) - states
    assert np.allclose(circuit.flow(states), expected, atol=1e-12)
    away = replace(spec, nudges=True, settings=replace(spec.settings, nudge="negative"))
    nudged = Network(away, as_float64(spec, machine.weights), AnalogSpec()).nudged(circuit, states, targets[1])
    expected[-3:] -= targets[1] - states[-3:]
    assert np.allclose(nudged.flow(states), expected, atol=1e-12)


def test_elements_obey_kirchhoff_as_the_equations_do():
    """The currents of all elements into each summing node, at ground, are the flow."""
    for machine, pattern, target, sign in [
        (memory(16, 3)[0], memory(16, 3)[1][0], memory(16, 3)[1][1], "positive"),
        (classifier(biases=True)[0], classifier(biases=True)[1][0], classifier(biases=True)[2][0], "negative"),
    ]:
        spec = replace(machine.spec, nudges=True, settings=replace(machine.spec.settings, nudge=sign))
        built = Network(spec, as_float64(spec, machine.weights), AnalogSpec())
        free = built.free(pattern)
        states = np.random.default_rng(3).uniform(-0.5, 1.5, machine.spec.neurons)
        circuit = built.nudged(free, states, target)
        unit, g_one = circuit.analog.unit, circuit.analog.g_one
        activities = circuit.activities(states)
        volts = {"0": 0.0}
        for index, (state, activity) in enumerate(zip(states, activities, strict=True)):
            volts |= {f"v{index}": state * unit, f"a{index}": activity * unit, f"b{index}": -activity * unit}
        into = np.zeros(len(states))
        for name, nodes, value in circuit.elements():
            if name[0] == "V":
                volts[nodes[0]] = float(value)
        for name, nodes, value in circuit.elements():
            if name[0] == "R":
                ends = [node for node in nodes if not node.startswith("x")]
                (column,) = (int(node[1:]) for node in nodes if node.startswith("x"))
                into[column] += volts[ends[0]] / float(value)
            elif name[0] == "I":
                into[int(nodes[1][1:])] += float(value)
        # The amplifier inverts, and what flows into the capacitor is dv/dt.
        assert np.allclose(-into / (unit * g_one), circuit.flow(states), atol=2e-6)


def test_a_netlist_is_the_committed_text():
    """Deterministic, and as it was: a recurrent machine nudged, and a layered one."""
    spec = MachineSpec(layers=(3,), lanes=3)
    built = Network(spec, initial_weights(spec, 1), AnalogSpec(offset=0.001))
    free = built.free(np.array([True, False, True]))
    nudged = built.nudged(free, np.array([0.25, -0.5, 1.0]), np.array([True, False, False]))
    assert netlist(nudged, 10.0, "three neurons") == (VECTORS / "recurrent-3.cir").read_text()
    spec = MachineSpec(layers=(2, 2, 2), lanes=2, biases=True)
    built = Network(spec, as_float64(spec, quantise(spec, initial_weights(spec, 1))), AnalogSpec())
    text = netlist(built.free(np.array([3, 15], np.uint8)), 30.0, "two layers")
    assert text == (VECTORS / "layered-2-2-2.cir").read_text()


def test_absent_synapses_are_no_cells():
    spec = MachineSpec(layers=(6,), lanes=2, cut_diagonals=2)
    built = Network(spec, initial_weights(spec, 1), AnalogSpec())
    cells = [one for one in built.free(np.ones(6, bool)).elements() if one.name[:2] in ("Ru", "Rd")]
    assert len(cells) == 2 * spec.synapses


def test_what_cannot_be_built_is_refused_in_a_sentence():
    spec = MachineSpec(layers=(4,), lanes=2)
    weights = np.full((4, 4), 0.9) * (1 - np.eye(4))
    with pytest.raises(
        UserError, match=r"The largest weight, 0\.9, needs 90 uS above .* 10 uS, and cells reach 50 uS; write"
    ):
        Network(spec, (weights,), AnalogSpec(g_on=50e-6, on_off=5.0))
    layered = MachineSpec(layers=(2, 2, 2), lanes=2)
    with pytest.raises(UserError, match="clipped to 0 to 1, which a differential pair is not"):
        Network(layered, initial_weights(layered, 1), AnalogSpec(unit=PAIR_UNIT, activation="pair"))
