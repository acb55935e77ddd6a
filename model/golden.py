"""The golden machine: predicts every bit of the hardware, in integers, without any simulator."""

import numpy as np
from numpy.typing import NDArray

from model.arithmetic import (
    DEFAULT_LFSR,
    compiled,
    lfsr_advance,
    neuron_step,
    saturate,
    side_step,
    slope_table,
    stochastic_increment,
    tanh_table,
)
from model.layout import Layout
from model.protocol import LearnReply, RecallReply
from model.spec import MachineSpec, Settings
from model.timing import Timing

Integers = NDArray[np.int64]


@compiled
def _step(weights, states, activities, drive, target, nudged, shifts, limits, table):  # type: ignore[no-untyped-def]
    """One Euler step of all neurons from the same old activities; returns the largest move of a state."""
    leak_shift, nudge_shift = shifts
    low, high = limits
    old = activities.copy()
    largest = 0
    for i in range(len(states)):
        current = np.int64(0)
        for j in range(len(states)):
            current += np.int32(weights[i, j]) * np.int32(old[j])
        state = states[i]
        error = target[i] - old[i] if nudged else 0
        states[i] = neuron_step(state, current, drive[i], error, leak_shift, nudge_shift, low, high)
        activities[i] = table[states[i] - low]
        largest = max(largest, abs(states[i] - state))
    return largest


@compiled
def _relax(weights, states, activities, drive, target, nudged, shifts, limits, table, most, settled):  # type: ignore[no-untyped-def]
    """Euler steps until ``most``, or until no state moved by more than ``settled`` (-1: never); returns their number."""
    for step in range(most):
        if _step(weights, states, activities, drive, target, nudged, shifts, limits, table) <= settled:
            return step + 1
    return most


@compiled
def _relax_side(weights, side, errors, slopes, shifts, limits, most, settled):  # type: ignore[no-untyped-def]
    """Euler steps of the side network, all from the same old states, from 0 on; returns their number as ``_relax``."""
    weight_fraction, error_shift = shifts
    low, high = limits
    side[:] = 0
    for step in range(most):
        old = side.copy()
        largest = 0
        for i in range(len(side)):
            current = np.int64(0)
            for j in range(len(side)):
                current += np.int32(weights[i, j]) * np.int32(old[j])
            side[i] = side_step(old[i], current, errors[i], slopes[i], weight_fraction, error_shift, low, high)
            largest = max(largest, abs(side[i] - old[i]))
        if largest <= settled:
            return step + 1
    return most


@compiled
def _update_by_side(weights, activities, side, codes, random, shifts, limit, reach):  # type: ignore[no-untyped-def]
    """w_ij += round at random(eta (y_i g_j + y_j g_i) / 2): the update of Almeida and Pineda, made symmetric."""
    first, second = shifts
    for i in range(len(side)):
        for j in range(max(0, i - reach), i):
            difference = (side[i] * activities[j] + side[j] * activities[i]) >> first
            increment = stochastic_increment(difference, second, random[codes[i] ^ codes[j]])
            weights[i, j] = saturate(weights[i, j] + increment, -limit, limit)
            weights[j, i] = weights[i, j]


@compiled
def _update(weights, free, nudged, codes, random, shift, limit, reach):  # type: ignore[no-untyped-def]
    """w_ij += round at random(eta (g_i' g_j' - g_i g_j)), ' nudged: Scellier and Bengio 2017, eq. 9, with beta = 1."""
    for i in range(len(free)):
        for j in range(max(0, i - reach), i):
            difference = nudged[i] * nudged[j] - free[i] * free[j]
            increment = stochastic_increment(difference, shift, random[codes[i] ^ codes[j]])
            weights[i, j] = saturate(weights[i, j] + increment, -limit, limit)
            weights[j, i] = weights[i, j]


@compiled
def _recall(weights, images, states, activities, level, shifts, limits, table, most, settled):  # type: ignore[no-untyped-def]
    """Recall image after image; signs and the steps of both phases for each. The states keep the last one's."""
    signs = np.zeros(images.shape, np.bool_)
    steps = np.zeros((len(images), 2), np.int64)
    off = np.zeros(len(states), np.int64)
    for index in range(len(images)):
        drive = np.where(images[index], level, -level)
        states[:] = 0
        activities[:] = 0
        steps[index, 0] = _relax(
            weights, states, activities, drive, off, False, shifts, limits, table, max(1, most[0]), settled
        )
        steps[index, 1] = _relax(weights, states, activities, off, off, False, shifts, limits, table, most[1], settled)
        signs[index] = states > 0
    return signs, steps


@compiled
def draw(bits: int, lfsr: int) -> tuple[Integers, int]:
    """The random bytes of one update, ``bits`` of them in the order of their drawing, and the LFSR after it."""
    drawn = np.zeros(bits, np.int64)
    for bit in range(bits):
        drawn[bit] = lfsr & 0xFF
        lfsr = lfsr_advance(lfsr)
    return drawn, lfsr


@compiled
def byte_table(drawn: Integers) -> Integers:
    """Entry k is the exclusive or of those drawn bytes whose bit is set in k."""
    table = np.zeros(1 << len(drawn), np.int64)
    for bit in range(len(drawn)):
        for entry in range(1 << bit):
            table[1 << bit | entry] = table[entry] ^ drawn[bit]
    return table


def random_table(spec: MachineSpec, lfsr: int) -> tuple[Integers, int]:
    """The random bytes of one update and the LFSR after drawing them.

    One byte is drawn for each bit of a neuron's number (Layout.codes), lowest bit first. The byte of a cell is the
    exclusive or of the drawn bytes of those bits in which its row's and its column's numbers differ: entry
    ``code of row ^ code of column`` of the table. It is the same for w_ij and w_ji by construction.
    """
    drawn, after = draw(Layout(spec).code_bits, lfsr)
    return byte_table(drawn), int(after)


class GoldenMachine:
    """A machine of one spec.

    Attributes
    ----------
    weights : int8 (neurons, neurons), symmetric, zero diagonal; replace or change at will between patterns.
    states : int8 (neurons,), the neurons' v after the last run; by the rule "rbp" that of the free phase.
    side_states : int16 (neurons,), the side network's y after the last side step.
    lfsr : the random register, 1 to 2**32 - 1.
    busy_clocks, steps, learnt, recalled : the machine's counters, not wrapped.
    settings : the run-time settings.
    """

    def __init__(self, spec: MachineSpec, settings: Settings | None = None, lfsr: int = DEFAULT_LFSR) -> None:
        self.spec = spec
        self.settings = settings or spec.settings
        self.weights = np.zeros((spec.neurons, spec.neurons), np.int8)
        self.lfsr = lfsr
        self.busy_clocks = self.steps = self.learnt = self.recalled = 0
        self._states = np.zeros(spec.neurons, np.int64)
        self._activities = np.zeros(spec.neurons, np.int64)
        self._side = np.zeros(spec.neurons, np.int64)
        self._timing = Timing(spec)
        self._codes = Layout(spec).codes
        self._table = tanh_table(spec)
        self._slopes = slope_table(spec)
        self._shifts = (spec.leak_shift, spec.nudge_shift)
        self._limits = (spec.state.low, spec.state.high)

    @property
    def states(self) -> NDArray[np.int8]:
        """The neurons' states, a copy."""
        return self._states.astype(np.int8)

    @property
    def side_states(self) -> NDArray[np.int16]:
        """The side network's states, a copy; those assigned are copied."""
        return self._side.astype(np.int16)

    @side_states.setter
    def side_states(self, states: NDArray[np.integer]) -> None:
        self._side[:] = states

    @property
    def _settled(self) -> int:
        return self.settings.tolerance if self.settings.stop_when_settled else -1

    def _count(self, steps: int, clocks: int) -> None:
        self.steps += steps
        self.busy_clocks += clocks

    def learn(self, pattern: NDArray[np.bool_], target: NDArray[np.bool_] | None = None) -> LearnReply:
        """Free phase, nudged phase (or the side network's) and weight update for one pattern (neurons,), True white.

        ``target`` is the pattern itself if not given.
        """
        spec, settings = self.spec, self.settings
        drive = np.where(pattern, spec.input_level, -spec.input_level)
        goal = np.where(pattern if target is None else target, spec.target_level, -spec.target_level)
        self._states[:] = 0
        self._activities[:] = 0
        relax = (self._shifts, self._limits, self._table)
        inputs = (self.weights, self._states, self._activities, drive, goal)
        free_steps = int(_relax(*inputs, False, *relax, max(1, settings.free_steps), self._settled))
        random, self.lfsr = random_table(spec, self.lfsr)
        shift = settings.eta_shifts[0] - spec.update_shift_base
        synapses = (self._codes, random)
        if settings.rule == "rbp":
            second_steps = self._relax_side(goal)
            shifts = (spec.side_update_shift, shift)
            if second_steps:
                _update_by_side(
                    self.weights, self._activities, self._side, *synapses, shifts, spec.weight_limit, spec.reach
                )
            clocks = self._timing.run(free_steps, second_steps > 0, second_steps)
        else:
            free = self._activities.copy()
            second_steps = int(_relax(*inputs, True, *relax, settings.nudged_steps, self._settled))
            if second_steps:
                _update(self.weights, free, self._activities, *synapses, shift, spec.weight_limit, spec.reach)
            clocks = self._timing.run(free_steps + second_steps, second_steps > 0)
        self._count(free_steps + second_steps, clocks)
        self.learnt += 1
        return LearnReply(free_steps, second_steps, clocks, self.lfsr)

    def _relax_side(self, goal: Integers) -> int:
        """The side network's steps for the settled states; their number."""
        spec = self.spec
        if not self.settings.nudged_steps:
            return 0
        slopes = self._slopes[self._states - spec.state.low]
        shifts, limits = (spec.weight.fraction, spec.side_error_shift), (spec.side.low, spec.side.high)
        errors = goal - self._activities
        most = self.settings.nudged_steps
        return int(_relax_side(self.weights, self._side, errors, slopes, shifts, limits, most, self._settled))

    def recall(self, pattern: NDArray[np.bool_]) -> tuple[RecallReply, NDArray[np.bool_]]:
        """Relax with the input on, then off; returns the reply and which states are positive (neurons,)."""
        signs, replies = self.recall_many(pattern[None])
        return replies[0], signs[0]

    def recall_many(self, images: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[RecallReply]]:
        """Recall images (count, neurons) one after another; returns signs (count, neurons) and each one's reply."""
        most = (self.settings.driven_steps, self.settings.released_steps)
        signs, steps = _recall(
            self.weights,
            np.ascontiguousarray(images),
            self._states,
            self._activities,
            self.spec.input_level,
            self._shifts,
            self._limits,
            self._table,
            most,
            self._settled,
        )
        replies = []
        for driven, released in steps.tolist():
            clocks = self._timing.run(driven + released, False)
            self._count(driven + released, clocks)
            replies.append(RecallReply(driven, released, clocks))
        self.recalled += len(replies)
        return signs, replies
