"""The layered golden machine's loops, compiled where numba is there: from drive currents to whole runs of patterns.

``weights`` are those of model.golden.layered; ``firsts`` are the first neuron's number of each layer but the inputs, and
the count.
"""

import numpy as np

from ohmprop.model.arithmetic import compiled, neuron_step, saturate, stochastic_increment
from ohmprop.model.memristors.unit import decay_matrix, program_cell, random_sets, read_deviations, unit_hashes


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
def _step(weights, firsts, states, drive, goal, nudged, leak_shift, sums, noise):  # type: ignore[no-untyped-def]
    """One Euler step of all neurons from the same old states; returns the largest move of a state."""
    _currents(weights, firsts, states, sums)
    largest = 0
    first_output = firsts[-2]
    for i in range(len(states)):
        state = np.int64(states[i])
        error = goal[i - first_output] - state if nudged and i >= first_output else np.int64(0)
        stepped = neuron_step(state, sums[i] + drive[i] + noise[i], 0, error, leak_shift, leak_shift, 0, 255)
        states[i] = stepped
        largest = max(largest, abs(stepped - state))
    return largest


@compiled
def _relax(weights, firsts, states, drive, goal, nudged, leak_shift, sums, most, settled, feedforward, read, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps until ``most``, or until no state moved by more than ``settled`` (-1: never).

    ``read`` is the read noise: amplitude, the neurons' numbers, their bits, an array of zeros. Returns the number of steps,
    the largest move of a state in any of them, and the LFSR.
    """
    largest = 0
    amplitude, codes, bits, noise = read
    for step in range(most):
        # From states of 0 there is no leak, and with one bit less to shift the step is eps = 1.
        shift = leak_shift - 1 if feedforward and step == 0 else leak_shift
        if amplitude:
            lfsr = read_deviations(codes, bits, amplitude, lfsr, noise)
        move = _step(weights, firsts, states, drive, goal, nudged, shift, sums, noise)
        largest = max(largest, move)
        if move <= settled:
            return step + 1, largest, lfsr
    return most, largest, lfsr


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
def _program(matrix, rows, columns, row_bits, column_bits, constants, stuck, unit, counts):  # type: ignore[no-untyped-def]
    """The update by pulses. ``row_bits`` and ``column_bits`` are pairs: random bytes (sets, units) and hashes (units,)."""
    pre_shift, shift = constants[0], constants[1]
    random = np.empty(len(row_bits[0]), np.int64)
    for i in range(len(row_bits[1])):
        before, after = rows[0][i], rows[1][i]
        if before or after:
            row = matrix[i]
            for j in range(len(row)):
                difference = np.int64(after * columns[1][j] - before * columns[0][j]) << pre_shift
                for s in range(len(random)):
                    random[s] = row_bits[0][s, i] ^ column_bits[0][s, j]
                bits = row_bits[1][i] ^ column_bits[1][j]
                row[j] = program_cell(np.int64(row[j]), difference, shift, random, bits, stuck[i, j], unit, counts)


@compiled
def learn_images(  # type: ignore[no-untyped-def]
    weights,
    firsts,
    images,
    targets,
    states,
    lfsr,
    codes,
    constants,
    updates,
    most,
    settled,
    feedforward,
    skip,
    read,
    devices,
    decay,
):
    """Learn pattern after pattern.

    ``devices`` are the sets of random bytes (1: linear cells), the stuck cells, PulseUnit.constants and the counters of
    pulses (matrices, 3); ``decay`` is the interval (0: never), the shift, and the patterns learnt since the last one. For
    each pattern: free and nudged steps, LFSR, non-zero inputs, whether it was updated.
    """
    leak_shift, drive_shift, brightest = constants
    input_codes, neuron_codes, code_bits = codes
    sets, stuck, unit, counts = devices
    hidden = len(firsts) - 1
    input_hashes, neuron_hashes = unit_hashes(input_codes), unit_hashes(neuron_codes)
    one = np.full(1, brightest, np.int32)
    records = np.zeros((len(images), 5), np.int64)
    sums, free, drive = np.zeros_like(states), np.zeros_like(states), np.zeros(len(states), np.int64)
    for index in range(len(images)):
        pixels = images[index].astype(np.int32)
        count = len(pixels)
        goal = targets[index] * np.int64(255)
        tables, lfsr = random_sets(sets, code_bits, lfsr)
        rows = _drive(weights, firsts, pixels, drive_shift, brightest, sums, drive)
        states[:] = 0
        first, _, lfsr = _relax(
            weights,
            firsts,
            states,
            drive,
            goal,
            False,
            leak_shift,
            sums,
            max(1, most[0]),
            settled,
            feedforward,
            read,
            lfsr,
        )
        free[:] = states
        second, moved, lfsr = _relax(
            weights, firsts, states, drive, goal, True, leak_shift, sums, most[1], settled, False, read, lfsr
        )
        updated = second > 0 and (not skip or moved > 0)
        if updated:
            # The byte of a cell is the table's entry for the exclusive or of its two numbers: that of two entries.
            row_bytes, neuron_bytes = tables[:, input_codes], tables[:, neuron_codes]
            below = slice(0, firsts[1])
            for m in range(len(weights)):
                if m == 0:
                    rows_of, row_bits = (pixels, pixels), (row_bytes[:, :count], input_hashes[:count])
                    columns_of, column_bits = (
                        (free[below], states[below]),
                        (neuron_bytes[:, below], neuron_hashes[below]),
                    )
                elif m == hidden:
                    rows_of, row_bits = (one, one), (row_bytes[:, count:], input_hashes[count:])
                    columns_of, column_bits = (free, states), (neuron_bytes, neuron_hashes)
                else:
                    upper, lower = slice(firsts[m], firsts[m + 1]), slice(firsts[m - 1], firsts[m])
                    rows_of, row_bits = (free[upper], states[upper]), (neuron_bytes[:, upper], neuron_hashes[upper])
                    columns_of, column_bits = (
                        (free[lower], states[lower]),
                        (neuron_bytes[:, lower], neuron_hashes[lower]),
                    )
                if sets == 1:
                    _update(weights[m], rows_of, columns_of, row_bits[0][0], column_bits[0][0], updates[m])
                else:
                    _program(
                        weights[m], rows_of, columns_of, row_bits, column_bits, updates[m], stuck[m], unit, counts[m]
                    )
        interval, shift, since = decay
        if interval and (since + index + 1) % interval == 0:
            tables, lfsr = random_sets(2, code_bits, lfsr)
            for m in range(len(weights)):
                if m == 0:
                    row_codes, column_codes = input_codes[:count], neuron_codes[: firsts[1]]
                elif m == hidden:
                    row_codes, column_codes = input_codes[count:], neuron_codes
                else:
                    row_codes = neuron_codes[firsts[m] : firsts[m + 1]]
                    column_codes = neuron_codes[firsts[m - 1] : firsts[m]]
                decay_matrix(weights[m], row_codes, column_codes, tables, shift, stuck[m])
        records[index, 0] = first
        records[index, 1] = second
        records[index, 2] = lfsr
        records[index, 3] = rows
        records[index, 4] = updated
    return records


@compiled
def recall_images(weights, firsts, images, states, lfsr, constants, most, settled, feedforward, read):  # type: ignore[no-untyped-def]
    """Recall image after image; the outputs' states, steps and non-zero inputs for each, the LFSR.

    The states keep the last image's.
    """
    leak_shift, drive_shift, brightest = constants
    answers = np.zeros((len(images), firsts[-1] - firsts[-2]), np.uint8)
    records = np.zeros((len(images), 2), np.int64)
    sums, drive, goal = np.zeros_like(states), np.zeros(len(states), np.int64), np.zeros(1, np.int64)
    for index in range(len(images)):
        records[index, 1] = _drive(weights, firsts, images[index], drive_shift, brightest, sums, drive)
        states[:] = 0
        records[index, 0], _, lfsr = _relax(
            weights,
            firsts,
            states,
            drive,
            goal,
            False,
            leak_shift,
            sums,
            max(1, most),
            settled,
            feedforward,
            read,
            lfsr,
        )
        answers[index] = states[firsts[-2] :]
    return answers, records, lfsr
