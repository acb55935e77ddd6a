"""The recurrent network's loops, compiled where numba is there: from an Euler step to whole runs of patterns.

``weights`` is the matrix (neurons, neurons) as the products take it, to neuron i from j, and symmetric in a symmetric layer but
for its wires; synapses, phases, schedule and cells are those of model.golden.network.
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
    side_step,
    stochastic_increment,
    whole_step,
)
from ohmprop.model.formats import Converter
from ohmprop.model.memristors.kernels import decay_matrix, program_cell, random_sets, read_deviations

Integers = NDArray[np.int64]


class States(NamedTuple):
    """What changes in place: the neurons' states, their activities, the side network's states; int64 (neurons,) each."""

    neurons: Integers
    activities: Integers
    side: Integers


class Constants(NamedTuple):
    """What a spec says of its network.

    Members
    -------
    input_level, target_level : a white pixel's input, in LSBs of the state, and target, in LSBs of the activity.
    leak_shift, nudge_shift, low, high : the neurons' shifts and the ends of their states.
    activities, slopes : g = tanh(v) and g' for every state, lowest first.
    weight_fraction, side_error_shift, side_low, side_high : the side network's shifts and the ends of its states.
    side_update_shift : right shift of the side network's products of an update.
    reach : units further apart have no synapse.
    turns : the number of each neuron's turn.
    symmetric : w_ij and w_ji are one weight.
    adc, dac : what converts currents, and activities that drive the crossbar.
    codes, row_codes, code_bits, hashes : each neuron's number, the same where it drives a row, the numbers' bits, and what the
        numbers hash to.
    factors : what wires make of the weights, as these are, times 2**wire_bits; (0, 0) with ideal ones, and wire_bits 0.
    wire_bits : low bits that currents have besides, which are rounded away.
    """

    input_level: int
    target_level: int
    leak_shift: int
    nudge_shift: int
    low: int
    high: int
    activities: Integers
    slopes: Integers
    weight_fraction: int
    side_error_shift: int
    side_low: int
    side_high: int
    side_update_shift: int
    reach: int
    turns: Integers
    symmetric: bool
    adc: Converter
    dac: Converter
    codes: Integers
    row_codes: Integers
    code_bits: int
    hashes: Integers
    factors: NDArray[np.int16]
    wire_bits: int


@compiled
def _rounded(current, bits):  # type: ignore[no-untyped-def]
    """A current without its low bits, rounded to the nearest, ties upwards."""
    return current + ((1 << bits) >> 1) >> bits


@compiled
def _step(weights, states, inputs, phase, turn, constants, noise):  # type: ignore[no-untyped-def]
    """One Euler step of the neurons of a turn from the same old activities; returns the largest move of a state."""
    drive, target, sign = inputs
    leak_shift, nudge_shift = constants.leak_shift, constants.nudge_shift - phase.beta_shift
    low, high = constants.low, constants.high
    neurons, activities, table = states.neurons, states.activities, constants.activities
    old = activities.copy()
    drives, adc = all_converted(old, constants.dac), constants.adc
    largest = 0
    for i in range(len(neurons)):
        if constants.turns[i] % phase.turns != turn:
            continue
        current = np.int64(0)
        for j in range(len(neurons)):
            current += np.int32(weights[i, j]) * np.int32(drives[j])
        current = converted(_rounded(current, constants.wire_bits) + noise[i], adc.shift, adc.low, adc.high)
        state = neurons[i]
        error = sign * (target[i] - old[i]) if phase.nudged else 0
        if phase.whole:
            neurons[i] = whole_step(current, drive[i], error, leak_shift, nudge_shift, low, high)
        else:
            neurons[i] = neuron_step(state, current, drive[i], error, leak_shift, nudge_shift, low, high)
        activities[i] = table[neurons[i] - low]
        largest = max(largest, abs(neurons[i] - state))
    return largest


@compiled
def _relax(weights, states, inputs, phase, read_noise, constants, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps until the phase's most, or until the states have settled; returns the number of steps and the LFSR.

    ``inputs`` are drive, target and the nudge's sign.
    """
    noise = np.zeros(len(states.neurons), np.int64)
    for step in range(phase.most):
        if read_noise:
            lfsr = read_deviations(constants.codes, constants.code_bits, read_noise, lfsr, noise)
        largest = 0
        for turn in range(phase.turns):
            number = (phase.first_turn + turn) % phase.turns
            largest = max(largest, _step(weights, states, inputs, phase, number, constants, noise))
        if largest <= phase.settled:
            return step + 1, lfsr
    return phase.most, lfsr


@compiled
def _relax_side(weights, states, target, phase, read_noise, constants, lfsr):  # type: ignore[no-untyped-def]
    """Euler steps of the side network, all from the same old states, from 0 on; without a step it stays as it is.

    The result is that of ``_relax``.
    """
    if phase.most == 0:
        return 0, lfsr
    noise, side = np.zeros(len(states.side), np.int64), states.side
    errors, slopes = target - states.activities, constants.slopes[states.neurons - constants.low]
    fraction, error_shift = constants.weight_fraction, constants.side_error_shift
    low, high = constants.side_low, constants.side_high
    side[:] = 0
    for step in range(phase.most):
        if read_noise:
            lfsr = read_deviations(constants.codes, constants.code_bits, read_noise, lfsr, noise)
        old = side.copy()
        largest = 0
        for i in range(len(side)):
            current = np.int64(0)
            for j in range(len(side)):
                current += np.int32(weights[i, j]) * np.int32(old[j])
            current = _rounded(current, constants.wire_bits) + noise[i]
            side[i] = side_step(old[i], current, errors[i], slopes[i], fraction, error_shift, low, high)
            largest = max(largest, abs(side[i] - old[i]))
        if largest <= phase.settled:
            return step + 1, lfsr
    return phase.most, lfsr


@compiled
def _update(synapses, terms, product_shift, update, random, constants):  # type: ignore[no-untyped-def]
    """Every weight learns: w_ij += round at random(eta (a_i b_j + c_i d_j)), the rule's products (model/rules.py).

    ``product_shift`` brings the side network's products to those of activities, and takes their mean.
    """
    a, b, c, d = terms
    pre_shift, shift, limit, fine = update[0], update[1], update[2], update[3]
    codes, row_codes, reach = constants.codes, constants.row_codes, constants.reach
    whole, rounded, half = synapses.whole[0], synapses.rounded[0], (1 << fine) >> 1
    for i in range(len(codes)):
        end = i if constants.symmetric else min(len(codes), i + reach + 1)
        for j in range(max(0, i - reach), end):
            if i == j:
                continue
            difference = (a[i] * b[j] + c[i] * d[j]) >> product_shift << pre_shift
            increment = stochastic_increment(difference, shift, random[codes[i] ^ row_codes[j]])
            weight = saturate(whole[i, j] + increment, -limit, limit)
            whole[i, j] = weight
            rounded[i, j] = weight + half >> fine
            if constants.symmetric:
                whole[j, i] = weight
                rounded[j, i] = rounded[i, j]


@compiled
def _program(weights, terms, product_shift, update, tables, cells, constants):  # type: ignore[no-untyped-def]
    """``_update`` by pulses."""
    a, b, c, d = terms
    shift, codes, hashes = update[1], constants.codes, constants.hashes
    stuck, counts = cells.stuck[0], cells.counts[0]
    for i in range(len(codes)):
        for j in range(max(0, i - constants.reach), i):
            difference = (a[i] * b[j] + c[i] * d[j]) >> product_shift
            random, bits = tables[:, codes[i] ^ codes[j]], hashes[i] ^ hashes[j]
            weight = np.int64(weights[i, j])
            weight = program_cell(weight, difference, shift, random, bits, stuck[i, j], cells.constants, counts)
            weights[i, j] = weight
            weights[j, i] = weight


@compiled
def learn_patterns(synapses, patterns, targets, states, lfsr, schedule, cells, constants):  # type: ignore[no-untyped-def]
    """Learn patterns (count, neurons) one after another; the records of model.golden.network.Network.learn."""
    records = np.zeros((len(patterns), 5), np.int64)
    weights, seen = synapses.rounded[0], synapses.seen[0]
    codes, bits = constants.codes, constants.code_bits
    interval, decay_shift, since = cells.decay
    for index in range(len(patterns)):
        drive = np.where(patterns[index], constants.input_level, -constants.input_level)
        goal = np.where(targets[index], constants.target_level, -constants.target_level)
        tables, lfsr = random_sets(cells.sets, bits, lfsr)
        sign, lfsr = nudge_sign(schedule.sign, lfsr)
        states.neurons[:] = 0
        states.activities[:] = 0
        first, lfsr = _relax(seen, states, (drive, goal, sign), schedule.first, cells.read_noise, constants, lfsr)
        free, ended, before = states.activities.copy(), states.neurons.copy(), 0
        if schedule.centred:
            inputs = (drive, goal, -1)
            before, lfsr = _relax(seen, states, inputs, schedule.second, cells.read_noise, constants, lfsr)
            free, activities = states.activities.copy(), free
            states.neurons[:], states.activities[:] = ended, activities
        second = updates = 0
        used = False
        for _ in range(schedule.rounds):
            if used:
                tables, lfsr = random_sets(cells.sets, bits, lfsr)
            if schedule.second.side:
                steps, lfsr = _relax_side(seen, states, goal, schedule.second, cells.read_noise, constants, lfsr)
                ends, product_shift = (free, states.side), constants.side_update_shift
                settled = True
            else:
                before_round = states.neurons.copy()
                inputs = (drive, goal, sign)
                steps, lfsr = _relax(seen, states, inputs, schedule.second, cells.read_noise, constants, lfsr)
                ends, product_shift = (free, states.activities), 0
                settled = np.abs(states.neurons - before_round).max() <= schedule.second.settled
            second += steps
            # The column's neuron is i, the row's j.
            signs, factors = sign * schedule.products[:, 0], schedule.products[:, 1:]
            terms = (
                signs[0] * ends[factors[0, 1]],
                ends[factors[0, 0]],
                signs[1] * ends[factors[1, 1]],
                ends[factors[1, 0]],
            )
            if steps and cells.sets == 1:
                _update(synapses, terms, product_shift, schedule.updates[0], tables[0], constants)
            elif steps:
                _program(weights, terms, product_shift, schedule.updates[0], tables, cells, constants)
            used = steps > 0
            updates += used
            if constants.wire_bits:
                seen[:] = weights * constants.factors
            if settled:
                break
            free = states.activities.copy()
        if interval and (since + index + 1) % interval == 0:
            tables, lfsr = random_sets(2, bits, lfsr)
            decay_matrix(weights, codes, codes, tables, decay_shift, cells.stuck[0])
            if constants.wire_bits:
                seen[:] = weights * constants.factors
        records[index, 0] = first
        records[index, 1] = before + second
        records[index, 2] = lfsr
        records[index, 4] = updates
    return records


@compiled
def recall_patterns(weights, patterns, states, lfsr, schedule, read_noise, constants):  # type: ignore[no-untyped-def]
    """Recall patterns (count, neurons) one after another; signs, steps of both phases of each, the LFSR.

    The states keep the last one's.
    """
    signs = np.zeros(patterns.shape, np.bool_)
    records = np.zeros((len(patterns), 3), np.int64)
    off = np.zeros(len(states.neurons), np.int64)
    for index in range(len(patterns)):
        drive = np.where(patterns[index], constants.input_level, -constants.input_level)
        states.neurons[:] = 0
        states.activities[:] = 0
        records[index, 0], lfsr = _relax(weights, states, (drive, off, 1), schedule.first, read_noise, constants, lfsr)
        records[index, 1], lfsr = _relax(weights, states, (off, off, 1), schedule.second, read_noise, constants, lfsr)
        signs[index] = states.neurons > 0
    return signs, records, lfsr
