"""The golden machines' pulse mode: its statistics, its ends, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.errors import UserError
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.formats import Format
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors import kernels as pulses
from ohmprop.model.memristors.curves import LinearStep
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.tables import UP, equation, step_tables
from ohmprop.model.memristors.unit import PulseUnit, pulse_unit, stuck_cells
from ohmprop.model.spec import MachineSpec, Settings
from tests.kit.specs import LAYERED, SPECS


def test_steps_of_one_level_are_the_linear_device():
    spec = replace(SPECS["hundred"], settings=Settings(eta_shifts=(7,)))
    one = LinearStep(source="a level a pulse", step_up=1 / 127, step_down=1 / 127)
    linear, pulsing, rng = GoldenMachine(spec), GoldenMachine(spec), np.random.default_rng(6)
    pulsing.device = PulseUnit(step_tables(one, spec.weight), most=7)
    for pattern in rng.random((30, 100)) < 0.5:
        linear.learn(pattern)
        pulsing.learn(pattern)
        assert np.array_equal(linear.weights[0], pulsing.weights[0]) and np.array_equal(linear.states, pulsing.states)
        pulsing.lfsr = linear.lfsr
    assert np.abs(linear.weights[0].astype(int)).max() > 3
    pulsing.device = None
    linear.learn(pattern)
    pulsing.learn(pattern)
    assert np.array_equal(linear.weights[0], pulsing.weights[0]) and linear.lfsr == pulsing.lfsr


# -- statistics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", ["ag-a-si", "reram-es", "gokmen-vlasov"])
def test_noise_has_the_requested_mean_and_variance(name, count):
    """Within five standard errors, over 40,000 pulses up with bytes of the LFSR, far from the rails."""
    device = preset(name)
    tables, exact = step_tables(device, Format(True, 8, 7)), equation(device, Format(True, 8, 7))
    constants = PulseUnit(tables).constants
    random, lfsr = pulses.random_sets(5, 6, 0x1234567)
    moves = []
    while len(moves) < 40_000:
        random, lfsr = pulses.random_sets(5, 6, lfsr)
        for code in (1, 6, 29, 50):
            rounding, deviation = (
                random[1, code] | random[2, code] << 8,
                pulses.deviate(random[3, code] | random[4, code] << 8),
            )
            moves.append(pulses.weight_after(10, count, 32, deviation, rounding, constants) - 10)
    level = np.array([10.0])
    mean = count * exact.step(UP, level)[0]
    variance = count * exact.noise(UP, level)[0] ** 2
    # Rounding at random adds f (1 - f) for a fraction f, 1/6 on average over many and 1/4 at most.
    found, error = np.mean(moves), np.std(moves) / 200
    assert abs(found - mean) < 5 * error + 0.005 * mean
    spread = np.var(moves)
    # The variance of the estimate, for the kurtosis of a normal variable.
    margin = 5 * spread * (2 / 40_000) ** 0.5
    low, high = (0.0, 0.25) if variance < 1 else (0.1, 0.2)
    assert variance * 0.98 + low - margin < spread < variance * 1.02 + high + margin


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
def test_spread_has_the_requested_deviation(share):
    """Over the 4,950 pairs of 100 neurons and the 100,352 cells of 784-128, within five standard errors and 3 % of it."""
    spread = pulse_unit(LinearStep(source="-", step_up=0.01, step_down=0.01, spread=share), MachineSpec()).spread
    for layers in ((100,), (784, 128, 5)):
        layout = MachineSpec(layers=layers).layout
        if len(layers) == 1:
            rows, columns = np.tril_indices(100, -1)
            bits = pulses.unit_hashes(layout.codes)[rows] ^ pulses.unit_hashes(layout.codes)[columns]
        else:
            hashes = pulses.unit_hashes(layout.codes)[:128]
            bits = (pulses.unit_hashes(layout.input_codes[:784])[:, None] ^ hashes[None, :]).ravel()
        gains = np.array([pulses.cell_gain(int(one), spread) for one in bits]) / 32
        # 884 hashes make all of the cells: fewer independent ones than there are cells.
        independent = 800 if len(layers) > 1 else 100
        assert abs(gains.mean() - 1) < 5 * share / independent**0.5
        assert abs(gains.std() / share - 1) < 5 / (2 * independent) ** 0.5 + 0.03
        assert len(np.unique(gains)) > 4


def test_hashes_have_no_pattern():
    """No bit of the hash is an exclusive or of bits of the number: cells of one difference are not alike."""
    hashes = pulses.unit_hashes(np.arange(128))
    for difference in (1, 2, 64, 127):
        assert len(np.unique(hashes ^ hashes[np.arange(128) ^ difference])) > 50


def test_decay_loses_its_share():
    spec = MachineSpec()
    machine = GoldenMachine(spec, Settings(nudged_steps=0))
    machine.device = PulseUnit(step_tables(preset("linear"), spec.weight), decay_every=1, decay_shift=6)
    machine.weights[0][:] = np.where(synapse_mask(spec), 100, 0)
    machine.weights[0][:50, :50] *= -1
    for _ in range(32):
        machine.learn(np.ones(100, bool))
    sizes = np.abs(machine.weights[0][synapse_mask(spec)].astype(int))
    assert abs(sizes.mean() - 100 * (1 - 2**-6) ** 32) < 0.5
    assert np.array_equal(machine.weights[0], machine.weights[0].T)


def test_read_noise_moves_states_and_has_its_deviation():
    codes = np.arange(100)
    noise, lfsr, seen = np.zeros(100, np.int64), 0x55AA1234, []
    for _ in range(400):
        lfsr = pulses.read_deviations(codes, 7, 10, lfsr, noise)
        seen.append(noise.copy())
    seen = np.array(seen)
    assert abs(seen.mean()) < 5 * 92.2 / 400**0.5
    assert abs(seen.std() / 92.195 - 1) < 0.03
    # Every neuron's, number 0 included.
    assert np.abs(seen.mean(axis=0)).max() < 5 * 92.2 / 20
    assert seen.std(axis=0).min() > 80


# -- cells that stick, rails, counters --------------------------------------------------------------------------------


def test_stuck_cells_stay():
    spec = SPECS["hundred"]
    machine, rng = GoldenMachine(spec), np.random.default_rng(7)
    tables = step_tables(preset("soft-bounds"), spec.weight)
    cells = [(0, 3, 9, "min"), (0, 40, 2, "max"), (0, 7, 99, "frozen")]
    machine.device = PulseUnit(tables, stuck=stuck_cells(spec, machine.weights, tables, cells))
    for pattern in rng.random((20, 100)) < 0.5:
        machine.learn(pattern)
    stuck = machine.device.stuck[0]
    assert stuck.sum() == 6 and np.array_equal(stuck, stuck.T)
    assert [machine.weights[0][cell] for cell in ((3, 9), (9, 3), (2, 40), (99, 7))] == [-127, -127, 127, 0]
    assert np.abs(machine.weights[0][~stuck].astype(int)).max() < 100
    layered, lists = LAYERED["one_hidden"], [np.zeros((20, 7), np.int16), np.zeros((4, 7), np.int16)]
    masks = stuck_cells(layered, lists, tables, [(1, 3, 6, "max")])
    assert masks[1].sum() == 1 and masks[1][3, 6] and lists[1][3, 6] == 127 and not masks[0].any()


def test_pulses_are_lost_at_the_rails():
    spec, rng = SPECS["hundred"], np.random.default_rng(9)
    machine = GoldenMachine(spec)
    machine.device = PulseUnit(step_tables(preset("linear"), spec.weight))
    signs = np.tril(rng.choice([-127, 127], (100, 100)), -1)
    machine.weights[0][:] = signs + signs.T
    machine.learn(rng.random(100) < 0.5)
    weights = machine.weights[0].astype(int)
    changed = weights != signs + signs.T
    assert set(np.abs(weights[changed]).tolist()) == {125}
    up, down, lost = machine.pulses[0].tolist()
    # Of the pulses some met their rail, and each of the others moved a pair.
    assert 0 < lost < up + down and up + down - lost == changed.sum() // 2


# -- what it is for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "soft-bounds"])
def test_glyphs_are_learnt_by_single_pulses(name):
    spec = MachineSpec(layers=(100,), settings=Settings(eta_shifts=(6,)))
    machine, patterns = GoldenMachine(spec), glyphs()
    machine.device = pulse_unit(preset(name), spec)
    for _ in range(80):
        for pattern in patterns:
            machine.learn(pattern)
    images, labels = corrupt(patterns, 0.1, 50, np.random.default_rng(8))
    assert recalled(patterns, labels, machine.recall_many(images)[0]).mean() >= 0.985


def refused(call, *words):
    with pytest.raises(UserError) as caught:
        call()
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and all(word in text for word in words), text


def test_bad_input():
    spec = SPECS["hundred"]
    machine, tables = GoldenMachine(spec), step_tables(preset("linear"), spec.weight)
    for name, value in [
        ("most", 8),
        ("most", 0),
        ("spread", 256),
        ("read_noise", -1),
        ("decay_every", 65536),
        ("decay_shift", 0),
    ]:
        refused(lambda name=name, value=value: PulseUnit(tables, **{name: value}), name, str(value))
    narrow = step_tables(preset("linear"), Format(True, 7, 6))
    refused(lambda: setattr(machine, "device", PulseUnit(narrow)), "7 bits", "fxp-s8/7")
    mask = np.zeros((99, 99), bool)
    refused(lambda: setattr(machine, "device", PulseUnit(tables, stuck=(mask,))), "(99, 99)", "(100, 100)")
    tight = GoldenMachine(MachineSpec(layers=(65,)))
    refused(lambda: setattr(tight, "device", PulseUnit(tables, read_noise=4095)), "4095", "fxp-s25/14")
    for cell in [(1, 0, 1, "max"), (0, 100, 1, "max"), (0, -1, 1, "max"), (0, 5, 5, "max")]:
        refused(lambda cell=cell: stuck_cells(spec, machine.weights, tables, [cell]), "outside the array", str(cell[1]))
    refused(lambda: stuck_cells(spec, machine.weights, tables, [(0, 1, 2, "half")]), "half", "frozen")
