"""The golden machines' pulse mode: against the rules of docs/devices.md in Python's integers, and its statistics."""

import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.formats import Format
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors import kernels as pulses
from ohmprop.model.memristors.presets import preset
from ohmprop.model.memristors.tables import DOWN, UP, step_tables
from ohmprop.model.memristors.unit import PulseUnit
from tests.kit.paths import ROOT
from tests.kit.specs import LAYERED, SPECS

RECURRENT = ["lanes_do_not_divide", "band", "more_lanes_than_neurons"]
EVERYTHING = {"most": 7, "noise": True, "spread": 80, "read_noise": 40, "decay_every": 2, "decay_shift": 4}
MECHANISMS = {
    "steps": {},
    "pulses": {"most": 7},
    "noise": {"noise": True},
    "spread": {"spread": 80},
    "stuck": {},
    "read": {"read_noise": 300},
    "decay": {"decay_every": 2, "decay_shift": 3},
    "all": EVERYTHING,
}


def unit_of(spec, mechanism, scheme=None, name="ag-a-si"):
    """A pulse unit with this mechanism alone, or "all" of them."""
    unit = PulseUnit(step_tables(preset(name), spec.matrices[0].weight, scheme), **MECHANISMS[mechanism])
    if mechanism not in ("stuck", "all"):
        return unit
    rng = np.random.default_rng(2)
    masks = tuple(rng.random((matrix.rows, matrix.columns)) < 0.2 for matrix in spec.matrices)
    return replace(unit, stuck=tuple(mask | mask.T for mask in masks) if spec.recurrent else masks)


# -- the rules once more, in Python's integers ------------------------------------------------------------------------


class Rules:
    """Pulses, decay and read noise by docs/devices.md; random numbers from a register of its own."""

    def __init__(self, machine):
        self.unit, self.lfsr, self.counts = machine.device, machine.lfsr, np.zeros_like(machine.pulses)

    def byte(self):
        drawn = self.lfsr & 255
        for _ in range(8):
            self.lfsr = self.lfsr >> 1 ^ (0x80200003 if self.lfsr & 1 else 0)
        return drawn

    def sets(self, count, bits):
        return [[self.byte() for _ in range(bits)] for _ in range(count)]

    @staticmethod
    def random(drawn, code):
        value = 0
        for bit, byte in enumerate(drawn):
            value ^= byte * (code >> bit & 1)
        return value

    @staticmethod
    def hash(code):
        x = (code + 1) * 0x9E3779B1 % 2**32
        x = (x ^ x >> 15) * 0x85EBCA6B % 2**32
        return (x ^ x >> 13) >> 8 & 0xFFFF

    @staticmethod
    def deviate(bits):
        return sum(bits >> place & 15 for place in (0, 4, 8, 12)) - 30

    def program(self, matrix, weight, difference, shift, codes, drawn, stuck):
        tables, unit = self.unit.tables, self.unit
        row, column = codes
        random = [self.random(one, row ^ column) for one in drawn]
        wanted = ((difference >> shift) + 2 * random[0] + 1) // 512
        wanted = max(-unit.most, min(unit.most, wanted))
        if wanted == 0:
            return weight
        direction, count = (UP, wanted) if wanted > 0 else (DOWN, -wanted)
        self.counts[matrix, direction] += count
        if weight == (tables.low if wanted < 0 else tables.high):
            self.counts[matrix, 2] += count
        if stuck:
            return weight
        bits = self.hash(row) ^ self.hash(column)
        deviation = self.deviate(random[3] + 256 * random[4]) if unit.noise else 0
        move = self.move(tables, weight, wanted, self.gain(bits, unit.spread), deviation)
        return self.rounded(tables, weight, move, random[1] + 256 * random[2])

    @classmethod
    def gain(cls, bits, spread):
        return max(0, min(63, 32 + (spread * cls.deviate(bits) + 32) // 64))

    @staticmethod
    def move(tables, weight, wanted, gain, deviation):
        """In 2**-16 levels."""
        direction, count = (UP, wanted) if wanted > 0 else (DOWN, -wanted)
        entry = weight + 2 ** (tables.weight.bits - 1)
        size = (count * int(tables.steps[direction, entry]) * gain + 16) // 32
        root = [0, 8, 11, 14, 16, 18, 20, 21][count]
        noise = (deviation * root * int(tables.noises[direction, entry]) + 4) // 8
        return (noise + (size if wanted > 0 else -size)) * 2**tables.scale

    @staticmethod
    def rounded(tables, weight, move, random):
        return max(tables.low, min(tables.high, weight + (move + random) // 2**16))

    def decay(self, weight, codes, drawn, stuck):
        random = [self.random(one, codes[0] ^ codes[1]) for one in drawn]
        size = abs(weight) * 2**16 // 2**self.unit.decay_shift
        lost = (size + random[0] + 256 * random[1]) // 2**16
        return weight if stuck else int(np.sign(weight)) * (abs(weight) - lost)

    def reading(self, codes, bits):
        """The noise of all currents in one step."""
        if not self.unit.read_noise:
            return [0] * len(codes)
        low, high = self.sets(2, bits + 1)
        places = [int(code) + 2**bits for code in codes]
        return [self.unit.read_noise * self.deviate(self.random(low, p) + 256 * self.random(high, p)) for p in places]

    def sets_of_update(self, bits):
        return self.sets(5 if self.unit.noise else 3, bits)


def settle(step, states, most, settings, rules, codes, bits):
    """Euler steps until the rule of the phases stops them."""
    for _ in range(most):
        old, states = states, step(states, np.array(rules.reading(codes, bits)))
        if settings.stop_when_settled and np.abs(states - old).max() <= settings.tolerance:
            break
    return states


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_machine_against_the_rules(name, mechanism):
    spec = SPECS[name]
    settings, layout = spec.settings, spec.layout
    codes, bits = layout.codes.tolist(), layout.code_bits
    machine, rng = GoldenMachine(spec), np.random.default_rng(3)
    machine.device = unit_of(spec, mechanism)
    rules = Rules(machine)
    stuck = machine.device.masks(spec)[0]
    weights = machine.weights[0].astype(int)
    one = spec.activity.one

    def activity(v):
        return np.clip(np.rint(np.tanh(v / spec.state.one) * one), 1 - one, one - 1).astype(int)

    for learnt in range(1, 7):
        pattern = rng.random(spec.neurons) < 0.5
        reply = machine.learn(pattern)
        drawn = rules.sets_of_update(bits)
        drive = np.where(pattern, spec.input_level, -spec.input_level)
        goal = np.where(pattern, spec.target_level, -spec.target_level)

        def step(v, noise, nudge=0, drive=drive, goal=goal):
            total = weights @ activity(v) + noise + ((drive - v) << spec.leak_shift)
            total = total + (nudge * (goal - activity(v)) << spec.nudge_shift)
            return np.clip(
                v + ((total + (1 << spec.leak_shift)) >> spec.leak_shift + 1), spec.state.low, spec.state.high
            )

        free = settle(step, np.zeros(spec.neurons, int), settings.free_steps, settings, rules, codes, bits)
        nudged = settle(lambda v, noise: step(v, noise, 1), free, settings.nudged_steps, settings, rules, codes, bits)
        before, after = activity(free), activity(nudged)
        for i, j in itertools.combinations(range(spec.neurons), 2):
            if j - i <= spec.reach:
                difference = int(after[i] * after[j] - before[i] * before[j])
                weights[i, j] = weights[j, i] = rules.program(
                    0, int(weights[i, j]), difference, settings.eta_shifts[0] - spec.update_shift_base,
                    (codes[i], codes[j]), drawn, stuck[i, j],
                )  # fmt: skip
        if machine.device.decay_every and learnt % 2 == 0:
            drawn = rules.sets(2, bits)
            for i, j in itertools.combinations(range(spec.neurons), 2):
                decayed = rules.decay(int(weights[i, j]), (codes[i], codes[j]), drawn, stuck[i, j])
                weights[i, j] = weights[j, i] = decayed
        assert machine.states.tolist() == nudged.tolist()
        assert machine.weights[0].tolist() == weights.tolist()
        assert machine.lfsr == reply.lfsr == rules.lfsr
        assert machine.pulses.tolist() == rules.counts.tolist()
    assert rules.counts[0, UP] and rules.counts[0, DOWN]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", ["two_hidden", "biases_of_two_hidden", "nothing_skipped"])
def test_layered_machine_against_the_rules(name, mechanism):
    """States are taken from the machine, since the currents' noise alone is new to them; test_recurrent has it."""
    spec = LAYERED[name]
    layout, settings = spec.layout, replace(LAYERED[name].settings, nudged_steps=3, stop_when_settled=False)
    machine, rng = GoldenMachine(spec, settings), np.random.default_rng(4)
    machine.weights = tuple(rng.integers(-127, 128, (m.rows, m.columns)) for m in spec.matrices)
    machine.device = unit_of(spec, mechanism)
    rules, stuck = Rules(machine), machine.device.masks(spec)
    firsts = np.cumsum([0, *spec.layers[1:]])
    codes, inputs, bits = layout.codes.tolist(), layout.input_codes.tolist(), layout.code_bits
    layers = [range(first, last) for first, last in itertools.pairwise(firsts.tolist())]
    for learnt in range(1, 5):
        pixels = rng.integers(0, 1 << spec.pixel_bits, spec.inputs).astype(np.uint8)
        target = np.arange(spec.outputs) == learnt % spec.outputs
        weights = [matrix.astype(int) for matrix in machine.weights]
        # The free phase's states, from a machine that has no time for the nudged one.
        alone = GoldenMachine(spec, replace(settings, nudged_steps=0), machine.lfsr)
        alone.weights = machine.weights
        alone.device = replace(machine.device, decay_every=0)
        alone.learn(pixels, target)
        machine.learn(pixels, target)
        drawn = rules.sets_of_update(bits)
        for _ in range(settings.free_steps + 3):
            rules.reading(codes, bits)
        free, nudged = alone.states.astype(int), machine.states.astype(int)
        shown = [int(pixel) for pixel in pixels]
        bias = [spec.brightest]
        cells = []
        for m, matrix in enumerate(spec.matrices):
            if m == 0:
                rows, columns = list(zip(shown, shown, inputs, strict=False)), layers[0]
            elif m == len(layers):
                rows, columns = list(zip(bias, bias, inputs[len(shown) :], strict=True)), range(spec.neurons)
            else:
                rows, columns = [(free[i], nudged[i], codes[i]) for i in layers[m]], layers[m - 1]
            for (r, row), (c, column) in itertools.product(enumerate(rows), enumerate(columns)):
                difference = int(row[1] * nudged[column] - row[0] * free[column]) << matrix.pre_shift
                shift = settings.eta_shifts[m] - matrix.shift_base
                cells.append((m, r, c, (row[2], codes[column]), difference, shift))
        changed = bool((free != nudged).any()) or not settings.skip
        for m, r, c, numbers, difference, shift in cells if changed else ():
            weights[m][r, c] = rules.program(
                m, int(weights[m][r, c]), difference, shift, numbers, drawn, stuck[m][r, c]
            )
        if machine.device.decay_every and learnt % 2 == 0:
            drawn = rules.sets(2, bits)
            for m, r, c, numbers, *_ in cells:
                weights[m][r, c] = rules.decay(int(weights[m][r, c]), numbers, drawn, stuck[m][r, c])
        for found, expected in zip(machine.weights, weights, strict=True):
            assert found.tolist() == expected.tolist()
        assert machine.lfsr == rules.lfsr
        assert machine.pulses.tolist() == rules.counts.tolist()
    assert rules.counts[:, :2].sum(axis=0).all()


@pytest.mark.parametrize("mechanism", ["steps", "all"])
@pytest.mark.parametrize("name", [*RECURRENT, "two_hidden", "biases_of_two_hidden"])
def test_pulses_of_the_host_against_the_rules(name, mechanism):
    """On every cell once, up or down, also more than the most and none; the bytes are drawn anew for each."""
    spec = (SPECS | LAYERED)[name]
    layout, rng = spec.layout, np.random.default_rng(9)
    machine = GoldenMachine(spec)
    machine.device = unit_of(spec, mechanism)
    rules, stuck, most = Rules(machine), machine.device.masks(spec), machine.device.most
    weights = machine.weights
    places = [
        (m, *place) for m, matrix in enumerate(spec.matrices) for place in np.ndindex(matrix.rows, matrix.columns)
    ]
    for cell in [places[at] for at in rng.permutation(len(places))]:
        before = [matrix.copy() for matrix in weights]
        m, row, column = cell
        pulses = int(rng.integers(-9, 10))
        rows, columns = layout.numbers[m]
        codes = int(rows[row]), int(columns[column])
        exists = not spec.recurrent or 1 <= abs(row - column) <= spec.reach
        assert layout.has(*cell) == exists
        if exists:
            assert layout.cell_of(*codes) == cell
            machine.pulse(cell, pulses)
        else:
            assert layout.cell_of(*codes) is None
            machine.pulse(None, pulses)
        drawn = rules.sets_of_update(layout.code_bits)
        if exists:
            wanted = max(-most, min(most, pulses))
            # Pulses that are wanted come from a difference that rounds to them.
            after = rules.program(
                m, int(before[m][row, column]), wanted << 9, 0, codes, [[0] * 16, *drawn[1:]], stuck[m][row, column]
            )
            before[m][row, column] = after
            if spec.recurrent:
                before[m][column, row] = after
        for found, expected in zip(weights, before, strict=True):
            assert found.tolist() == expected.tolist(), cell
        assert machine.lfsr == rules.lfsr
    assert machine.pulses.tolist() == rules.counts.tolist() and rules.counts[:, :2].all()
    clocks = spec.timing.whole_update(machine.device.sets)
    assert (machine.busy_clocks, machine.learnt, machine.steps) == (clocks * len(places), 0, 0)


@pytest.mark.parametrize("name", ["ag-a-si", "reram-es", "ecram-mo", "reram-array-hfo2"])
def test_a_pulse_to_its_last_bit(name):
    """With the random bits at which the rounding turns, so that one unit in 2**-16 levels shows."""
    tables, rng = step_tables(preset(name), Format(True, 8, 7)), np.random.default_rng(11)
    constants = PulseUnit(tables).constants
    for _ in range(3000):
        weight = int(rng.integers(tables.low, tables.high + 1))
        wanted = int(rng.integers(1, 8)) * int(rng.choice([-1, 1]))
        spread, bits, deviation = (int(rng.integers(0, most)) for most in (256, 65536, 61))
        gain = pulses.cell_gain(bits, spread)
        assert gain == Rules.gain(bits, spread)
        move = Rules.move(tables, weight, wanted, gain, deviation - 30)
        for random in (-move & 0xFFFF, -move - 1 & 0xFFFF):
            found = pulses.weight_after(weight, wanted, gain, deviation - 30, random, constants)
            assert found == Rules.rounded(tables, weight, move, random)


UNCOMPILED = """
import os; os.environ['NUMBA_DISABLE_JIT'] = '1'
from tests.model.golden.test_pulses import fingerprint; print(fingerprint())
"""


def fingerprint():
    """Weights and registers of a recurrent and a layered machine with everything on."""
    recurrent, layered = GoldenMachine(SPECS["band"]), GoldenMachine(LAYERED["biases"])
    rng = np.random.default_rng(5)
    for machine in (recurrent, layered):
        machine.device = unit_of(machine.spec, "all")
    layered.weights = tuple(rng.integers(-127, 128, (m.rows, m.columns)) for m in layered.spec.matrices)
    for _ in range(4):
        recurrent.learn(rng.random(11) < 0.5)
        layered.learn(rng.integers(0, 16, 10).astype(np.uint8), np.arange(4) == 2)
    recurrent.recall(rng.random(11) < 0.5)
    layered.recall(rng.integers(0, 16, 10).astype(np.uint8))
    matrices = [*recurrent.weights, *layered.weights]
    return [[int(matrix.astype(int).sum()) for matrix in matrices], recurrent.lfsr, layered.lfsr]


def test_uncompiled_loops_give_the_same():
    done = subprocess.run([sys.executable, "-c", UNCOMPILED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(fingerprint())


# -- off, it is the linear machine ------------------------------------------------------------------------------------
