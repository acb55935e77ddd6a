"""The golden machine: against committed vectors, against the rules written as matrices, compiled and not."""

import json
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.records import RecallReply
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.options import equipped
from tests.kit.paths import ROOT
from tests.kit.specs import SPECS
from tests.kit.vectors import DIRECTORY, random_weights, vector

#: A golden model that runs without numba's compiler, and one that does not even find numba.
UNCOMPILED = {
    "disabled": "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'",
    "absent": "import sys; sys.modules['numba'] = None",
}


def random_machine(spec: MachineSpec, seed: int = 5) -> GoldenMachine:
    """With weights over their whole range."""
    machine = GoldenMachine(spec)
    weights = random_weights(spec, random.Random(seed))
    if spec.asymmetric:
        weights = np.triu(weights) - np.tril(weights)
    machine.weights = (weights << spec.fine_bits,)
    return machine


@pytest.mark.parametrize("name", SPECS)
def test_committed_vectors(name: str) -> None:
    assert vector(name) == json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("how", UNCOMPILED)
def test_uncompiled_loops_give_the_same(how: str) -> None:
    code = f"{UNCOMPILED[how]}; import json; from tests.kit.vectors import vector; print(json.dumps(vector('band')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == vector("band")


class Matrices:
    """The rules of docs/arithmetic.md in whole matrices of Python's integers; only the layout's bits are shared."""

    def __init__(self, machine: GoldenMachine) -> None:
        self.spec, self.settings, self.lfsr = machine.spec, machine.settings, machine.lfsr
        self.weights = machine.weights[0].astype(object)

    @property
    def seen(self) -> np.ndarray:
        """The weights as the multipliers have them: without their fine bits, rounded, ties upwards."""
        one = 2**self.spec.fine_bits
        return (2 * self.weights + one) // (2 * one)

    def g(self, v: np.ndarray) -> np.ndarray:
        one, scale = self.spec.activity.one, self.spec.state.one
        return np.array([max(-one + 1, min(one - 1, round(float(np.tanh(x / scale)) * one))) for x in v], object)

    def relax(self, v: np.ndarray, drive: np.ndarray, target: np.ndarray | None, most: int) -> tuple[np.ndarray, int]:
        spec, settings = self.spec, self.settings
        point = spec.weight.fraction + spec.activity.fraction
        eps = settings.free_eps if target is None else settings.nudged_eps
        blocks = range(0, spec.neurons, spec.lanes if settings.order == "blocks" else spec.neurons)
        for step in range(1, most + 1):
            old = v
            for first in blocks:
                total = self.seen.T @ self.g(v) + (drive - v) * 2 ** (point - spec.state.fraction)
                if target is not None:
                    size = int(settings.beta * 2 ** (point - spec.activity.fraction))
                    total = total + self.sign * (target - self.g(v)) * size
                one = 2 ** (point - spec.state.fraction)
                moved = (total + one) // (2 * one) if eps == 0.5 else (2 * total + one) // (2 * one)
                turn = np.arange(spec.neurons) // (blocks.step) == first // blocks.step
                v = np.where(turn, np.clip(v + moved, -(2**7), 2**7 - 1), v)
            if settings.stop_when_settled and max(abs(v - old)) <= settings.tolerance:
                return v, step
        return v, most

    def byte(self) -> int:
        drawn = self.lfsr & 255
        for _ in range(8):
            self.lfsr = self.lfsr >> 1 ^ (0x80200003 if self.lfsr & 1 else 0)
        return drawn

    def learn(self, pattern: np.ndarray, target: np.ndarray) -> np.ndarray:
        spec, settings, layout = self.spec, self.settings, self.spec.layout
        drive = np.array([spec.input_level if white else -spec.input_level for white in pattern], object)
        goal = np.array([spec.target_level if white else -spec.target_level for white in target], object)
        free, _ = self.relax(np.zeros(spec.neurons, object), drive, None, settings.free_steps)
        bits = layout.lane_bits + layout.block_bits + spec.asymmetric
        drawn = [self.byte() for _ in range(bits)]
        sign = {"negative": -1, "random": 0}.get(settings.nudge, 1) or (-1 if self.byte() & 1 else 1)
        start = free
        if settings.nudge == "centred":
            self.sign = -1
            free, _ = self.relax(start, drive, goal, settings.nudged_steps)
        self.sign = sign
        if not settings.rule.startswith("continual"):
            nudged, _ = self.relax(start, drive, goal, settings.nudged_steps)
            self.update(drawn, self.g(free), self.g(nudged))
            return nudged
        for step in range(settings.nudged_steps):
            if step:
                drawn = [self.byte() for _ in range(bits)]
            nudged, _ = self.relax(free, drive, goal, 1)
            self.update(drawn, self.g(free), self.g(nudged))
            settled = settings.stop_when_settled and max(abs(nudged - free)) <= settings.tolerance
            free = nudged
            if settled:
                break
        return nudged

    def number(self, unit: int, row: bool) -> list[int]:
        """Bits of a unit's number, lowest first: its lane's and its block's; of an asymmetric row turned by one, and marked."""
        layout, lanes = self.spec.layout, self.spec.lanes
        number = [unit % lanes >> bit & 1 for bit in range(layout.lane_bits)]
        number += [unit // lanes >> bit & 1 for bit in range(layout.block_bits)]
        if not self.spec.asymmetric:
            return number
        return [number[-1], *number[:-1], 1] if row else [*number, 0]

    def update(self, drawn: list[int], before: np.ndarray, after: np.ndarray) -> None:
        spec, settings, sign = self.spec, self.settings, self.sign
        # eta * (g' g' - g g) in LSBs of the weight, 2**-9 the smallest part that is looked at.
        shift = settings.eta_shifts[0] + 2 * spec.activity.fraction - spec.weight.fraction - spec.fine_bits - 9
        limit = 127 * 2**spec.fine_bits
        for i in range(spec.neurons):
            for j in range(spec.neurons):
                if 1 <= abs(i - j) < spec.neurons - spec.cut_diagonals:
                    byte = 0
                    for mine, other, random_byte in zip(
                        self.number(i, True), self.number(j, False), drawn, strict=True
                    ):
                        byte ^= random_byte * (mine != other)
                    difference = sign * (after[i] * after[j] - before[i] * before[j])
                    if spec.asymmetric:
                        # Row i drives column j.
                        difference = sign * before[i] * (after[j] - before[j])
                    fine = difference // 2**shift if shift >= 0 else difference * 2**-shift
                    weight = self.weights[i, j] + (fine + 2 * byte + 1) // 512
                    self.weights[i, j] = max(-limit, min(limit, weight))


MATRICES = {name: spec for name, spec in SPECS.items() if name != "hundred"}
for nudge, beta in (("negative", 1), ("random", 0.25), ("centred", 0.5), ("positive", 0.5)):
    SETTINGS = replace(SPECS["band"].settings, nudge=nudge, beta=beta)
    MATRICES[f"{nudge}-{beta}"] = replace(SPECS["band"], nudges=True, settings=SETTINGS)
IN_TURN = replace(SPECS["band"], in_turn=True)
for order, free_eps, nudged_eps in (("blocks", 1, 0.5), ("blocks", 0.5, 1), ("together", 1, 1), ("blocks", 1, 1)):
    SETTINGS = replace(IN_TURN.settings, order=order, free_eps=free_eps, nudged_eps=nudged_eps)
    MATRICES[f"{order}-{free_eps}-{nudged_eps}"] = replace(IN_TURN, settings=SETTINGS)
BLOCKS = {"order": "blocks", "free_eps": 1, "nudge": "random", "beta": 0.5}
for rule in ("continual", "vector-field", "continual-vector-field"):
    MATRICES[rule] = equipped(SPECS["band"], rule=rule)
    MATRICES[f"{rule}-blocks"] = equipped(replace(SPECS["lanes_do_not_divide"], fine_bits=2), rule=rule, **BLOCKS)
MATRICES |= {f"{bits}_fine_bits": replace(SPECS["band"], fine_bits=bits) for bits in (1, 4, 8)}


@pytest.mark.parametrize("name", MATRICES)
def test_learning_against_matrices(name: str) -> None:
    machine = random_machine(MATRICES[name])
    matrices, rng = Matrices(machine), np.random.default_rng(3)
    for _ in range(4):
        pattern, target = rng.random((2, machine.spec.neurons)) < 0.5
        machine.learn(pattern, target)
        states = matrices.learn(pattern, target)
        assert machine.states.tolist() == states.tolist()
        assert machine.weights[0].tolist() == matrices.weights.tolist()
        assert machine.lfsr == matrices.lfsr


@pytest.mark.parametrize("name", SPECS)
def test_weights_stay_symmetric_and_within_reach(name: str) -> None:
    machine, rng = random_machine(SPECS[name]), np.random.default_rng(4)
    before = machine.weights[0].copy()
    for pattern in rng.random((5, machine.spec.neurons)) < 0.5:
        machine.learn(pattern, ~pattern)
    weights = machine.weights[0]
    assert np.array_equal(weights, weights.T) and not np.array_equal(weights, before)
    assert not weights[~synapse_mask(machine.spec)].any()
    assert np.abs(weights.astype(int)).max() <= machine.spec.weight_limit


def test_many_recalls_equal_single_ones() -> None:
    spec = replace(SPECS["lanes_divide"], settings=Settings(driven_steps=5, released_steps=4))
    many, single = random_machine(spec), random_machine(spec)
    images = np.random.default_rng(6).random((9, spec.neurons)) < 0.5
    signs, replies = many.recall_many(images)
    for image, sign, reply in zip(images, signs, replies, strict=True):
        alone, alone_signs = single.recall(image)
        assert alone == RecallReply(*reply.tolist()) and np.array_equal(alone_signs, sign)
    assert many.recalled == single.recalled == len(images)
    assert (many.steps, many.busy_clocks) == (single.steps, single.busy_clocks)
    assert np.array_equal(many.states, single.states)


def test_pattern_is_its_own_target() -> None:
    pattern = np.random.default_rng(7).random(7) < 0.5
    default, explicit = (random_machine(SPECS["lanes_do_not_divide"]) for _ in range(2))
    assert default.learn(pattern) == explicit.learn(pattern, pattern)
    assert np.array_equal(default.weights[0], explicit.weights[0])


def test_clocks_are_counted_and_near_the_bound() -> None:
    machine = random_machine(SPECS["hundred"])
    timing, rng = machine.spec.timing, np.random.default_rng(8)
    reply = machine.learn(rng.random(100) < 0.5)
    recalled, _ = machine.recall(rng.random(100) < 0.5)
    steps = reply.free_steps + reply.nudged_steps
    assert reply.clocks == steps * timing.step + timing.update and machine.busy_clocks == reply.clocks + recalled.clocks
    assert recalled.clocks == (recalled.driven_steps + recalled.released_steps) * timing.step
    assert timing.pattern(28, 1) <= 1.25 * timing.bound(28, 1)


def test_nothing_is_learnt_without_a_nudge() -> None:
    machine = random_machine(replace(SPECS["band"], settings=Settings(nudged_steps=0, eta_shifts=(2,))))
    weights, lfsr = machine.weights[0].copy(), machine.lfsr
    reply = machine.learn(np.arange(11) % 2 == 0)
    assert reply.nudged_steps == 0 and np.array_equal(machine.weights[0], weights)
    # The random bytes are drawn all the same, while the free phase runs.
    assert machine.lfsr == reply.lfsr != lfsr
