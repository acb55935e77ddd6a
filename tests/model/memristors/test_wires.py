"""A recurrent machine whose crossbar's wires have a resistance."""

import numpy as np
import pytest

from ohmprop.model.arithmetic import tanh_table
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.unit import pulse_unit
from ohmprop.model.memristors.wires import WIRE_BITS, Wires, closed_form, conductances
from ohmprop.model.spec import MachineSpec

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


def test_currents_see_less_than_is_stored():
    weights, limit = learnt(None).weights[0], SPEC.weight_limit
    wires = Wires(1e-3)
    seen = wires.seen(weights, limit) / (1 << WIRE_BITS)
    cells = conductances(weights, limit, 100.0)
    left = cells * closed_form(cells, 1e-3)
    assert np.allclose(seen, (left[:, 0::2] - left[:, 1::2]) * limit / 0.99, atol=0.51 / (1 << WIRE_BITS))
    # The wires make what is symmetric asymmetric.
    assert np.abs(seen - seen.T).max() > 0.5
    scale = wires.scale(weights, limit)
    assert 0.7 < scale < 0.99
    wires.gain = 1 / scale
    stored = weights.astype(float)
    assert (wires.seen(weights, limit) * stored).sum() / (stored**2).sum() == pytest.approx(1 << WIRE_BITS, rel=1e-3)


def test_a_step_sees_the_weights_through_the_wires():
    """Two driven steps by hand: the first has no activity yet, the second the currents of W with wires, row drives column."""
    spec = MachineSpec.from_toml(
        "[machine]\nlayers = [20]\nlanes = 4\n[settings]\ndriven_steps = 2\nreleased_steps = 0\n"
    )
    machine = GoldenMachine(spec)
    machine.weights = learnt(None).weights
    machine.wires = wires = Wires(1e-2)
    machine.recall(PATTERNS[0])
    seen, table = wires.seen(machine.weights[0], spec.weight_limit).astype(int), tanh_table(spec)
    drive = np.where(PATTERNS[0], spec.input_level, -spec.input_level)
    first = drive // 2
    currents = seen.T @ table[first - spec.state.low]
    shift = spec.leak_shift + WIRE_BITS
    moved = (currents + ((drive - first) << shift) + (1 << shift)) >> shift + 1
    assert np.array_equal(machine.states, np.clip(first + moved, spec.state.low, spec.state.high))


def test_factors_hold_until_they_are_measured_again(monkeypatch):
    measured = []
    real = Wires.measure
    monkeypatch.setattr(Wires, "measure", lambda self, *args: (measured.append(1), real(self, *args))[1])
    for every, times in ((1, 40), (16, 3), (0, 1)):
        measured.clear()
        machine = learnt(Wires(1e-3, every=every), epochs=10)
        assert len(measured) == times
        # What is read is read through the wires as they are.
        machine.recall_many(PATTERNS)
        assert len(measured) == times + 1
    frozen, fresh = (learnt(Wires(5e-3, every=every)).weights[0] for every in (0, 1))
    assert not np.array_equal(frozen, fresh)


def test_what_has_no_model_of_wires_is_refused():
    with pytest.raises(UserError, match=r"wire = 0\.2 is impossible; a segment has 0 to 0\.1"):
        Wires(0.2)
    for fields in ({"fine_bits": 4}, {"adc_bits": 6}, {"asymmetric": True}):
        with pytest.raises(UserError, match="Wires are modelled for a recurrent machine of symmetric weights"):
            GoldenMachine(MachineSpec(layers=(20,), lanes=4, **fields)).wires = Wires(1e-3)
    with pytest.raises(UserError, match="Wires are modelled for a recurrent machine; a layered one"):
        GoldenMachine(MachineSpec(layers=(4, 3, 2), lanes=2)).wires = Wires(1e-3)
