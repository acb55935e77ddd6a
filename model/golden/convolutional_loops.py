"""The convolutional network's loops, compiled where numba is there: from drive currents to whole runs of patterns.

A layer's units are numbered position by position, the channels of each next to each other. ``weights`` is the tuple of matrices
as the products take them: of a kernel a row for each tap and lower channel, a column for each upper channel; where all units are
connected a row for each upper unit. Phases and schedule are those of model.golden.network.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import (
    byte_table,
    compiled,
    draw,
    neuron_step,
    nudge_sign,
    saturate,
    stochastic_increment,
    whole_step,
)

Integers = NDArray[np.int64]


class Constants(NamedTuple):
    """What a spec says of its network.

    Members
    -------
    firsts : the first neuron's number of each layer but the inputs, and the count of neurons.
    joints : of each matrix the kernel's size (0: all units are connected), its stride, the sides of the map below and of the
        windows, lower and upper channels, and whether a unit takes the largest of 2 x 2 windows; int64 (matrices, 7).
    first_rows : the number of each matrix's first row.
    row_bits, column_bits : bits of a row's and of a column's number.
    leak_shift, drive_shift : the neurons' shift and that of the inputs' currents.
    """

    firsts: Integers
    joints: Integers
    first_rows: Integers
    row_bits: int
    column_bits: int
    leak_shift: int
    drive_shift: int


class Memory(NamedTuple):
    """What a pattern needs besides the states; changed in place.

    Members
    -------
    drive, winners : the inputs' currents of the first layer, and the window that each comes from; (units,).
    below, above : currents that each neuron gets from the layer below and above, as they were read last; int32 (neurons,).
    windows : the inputs' currents of all windows; int32 (windows * channels,).
    stale : whether a unit of the layer below (0), above (1) has moved since each layer's currents were read; (2, layers).
    sums : of each matrix what an update adds up over positions, int32 as the matrix.
    """

    drive: Integers
    winners: Integers
    below: NDArray[np.int32]
    above: NDArray[np.int32]
    windows: NDArray[np.int32]
    stale: NDArray[np.bool_]
    sums: tuple[NDArray[np.int32], ...]


@compiled
def _upwards(matrix, lower, sums, joint):  # type: ignore[no-untyped-def]
    """What the units of the layer above get from the one below."""
    size, stride, side, windows, channels, upper = joint[0], joint[1], joint[2], joint[3], joint[4], joint[5]
    sums[:] = 0
    if size == 0:
        for i in range(matrix.shape[0]):
            total, row = np.int32(0), matrix[i]
            for j in range(len(row)):
                total = np.int32(total + np.int32(row[j]) * lower[j])
            sums[i] = total
        return
    for y in range(windows):
        for x in range(windows):
            own = sums[(y * windows + x) * upper : (y * windows + x + 1) * upper]
            for tap in range(size * size):
                place = (y * stride + tap // size) * side + x * stride + tap % size
                for c in range(channels):
                    state = lower[place * channels + c]
                    if state:
                        row = matrix[tap * channels + c]
                        for d in range(upper):
                            own[d] += np.int32(row[d]) * state


@compiled
def _downwards(matrix, states, sums, joint):  # type: ignore[no-untyped-def]
    """What the units of the layer below get from the one above."""
    size, stride, side, windows, channels, upper = joint[0], joint[1], joint[2], joint[3], joint[4], joint[5]
    sums[:] = 0
    if size == 0:
        for i in range(matrix.shape[0]):
            state, row = states[i], matrix[i]
            if state:
                for j in range(len(row)):
                    sums[j] += np.int32(row[j]) * state
        return
    for y in range(windows):
        for x in range(windows):
            own = states[(y * windows + x) * upper : (y * windows + x + 1) * upper]
            if not own.any():
                continue
            for tap in range(size * size):
                place = (y * stride + tap // size) * side + x * stride + tap % size
                for c in range(channels):
                    total, row = np.int32(0), matrix[tap * channels + c]
                    for d in range(upper):
                        total = np.int32(total + np.int32(row[d]) * own[d])
                    sums[place * channels + c] += total


@compiled
def _drive(matrix, image, memory, constants):  # type: ignore[no-untyped-def]
    """The inputs' currents of the first layer at the accumulator's binary point; of a pool the largest, the first of equals."""
    joint, shift = constants.joints[0], constants.drive_shift
    windows, upper, drive = joint[3], joint[5], memory.drive
    _upwards(matrix, image, memory.windows, joint)
    for i in range(len(drive)):
        position, channel = i // upper, i % upper
        winner = position
        if joint[6]:
            pooled = windows // 2
            corner = position // pooled * 2 * windows + position % pooled * 2
            winner = corner
            for other in (corner + 1, corner + windows, corner + windows + 1):
                if memory.windows[other * upper + channel] > memory.windows[winner * upper + channel]:
                    winner = other
        current = np.int64(memory.windows[winner * upper + channel])
        drive[i] = current << shift if shift >= 0 else current >> -shift
        memory.winners[i] = winner


@compiled
def _read(weights, states, memory, layer, constants):  # type: ignore[no-untyped-def]
    """Read those currents of a layer whose sources have moved."""
    firsts, stale = constants.firsts, memory.stale
    own = slice(firsts[layer], firsts[layer + 1])
    if stale[0, layer]:
        lower = states[firsts[layer - 1] : firsts[layer]]
        _upwards(weights[layer], lower, memory.below[own], constants.joints[layer])
    if stale[1, layer]:
        upper = states[firsts[layer + 1] : firsts[layer + 2]]
        _downwards(weights[layer + 1], upper, memory.above[own], constants.joints[layer + 1])
    stale[:, layer] = False


@compiled
def _step(states, memory, layer, nudge, whole, constants):  # type: ignore[no-untyped-def]
    """One step of a layer; returns the largest move. ``nudge`` are the goal, empty without one, its sign and its shift."""
    goal, sign, beta_shift = nudge
    firsts, shift = constants.firsts, constants.leak_shift
    largest, first_output = 0, len(states) - len(goal)
    for i in range(firsts[layer], firsts[layer + 1]):
        state = np.int64(states[i])
        current = np.int64(memory.below[i]) + np.int64(memory.above[i])
        if layer == 0:
            current += memory.drive[i]
        if i < first_output:
            stepped = whole_step(current, 0, 0, shift, shift, 0, 255)
        elif whole:
            stepped = whole_step(current, 0, sign * (goal[i - first_output] - state), shift, shift - beta_shift, 0, 255)
        else:
            error = sign * (goal[i - first_output] - state)
            stepped = neuron_step(state, current, 0, error, shift, shift - beta_shift, 0, 255)
        states[i] = stepped
        largest = max(largest, abs(stepped - state))
    return largest


@compiled
def _relax(weights, states, memory, nudge, phase, tolerance, constants):  # type: ignore[no-untyped-def]
    """Sweeps over the layers, from the first one up or, nudged, from the outputs down, until the phase's most, or until all rest.

    A current is read again only if a unit of the layer that it comes from has moved by more than ``tolerance``. Returns the
    number of sweeps and the largest move of a state in any of them.
    """
    layers = len(constants.firsts) - 1
    goal, sign = nudge
    target = (goal if phase.nudged else goal[:0], sign, phase.beta_shift)
    largest = 0
    for sweep in range(phase.most):
        moved = 0
        for number in range(layers):
            layer = layers - 1 - number if phase.nudged else number
            _read(weights, states, memory, layer, constants)
            move = _step(states, memory, layer, target, phase.whole, constants)
            if move > tolerance:
                if layer + 1 < layers:
                    memory.stale[0, layer + 1] = True
                if layer:
                    memory.stale[1, layer - 1] = True
            moved = max(moved, move)
        largest = max(largest, moved)
        if moved <= phase.settled:
            return sweep + 1, largest
    return phase.most, largest


@compiled
def _begin(weights, image, states, memory, constants):  # type: ignore[no-untyped-def]
    """A pattern's currents of inputs; all states and other currents are 0."""
    _drive(weights[0], image, memory, constants)
    states[:] = 0
    memory.below[:] = 0
    memory.above[:] = 0
    memory.stale[:] = False


@compiled
def _image_gradient(image, free, nudged, winners, joint, sums):  # type: ignore[no-untyped-def]
    """The sum over positions of x (s' - s): each unit of the first layer with the window that it takes its current from."""
    size, stride, side, windows, upper = joint[0], joint[1], joint[2], joint[3], joint[5]
    for i in range(len(free)):
        difference = nudged[i] - free[i]
        if difference:
            y, x = winners[i] // windows * stride, winners[i] % windows * stride
            for tap in range(size * size):
                sums[tap, i % upper] += image[(y + tap // size) * side + x + tap % size] * difference


@compiled
def _gradient(lower, upper, joint, sums):  # type: ignore[no-untyped-def]
    """The sum over positions of s' t' - s t of a lower unit s and an upper one t, each a pair of activities free and nudged."""
    size, stride, side, windows, channels, count = joint[0], joint[1], joint[2], joint[3], joint[4], joint[5]
    if size == 0:
        for i in range(len(upper[0])):
            for j in range(len(lower[0])):
                sums[i, j] = upper[1][i] * lower[1][j] - upper[0][i] * lower[0][j]
        return
    for y in range(windows):
        for x in range(windows):
            first = (y * windows + x) * count
            for tap in range(size * size):
                place = ((y * stride + tap // size) * side + x * stride + tap % size) * channels
                for c in range(channels):
                    before, after = lower[0][place + c], lower[1][place + c]
                    if before or after:
                        own = sums[tap * channels + c]
                        for d in range(count):
                            own[d] += after * upper[1][first + d] - before * upper[0][first + d]


@compiled
def _update(whole, rounded, sums, bytes_of_rows, bytes_of_columns, sign, update):  # type: ignore[no-untyped-def]
    """w += round at random(eta times the sum over positions), one rounding for each cell: Ernoult et al. 2019, eq. 12."""
    pre_shift, shift, limit, fine = update[0], update[1], update[2], update[3]
    half = (1 << fine) >> 1
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            difference = sign * np.int64(sums[i, j]) << pre_shift
            increment = stochastic_increment(difference, shift, bytes_of_rows[i] ^ bytes_of_columns[j])
            weight = saturate(whole[i, j] + increment, -limit, limit)
            whole[i, j] = weight
            rounded[i, j] = weight + half >> fine


@compiled
def learn_images(synapses, images, targets, states, memory, lfsr, rule, constants):  # type: ignore[no-untyped-def]
    """Learn images (count, inputs) one after another; the records of model.golden.network.Network.learn.

    ``rule`` are the schedule and the tolerance.
    """
    schedule, tolerance = rule
    sums = memory.sums
    weights, firsts = synapses.rounded, constants.firsts
    records = np.zeros((len(images), 5), np.int64)
    free = np.zeros_like(states)
    for index in range(len(images)):
        image, goal = images[index].astype(np.int32), targets[index] * np.int64(255)
        drawn, lfsr = draw(constants.row_bits + constants.column_bits, lfsr)
        rows, columns = byte_table(drawn[: constants.row_bits]), byte_table(drawn[constants.row_bits :])
        sign, lfsr = nudge_sign(schedule.sign, lfsr)
        _begin(weights, image, states, memory, constants)
        first, _ = _relax(weights, states, memory, (goal, sign), schedule.first, tolerance, constants)
        free[:] = states
        second = moved = 0
        if not (schedule.settled_only and first == schedule.first.most):
            memory.stale[:] = False
            second, moved = _relax(weights, states, memory, (goal, sign), schedule.second, tolerance, constants)
        used = second > 0 and (not schedule.skip or moved > 0)
        if used:
            for m in range(len(weights)):
                sums[m][:] = 0
                upper = slice(firsts[m], firsts[m + 1])
                if m == 0:
                    _image_gradient(image, free[upper], states[upper], memory.winners, constants.joints[0], sums[0])
                else:
                    lower = slice(firsts[m - 1], firsts[m])
                    pairs = (free[lower], states[lower]), (free[upper], states[upper])
                    _gradient(pairs[0], pairs[1], constants.joints[m], sums[m])
                of_rows = rows[constants.first_rows[m] : constants.first_rows[m] + sums[m].shape[0]]
                _update(synapses.whole[m], weights[m], sums[m], of_rows, columns, sign, schedule.updates[m])
        records[index, 0] = first
        records[index, 1] = second
        records[index, 2] = lfsr
        records[index, 3] = len(image)
        records[index, 4] = used
    return records


@compiled
def recall_images(weights, images, states, memory, phase, tolerance, constants):  # type: ignore[no-untyped-def]
    """Recall images (count, inputs) one after another; the outputs' states, and the records of Network.recall.

    The states keep the last image's.
    """
    outputs = constants.firsts[-1] - constants.firsts[-2]
    answers = np.zeros((len(images), outputs), np.uint8)
    records = np.zeros((len(images), 3), np.int64)
    goal = np.zeros(outputs, np.int64)
    for index in range(len(images)):
        _begin(weights, images[index].astype(np.int32), states, memory, constants)
        records[index, 0], _ = _relax(weights, states, memory, (goal, 1), phase, tolerance, constants)
        records[index, 2] = images.shape[1]
        answers[index] = states[len(states) - outputs :]
    return answers, records
