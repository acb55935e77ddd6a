"""A recurrent machine whose crossbar's wires have a resistance."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.arithmetic import tanh_table
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.unit import pulse_unit
from ohmprop.model.memristors.wires import Wires, closed_form, conductances
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import MOST_FACTOR, WIRE_BITS

PATTERNS = np.random.default_rng(1).random((4, 20)) < 0.5
SPEC = MachineSpec(layers=(20,), lanes=4)


def learnt(wires, device=None, spec=SPEC, epochs=30):
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, initial_weights(spec, 1))
    machine.device = device
    machine.wires = wires
    for _ in range(epochs):
        machine.learn_many(PATTERNS)
    return machine


@pytest.mark.parametrize("device", [None, "epiram"])
def test_ideal_wires_change_no_bit(device):
    spec = SPEC if device is None else MachineSpec(layers=(20,), lanes=4, pulses=True)
    unit = None if device is None else pulse_unit(PRESETS[device], spec, 1)
    plain, wired = (learnt(wires, unit, spec) for wires in (None, Wires(0.0)))
    assert np.array_equal(plain.weights[0], wired.weights[0]) and plain.lfsr == wired.lfsr
    assert plain.busy_clocks == wired.busy_clocks
    for one, other in zip(plain.recall_many(PATTERNS), wired.recall_many(PATTERNS), strict=True):
        assert np.array_equal(one, other)


def test_side_networks_see_the_wires_too():
    spec = MachineSpec.from_toml('[machine]\nlayers = [20]\nlanes = 4\n[settings]\nrule = "rbp"\n')
    plain, ideal, wired = (learnt(wires, spec=spec) for wires in (None, Wires(0.0), Wires(1e-2)))
    assert np.array_equal(plain.weights[0], ideal.weights[0]) and not np.array_equal(plain.weights[0], wired.weights[0])


@pytest.mark.parametrize("fields", [{"fine_bits": 4}, {"adc_bits": 8}, {"asymmetric": True}], ids=str)
def test_wires_of_machines_with_options(fields):
    spec = MachineSpec(layers=(20,), lanes=4, **fields)
    plain, ideal, wired = (learnt(wires, spec=spec) for wires in (None, Wires(0.0), Wires(1e-2)))
    assert np.array_equal(plain.weights[0], ideal.weights[0]) and not np.array_equal(plain.weights[0], wired.weights[0])


def test_currents_see_less_than_is_stored():
    weights, limit = learnt(None).weights[0], SPEC.weight_limit
    wires, stored = Wires(1e-3), weights.astype(float)
    seen = weights * (1 + wires.factors(weights, limit) / (1 << WIRE_BITS))
    cells = conductances(weights, limit, 100.0)
    left = cells * closed_form(cells, 1e-3)
    # Factors are right to half of a 64th, and the two cells at their smallest are taken to lose the same.
    exact = (left[:, 0::2] - left[:, 1::2]) * limit / 0.99
    assert (np.abs(seen - exact) <= np.abs(weights) / 128 + 0.02).all()
    # The wires make what is symmetric asymmetric.
    assert np.abs(seen - seen.T).max() > 0.5
    scale = wires.scale(weights, limit)
    assert 0.7 < scale < 0.99
    wires.gain = 1 / scale
    seen = weights * (1 + wires.factors(weights, limit) / (1 << WIRE_BITS))
    assert (seen * stored).sum() / (stored**2).sum() == pytest.approx(1, rel=2e-3)


def test_a_factor_has_a_largest_one():
    weights = learnt(None).weights[0]
    assert Wires(0.0, gain=5.0).factors(weights, SPEC.weight_limit).min() == MOST_FACTOR
    assert not Wires(0.0).factors(weights, SPEC.weight_limit).any()


def test_a_step_sees_the_weights_through_the_wires():
    """Two driven steps by hand: the first has no activity yet, the second the currents of W with wires, row drives column."""
    # With so little fraction in the weights it sees how currents were rounded, too.
    spec = MachineSpec.from_toml(
        '[machine]\nlayers = [20]\nlanes = 4\nweight = "fxp-s8/1"\n[settings]\ndriven_steps = 2\nreleased_steps = 0\n'
        "eta_shifts = [3]\n"
    )
    machine = GoldenMachine(spec)
    machine.weights = tuple(matrix // 8 for matrix in learnt(None).weights)
    machine.wires = wires = Wires(1e-2)
    factors = wires.factors(machine.weights[0], spec.weight_limit).astype(int)
    seen, table, shift = machine.weights[0] * (64 + factors), tanh_table(spec), spec.leak_shift
    for pattern in PATTERNS:
        machine.recall(pattern)
        drive = np.where(pattern, spec.input_level, -spec.input_level)
        first = drive // 2
        currents = seen.T @ table[first - spec.state.low] + 32 >> 6
        moved = (currents + ((drive - first) << shift) + (1 << shift)) >> shift + 1
        assert np.array_equal(machine.states, np.clip(first + moved, spec.state.low, spec.state.high))


def test_factors_hold_until_they_are_measured_again(monkeypatch):
    measured = []
    real = Wires.factors
    monkeypatch.setattr(Wires, "factors", lambda self, *args: (measured.append(1), real(self, *args))[1])
    for every, times in ((1, 40), (16, 3), (0, 1)):
        measured.clear()
        machine = learnt(Wires(1e-3, every=every), epochs=10)
        assert len(measured) == times
        # What is read is read through the wires as they are.
        machine.recall_many(PATTERNS)
        assert len(measured) == times + 1
    frozen, fresh = (learnt(Wires(5e-3, every=every)).weights[0] for every in (0, 1))
    assert not np.array_equal(frozen, fresh)


def test_one_by_one_is_as_many_at_once():
    """The factors are computed after so many patterns, and so do cells decay, however the patterns come."""
    spec = MachineSpec(layers=(20,), lanes=4, pulses=True)
    unit = replace(pulse_unit(PRESETS["epiram"], spec, 1), decay_every=3, decay_shift=6)
    together, alone = (learnt(Wires(2e-3, every=5), unit, spec, epochs=0) for _ in range(2))
    many = np.tile(PATTERNS, (5, 1))
    together.learn_many(many)
    for pattern in many:
        alone.learn(pattern)
    assert np.array_equal(together.weights[0], alone.weights[0]) and together.lfsr == alone.lfsr


def test_factors_that_were_written_are_those_that_were_measured():
    """A machine with factors, which its host writes every eight patterns, is one that is on the wires."""
    spec = MachineSpec(layers=(20,), lanes=20, wires=True)
    host, wired = learnt(None, spec=spec, epochs=0), learnt(Wires(5e-3, every=8), spec=spec, epochs=6)
    for _ in range(3):
        host.factors = Wires(5e-3).factors(host.weights[0], spec.weight_limit)
        host.learn_many(np.tile(PATTERNS, (2, 1)))
    assert np.array_equal(host.weights[0], wired.weights[0]) and np.array_equal(host.factors, wired.factors)
    assert host.factors.min() < 0


def test_what_has_no_model_of_wires_is_refused():
    with pytest.raises(UserError, match=r"wire = 0\.2 is impossible; a segment has 0 to 0\.1"):
        Wires(0.2)
    with pytest.raises(UserError, match="Wires are modelled for a recurrent machine; a layered one"):
        GoldenMachine(MachineSpec(layers=(4, 3, 2), lanes=2)).wires = Wires(1e-3)
    for spec in (SPEC, MachineSpec(layers=(4, 3, 2), lanes=2)):
        with pytest.raises(UserError, match="no factors of its wires; write wires = true"):
            GoldenMachine(spec).factors = np.zeros((20, 20), np.int8)
