"""What ``ohmprop bench model`` does: how fast the golden machine learns, beside the same network in plain numpy."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.show.console import note_uncompiled, show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.spec import MachineSpec, Settings

#: The machine, and what it learns: the number of epochs, and of images of its five classes.
MACHINE = "mnist-784-128-5"
SIDE, IMAGES, EPOCHS = 28, 3000, 6
#: Share of the pixels that are not zero, as in MNIST.
LIT = 0.19
#: Deviation of the images from their class's own, at which updates are about as rare as in learning MNIST.
NOISE = 2.0
#: A float state that moves by less than half of the machine's step counts as settled.
SETTLED = 0.5 / 255

Floats = NDArray[np.float32]


def run_bench_model(json_file: Path | None) -> None:
    """Measure and show both rates, on one core each."""
    check_writable(json_file)
    note_uncompiled()
    spec = MachineSpec.load(MACHINE)
    images, labels = _images(spec)
    targets = labels[:, None] == np.arange(spec.outputs)
    drawn = initial_weights(spec, 1)
    # Compiled by then, where numba is installed.
    GoldenMachine(spec).learn_many(images[:1], targets[:1])
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, drawn)
    golden = 0.0
    for settings, order in _epochs(spec):
        machine.settings = settings
        chosen, wanted = images[order], targets[order]
        begin = time.perf_counter()
        machine.learn_many(chosen, wanted)
        golden += time.perf_counter() - begin
    weights = [matrix.astype(np.float32) for matrix in drawn]
    pixels, goals = (images / np.float32(1 << spec.pixel_bits)).astype(np.float32), targets.astype(np.float32)
    plain, steps = 0.0, 0
    for settings, order in _epochs(spec):
        chosen_pixels, chosen_goals = pixels[order], goals[order]
        begin = time.perf_counter()
        steps += _learn(weights, chosen_pixels, chosen_goals, settings)
        plain += time.perf_counter() - begin
    patterns = IMAGES * EPOCHS
    figures = {
        "machine": MACHINE,
        "patterns": patterns,
        "pixels_not_zero": float((images > 0).mean()),
        "golden_patterns_per_second": patterns / golden,
        "golden_updates_per_second": patterns * spec.synapses / golden,
        "golden_steps_per_pattern": machine.steps / patterns,
        "golden_updates_made": 1 - machine.updates_skipped / patterns,
        "numpy_float32_patterns_per_second": patterns / plain,
        "numpy_float32_steps_per_pattern": steps / patterns,
        "golden_over_numpy": plain / golden,
    }
    if json_file:
        write_json(json_file, figures)
    show("Learning rates on one core", figures)


def _epochs(spec: MachineSpec) -> Iterator[tuple[Settings, NDArray[np.int64]]]:
    """Settings and order of each epoch."""
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(IMAGES)
        yield replace(spec.settings, eta_shifts=eta_shifts_at(spec, epoch)), order


def _images(spec: MachineSpec) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Spots and strokes in five classes, of pixel_bits each (count, inputs), and their labels (count,)."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, spec.outputs, IMAGES)
    fields = _fields(rng, spec.outputs)[labels] + NOISE * _fields(rng, IMAGES)
    above = fields - np.quantile(fields, 1 - LIT, axis=1)[:, None]
    return np.clip(np.ceil(8 * above), 0, (1 << spec.pixel_bits) - 1).astype(np.uint8), labels


def _fields(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Smooth random fields (count, pixels) with a mean of about 0 and a deviation of 1."""
    fields = rng.standard_normal((count, SIDE, SIDE))
    for axis in (1, 2) * 3:
        fields = fields + np.roll(fields, 1, axis) + np.roll(fields, -1, axis)
    scaled: NDArray[np.float64] = (fields / fields.std()).reshape(count, -1)
    return scaled


def _learn(weights: list[Floats], images: Floats, goals: Floats, settings: Settings) -> int:
    """Equilibrium propagation as one writes it in numpy: whole matrices, a pattern at a time; returns all its steps.

    The equations are those of model/float64/layered.py, the phases end as the machine's do.
    """
    alphas, steps = [np.float32(2.0**-shift) for shift in settings.eta_shifts], 0
    for image, goal in zip(images, goals, strict=True):
        drive = image @ weights[0]
        states = [np.zeros(matrix.shape[1], np.float32) for matrix in weights[:1]]
        states += [np.zeros(matrix.shape[0], np.float32) for matrix in weights[1:]]
        free, first = _relax(weights, states, drive, None, settings.free_steps)
        nudged, second = _relax(weights, free, drive, goal, settings.nudged_steps)
        weights[0] += alphas[0] * np.outer(image, nudged[0] - free[0])
        for index, (below, above) in enumerate(pairwise(range(len(states))), start=1):
            weights[index] += alphas[index] * (
                np.outer(nudged[above], nudged[below]) - np.outer(free[above], free[below])
            )
        steps += first + second
    return steps


def _relax(
    weights: Sequence[Floats], states: list[Floats], drive: Floats, goal: Floats | None, most: int
) -> tuple[list[Floats], int]:
    """Euler steps until ``most`` or until nothing moves; the states and the number of steps."""
    for step in range(most):
        flows = [-state for state in states]
        flows[0] += drive
        for index, matrix in enumerate(weights[1:]):
            flows[index] += states[index + 1] @ matrix
            flows[index + 1] += matrix @ states[index]
        if goal is not None:
            flows[-1] += goal - states[-1]
        old, half = states, np.float32(0.5)
        states = [np.clip(state + half * flow, 0, 1) for state, flow in zip(old, flows, strict=True)]
        if max(np.abs(new - state).max() for new, state in zip(states, old, strict=True)) < SETTLED:
            return states, step + 1
    return states, most
