"""The layered network's loops, compiled where numba is there: from drive currents to whole runs of patterns.

``weights`` is the tuple of matrices as the products take them, ``synapses`` that and the whole ones; phases, schedule and cells
are those of model.golden.network. Units are numbered through inputs, the biases' one if there is one, and neurons, so that each
matrix's rows and columns are two spans of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import (
    all_converted,
    compiled,
    converted,
    neuron_step,
    nudge_sign,
    saturate,
    stochastic_increment,
    whole_step,
)
from ohmprop.model.formats import Converter
from ohmprop.model.memristors.kernels import decay_matrix, program_cell, random_sets, read_deviations

Integers = NDArray[np.int64]


class Constants(NamedTuple):
    """What a spec says of its network.

    Members
    -------
    firsts : the first neuron's number of each layer but the inputs, and the count of neurons.
    spans : first and end of each matrix's rows and columns among the units; int64 (matrices, 4).
    turns : the number of each layer's turn.
    leak_shift, drive_shift : the neurons' shift and that of the inputs' currents.
    brightest : the largest pixel, at which the biases' input stands.
    biases : there are some, the last matrix.
    symmetric : each matrix between layers is read both ways; else there are two, up and back.
    adc, dac : what converts currents, and activities that drive the crossbar.
    codes, row_codes, code_bits, hashes : each unit's number, the same where it drives a row, the numbers' bits, and what the
        numbers hash to.
    """

    firsts: Integers
    spans: Integers
    turns: Integers
    leak_shift: int
    drive_shift: int
    brightest: int
    biases: bool
    symmetric: bool
    adc: Converter
    dac: Converter
    codes: Integers
    row_codes: Integers
    code_bits: int
    hashes: Integers


@compiled
def _drive(weights, constants, image, sums, drive):  # type: ignore[no-untyped-def]
    """The currents of inputs and biases at the accumulator's binary point; returns the number of non-zero inputs."""
    sums[:] = 0
    rows = 0
    for i in range(len(image)):
        if image[i]:
            rows += 1
            row, pixel = weights[0][i], np.int32(image[i])
            for j in range(len(row)):
                sums[j] += np.int32(row[j]) * pixel
    if constants.biases:
        for j in range(len(sums)):
            sums[j] += np.int32(weights[-1][0, j]) * np.int32(constants.brightest)
    shift = constants.drive_shift
    for j in range(len(sums)):
        drive[j] = np.int64(sums[j]) << shift if shift >= 0 else np.int64(sums[j]) >> -shift
    return rows


@compiled
def _drive_columns(matrix, states, sums):  # type: ignore[no-untyped-def]
    """Add what the rows' neurons drive into the columns'."""
    for i in range(len(states)):
        if states[i]:
            row, state = matrix[i], states[i]
            for j in range(len(row)):
                sums[j] += np.int32(row[j]) * state


@compiled
def _currents(weights, constants, states, sums, steps):  # type: ignore[no-untyped-def]
    """What each neuron of the layers that step gets from the layers above and below it, all from the same states."""
    firsts = constants.firsts
    sums[:] = 0
    if not constants.symmetric:
        for index in range(1, len(firsts) - 1):
            lower, upper = slice(firsts[index - 1], firsts[index]), slice(firsts[index], firsts[index + 1])
            if steps[index]:
                _drive_columns(weights[2 * index - 1], states[lower], sums[upper])
            if steps[index - 1]:
                _drive_columns(weights[2 * index], states[upper], sums[lower])
        return
    for index in range(1, len(firsts) - 1):
        matrix = weights[index]
        below = slice(firsts[index - 1], firsts[index])
        lower, lower_sums = states[below], sums[below]
        for i in range(matrix.shape[0]):
            row, state = matrix[i], states[firsts[index] + i]
            if steps[index]:
                total = np.int32(0)
                for j in range(len(row)):
                    total = np.int32(total + np.int32(row[j]) * lower[j])
                sums[firsts[index] + i] += total
            if state and steps[index - 1]:
                for j in range(len(row)):
                    lower_sums[j] += np.int32(row[j]) * state


@compiled
def _step(states, currents, nudge, constants, steps, whole):  # type: ignore[no-untyped-def]
    """One Euler step of the layers that step; returns the largest move of a state.

    ``currents`` are those of other layers, of inputs, and read noise; ``nudge`` are the goal (outputs,), empty without a nudge,
    its sign, and the shift of its size.
    """
    sums, drive, noise = currents
    goal, sign, beta_shift = nudge
    adc = constants.adc
    firsts, shift = constants.firsts, constants.leak_shift
    nudge_shift = shift - beta_shift
    largest = 0
    first_output = len(states) - len(goal)
    for layer in range(len(steps)):
        if not steps[layer]:
            continue
        for i in range(firsts[layer], firsts[layer + 1]):
            state = np.int64(states[i])
            error = sign * (goal[i - first_output] - state) if i >= first_output else np.int64(0)
            current = converted(sums[i] + drive[i] + noise[i], adc.shift, adc.low, adc.high)
            if whole:
                stepped = whole_step(current, 0, error, shift, nudge_shift, 0, 255)
            else:
                stepped = neuron_step(state, current, 0, error, shift, nudge_shift, 0, 255)
            states[i] = stepped
            largest = max(largest, abs(stepped - state))
    return largest


@compiled
def _relax(weights, states, currents, nudge, phase, read_noise, constants, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps, each turn's from the same old states, until the phase's most, or until the states have settled.

    ``nudge`` are the goal and the nudge's sign. Returns the number of steps, the largest move of a state in any of them, and
    the LFSR.
    """
    largest, neurons = 0, len(states)
    goal, sign = nudge
    target = (goal if phase.nudged else goal[:0], sign, phase.beta_shift)
    for step in range(phase.most):
        whole = phase.whole or (phase.feedforward and step == 0)
        if read_noise:
            codes = constants.codes[len(constants.codes) - neurons :]
            lfsr = read_deviations(codes, constants.code_bits, read_noise, lfsr, currents[2])
        move = 0
        for turn in range(phase.turns):
            steps = constants.turns % phase.turns == (phase.first_turn + turn) % phase.turns
            _currents(weights, constants, all_converted(states, constants.dac), currents[0], steps)
            move = max(move, _step(states, currents, target, constants, steps, whole))
        largest = max(largest, move)
        if move <= phase.settled:
            return step + 1, largest, lfsr
    return phase.most, largest, lfsr


@compiled
def _update(matrix, rounded, rows, columns, update):  # type: ignore[no-untyped-def]
    """w += round at random(eta (r' c' - r c)), ' nudged: Scellier and Bengio 2017, eq. 9, with beta = 1.

    ``rows`` and ``columns`` are each activities, free and nudged, random bytes (sets, units) and hashes (units,).
    """
    pre_shift, shift, limit, fine = update[0], update[1], update[2], update[3]
    half = (1 << fine) >> 1
    free, nudged, column_bytes = columns[0], columns[1], columns[2][0]
    for i in range(len(matrix)):
        before, after, byte = rows[0][i], rows[1][i], rows[2][0, i]
        if before or after:
            row, rounded_row = matrix[i], rounded[i]
            for j in range(len(row)):
                difference = (after * nudged[j] - before * free[j]) << pre_shift
                increment = stochastic_increment(difference, shift, byte ^ column_bytes[j])
                weight = saturate(row[j] + increment, -limit, limit)
                row[j] = weight
                rounded_row[j] = weight + half >> fine


@compiled
def _program(matrix, rows, columns, update, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """``_update`` by pulses."""
    pre_shift, shift = update[0], update[1]
    random = np.empty(len(rows[2]), np.int64)
    for i in range(len(matrix)):
        before, after = rows[0][i], rows[1][i]
        if before or after:
            row = matrix[i]
            for j in range(len(row)):
                difference = np.int64(after * columns[1][j] - before * columns[0][j]) << pre_shift
                for s in range(len(random)):
                    random[s] = rows[2][s, i] ^ columns[2][s, j]
                bits = rows[3][i] ^ columns[3][j]
                row[j] = program_cell(np.int64(row[j]), difference, shift, random, bits, stuck[i, j], unit, counts)


@compiled
def _learn(synapses, units, tables, updates, cells, constants):  # type: ignore[no-untyped-def]
    """The update of all matrices by the units' activities: before, after, and those that drive asymmetric rows."""
    free, nudged, drives = units
    # The byte of a cell is the table's entry for the exclusive or of its two numbers: that of two entries.
    random, row_random, hashes = tables[:, constants.codes], tables[:, constants.row_codes], constants.hashes
    weights = synapses.whole
    for m in range(len(weights)):
        row, last_row, column, last_column = constants.spans[m]
        before, after = (free, nudged) if constants.symmetric else (drives, drives)
        rows = (before[row:last_row], after[row:last_row], row_random[:, row:last_row], hashes[row:last_row])
        across = slice(column, last_column)
        columns = (free[across], nudged[across], random[:, across], hashes[across])
        if cells.sets == 1:
            _update(weights[m], synapses.rounded[m], rows, columns, updates[m])
        else:
            _program(weights[m], rows, columns, updates[m], cells.stuck[m], cells.constants, cells.counts[m])


@compiled
def learn_images(synapses, images, targets, states, lfsr, schedule, cells, constants):  # type: ignore[no-untyped-def]
    """Learn images (count, inputs) one after another; the records of model.golden.network.Network.learn."""
    weights, codes, bits = synapses.rounded, constants.codes, constants.code_bits
    first_neuron = len(codes) - len(states)
    interval, decay_shift, since = cells.decay
    records = np.zeros((len(images), 5), np.int64)
    # The biases' input, if there is one, stays at the brightest.
    free, nudged = (
        np.full(len(codes), constants.brightest, np.int32),
        np.full(len(codes), constants.brightest, np.int32),
    )
    currents = np.zeros_like(states), np.zeros(len(states), np.int64), np.zeros(len(states), np.int64)
    for index in range(len(images)):
        count = len(images[index])
        free[:count] = images[index]
        nudged[:count] = images[index]
        goal = targets[index] * np.int64(255)
        tables, lfsr = random_sets(cells.sets, bits, lfsr)
        sign, lfsr = nudge_sign(schedule.sign, lfsr)
        rows = _drive(weights, constants, free[:count], currents[0], currents[1])
        states[:] = 0
        noise = cells.read_noise
        first, _, lfsr = _relax(weights, states, currents, (goal, sign), schedule.first, noise, constants, lfsr)
        free[first_neuron:] = states
        before = moved_before = 0
        if schedule.centred:
            before, moved_before, lfsr = _relax(
                weights, states, currents, (goal, -1), schedule.second, noise, constants, lfsr
            )
            ended = states.copy()
            states[:] = free[first_neuron:]
            free[first_neuron:] = ended
        second = updates = 0
        used = False
        for _ in range(schedule.rounds):
            if used:
                tables, lfsr = random_sets(cells.sets, bits, lfsr)
            steps, moved, lfsr = _relax(
                weights, states, currents, (goal, sign), schedule.second, noise, constants, lfsr
            )
            second += steps
            nudged[first_neuron:] = states
            used = steps > 0 and (not schedule.skip or moved + moved_before > 0)
            if used and sign > 0:
                _learn(synapses, (free, nudged, free), tables, schedule.updates, cells, constants)
            elif used:
                _learn(synapses, (nudged, free, free), tables, schedule.updates, cells, constants)
            updates += used
            if moved <= schedule.second.settled:
                break
            free[first_neuron:] = states
        if interval and (since + index + 1) % interval == 0:
            tables, lfsr = random_sets(2, bits, lfsr)
            for m in range(len(weights)):
                row, last_row, column, last_column = constants.spans[m]
                numbers = codes[row:last_row], codes[column:last_column]
                decay_matrix(weights[m], numbers[0], numbers[1], tables, decay_shift, cells.stuck[m])
        records[index, 0] = first
        records[index, 1] = before + second
        records[index, 2] = lfsr
        # A black pattern drives its first row all the same.
        records[index, 3] = max(rows, 1)
        records[index, 4] = updates
    return records


@compiled
def recall_images(weights, images, states, lfsr, schedule, read_noise, constants):  # type: ignore[no-untyped-def]
    """Recall images (count, inputs) one after another; the outputs' states, the records of Network.recall, the LFSR.

    The states keep the last image's.
    """
    outputs = constants.firsts[-1] - constants.firsts[-2]
    answers = np.zeros((len(images), outputs), np.uint8)
    records = np.zeros((len(images), 3), np.int64)
    goal = np.zeros(outputs, np.int64)
    currents = np.zeros_like(states), np.zeros(len(states), np.int64), np.zeros(len(states), np.int64)
    for index in range(len(images)):
        rows = _drive(weights, constants, images[index], currents[0], currents[1])
        states[:] = 0
        records[index, 0], _, lfsr = _relax(
            weights, states, currents, (goal, 1), schedule.first, read_noise, constants, lfsr
        )
        records[index, 2] = max(rows, 1)
        answers[index] = states[len(states) - outputs :]
    return answers, records, lfsr
