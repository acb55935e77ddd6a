"""What a machine shows of itself: float64 beside a trace, how much of its formats it uses, and its figures."""

import dataclasses

import numpy as np
import pytest

from ohmprop import Machine, MachineSpec
from ohmprop.boards.description import board
from ohmprop.boards.estimate import estimate
from ohmprop.host.estimators.ranges import Range, Ranges
from ohmprop.host.show.pictures import ranges_figure
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.spec.options import equipped

RNG = np.random.default_rng(8)
RECURRENT, LAYERED = MachineSpec(layers=(9,), lanes=4), MachineSpec(layers=(9, 5, 3), lanes=4)
SPECS = {
    "recurrent": RECURRENT,
    "layered": LAYERED,
    "in turn": equipped(LAYERED, order="layers", free_eps=1.0),
    "in blocks": equipped(RECURRENT, order="blocks"),
    "continual": equipped(RECURRENT, rule="continual"),
    "continual, layered": equipped(LAYERED, rule="continual"),
    "vector field": equipped(LAYERED, rule="vector-field"),
    "one way": equipped(RECURRENT, rule="vector-field"),
    "side network": equipped(RECURRENT, rule="rbp"),
    "centred": equipped(LAYERED, nudge="centred"),
    "random": equipped(LAYERED, nudge="random"),
    "random, recurrent": equipped(RECURRENT, nudge="random"),
    "biases": MachineSpec(layers=(9, 5, 3), lanes=4, biases=True),
}


def samples(spec, count=4):
    inputs = RNG.integers(0, 2 if spec.recurrent else 16, (count, spec.inputs))
    return inputs, inputs if spec.recurrent else np.arange(3) == np.arange(count)[:, None] % 3


@pytest.mark.parametrize("name", SPECS)
def test_float64_goes_beside_the_machine(name):
    machine = Machine(SPECS[name])
    for pattern, target in zip(*samples(machine.spec), strict=True):
        for _ in range(3):
            machine.learn(pattern, target)
        found = machine.trace(pattern, target)
        # A step rounds by half an LSB, of which half is left after the next one; activities and weights do so within sums.
        assert np.abs(found.states - found.float64).max() < 6
        assert found.float64.shape == found.states.shape
        if machine.settings.rule != "rbp":
            assert np.abs(found.float64[-1] - found.float64[found.free_steps]).max() > 0
        assert found.picture().png().startswith(b"\x89PNG")


@pytest.mark.parametrize("spec", [RECURRENT, LAYERED], ids=["recurrent", "layered"])
def test_the_reference_beside_a_trace_is_the_one_that_learns(spec):
    machine, (inputs, targets) = Machine(spec), samples(spec)
    found = machine.trace(inputs[0], targets[0])
    settings = dataclasses.replace(
        machine.settings,
        free_steps=found.free_steps,
        nudged_steps=len(found.states) - 1 - found.free_steps,
    )
    reference = Reference(spec, settings, as_float64(spec, machine.weights))
    before = [matrix.copy() for matrix in reference.weights]
    last = reference.states_after(inputs[0], targets[0], settings)
    assert np.array_equal(last * spec.state.one, found.float64[-1])
    assert all(map(np.array_equal, before, reference.weights))
    # The update by hand: what the states' products differ by.
    free = found.float64[found.free_steps] / spec.state.one
    reference.learn(inputs[0], targets[0])
    if spec.recurrent:
        moved = np.outer(np.tanh(last), np.tanh(last)) - np.outer(np.tanh(free), np.tanh(free))
        mask, place = ~np.eye(9, dtype=bool), 0
    else:
        moved = np.outer(last[5:], last[:5]) - np.outer(free[5:], free[:5])
        mask, place = np.ones((3, 5), bool), 1
    expected = before[place] + 2.0 ** -settings.eta_shifts[place] * moved * mask
    assert np.allclose(reference.weights[place], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("where", ["golden", "sim"])
@pytest.mark.parametrize("spec", [RECURRENT, LAYERED], ids=["recurrent", "layered"])
def test_ranges_find_planted_saturation(spec, where):
    inputs, targets = samples(spec, 3)
    with Machine(spec, where) as machine:
        # Those of so small a layered machine begin at their limit.
        machine.weights = [matrix // 2 for matrix in machine.weights]
        found = machine.ranges(inputs, targets)
        assert not [name for name in found.saturated if name.startswith(("weights", "currents", "increments"))]
        weights, limit = machine.weights, spec.matrices[0].limit
        weights[0][0, 1] = limit
        if spec.recurrent:
            weights[0][1, 0] = limit
        machine.weights = weights
        before = machine.weights, machine.lfsr, machine.settings
        planted = machine.ranges(inputs, targets)
        assert all(map(np.array_equal, machine.weights, before[0]))
        assert (machine.lfsr, machine.settings) == before[1:]
        name = "weights" if spec.recurrent else "weights 0"
        assert name in planted.saturated
        assert planted[0].used == 1
        assert planted[0].at_limit == (2 / 72 if spec.recurrent else 1 / 45)
        assert name in str(planted).splitlines()[-1]
        assert planted.picture().png().startswith(b"\x89PNG")
        # The largest change is what learning does.
        old = machine.weights
        machine.learn(inputs[0], targets[0])
        moved = max(int(np.abs(new.astype(int) - was).max()) for new, was in zip(machine.weights, old, strict=True))
        assert max(one.largest for one in planted if one.name.startswith("increments")) >= moved > 0
    assert [one.figures for one in planted] == [one.figures for one in golden_ranges(spec, weights, inputs, targets)]


def test_the_ends_of_a_hard_sigmoid_are_meant():
    values, states = np.array([0, 255]), LAYERED.state
    assert Ranges([Range("states", states, states.high, values, ends_meant=True)]).saturated == []
    assert Ranges([Range("states", states, states.high, values)]).saturated == ["states"]


def golden_ranges(spec, weights, inputs, targets):
    machine = Machine(spec)
    machine.weights = weights
    return machine.ranges(inputs, targets)


def test_currents_are_what_drives_the_neurons():
    machine = Machine(MachineSpec(layers=(2, 2, 2), lanes=2, biases=True))
    spec = machine.spec
    machine.weights = [np.array([[64, 0], [0, 32]]), np.array([[8, 0], [0, 0]]), np.array([[0, 0, 0, 0]])]
    reference = Reference(spec, spec.settings, as_float64(spec, machine.weights))
    one = [matrix.stored.one for matrix in spec.matrices]
    brightest = spec.brightest / (1 << spec.pixel_bits)
    currents = reference.currents(np.array([spec.brightest, 0]), np.array([0.5, 0, 1, 0]))
    assert np.allclose(currents, [64 / one[0] * brightest + 8 / one[1], 0, 4 / one[1], 0], rtol=0, atol=1e-15)


def test_a_picture_shows_the_format_and_the_values():
    figure = ranges_figure([("weights", 1 / 128, 127 / 128), ("none", 1, 2)], [np.array([0.25, 0.5]), np.zeros(0)])
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[0].patches]
    assert bars[0] == pytest.approx((-7, np.log2(127 / 128)))
    assert bars[2][0] >= -2
    assert bars[2][1] <= -1


@pytest.mark.parametrize("spec", [RECURRENT, LAYERED], ids=["recurrent", "layered"])
def test_a_summary_says_what_the_boards_say(spec):
    found = Machine(spec).summary()
    assert found["layers"] == list(spec.layers)
    assert found["synapses"] == spec.synapses
    ice = board("icebreaker")
    needed = estimate(ice, ice.machine(spec))
    assert next(one for one in found["boards"] if one["board"] == "icebreaker") == needed
    assert f"{needed['logic_cells']:,} of 5,280 logic cells" in str(found)
    assert "boards" not in Machine(spec).summary(boards=False)


def test_a_summary_says_why_a_machine_does_not_fit():
    found = Machine(MachineSpec(layers=(784, 512, 10), lanes=32)).summary()
    assert any("why" in one and one["why"] in str(found) for one in found["boards"])


def test_ranges_refuse_what_does_not_fit():
    machine = Machine(LAYERED)
    inputs, targets = samples(LAYERED)
    for patterns, wanted in (
        (inputs[:0], targets[:0]),
        (inputs, targets[:2]),
        (inputs, None),
        (inputs[:, :5], targets),
    ):
        with pytest.raises(ValueError, match=r"\.$"):
            machine.ranges(patterns, wanted)


def test_matrices_are_called_alike_everywhere():
    spec = MachineSpec(layers=(9, 5, 3), lanes=4, biases=True)
    names = [one.name for one in Machine(spec).ranges(*samples(spec))]
    assert names[:3] == ["weights 0", "weights 1", "biases"]
    assert names[-3:] == ["increments, weights 0", "increments, weights 1", "increments, biases"]
    assert spec.matrix_names == tuple(names[:3])
    assert RECURRENT.matrix_names == ("weights",)
