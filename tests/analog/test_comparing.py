"""Machine, float64 and circuit, side by side."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.analog.circuit import Network
from ohmprop.analog.comparing import BASIN, Comparison, figures_of, settling
from ohmprop.analog.engines import Equations, Neospice, Waves
from ohmprop.analog.spec import AnalogSpec
from ohmprop.model.data.patterns import corrupt
from ohmprop.model.float64.reference import as_float64
from tests.kit.memories import classifier, memory, network


@pytest.mark.parametrize(("neurons", "count"), [(16, 3), (35, 8)])
def test_a_memory_and_its_circuit_agree(neurons, count):
    """The bars of docs/analog.md, with SPICE for the smaller one, whose time is in proportion."""
    machine, patterns = memory(neurons, count)
    solver = Neospice() if neurons == 16 else Equations()
    comparison = Comparison(network(machine), machine.weights, solver)
    images = np.concatenate([patterns, corrupt(patterns, 0.1, 2, np.random.default_rng(1))[0]])
    targets = np.concatenate([patterns, np.repeat(patterns, 2, axis=0)])
    compared = [comparison.compare(image, target) for image, target in zip(images, targets, strict=True)]
    figures = figures_of(machine.spec, compared)
    assert figures["images"] == 3 * count and figures["unsettled"] + figures["other_basin"] <= 1
    assert figures["max_lsb"] <= 0.1
    assert figures["residual_lsb"] <= 1.5
    assert figures["sign_agreement"] >= 0.997
    assert 1 / 1.5 <= figures["steps_in_rc_over_settling"] <= 1.5


def test_a_classifier_and_its_circuit_agree():
    machine, images, targets = classifier(biases=True)
    comparison = Comparison(network(machine), machine.weights, Neospice())
    compared = [comparison.compare(image, target) for image, target in zip(images[:4], targets[:4], strict=True)]
    figures = figures_of(machine.spec, compared)
    assert figures["unsettled"] == figures["other_basin"] == 0
    assert figures["max_lsb"] <= 0.1 and figures["residual_lsb"] <= 1.5 and figures["sign_agreement"] == 1


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"continual": True}, {"rule": "continual"}),
        ({}, {"rule": "rbp"}),
        ({"nudges": True}, {"nudge": "negative"}),
        ({"nudges": True}, {"nudge": "random"}),
    ],
)
def test_the_rule_and_the_nudge_by_which_it_learns_do_not_matter(fields, settings):
    """Weights do not change within a phase, no side network relaxes, and all three are nudged by the same sign."""
    machine, patterns = memory(16, 3)
    spec = replace(machine.spec, **fields, settings=replace(machine.spec.settings, **settings))
    built = Network(spec, as_float64(spec, machine.weights), AnalogSpec())
    comparison = Comparison(built, machine.weights, Equations())
    # More than one, so that a sign that is drawn is not the same by chance.
    for pattern in (*patterns, *patterns):
        compared = comparison.compare(pattern, ~pattern)
        assert compared.settled and not compared.other_basin
        assert compared.nudged.from_float64 <= 0.1 and compared.nudged.from_machine < 3
        # The target is far, so that a nudge moves the states.
        assert np.abs(compared.nudged.spice - compared.free.spice).max() > 5


def test_another_basin_is_counted_and_not_averaged_in():
    machine, patterns = memory(16, 3)
    comparison = Comparison(network(machine), machine.weights, Equations())
    good = comparison.compare(patterns[0], patterns[0])
    assert not good.other_basin and good.settled

    class Elsewhere(Equations):
        """Ends a little further than a basin away."""

        def run(self, circuit, span):
            waves = super().run(circuit, span)
            return Waves(waves.times, waves.states + 1.5 * BASIN / machine.spec.state.one)

    other = Comparison(network(machine), machine.weights, Elsewhere()).compare(patterns[0], patterns[0])
    assert other.other_basin
    figures = figures_of(machine.spec, [good, other])
    assert figures["other_basin"] == 1 and figures["max_lsb"] == figures_of(machine.spec, [good])["max_lsb"]
    assert figures_of(machine.spec, [other]).keys() == {"images", "unsettled", "cut_off", "other_basin"}


def test_settling_is_the_time_after_which_nothing_moves_by_an_lsb():
    spec = memory(16, 3)[0].spec
    states = np.zeros((5, 16))
    states[:, 3] = np.array([0, 4, 10, 9.5, 10]) / spec.state.one
    assert settling(spec, Waves(np.arange(5.0), states)) == 2.0
    # What the machine cannot hold does not count.
    states[:, 3] = np.array([0, 128, 160, 190, 200]) / spec.state.one
    assert settling(spec, Waves(np.arange(5.0), states)) == 1.0
