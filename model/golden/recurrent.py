"""The golden machine: predicts every bit of the hardware, in integers, without any simulator."""

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import (
    DEFAULT_LFSR,
    byte_table,
    compiled,
    draw,
    neuron_step,
    saturate,
    side_step,
    slope_table,
    stochastic_increment,
    tanh_table,
)
from ohmprop.model.layout import Cell
from ohmprop.model.link.protocol import LearnReply, RecallReply
from ohmprop.model.memristors.unit import (
    PulseUnit,
    decay_matrix,
    program_pairs,
    pulse_cell,
    random_sets,
    read_deviations,
    unit_hashes,
)
from ohmprop.model.rules import RULES, Factor, Second
from ohmprop.model.spec import MachineSpec, Settings

Integers = NDArray[np.int64]


@compiled
def _step(weights, states, activities, drive, target, nudged, shifts, limits, table, noise):  # type: ignore[no-untyped-def]
    """One Euler step of all neurons from the same old activities; returns the largest move of a state."""
    leak_shift, nudge_shift = shifts
    low, high = limits
    old = activities.copy()
    largest = 0
    for i in range(len(states)):
        current = noise[i]
        for j in range(len(states)):
            current += np.int32(weights[i, j]) * np.int32(old[j])
        state = states[i]
        error = target[i] - old[i] if nudged else 0
        states[i] = neuron_step(state, current, drive[i], error, leak_shift, nudge_shift, low, high)
        activities[i] = table[states[i] - low]
        largest = max(largest, abs(states[i] - state))
    return largest


@compiled
def _relax(weights, states, activities, drive, target, nudged, shifts, limits, table, read, most, settled, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps until ``most``, or until no state moved by more than ``settled`` (-1: never).

    ``read`` is the read noise: amplitude, the neurons' numbers, their bits, an array of zeros. Returns the number of steps
    and the LFSR.
    """
    amplitude, codes, bits, noise = read
    for step in range(most):
        if amplitude:
            lfsr = read_deviations(codes, bits, amplitude, lfsr, noise)
        if _step(weights, states, activities, drive, target, nudged, shifts, limits, table, noise) <= settled:
            return step + 1, lfsr
    return most, lfsr


@compiled
def _relax_side(weights, side, errors, slopes, shifts, limits, read, most, settled, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps of the side network, all from the same old states, from 0 on; ``read`` and the result as ``_relax``."""
    amplitude, codes, bits, noise = read
    weight_fraction, error_shift = shifts
    low, high = limits
    side[:] = 0
    for step in range(most):
        if amplitude:
            lfsr = read_deviations(codes, bits, amplitude, lfsr, noise)
        old = side.copy()
        largest = 0
        for i in range(len(side)):
            current = noise[i]
            for j in range(len(side)):
                current += np.int32(weights[i, j]) * np.int32(old[j])
            side[i] = side_step(old[i], current, errors[i], slopes[i], weight_fraction, error_shift, low, high)
            largest = max(largest, abs(side[i] - old[i]))
        if largest <= settled:
            return step + 1, lfsr
    return most, lfsr


@compiled
def _update(weights, terms, codes, random, shifts, limit, reach):  # type: ignore[no-untyped-def]
    """w_ij += round at random(eta (a_i b_j + c_i d_j)).

    Equilibrium propagation (Scellier and Bengio 2017, eq. 9, with beta = 1): g_i' g_j' - g_i g_j, ' nudged. Recurrent
    backpropagation (Almeida, Pineda 1987), made symmetric: y_i g_j + g_i y_j, and shifts[0] takes the half.
    """
    a, b, c, d = terms
    first, second = shifts
    for i in range(len(codes)):
        for j in range(max(0, i - reach), i):
            difference = (a[i] * b[j] + c[i] * d[j]) >> first
            increment = stochastic_increment(difference, second, random[codes[i] ^ codes[j]])
            weights[i, j] = saturate(weights[i, j] + increment, -limit, limit)
            weights[j, i] = weights[i, j]


@compiled
def _recall(weights, images, states, activities, level, shifts, limits, table, read, most, settled, lfsr):  # type: ignore[no-untyped-def]
    """Recall image after image; signs, the steps of both phases for each, the LFSR. The states keep the last one's."""
    signs = np.zeros(images.shape, np.bool_)
    steps = np.zeros((len(images), 2), np.int64)
    off = np.zeros(len(states), np.int64)
    for index in range(len(images)):
        drive = np.where(images[index], level, -level)
        states[:] = 0
        activities[:] = 0
        phase = (shifts, limits, table, read)
        steps[index, 0], lfsr = _relax(
            weights, states, activities, drive, off, False, *phase, max(1, most[0]), settled, lfsr
        )
        steps[index, 1], lfsr = _relax(weights, states, activities, off, off, False, *phase, most[1], settled, lfsr)
        signs[index] = states > 0
    return signs, steps, lfsr


def random_table(spec: MachineSpec, lfsr: int) -> tuple[Integers, int]:
    """The random bytes of one update and the LFSR after drawing them.

    One byte is drawn for each bit of a neuron's number (Layout.codes), lowest bit first. The byte of a cell is the
    exclusive or of the drawn bytes of those bits in which its row's and its column's numbers differ: entry
    ``code of row ^ code of column`` of the table. It is the same for w_ij and w_ji by construction.
    """
    drawn, after = draw(spec.layout.code_bits, lfsr)
    return byte_table(drawn), int(after)


class GoldenMachine:
    """A machine of one spec.

    Attributes
    ----------
    weights : int8 (neurons, neurons), symmetric, zero diagonal; replace or change at will between patterns.
    states : int8 (neurons,), the neurons' v after the last run; by the rule "rbp" that of the free phase.
    side_states : int16 (neurons,), the side network's y after the last side step.
    lfsr : the random register, 1 to 2**32 - 1.
    pulses : pulses up, pulses down, pulses lost at a rail, each symmetric pair counting once; int64 (1, 3).
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
        self.pulses = np.zeros((1, 3), np.int64)
        self._timing = spec.timing
        layout = spec.layout
        self._codes, self._code_bits = layout.codes, layout.code_bits
        self._hashes = unit_hashes(layout.codes)
        self.device = None
        self._table = tanh_table(spec)
        self._slopes = slope_table(spec)
        self._shifts = (spec.leak_shift, spec.nudge_shift)
        self._limits = (spec.state.low, spec.state.high)

    @property
    def device(self) -> PulseUnit | None:
        """What the cells are; None are linear ones. May be set between patterns."""
        return self._device

    @device.setter
    def device(self, unit: PulseUnit | None) -> None:
        if unit:
            unit.check(self.spec)
        self._device = unit
        self._undecayed = 0
        amplitude = unit.read_noise if unit else 0
        self._read = (amplitude, self._codes, self._code_bits, np.zeros(self.spec.neurons, np.int64))

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
        unit = self._device
        tables, self.lfsr = random_sets(unit.sets if unit else 1, self._code_bits, self.lfsr)
        free_steps = self._relax(drive, goal, False, max(1, settings.free_steps))
        free = self._activities.copy()
        eta = settings.eta_shifts[0] - spec.update_shift_base
        rule = RULES[settings.rule]
        side = rule.second is Second.SIDE
        if side:
            second_steps, second = self._relax_side(goal), self._side
        else:
            second_steps, second = self._relax(drive, goal, True, settings.nudged_steps), self._activities
        factors = {Factor.FREE: free, Factor.SECOND: second}
        pairs = [(product.sign * factors[product.row], factors[product.column]) for product in rule.products]
        terms, shifts = (*pairs[0], *pairs[1]), (spec.side_update_shift if side else 0, eta)
        if second_steps:
            self._update(terms, shifts, tables)
        steps = (free_steps, second_steps) if side else (free_steps + second_steps, 0)
        clocks = self._timing.pattern(steps[0], int(second_steps > 0), side_steps=steps[1])
        self.learnt += 1
        if unit:
            clocks += self._timing.pulsed(
                unit.sets, unit.read_noise > 0, free_steps + second_steps, int(second_steps > 0)
            )
            self._undecayed += 1
        if unit and self._undecayed == unit.decay_every:
            self._undecayed = 0
            clocks += self._timing.decay
            tables, self.lfsr = random_sets(2, self._code_bits, self.lfsr)
            decay_matrix(self.weights, self._codes, self._codes, tables, unit.decay_shift, unit.masks(spec)[0])
        self._count(free_steps + second_steps, clocks)
        return LearnReply(free_steps, second_steps, clocks, self.lfsr)

    def _relax(self, drive: Integers, goal: Integers, nudged: bool, most: int) -> int:
        """The steps of a phase; their number."""
        network = (self.weights, self._states, self._activities, drive, goal, nudged)
        constants = (self._shifts, self._limits, self._table, self._read)
        steps, lfsr = _relax(*network, *constants, most, self._settled, self.lfsr)
        self.lfsr = int(lfsr)
        return int(steps)

    def _relax_side(self, goal: Integers) -> int:
        """The side network's steps for the settled states; their number."""
        spec = self.spec
        if not self.settings.nudged_steps:
            return 0
        slopes = self._slopes[self._states - spec.state.low]
        shifts, limits = (spec.weight.fraction, spec.side_error_shift), (spec.side.low, spec.side.high)
        network = (self.weights, self._side, goal - self._activities, slopes)
        most = self.settings.nudged_steps
        steps, lfsr = _relax_side(*network, shifts, limits, self._read, most, self._settled, self.lfsr)
        self.lfsr = int(lfsr)
        return int(steps)

    def _update(self, terms: tuple[Integers, ...], shifts: tuple[int, int], tables: Integers) -> None:
        """Every pair learns from its difference, (a_i b_j + c_i d_j) >> shifts[0], by increments or by pulses."""
        spec, unit = self.spec, self._device
        if unit is None:
            _update(self.weights, terms, self._codes, tables[0], shifts, spec.weight_limit, spec.reach)
            return
        cells = (self._codes, tables, self._hashes)
        stuck = unit.masks(spec)[0]
        program_pairs(self.weights, terms, *cells, shifts, spec.reach, stuck, unit.constants, self.pulses[0])

    def pulse(self, cell: Cell | None, pulses: int) -> None:
        """Give one cell (matrix, row, column) so many programming pulses, up or, if negative, down; linear cells take none.

        None is no cell: nothing moves, but all else is as with one.
        """
        unit = self._device
        if unit:
            self.lfsr = pulse_cell(self.spec, unit, [self.weights], self.pulses, cell, pulses, self.lfsr)
            self.busy_clocks += self._timing.whole_update(unit.sets)

    def recall(self, pattern: NDArray[np.bool_]) -> tuple[RecallReply, NDArray[np.bool_]]:
        """Relax with the input on, then off; returns the reply and which states are positive (neurons,)."""
        signs, replies = self.recall_many(pattern[None])
        return replies[0], signs[0]

    def recall_many(self, images: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[RecallReply]]:
        """Recall images (count, neurons) one after another; returns signs (count, neurons) and each one's reply."""
        most = (self.settings.driven_steps, self.settings.released_steps)
        signs, steps, lfsr = _recall(
            self.weights,
            np.ascontiguousarray(images),
            self._states,
            self._activities,
            self.spec.input_level,
            self._shifts,
            self._limits,
            self._table,
            self._read,
            most,
            self._settled,
            self.lfsr,
        )
        self.lfsr = int(lfsr)
        replies = []
        for driven, released in steps.tolist():
            clocks = self._timing.pattern(driven + released, 0)
            clocks += self._timing.read_draw * (driven + released) if self._read[0] else 0
            self._count(driven + released, clocks)
            replies.append(RecallReply(driven, released, clocks))
        self.recalled += len(replies)
        return signs, replies
