"""Machines that have learnt something small, for tests of circuits."""

from functools import cache

import numpy as np

from ohmprop.analog.circuit import Network
from ohmprop.analog.spec import AnalogSpec
from ohmprop.model.float64.reference import as_float64, initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec


@cache
def memory(neurons, count, seed=1):
    """A recurrent machine that has learnt random patterns, and these."""
    spec = MachineSpec(layers=(neurons,))
    patterns = np.random.default_rng(seed).random((count, neurons)) < 0.5
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, initial_weights(spec, seed))
    for _ in range(60):
        machine.learn_many(patterns)
    return machine, patterns


@cache
def classifier(seed=1, **fields):
    """A layered machine that has learnt random images of 12 pixels, these, and their targets."""
    spec = MachineSpec(layers=(12, 8, 3), lanes=4, **fields)
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 1 << spec.pixel_bits, (9, 12), np.uint8)
    targets = np.arange(9)[:, None] % 3 == np.arange(3)
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, initial_weights(spec, seed))
    for _ in range(60):
        machine.learn_many(images, targets)
    return machine, images, targets


def network(machine, **analog):
    """The machine as a circuit."""
    return Network(machine.spec, as_float64(machine.spec, machine.weights), AnalogSpec(**analog))
