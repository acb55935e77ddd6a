"""Which weights a machine can hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: A machine's weights, int16, matrix after matrix: one (neurons, neurons) of a recurrent machine, symmetric or not; of a
#: layered one (inputs, first hidden layer), then (upper layer, lower layer), and last, if there are biases, (1, neurons).
Weights = tuple[NDArray[np.int16], ...]


def checked_weights(spec: MachineSpec, weights: Sequence[NDArray[Any]]) -> Weights:
    """The weights as int16, if a machine of the spec can hold them; UserError otherwise."""
    shapes = [(matrix.rows, matrix.columns) for matrix in spec.matrices]
    integers = all(np.issubdtype(matrix.dtype, np.integer) for matrix in weights)
    if [matrix.shape for matrix in weights] != shapes or not integers:
        found = ", ".join(f"{matrix.dtype} {matrix.shape}" for matrix in weights)
        raise UserError(f"Weights of type and shape {found} do not fit; give integers of the shapes {shapes}.")
    if spec.recurrent:
        (square,) = weights
        distance = np.abs(np.arange(spec.neurons)[:, None] - np.arange(spec.neurons))
        lopsided = not spec.asymmetric and not np.array_equal(square, square.T)
        if lopsided or square[(distance == 0) | (distance > spec.reach)].any():
            raise UserError(
                "These weights are not symmetric or lie where the machine has no synapse; give those of this machine."
            )
    for matrix, part in zip(spec.matrices, weights, strict=True):
        if np.abs(part.astype(np.int64)).max() > matrix.limit:
            raise UserError(
                f"A weight lies outside +-{matrix.limit}; give weights in the machine's format {matrix.stored}."
            )
    return tuple(matrix.astype(np.int16) for matrix in weights)
