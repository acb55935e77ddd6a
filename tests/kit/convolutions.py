"""Convolutional machines once more, from their geometry alone: each joint as one dense matrix, whose cells share weights."""

import numpy as np

from ohmprop.model.spec.kernels import joints


def cells(joint):
    """For each window unit (position by position, channels next to each other) and unit below the cell that joins them, or -1."""
    (side, channels), (_, upper), kernel = joint
    if kernel is None:
        return np.arange(joint.above.units * joint.below.units).reshape(joint.above.units, -1)
    windows = range(0, side - kernel.size + 1, kernel.stride)
    found = np.full((len(windows) ** 2 * upper, side * side * channels), -1)
    unit = 0
    for top in windows:
        for left in windows:
            for d in range(upper):
                for y in range(kernel.size):
                    for x in range(kernel.size):
                        for c in range(channels):
                            row = (y * kernel.size + x) * channels + c
                            found[unit, ((top + y) * side + left + x) * channels + c] = row * upper + d
                unit += 1
    return found


def dense(spec, weights):
    """Each joint's matrix (window units, units below), 0 where there is no cell."""
    result = []
    for joint, matrix in zip(joints(spec.layers, spec.kernels), weights, strict=True):
        places = cells(joint)
        result.append(np.where(places < 0, 0, matrix.reshape(-1)[places]))
    return result


def summed(spec, number, parts):
    """The sum of a dense matrix over the places of each cell, in the shape of the machine's matrix."""
    joint = joints(spec.layers, spec.kernels)[number]
    places = cells(joint)
    result = np.zeros(joint.shape[0] * joint.shape[1], parts.dtype)
    np.add.at(result, places[places >= 0], parts[places >= 0])
    return result.reshape(joint.shape)


def pooled(spec, windows):
    """The window unit that each unit of the first layer takes its current from, by the currents of all window units."""
    kernel, upper = joints(spec.layers, spec.kernels)[0].kernel, joints(spec.layers, spec.kernels)[0].above.channels
    if not kernel.pool:
        return np.arange(len(windows))
    side = int((len(windows) // upper) ** 0.5)
    found = []
    for y in range(0, side, 2):
        for x in range(0, side, 2):
            for c in range(upper):
                four = [((y + dy) * side + x + dx) * upper + c for dy in (0, 1) for dx in (0, 1)]
                found.append(max(four, key=lambda unit: (windows[unit], -unit)))
    return np.array(found)
