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

Floats = NDArray[np.float64]
#: Low bits that effective weights have besides those of the machine's, and the largest ratio of a segment to a cell.
WIRE_BITS, MOST_RATIO = 6, 0.1


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
    gain : of all currents, which makes up for what the wires take.
    """

    ratio: float
    on_off: float = 100.0
    every: int = 1
    gain: float = 1.0
    _factors: Floats | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= MOST_RATIO:
            raise UserError(
                f"wire = {self.ratio!r} is impossible; a segment has 0 to {MOST_RATIO} of a cell's resistance."
            )

    def measure(self, weights: NDArray[np.integer], limit: int) -> None:
        """Compute the factors of these weights, which hold until the next time."""
        self._factors = closed_form(conductances(weights, limit, self.on_off), self.ratio)

    def seen(self, weights: NDArray[np.integer], limit: int) -> NDArray[np.int16]:
        """The weights as currents see them, with WIRE_BITS more bits, saturated; row drives column."""
        if self._factors is None:
            self.measure(weights, limit)
        assert self._factors is not None
        cells = conductances(weights, limit, self.on_off) * self._factors
        differences = (cells[:, 0::2] - cells[:, 1::2]) * limit / (1 - 1 / self.on_off)
        most = np.iinfo(np.int16).max
        return np.clip(np.rint(differences * self.gain * (1 << WIRE_BITS)), -most, most).astype(np.int16)

    def scale(self, weights: NDArray[np.integer], limit: int) -> float:
        """What is left of the weights on the whole: the slope of those that currents see over those that are stored."""
        self.measure(weights, limit)
        stored = weights.astype(np.float64)
        return float((self.seen(weights, limit) * stored).sum() / (stored**2).sum() / self.gain / (1 << WIRE_BITS))
