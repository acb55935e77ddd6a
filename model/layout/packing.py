"""Weights as the words of the weight memory, and back. Weights are a tuple of matrices, (rows, columns) each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import MachineError
from ohmprop.model.layout.geometry import Geometry, Value
from ohmprop.model.layout.sweeps import Sweep


def to_words(geometry: Geometry, program: Sequence[Sweep], weights: Sequence[NDArray[Value]]) -> NDArray[Value]:
    """Weights as memory words (words, lanes) of their dtype; cells without a synapse are 0.

    The matrix of a recurrent machine must be symmetric, unless the machine is not.
    """
    words = program[-1].address + program[-1].rows
    image = np.zeros((words, geometry.lanes), weights[0].dtype)
    for sweep in program:
        part = _stored(geometry, weights, sweep)
        image[sweep.address : sweep.address + sweep.rows, : part.shape[1]] = part
    return image


def from_words(geometry: Geometry, program: Sequence[Sweep], image: NDArray[Value]) -> tuple[NDArray[Value], ...]:
    """Memory words (words, lanes) as weights of their dtype.

    MachineError if the two copies of a pair differ in a recurrent machine.
    """
    weights = tuple(np.zeros((len(part.rows), geometry.columns(part)), image.dtype) for part in geometry.parts)
    for sweep in program:
        part = _stored(geometry, weights, sweep)
        part[:] = image[sweep.address : sweep.address + sweep.rows, : part.shape[1]]
    if geometry.reach and not geometry.asymmetric:
        _complete(geometry, weights[0])
    return weights


def _stored(geometry: Geometry, weights: Sequence[NDArray[Value]], sweep: Sweep) -> NDArray[Value]:
    """View of the weights that a sweep's words hold."""
    part = geometry.parts[sweep.matrix]
    row = sweep.row - part.rows.start
    column = sum(len(geometry.block_places(block)) for block in part.blocks if block < sweep.block)
    columns = len(geometry.block_places(sweep.block))
    return weights[sweep.matrix][row : row + sweep.rows, column : column + columns]


def _complete(geometry: Geometry, weights: NDArray[Value]) -> None:
    """Fill in the weights of the corner that stand only in the full blocks, and compare the two copies of the others."""
    first = geometry.neurons // geometry.lanes * geometry.lanes
    weights[:first, first:] = weights[first:, :first].T
    if not np.array_equal(weights, weights.T):
        row, column = np.argwhere(weights != weights.T)[0]
        raise MachineError(
            f"The two copies of synapse ({row}, {column}) differ ({weights[row, column]} and {weights[column, row]}); "
            "they must be equal, so write the weights again and report this."
        )
