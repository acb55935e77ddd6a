"""The numbers of a convolutional machine's cells, which the golden machine alone has; no memory of words is laid out."""

from dataclasses import dataclass

from ohmprop.model.layout.geometry import bits_for
from ohmprop.model.layout.layout import Layout


@dataclass(frozen=True)
class KernelLayout(Layout):
    """A number for each row and each column of the matrices, from which the cells' random bytes follow.

    Members
    -------
    shapes : rows and columns of the matrices.
    """

    shapes: tuple[tuple[int, int], ...] = ()

    @property
    def words(self) -> int:
        """Words that the weights take: each row in as many as its columns fill."""
        return sum(rows * -(-columns // self.lanes) for rows, columns in self.shapes)

    @property
    def synapses(self) -> int:
        """Weights."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def nudged_turn(self) -> int:
        """0: the phases have their own orders of layers."""
        return 0

    @property
    def first_rows(self) -> tuple[int, ...]:
        """The number of each matrix's first row; rows are counted through all of them."""
        return tuple(sum(rows for rows, _ in self.shapes[:index]) for index in range(len(self.shapes)))

    @property
    def row_bits(self) -> int:
        """Bits of a row's number."""
        return bits_for(sum(rows for rows, _ in self.shapes))

    @property
    def column_bits(self) -> int:
        """Bits of a column's number, which begins at 0 in each matrix."""
        return bits_for(max(columns for _, columns in self.shapes))
