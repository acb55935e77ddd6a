"""A crossbar with resistance in its wires, exactly: what model.memristors.wires has in closed form."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]


def effective(cells: Floats, segment: float) -> Floats:
    """Siemens by which each row drives the current at the foot of each column, (rows, columns).

    Rows are driven at the left, columns end at ground at the bottom; every segment of wire, those at the driven and the
    grounded ends included, has ``segment`` ohms, above 0. ``cells`` are siemens (rows, columns), some above 0.
    """
    rows, columns = cells.shape
    count, wire = rows * columns, 1 / segment
    place = np.arange(count).reshape(rows, columns)
    ends: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]] = []
    diagonal = np.zeros(2 * count)

    def join(one: NDArray[np.int64], other: NDArray[np.int64], siemens: Floats) -> None:
        ends.append((one, other, siemens))
        np.add.at(diagonal, one, siemens)
        np.add.at(diagonal, other, siemens)

    # Nodes of the rows, then those of the columns.
    join(place.ravel(), place.ravel() + count, cells.ravel())
    for one, other in ((place[:, :-1], place[:, 1:]), (place[:-1] + count, place[1:] + count)):
        join(one.ravel(), other.ravel(), np.full(one.size, wire))
    diagonal[place[:, 0]] += wire
    diagonal[place[-1] + count] += wire
    one, other = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    siemens = np.concatenate([end[2] for end in ends])
    index = np.arange(2 * count)
    matrix = coo_matrix(
        (
            np.concatenate([diagonal, -siemens, -siemens]),
            (np.concatenate([index, one, other]), np.concatenate([index, other, one])),
        )
    ).tocsc()
    solved = splu(matrix)
    currents = np.empty((rows, columns))
    for row in range(rows):
        driven = np.zeros(2 * count)
        driven[place[row, 0]] = wire
        currents[row] = solved.solve(driven)[place[-1] + count] * wire
    return currents
