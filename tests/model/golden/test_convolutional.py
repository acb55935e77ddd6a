"""Convolution in the machine's integers, against the equations of docs/convolution.md with dense matrices."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec
from tests.kit.convolutions import dense, pooled, summed

NETS = {
    "pool": ([100, 64, 27, 3], ["3x3x4 pool", "2x2x3", "full"]),
    "stride": ([81, 32, 8, 4], ["3x3x2 stride 2", "3x3x2 stride 1", "full"]),
    "odd_map": ([121, 125, 20, 3], ["3x3x5 stride 2", "2x2x5 stride 2", "full"]),
    "hidden_layer": ([64, 54, 7, 3], ["3x3x6 pool", "full", "full"]),
    "one_kernel": ([49, 27, 3], ["5x5x3", "full"]),
}


def machine_of(name, **settings):
    layers, kernels = NETS[name]
    spec = MachineSpec(layers=tuple(layers), kernels=tuple(kernels), nudges=True, lanes=8, fine_bits=6)
    spec = replace(spec, settings=replace(spec.settings, **settings))
    machine = GoldenMachine(spec, spec.settings, 0xC0FFEE)
    machine.weights = quantise(spec, [3 * part for part in initial_weights(spec, 3)])
    return spec, machine


class Equations:
    """The machine of docs/convolution.md in Python's integers."""

    def __init__(self, spec, machine):
        self.spec, self.lfsr = spec, machine.lfsr
        self.whole = [matrix.astype(int) for matrix in machine.weights]

    def byte(self):
        drawn = self.lfsr & 255
        for _ in range(8):
            self.lfsr = self.lfsr >> 1 ^ (0x80200003 if self.lfsr & 1 else 0)
        return drawn

    def table(self, bits):
        drawn = [self.byte() for _ in range(bits)]
        entries = [0] * (1 << bits)
        for number in range(1 << bits):
            for bit, value in enumerate(drawn):
                entries[number] ^= value * (number >> bit & 1)
        return entries

    def relax(self, matrices, states, most, nudge=None):
        """Sweeps; ``nudge`` is goal and sign."""
        settings, leak, last = self.spec.settings, self.spec.leak_shift, len(states) - 1
        shift = {1.0: 0, 0.5: 1, 0.25: 2}[settings.beta]
        for sweep in range(most):
            moves = []
            for layer in range(last, -1, -1) if nudge else range(last + 1):
                if layer and self.stale["below", layer]:
                    self.kept["below", layer] = matrices[layer] @ states[layer - 1]
                if layer < last and self.stale["above", layer]:
                    self.kept["above", layer] = matrices[layer + 1].T @ states[layer + 1]
                self.stale["below", layer] = self.stale["above", layer] = False
                old = states[layer]
                current = self.kept["below", layer] + self.kept["above", layer]
                if nudge and layer == last:
                    goal, sign = nudge
                    total = (current << shift) - (old << leak + shift) + sign * (goal - old << leak)
                    new = old + (total + (1 << leak + shift) >> leak + shift + 1)
                    if settings.nudged_eps == 1:
                        new = (current << shift) + sign * (goal - old << leak) + (1 << leak + shift - 1) >> leak + shift
                else:
                    new = current + (1 << leak - 1) >> leak
                states[layer] = np.clip(new, 0, 255)
                moves.append(np.abs(states[layer] - old).max())
                if moves[-1] > settings.tolerance:
                    self.stale["below", layer + 1] = self.stale["above", layer - 1] = True
            self.moved = max(self.moved, *moves)
            if max(moves) <= settings.tolerance:
                return sweep + 1
        return most

    def learn(self, image, target):
        """One pattern: steps of both phases, and the states at the end."""
        spec, settings = self.spec, self.spec.settings
        rows = sum(len(matrix) for matrix in self.whole)
        row_bytes = self.table((rows - 1).bit_length())
        column_bytes = self.table((max(matrix.shape[1] for matrix in self.whole) - 1).bit_length())
        sign = {"positive": 1, "negative": -1}.get(settings.nudge)
        if sign is None:
            sign = 1 - 2 * (self.byte() & 1)
        matrices = dense(spec, [matrix + (1 << spec.fine_bits - 1) >> spec.fine_bits for matrix in self.whole])
        windows = matrices[0] @ image
        winners = pooled(spec, windows)
        sizes = spec.layers[1:]
        self.stale = {(kind, layer): False for kind in ("below", "above") for layer in range(-1, len(sizes) + 1)}
        self.kept = {
            (kind, layer): np.zeros(size, int) for kind in ("below", "above") for layer, size in enumerate(sizes)
        }
        self.kept["below", 0] = windows[winners] << spec.drive_shift
        states, self.moved = [np.zeros(size, int) for size in sizes], 0
        first = self.relax(matrices, states, settings.free_steps)
        free, self.moved = [layer.copy() for layer in states], 0
        if settings.settled_only and first == settings.free_steps:
            return first, 0, states
        self.stale = dict.fromkeys(self.stale, False)
        second = self.relax(matrices, states, settings.nudged_steps, (np.array(target) * 255, sign))
        if self.moved:
            self.update(image, free, states, winners, sign, (row_bytes, column_bytes))
        return first, second, states

    def update(self, image, free, nudged, winners, sign, random):
        spec, first = self.spec, 0
        for number, (matrix, whole) in enumerate(zip(spec.matrices, self.whole, strict=True)):
            if number:
                parts = np.outer(nudged[number], nudged[number - 1]) - np.outer(free[number], free[number - 1])
            else:
                moved = np.zeros(len(dense(spec, self.whole)[0]), int)
                np.add.at(moved, winners, nudged[0] - free[0])
                parts = np.outer(moved, image)
            shift = spec.settings.eta_shifts[number] - matrix.shift_base
            for (row, column), value in np.ndenumerate(summed(spec, number, parts)):
                byte = random[0][first + row] ^ random[1][column]
                increment = (sign * int(value) << matrix.pre_shift >> shift) + 2 * byte + 1 >> 9
                whole[row, column] = min(max(whole[row, column] + increment, -matrix.limit), matrix.limit)
            first += matrix.rows


@pytest.mark.parametrize(
    "settings",
    [{}, {"nudge": "negative", "beta": 0.5, "nudged_eps": 1.0, "tolerance": 0, "settled_only": False}],
    ids=["usual", "others"],
)
@pytest.mark.parametrize("name", NETS)
def test_every_bit_is_that_of_the_equations(name, settings):
    spec, machine = machine_of(name, **settings)
    equations, rng, updates = Equations(spec, machine), np.random.default_rng(7), 0
    for _ in range(12):
        image = (rng.integers(0, 16, spec.inputs) * (rng.random(spec.inputs) < 0.6)).astype(np.uint8)
        target = np.arange(spec.outputs) == rng.integers(spec.outputs)
        reply = machine.learn(image, target)
        first, second, states = equations.learn(image.astype(int), target)
        # No hardware was built, so there are no clocks.
        assert tuple(vars(reply).values()) == (first, second, 0, equations.lfsr)
        assert np.array_equal(machine.states, np.concatenate(states))
        for matrix, own in zip(machine.weights, equations.whole, strict=True):
            assert np.array_equal(matrix, own)
        updates += second > 0
    assert updates > 2 and len(np.unique(machine.states)) > 3


def test_a_pattern_that_does_not_settle_teaches_nothing():
    rng = np.random.default_rng(2)
    image, target = rng.integers(0, 16, 100).astype(np.uint8), np.array([True, False, False])
    for settled_only in (True, False):
        _, machine = machine_of("pool", free_steps=1, settled_only=settled_only)
        before = [matrix.copy() for matrix in machine.weights]
        reply = machine.learn(image, target)
        same = all(np.array_equal(*pair) for pair in zip(before, machine.weights, strict=True))
        assert reply.free_steps == 1 and same == settled_only == (reply.nudged_steps == 0)


def test_recall_is_the_free_phase():
    spec, machine = machine_of("pool")
    images = np.random.default_rng(4).integers(0, 16, (5, spec.inputs)).astype(np.uint8)
    answers, records = machine.recall_many(images)
    for image, answer, record in zip(images, answers, records, strict=True):
        alone = GoldenMachine(spec, replace(spec.settings, nudged_steps=0))
        alone.weights = machine.weights
        reply = alone.learn(image, np.zeros(3, np.bool_))
        assert reply.free_steps == record[0] and np.array_equal(alone.states[-3:], answer)
