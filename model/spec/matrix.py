"""One weight matrix of a machine: its size, its number formats and the learning rates that its update reaches."""

from dataclasses import dataclass

from ohmprop.model.formats import Format

#: Random bits added below the weight's LSB when an update is rounded stochastically.
DITHER_BITS = 8
#: The update's variable shift takes this many values (three levels of multiplexers in a lane).
UPDATE_SHIFTS = 8


@dataclass(frozen=True)
class Matrix:
    """A matrix between two layers, or the one of a recurrent layer.

    Members
    -------
    rows, columns : units that its rows and columns belong to.
    weight : format of its weights.
    product : bits of fraction of the product of a row's and a column's activity.
    pre_shift : constant left shift of the difference of two such products, before the variable shift to the right.
    """

    rows: int
    columns: int
    weight: Format
    product: int
    pre_shift: int

    @property
    def shift_base(self) -> int:
        """The eta_shift at which the update's variable shift is zero."""
        return self.weight.fraction - self.product + DITHER_BITS + 1 - self.pre_shift

    @property
    def eta_shifts(self) -> range:
        """The settings eta_shift that the update reaches."""
        return range(self.shift_base, self.shift_base + UPDATE_SHIFTS)


def layered_pre_shift(weight: Format, product: int) -> int:
    """The pre_shift with which rates from 1/2 down are reached; 0 where they are without."""
    return max(0, weight.fraction - product + DITHER_BITS)
