"""The golden machine of layered networks: predicts every bit of the hardware, in integers, without any simulator.

Weights are (inputs, first hidden layer), then (upper layer, lower layer), and last, if there are biases, (1, neurons).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.arithmetic import DEFAULT_LFSR, byte_table, compiled, draw, neuron_step, saturate, stochastic_increment
from model.layered_layout import LayeredLayout
from model.protocol import LearnReply, RecallReply
from model.spec import MachineSpec, Settings
from model.timing import LayeredTiming

Integers = NDArray[np.int64]
Weights = tuple[NDArray[np.int16], ...]


@compiled
def _drive(weights, firsts, image, shift, brightest, sums, drive):  # type: ignore[no-untyped-def]
    """The currents of inputs and biases at the accumulator's binary point; returns the number of non-zero inputs."""
    sums[:] = 0
    rows = 0
    for i in range(len(image)):
        if image[i]:
            rows += 1
            row, pixel = weights[0][i], np.int32(image[i])
            for j in range(len(row)):
                sums[j] += np.int32(row[j]) * pixel
    if len(weights) == len(firsts):
        for j in range(len(sums)):
            sums[j] += np.int32(weights[-1][0, j]) * np.int32(brightest)
    for j in range(len(sums)):
        drive[j] = np.int64(sums[j]) << shift if shift >= 0 else np.int64(sums[j]) >> -shift
    return rows


@compiled
def _currents(weights, firsts, states, sums):  # type: ignore[no-untyped-def]
    """What each neuron gets from the layers above and below it, all from the same states."""
    sums[:] = 0
    for index in range(1, len(firsts) - 1):
        matrix = weights[index]
        below = slice(firsts[index - 1], firsts[index])
        lower, lower_sums = states[below], sums[below]
        for i in range(matrix.shape[0]):
            row, state = matrix[i], states[firsts[index] + i]
            total = np.int32(0)
            for j in range(len(row)):
                total = np.int32(total + np.int32(row[j]) * lower[j])
            sums[firsts[index] + i] += total
            if state:
                for j in range(len(row)):
                    lower_sums[j] += np.int32(row[j]) * state


@compiled
def _step(weights, firsts, states, drive, goal, nudged, leak_shift, sums):  # type: ignore[no-untyped-def]
    """One Euler step of all neurons from the same old states; returns the largest move of a state."""
    _currents(weights, firsts, states, sums)
    largest = 0
    first_output = firsts[-2]
    for i in range(len(states)):
        state = np.int64(states[i])
        error = goal[i - first_output] - state if nudged and i >= first_output else np.int64(0)
        stepped = neuron_step(state, sums[i] + drive[i], 0, error, leak_shift, leak_shift, 0, 255)
        states[i] = stepped
        largest = max(largest, abs(stepped - state))
    return largest


@compiled
def _relax(weights, firsts, states, drive, goal, nudged, leak_shift, sums, most, settled, feedforward):  # type: ignore[no-untyped-def]
    """Euler steps until ``most``, or until no state moved by more than ``settled`` (-1: never).

    Returns their number and the largest move of a state in any of them.
    """
    largest = 0
    for step in range(most):
        # From states of 0 there is no leak, and with one bit less to shift the step is eps = 1.
        shift = leak_shift - 1 if feedforward and step == 0 else leak_shift
        move = _step(weights, firsts, states, drive, goal, nudged, shift, sums)
        largest = max(largest, move)
        if move <= settled:
            return step + 1, largest
    return most, largest


@compiled
def _update(matrix, rows, columns, row_bytes, column_bytes, constants):  # type: ignore[no-untyped-def]
    """w += round at random(eta (r' c' - r c)), ' nudged: Scellier and Bengio 2017, eq. 9, with beta = 1.

    ``rows`` and ``columns`` are pairs of activities, free and nudged; ``constants`` are both shifts and the limit.
    """
    pre_shift, shift, limit = constants[0], constants[1], constants[2]
    for i in range(len(row_bytes)):
        before, after, byte = rows[0][i], rows[1][i], row_bytes[i]
        if before or after:
            row = matrix[i]
            for j in range(len(row)):
                difference = (after * columns[1][j] - before * columns[0][j]) << pre_shift
                increment = stochastic_increment(difference, shift, byte ^ column_bytes[j])
                row[j] = saturate(row[j] + increment, -limit, limit)


@compiled
def _learn(weights, firsts, images, targets, states, lfsr, codes, constants, updates, most, settled, feedforward, skip):  # type: ignore[no-untyped-def]
    """Learn pattern after pattern; free and nudged steps, LFSR, non-zero inputs and whether it was updated, for each."""
    leak_shift, drive_shift, brightest = constants
    input_codes, neuron_codes, code_bits = codes
    one = np.full(1, brightest, np.int32)
    records = np.zeros((len(images), 5), np.int64)
    sums, free, drive = np.zeros_like(states), np.zeros_like(states), np.zeros(len(states), np.int64)
    for index in range(len(images)):
        pixels = images[index].astype(np.int32)
        goal = targets[index] * np.int64(255)
        rows = _drive(weights, firsts, pixels, drive_shift, brightest, sums, drive)
        states[:] = 0
        first, _ = _relax(
            weights, firsts, states, drive, goal, False, leak_shift, sums, max(1, most[0]), settled, feedforward
        )
        free[:] = states
        second, moved = _relax(weights, firsts, states, drive, goal, True, leak_shift, sums, most[1], settled, False)
        drawn, lfsr = draw(code_bits, lfsr)
        updated = second > 0 and (not skip or moved > 0)
        if updated:
            table = byte_table(drawn)
            # The byte of a cell is the table's entry for the exclusive or of its two numbers: that of two entries.
            row_bytes, neuron_bytes = table[input_codes], table[neuron_codes]
            below = slice(0, firsts[1])
            lower = (free[below], states[below])
            _update(weights[0], (pixels, pixels), lower, row_bytes[: len(pixels)], neuron_bytes[below], updates[0])
            if len(weights) == len(firsts):
                _update(weights[-1], (one, one), (free, states), row_bytes[len(pixels) :], neuron_bytes, updates[-1])
            for m in range(1, len(firsts) - 1):
                above = slice(firsts[m], firsts[m + 1])
                upper = (free[above], states[above])
                _update(weights[m], upper, lower, neuron_bytes[above], neuron_bytes[below], updates[m])
                below, lower = above, upper
        records[index, 0] = first
        records[index, 1] = second
        records[index, 2] = lfsr
        records[index, 3] = rows
        records[index, 4] = updated
    return records


@compiled
def _recall(weights, firsts, images, states, constants, most, settled, feedforward):  # type: ignore[no-untyped-def]
    """Recall image after image; the outputs' states, and steps and non-zero inputs for each. The states keep the last."""
    leak_shift, drive_shift, brightest = constants
    answers = np.zeros((len(images), firsts[-1] - firsts[-2]), np.uint8)
    records = np.zeros((len(images), 2), np.int64)
    sums, drive, goal = np.zeros_like(states), np.zeros(len(states), np.int64), np.zeros(1, np.int64)
    for index in range(len(images)):
        records[index, 1] = _drive(weights, firsts, images[index], drive_shift, brightest, sums, drive)
        states[:] = 0
        records[index, 0], _ = _relax(
            weights, firsts, states, drive, goal, False, leak_shift, sums, max(1, most), settled, feedforward
        )
        answers[index] = states[firsts[-2] :]
    return answers, records


class LayeredMachine:
    """A layered machine of one spec.

    Attributes
    ----------
    lfsr : the random register, 1 to 2**32 - 1.
    busy_clocks, steps, learnt, recalled : the machine's counters, not wrapped.
    rows_skipped : words of zero inputs that were neither read nor programmed, not wrapped.
    updates_skipped : updates left out since the nudge had moved no state, not wrapped.
    settings : the run-time settings.
    """

    def __init__(self, spec: MachineSpec, settings: Settings | None = None, lfsr: int = DEFAULT_LFSR) -> None:
        self.spec = spec
        self.settings = settings or spec.settings
        self.weights = tuple(np.zeros((matrix.rows, matrix.columns), np.int16) for matrix in spec.matrices)
        self.lfsr = lfsr
        self.busy_clocks = self.steps = self.learnt = self.recalled = self.rows_skipped = self.updates_skipped = 0
        layout = LayeredLayout(spec)
        self._states = np.zeros(spec.neurons, np.int32)
        self._timing = LayeredTiming(spec)
        self._blocks = len(layout.layer_blocks[0])
        self._codes = (layout.input_codes, layout.codes, layout.code_bits)
        self._firsts = np.cumsum([0, *spec.layers[1:]])
        self._constants = (spec.leak_shift, spec.drive_shift, spec.brightest)

    @property
    def weights(self) -> Weights:
        """The matrices, int16, to be changed in place between patterns; those assigned are copied."""
        return self._weights

    @weights.setter
    def weights(self, matrices: Sequence[NDArray[np.integer]]) -> None:
        self._weights = tuple(np.array(matrix, np.int16, order="C") for matrix in matrices)

    @property
    def states(self) -> NDArray[np.uint8]:
        """The neurons' states after the last run, first hidden layer first; a copy, uint8 (neurons,)."""
        return self._states.astype(np.uint8)

    @property
    def _settled(self) -> int:
        return self.settings.tolerance if self.settings.stop_when_settled else -1

    def _count(self, steps: Integers, rows: Integers, updated: Integers) -> Integers:
        """Count finished patterns, all (patterns,); returns their clocks."""
        if self.settings.skip:
            # A black pattern drives its first row all the same.
            rows = np.maximum(rows, 1)
            self.rows_skipped += int(((self.spec.inputs - rows) * (1 + updated)).sum()) * self._blocks
        else:
            rows = np.full_like(rows, self.spec.inputs)
        clocks = self._timing.pattern(steps, rows, updated)
        self.steps += int(steps.sum())
        self.busy_clocks += int(clocks.sum())
        return clocks

    def learn(self, pixels: NDArray[np.uint8], target: NDArray[np.bool_]) -> LearnReply:
        """Free phase, nudged phase and weight update for one pattern: ``learn_many`` of one."""
        return LearnReply(*self.learn_many(pixels[None], target[None])[0].tolist())

    def learn_many(self, images: NDArray[np.uint8], targets: NDArray[np.bool_]) -> Integers:
        """Learn images (count, inputs), of pixel_bits each, one after another; ``targets`` (count, outputs), True 1.

        Returns the fields of each one's LearnReply (count, 4).
        """
        settings = self.settings
        updates = [
            (matrix.pre_shift, shift - matrix.shift_base, matrix.weight.high)
            for matrix, shift in zip(self.spec.matrices, settings.eta_shifts, strict=True)
        ]
        records = _learn(
            self._weights,
            self._firsts,
            np.ascontiguousarray(images, np.uint8),
            np.ascontiguousarray(targets, np.bool_),
            self._states,
            self.lfsr,
            self._codes,
            self._constants,
            np.array(updates),
            (settings.free_steps, settings.nudged_steps),
            self._settled,
            settings.feedforward,
            settings.skip,
        )
        free, nudged, lfsr, rows, updated = records.T
        clocks = self._count(free + nudged, rows, updated)
        self.learnt += len(records)
        self.updates_skipped += int(((nudged > 0) & (updated == 0)).sum())
        if len(records):
            self.lfsr = int(lfsr[-1])
        return np.stack([free, nudged, clocks, lfsr], axis=1)

    def recall(self, pixels: NDArray[np.uint8]) -> tuple[RecallReply, NDArray[np.uint8]]:
        """Relax with the input on; returns the reply and the outputs' states (outputs,)."""
        answers, replies = self.recall_many(pixels[None])
        return RecallReply(*replies[0].tolist()), answers[0]

    def recall_many(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Integers]:
        """Recall images (count, inputs) one after another.

        Returns the outputs' states (count, outputs), of which the largest names the class, the first of equals, and the
        fields of each one's RecallReply (count, 3).
        """
        answers, records = _recall(
            self._weights,
            self._firsts,
            np.ascontiguousarray(images, np.uint8),
            self._states,
            self._constants,
            self.settings.driven_steps,
            self._settled,
            self.settings.feedforward,
        )
        steps, rows = records.T
        nothing = np.zeros_like(steps)
        clocks = self._count(steps, rows, nothing)
        self.recalled += len(records)
        return answers, np.stack([steps, nothing, clocks], axis=1)


def eta_shifts_at(
    spec: MachineSpec, epoch: int, halvings_per_epoch: float = 1.0, most_halvings: int = 15
) -> tuple[int, ...]:
    """The settings' eta_shifts for epoch 0, 1, ...: the spec's own, the rates halved so many times an epoch.

    Every matrix's rate ends at its floor: after ``most_halvings``, or where the machine's shifts end.
    """
    halvings = min(most_halvings, int(epoch * halvings_per_epoch))
    pairs = zip(spec.matrices, spec.settings.eta_shifts, strict=True)
    return tuple(min(shift + halvings, matrix.eta_shifts[-1]) for matrix, shift in pairs)
