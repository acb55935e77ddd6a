"""The resistance of a crossbar's wires, in closed form: what its cells look like from outside.

Rows are driven at the left, and columns, two for each neuron, end at ground at the bottom, so that every line is driven and a
read has no sneak paths. Segments of wire between cells have a resistance each. To first order in it the cell of row l and column
j (from 1, of R rows) has lost

    1 + r (sum over m of min(j, m) G_lm  +  sum over i of (R + 1 - max(i, l)) G_ij)

times of its conductance; the exact solution is that of ohmprop.analog.crossbar.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.spec.fields import MOST_FACTOR, WIRE_BITS

Floats = NDArray[np.float64]
#: The largest ratio of a segment's resistance to a cell's.
MOST_RATIO = 0.1


def conductances(weights: NDArray[np.integer], limit: int, on_off: float) -> Floats:
    """Cells of weights (rows, columns), in units of the largest conductance: (rows, 2 columns), those that add first.

    The columns of a pair lie side by side. A weight of ``limit`` has one cell at 1, one at 1 / on_off.
    """
    least = 1 / on_off
    cells = np.empty((weights.shape[0], 2 * weights.shape[1]))
    for first, sign in ((0, 1), (1, -1)):
        cells[:, first::2] = least + (1 - least) * np.maximum(sign * weights.astype(np.float64), 0) / limit
    return cells


def closed_form(cells: Floats, ratio: float) -> Floats:
    """What is left of each cell of conductances (rows, columns), as a factor, with ``ratio`` the segment's resistance in units of
    one over theirs.
    """
    rows, columns = cells.shape
    place = np.arange(1, columns + 1)
    # min(j, m): sum of G m up to j, and j times the sum beyond.
    along = np.cumsum(cells * place, axis=1) + place * (cells.sum(axis=1, keepdims=True) - np.cumsum(cells, axis=1))
    left = np.arange(rows, 0, -1)[:, None]
    # R + 1 - max(i, l): (R + 1 - l) times the sum up to l, and the sum of G (R + 1 - i) beyond.
    down = left * np.cumsum(cells, axis=0) + (cells * left).sum(axis=0) - np.cumsum(cells * left, axis=0)
    factors: Floats = 1 / (1 + ratio * (along + down))
    return factors


@dataclass
class Wires:
    """A recurrent machine's crossbar with wires.

    Members
    -------
    ratio : resistance of a segment over that of a cell at its largest conductance.
    on_off : largest conductance over the smallest.
    every : patterns after which the factors are computed again while it learns; 0: never.
    gain : of all currents, which makes up for what the wires take; a factor with it is at most 1 + 127 / 64.
    """

    ratio: float
    on_off: float = 100.0
    every: int = 1
    gain: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= MOST_RATIO:
            raise UserError(
                f"wire = {self.ratio!r} is impossible; a segment has 0 to {MOST_RATIO} of a cell's resistance."
            )

    def factors(self, weights: NDArray[np.integer], limit: int) -> NDArray[np.int8]:
        """The factors of cells whose weights, at most ``limit``, are these (rows, columns), as the machine has them."""
        scaled = np.rint((self._left(weights, limit) * self.gain - 1) * (1 << WIRE_BITS))
        return np.minimum(scaled, MOST_FACTOR).astype(np.int8)

    def scale(self, weights: NDArray[np.integer], limit: int) -> float:
        """What is left of the weights on the whole: the slope of those that currents see over those that are stored."""
        squares = weights.astype(np.float64) ** 2
        return float((self._left(weights, limit) * squares).sum() / squares.sum())

    def _left(self, weights: NDArray[np.integer], limit: int) -> Floats:
        """What is left of each weight: the factor of that cell of its pair that is not at its smallest conductance.

        The two cells at their smallest differ in theirs as well, which is two hundredths of a weight's LSB at a ratio of 1e-3.
        """
        factors = closed_form(conductances(weights, limit, self.on_off), self.ratio)
        return np.where(weights < 0, factors[:, 1::2], factors[:, 0::2])
