"""The golden machine of layered networks against its rules written out in Python's integers, and against float64."""

import random
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ohmprop.model.formats import Format
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.link.records import LearnReply, RecallReply
from ohmprop.model.spec import MachineSpec, Settings
from tests.kit.paths import ROOT
from tests.kit.specs import PLAIN

FINE = {"input_weight": Format(True, 12, 12), "weight": Format(True, 12, 11)}
#: Large steps of learning, so that a few patterns change many weights and reach the rails.
QUICK = Settings(nudged_steps=4, released_steps=0, eta_shifts=(1, 1))
SPECS = {
    "one_hidden": MachineSpec(layers=(11, 6, 3), lanes=3, settings=QUICK),
    "white_or_black": MachineSpec(layers=(9, 5, 2), lanes=4, pixel_bits=1, settings=QUICK),
    "bytes": MachineSpec(layers=(10, 7, 4), lanes=5, pixel_bits=8, settings=QUICK),
    "fine_weights": MachineSpec(layers=(8, 6, 3), lanes=3, **FINE, settings=QUICK),
    "fine_weights_and_bytes": MachineSpec(layers=(8, 6, 3), lanes=7, pixel_bits=8, **FINE, settings=QUICK),
    "coarse_weights": MachineSpec(
        layers=(7, 5, 3),
        lanes=2,
        weight=Format(True, 6, 3),
        input_weight=Format(True, 5, 7),
        settings=replace(QUICK, eta_shifts=(1, 0)),
    ),
    "feedforward": MachineSpec(layers=(12, 6, 3), lanes=4, settings=replace(QUICK, feedforward=True)),
    "two_hidden": MachineSpec(layers=(9, 7, 5, 3), lanes=3, **PLAIN, settings=replace(QUICK, eta_shifts=(1, 0, 1))),
    "three_hidden": MachineSpec(
        layers=(6, 5, 7, 4, 2), lanes=3, **PLAIN, settings=replace(QUICK, eta_shifts=(2, 0, 1, 0), feedforward=True)
    ),
    "fine_three_hidden": MachineSpec(
        layers=(6, 5, 7, 4, 2), lanes=1, **FINE, settings=replace(QUICK, eta_shifts=(2, 1, 1, 2), tolerance=2)
    ),
    "many_lanes": MachineSpec(layers=(5, 3, 2), lanes=64, settings=replace(QUICK, stop_when_settled=False)),
    "no_nudge": MachineSpec(layers=(6, 4, 2), lanes=3, settings=replace(QUICK, nudged_steps=0, free_steps=0)),
    "biases": MachineSpec(layers=(11, 7, 5), lanes=3, biases=True, settings=replace(QUICK, eta_shifts=(1, 1, 2))),
    "biases_in_deep_nets": MachineSpec(
        layers=(8, 5, 7, 4),
        lanes=3,
        biases=True,
        **FINE,
        settings=replace(QUICK, eta_shifts=(2, 1, 2, 1), feedforward=True),
    ),
    "fine_bits": MachineSpec(layers=(11, 6, 3), lanes=3, fine_bits=1, settings=QUICK),
    "eight_fine_bits": MachineSpec(layers=(8, 6, 3), lanes=3, pixel_bits=8, fine_bits=8, settings=QUICK),
    "fine_bits_in_deep_nets": MachineSpec(
        layers=(6, 5, 7, 4, 2), lanes=3, biases=True, fine_bits=4, settings=replace(QUICK, eta_shifts=(2, 1, 1, 2, 1))
    ),
    "in_turn": MachineSpec(layers=(11, 6, 3), lanes=3, in_turn=True, settings=replace(QUICK, order="layers")),
    "in_turn_by_whole_steps": MachineSpec(
        layers=(9, 7, 5, 3),
        lanes=3,
        fine_bits=0,
        in_turn=True,
        settings=replace(QUICK, eta_shifts=(1, 0, 1), order="layers", free_eps=1, nudged_eps=1),
    ),
    "in_turn_and_whole_steps_in_the_free_phase": MachineSpec(
        layers=(6, 5, 7, 4, 2),
        lanes=3,
        fine_bits=0,
        in_turn=True,
        settings=replace(QUICK, eta_shifts=(2, 0, 1, 0), order="layers", free_eps=1),
    ),
    "negative_nudge": MachineSpec(
        layers=(9, 7, 5, 3),
        lanes=3,
        nudges=True,
        **PLAIN,
        settings=replace(QUICK, eta_shifts=(1, 0, 1), nudge="negative", beta=0.5),
    ),
    "random_nudge": MachineSpec(
        layers=(11, 7, 5),
        lanes=3,
        nudges=True,
        biases=True,
        settings=replace(QUICK, eta_shifts=(1, 1, 2), nudge="random", beta=0.25),
    ),
    "centred_nudge": MachineSpec(
        layers=(9, 5, 3), lanes=3, nudges=True, settings=replace(QUICK, nudge="centred", beta=0.5)
    ),
    "whole_steps_together": MachineSpec(layers=(9, 5, 3), lanes=3, in_turn=True, settings=replace(QUICK, nudged_eps=1)),
    "continual": MachineSpec(
        layers=(11, 7, 5),
        lanes=3,
        biases=True,
        continual=True,
        settings=replace(QUICK, eta_shifts=(1, 1, 2), rule="continual"),
    ),
    "continual_in_turn": MachineSpec(
        layers=(9, 7, 5, 3),
        lanes=3,
        in_turn=True,
        nudges=True,
        continual=True,
        fine_bits=3,
        settings=replace(QUICK, eta_shifts=(1, 2, 1), rule="continual", order="layers", nudged_eps=1, nudge="negative"),
    ),
    "continual_without_skipping": MachineSpec(
        layers=(9, 5, 3),
        lanes=3,
        continual=True,
        settings=replace(QUICK, rule="continual", skip=False, stop_when_settled=False),
    ),
    "vector_field": MachineSpec(layers=(11, 7, 5), lanes=3, biases=True, asymmetric=True),
    "vector_field_of_two_hidden": MachineSpec(
        layers=(9, 7, 5, 3),
        lanes=3,
        in_turn=True,
        nudges=True,
        continual=True,
        asymmetric=True,
        fine_bits=2,
        settings=replace(
            QUICK,
            eta_shifts=(1, 2, 2, 1, 1),
            rule="continual-vector-field",
            order="layers",
            free_eps=1,
            nudge="random",
        ),
    ),
    "no_skipping": MachineSpec(layers=(9, 5, 3), lanes=3, settings=replace(QUICK, skip=False)),
}


class Rules:
    """The machine's rules, cell by cell: no shift to the right, no matrix, no table."""

    def __init__(self, machine: GoldenMachine) -> None:
        self.spec, self.settings, self.lfsr = machine.spec, machine.settings, machine.lfsr
        self.layers = machine.spec.layers
        self.bias = {}  # (layer, j) is that of unit j
        if machine.spec.biases:
            units = [(layer, j) for layer, count in enumerate(self.layers) if layer for j in range(count)]
            self.bias = dict(zip(units, machine.weights[-1][0].tolist(), strict=True))
        #: (layer, i, j): of unit i of a layer and unit j of the next one, what i drives into j, and what j drives into i.
        self.w = {(0, i, j): w for i, row in enumerate(machine.weights[0].tolist()) for j, w in enumerate(row)}
        self.back: dict[tuple[int, int, int], int] = {}
        for index in range(1, len(self.layers) - 1):
            if machine.spec.asymmetric:
                up, down = machine.weights[2 * index - 1].tolist(), machine.weights[2 * index].T.tolist()
                self.back |= {(index, i, j): w for i, row in enumerate(down) for j, w in enumerate(row)}
            else:
                up = machine.weights[index].T.tolist()
            self.w |= {(index, i, j): w for i, row in enumerate(up) for j, w in enumerate(row)}
        self.rows_skipped = self.updates_skipped = self.steps = 0
        self.moved, self.sign = False, 1
        #: Weights of inputs and biases whose currents are held, by the continual rule.
        self.held: tuple[dict[tuple[int, int, int], int], dict[tuple[int, int], int]] | None = None

    def matrices(self) -> list[list[list[int]]]:
        sizes = list(pairwise(self.layers))
        first = [[self.w[0, i, j] for j in range(sizes[0][1])] for i in range(sizes[0][0])]
        later = [
            [[self.w[m, i, j] for i in range(sizes[m][0])] for j in range(sizes[m][1])] for m in range(1, len(sizes))
        ]
        if self.back:
            ups = [[list(column) for column in zip(*matrix, strict=True)] for matrix in later]
            backs = [
                [[self.back[m, i, j] for i in range(sizes[m][0])] for j in range(sizes[m][1])]
                for m in range(1, len(sizes))
            ]
            later = [matrix for pair in zip(ups, backs, strict=True) for matrix in pair]
        return [first, *later] + ([[list(self.bias.values())]] if self.bias else [])

    def seen(self, weight: int) -> int:
        """A weight as the multipliers have it: without its fine bits, rounded, ties upwards."""
        one = 2**self.spec.fine_bits
        return (2 * weight + one) // (2 * one)

    def step(self, s: list[list[int]], x: list[int], target: list[int] | None, whole: bool) -> list[list[int]]:
        spec, new = self.spec, []
        inputs, bias = self.held or (self.w, self.bias)
        one = 2**spec.weight.fraction  # a state of 1 at the accumulator's binary point
        for layer in range(1, len(self.layers)):
            new.append([])
            for j in range(self.layers[layer]):
                total = 0
                raw = self.seen(bias.get((layer, j), 0)) * (2**spec.pixel_bits - 1)
                if layer == 1:
                    raw += sum(self.seen(inputs[0, i, j]) * x[i] for i in range(self.layers[0]))
                scale = spec.weight.fraction + 8 - spec.input_weight.fraction - spec.pixel_bits
                total += raw * 2**scale if scale >= 0 else raw // 2**-scale
                if layer > 1:
                    total += sum(
                        self.seen(self.w[layer - 1, i, j]) * s[layer - 2][i] for i in range(self.layers[layer - 1])
                    )
                if layer < len(self.layers) - 1:
                    above = self.back or self.w
                    total += sum(self.seen(above[layer, j, k]) * s[layer][k] for k in range(self.layers[layer + 1]))
                elif target is not None:
                    total += self.sign * (255 * target[j] - s[layer - 1][j]) * int(one * self.settings.beta)
                total -= s[layer - 1][j] * one
                assert abs(total) + one <= spec.accumulator.high
                moved = (2 * total + one) // (2 * one) if whole else (total + one) // (2 * one)
                new[-1].append(max(0, min(255, s[layer - 1][j] + moved)))
        return new

    def relax(
        self, s: list[list[int]], x: list[int], target: list[int] | None, most: int
    ) -> tuple[list[list[int]], int]:
        settings = self.settings
        eps = settings.free_eps if target is None else settings.nudged_eps
        # Layers 1, 3, ... and layers 2, 4, ...; to be nudged, those with the outputs first.
        odd, even = (set(range(first, len(self.layers), 2)) for first in (1, 2))
        turns = [odd | even] if settings.order == "together" else [odd, even]
        if target is not None and len(self.layers) - 1 in turns[-1]:
            turns = turns[::-1]
        for step in range(1, most + 1):
            old = s
            for turn in turns:
                after = self.step(s, x, target, eps == 1 or (settings.feedforward and target is None and step == 1))
                s = [after[at] if at + 1 in turn else layer for at, layer in enumerate(s)]
            move = max(abs(a - b) for new, before in zip(s, old, strict=True) for a, b in zip(new, before, strict=True))
            self.moved |= move > 0
            if self.settings.stop_when_settled and move <= self.settings.tolerance:
                return s, step
        return s, most

    def start(self, x: list[int], most: int) -> tuple[list[list[int]], int]:
        return self.relax([[0] * units for units in self.layers[1:]], x, None, max(1, most))

    def number(self, layer: int, unit: int) -> tuple[list[int], list[int]]:
        """Bits of a unit's number, lowest first."""
        lanes = self.spec.lanes
        blocks = [-(-units // lanes) for units in self.layers[1:]]
        lane_bits, block_bits = (lanes - 1).bit_length(), (sum(blocks) - 1).bit_length()
        low = max(lane_bits + block_bits, (self.layers[0] + self.spec.biases - 1).bit_length())
        number = unit if layer == 0 else (sum(blocks[: layer - 1]) + unit // lanes) * 2**lane_bits + unit % lanes
        return [number // 2**bit % 2 for bit in range(low)] + [int(layer == 0)]

    def row_number(self, layer: int, unit: int) -> list[int]:
        """The same of a unit that drives a row: with asymmetric weights a neuron's bits are turned by one, and marked."""
        number = self.number(layer, unit)
        if not layer or not self.back:
            return number
        lanes = self.spec.lanes
        bits = (lanes - 1).bit_length() + (sum(-(-units // lanes) for units in self.layers[1:]) - 1).bit_length()
        return [number[bits - 1], *number[: bits - 1], *number[bits:-1], 1]

    def byte(self) -> int:
        drawn = self.lfsr % 256
        for _ in range(8):
            self.lfsr = self.lfsr // 2 ^ (0x80200003 if self.lfsr % 2 else 0)
        return drawn

    def learn(self, x: list[int], target: list[int]) -> tuple[list[list[int]], int, int]:
        settings = self.settings
        free, first = self.start(x, settings.free_steps)
        self.moved = False
        drawn = [self.byte() for _ in self.number(0, 0)]
        sign = {"negative": -1, "random": 0}.get(settings.nudge, 1) or (-1 if self.byte() % 2 else 1)
        if settings.rule.startswith("continual"):
            return self.learn_each_step(x, target, free, first, drawn, sign)
        before = 0
        if settings.nudge == "centred":
            self.sign, start = -1, free
            free, before = self.relax(start, x, target, settings.nudged_steps)
            self.sign = 1
            after, second = self.relax(start, x, target, settings.nudged_steps)
        else:
            self.sign = sign
            after, second = self.relax(free, x, target, settings.nudged_steps)
        second += before
        updated = second > 0 and (self.moved or not settings.skip)
        self.update(x, free, after, drawn, sign)
        self.count(x, first + second, updated)
        self.updates_skipped += second > 0 and not updated
        return after, first, second

    def learn_each_step(
        self,
        x: list[int],
        target: list[int],
        free: list[list[int]],
        first: int,
        drawn: list[int],
        sign: int,
    ) -> tuple[list[list[int]], int, int]:
        """The nudged phase and its updates by the continual rule; the inputs' currents stay those of the free phase."""
        settings, self.sign = self.settings, sign
        first_weights = {cell: weight for cell, weight in self.w.items() if not cell[0]}
        self.held = first_weights, dict(self.bias)
        after, updates = free, 0
        for step in range(1, settings.nudged_steps + 1):
            before, self.moved = after, False
            after, _ = self.relax(before, x, target, 1)
            if self.moved or not settings.skip:
                self.update(x, before, after, drawn, sign)
                updates += 1
                used = True
            else:
                used = False
            move = max(
                abs(a - b) for new, old in zip(after, before, strict=True) for a, b in zip(new, old, strict=True)
            )
            if (settings.stop_when_settled and move <= settings.tolerance) or step == settings.nudged_steps:
                break
            if used:
                drawn = [self.byte() for _ in self.number(0, 0)]
        else:
            step = 0
        self.held = None
        self.count(x, first + step, updates)
        self.updates_skipped += step - updates
        return after, first, step

    def update(self, x: list[int], free: list[list[int]], after: list[list[int]], drawn: list[int], sign: int) -> None:
        spec, settings = self.spec, self.settings
        for (layer, i, j), weight in self.w.items():
            if layer and self.back:
                difference = free[layer - 1][i] * (after[layer][j] - free[layer][j])
            elif layer:
                difference = after[layer - 1][i] * after[layer][j] - free[layer - 1][i] * free[layer][j]
            else:
                difference = x[i] * (after[0][j] - free[0][j])
            difference *= sign
            numbers = self.row_number(layer, i), self.number(layer + 1, j)
            rate = settings.eta_shifts[2 * layer - 1 if layer and self.back else layer]
            self.w[layer, i, j] = self.learnt(weight, difference, rate, not layer, numbers, drawn)
        for (layer, i, j), weight in self.back.items():
            difference = sign * free[layer][j] * (after[layer - 1][i] - free[layer - 1][i])
            numbers = self.row_number(layer + 1, j), self.number(layer, i)
            self.back[layer, i, j] = self.learnt(
                weight, difference, settings.eta_shifts[2 * layer], False, numbers, drawn
            )
        for (layer, j), weight in self.bias.items():
            difference = sign * (2**spec.pixel_bits - 1) * (after[layer - 1][j] - free[layer - 1][j])
            numbers = self.number(0, self.layers[0]), self.number(layer, j)
            self.bias[layer, j] = self.learnt(weight, difference, settings.eta_shifts[-1], True, numbers, drawn)

    def learnt(
        self,
        weight: int,
        difference: int,
        shift: int,
        pixel: bool,
        numbers: tuple[list[int], list[int]],
        drawn: list[int],
    ) -> int:
        form = self.spec.input_weight if pixel else self.spec.weight
        fraction, limit = form.fraction + self.spec.fine_bits, form.high * 2**self.spec.fine_bits
        product = 8 + self.spec.pixel_bits if pixel else 16
        pre = max(0, fraction - product + 8)
        divisor = shift - (fraction - product + 9 - pre)
        byte = 0
        for mine, other, random_byte in zip(*numbers, drawn, strict=True):
            byte ^= random_byte * (mine != other)
        increment = (difference * 2**pre // 2**divisor + 2 * byte + 1) // 512
        assert difference or not increment, "what is skipped would not have changed anything"
        return max(-limit, min(limit, weight + increment))

    def count(self, x: list[int], steps: int, updates: int) -> None:
        self.steps += steps
        if self.settings.skip:
            # A black pattern drives its first row all the same.
            self.rows_skipped += min(x.count(0), len(x) - 1) * -(-self.layers[1] // self.spec.lanes) * (1 + updates)


def random_machine(spec: MachineSpec, seed: int) -> GoldenMachine:
    machine, rng = GoldenMachine(spec, lfsr=seed), np.random.default_rng(seed)
    # One in two machines has weights near the rails, the other ones states that seldom clip.
    share = 1 if seed % 2 else 4
    machine.weights = tuple(
        rng.integers(-m.limit // share, m.limit // share + 1, (m.rows, m.columns)) for m in spec.matrices
    )
    return machine


def random_patterns(spec: MachineSpec, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 1 << spec.pixel_bits, (count, spec.inputs)) * (rng.random((count, spec.inputs)) < 0.6)
    return images.astype(np.uint8), rng.random((count, spec.outputs)) < 0.4


@pytest.mark.parametrize("name", SPECS)
def test_against_the_rules(name: str) -> None:
    changed = sum(compare_with_the_rules(random_machine(SPECS[name], seed), seed, 10) for seed in range(1, 5))
    assert changed > 10 or name == "no_nudge"


def compare_with_the_rules(machine: GoldenMachine, seed: int, count: int) -> int:
    """Learn and recall ``count`` random patterns; how many of them changed a weight."""
    rules, changed = Rules(machine), 0
    for x, target in zip(*random_patterns(machine.spec, seed, count), strict=True):
        before = [matrix.tolist() for matrix in machine.weights]
        reply = machine.learn(x, target)
        states, first, second = rules.learn(x.tolist(), [int(wanted) for wanted in target])
        assert (reply.free_steps, reply.nudged_steps, reply.lfsr) == (first, second, rules.lfsr)
        assert machine.states.tolist() == [state for layer in states for state in layer]
        assert [matrix.tolist() for matrix in machine.weights] == rules.matrices()
        changed += rules.matrices() != before
        recalled, answer = machine.recall(x)
        states, steps = rules.start(x.tolist(), machine.settings.driven_steps)
        rules.count(x.tolist(), steps, False)
        assert (recalled.driven_steps, answer.tolist()) == (steps, states[-1])
        assert machine.states.tolist() == [state for layer in states for state in layer]
    assert (machine.steps, machine.rows_skipped) == (rules.steps, rules.rows_skipped)
    assert (machine.updates_skipped, machine.learnt, machine.recalled) == (rules.updates_skipped, count, count)
    return changed


@pytest.mark.parametrize("seed", range(20))
def test_random_machines_against_the_rules(seed: int) -> None:
    source = random.Random(seed)
    hidden = [source.randint(1, 9) for _ in range(source.randint(1, 3))]
    shifts, biases = tuple(source.randint(1, 4) for _ in range(len(hidden) + 2)), source.random() < 0.5
    spec = MachineSpec(
        layers=(source.randint(1, 12), *hidden, source.randint(2, 5)),
        lanes=source.randint(1, 9),
        pixel_bits=source.choice([1, 4, 8]),
        biases=biases,
        **source.choice([{}, FINE]),
        settings=replace(
            QUICK,
            eta_shifts=shifts if biases else shifts[:-1],
            feedforward=source.random() < 0.5,
            free_steps=source.randint(1, 12),
        ),
    )
    compare_with_the_rules(random_machine(spec, seed + 1), seed, 5)


def test_many_patterns_equal_single_ones() -> None:
    many, single = (random_machine(SPECS["two_hidden"], 2) for _ in range(2))
    images, targets = random_patterns(many.spec, 3, 9)
    replies = many.learn_many(images, targets)
    assert [LearnReply(*row) for row in replies.tolist()] == [
        single.learn(*p) for p in zip(images, targets, strict=True)
    ]
    answers, replies = many.recall_many(images)
    for image, answer, row in zip(images, answers, replies.tolist(), strict=True):
        reply, alone = single.recall(image)
        assert reply == RecallReply(*row) and np.array_equal(alone, answer)
    assert many.busy_clocks == single.busy_clocks and many.lfsr == single.lfsr
    assert all(np.array_equal(a, b) for a, b in zip(many.weights, single.weights, strict=True))


def test_skipping_changes_no_weight() -> None:
    skipping, plain = (random_machine(SPECS["one_hidden"], 2) for _ in range(2))
    plain.settings = replace(plain.settings, skip=False)
    images, targets = random_patterns(plain.spec, 4, 30)
    for machine in (skipping, plain):
        machine.learn_many(np.concatenate([images, images]), np.concatenate([targets, targets]))
    assert all(np.array_equal(a, b) for a, b in zip(skipping.weights, plain.weights, strict=True))
    assert plain.rows_skipped == plain.updates_skipped == 0 < skipping.rows_skipped
    assert skipping.lfsr == plain.lfsr and skipping.busy_clocks < plain.busy_clocks


def test_uncompiled_loops_give_the_same() -> None:
    code = (
        "from tests.model.golden.test_layered_machine import *; machine = random_machine(SPECS['three_hidden'], 2);"
        "replies = machine.learn_many(*random_patterns(machine.spec, 2, 5));"
        "print(replies.tolist(), [matrix.tolist() for matrix in machine.weights])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", f"{before}; {code}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for before in ("import sys; sys.modules['numba'] = None", "pass")
    ]
    assert said[0] == said[1] and len(said[0]) > 300


def test_eta_shifts_by_epoch() -> None:
    spec = MachineSpec(layers=(784, 128, 5))
    assert [eta_shifts_at(spec, epoch) for epoch in range(6)] == [(3, 4), (4, 5), (5, 6), (6, 7), (7, 7), (8, 7)]
    assert [eta_shifts_at(spec, epoch, 0.4)[0] for epoch in range(6)] == [3, 3, 3, 4, 4, 5]
    assert eta_shifts_at(spec, 9, 1.0, most_halvings=2) == (5, 6)
