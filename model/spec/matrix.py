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
    weight : format of its weights, as the multipliers have them.
    product : bits of fraction of the product of a row's and a column's activity.
    pre_shift : constant left shift of the difference of two such products, before the variable shift to the right.
    fine_bits : low bits that a weight has besides, which no multiplier sees.
    """

    rows: int
    columns: int
    weight: Format
    product: int
    pre_shift: int
    fine_bits: int = 0

    @property
    def stored(self) -> Format:
        """Format of a whole weight, the fine bits included."""
        return Format(True, self.weight.bits + self.fine_bits, self.weight.fraction + self.fine_bits)

    @property
    def limit(self) -> int:
        """Whole weights saturate at plus and minus this: the format's own ends, so that it is symmetric."""
        return self.weight.high << self.fine_bits

    @property
    def shift_base(self) -> int:
        """The eta_shift at which the update's variable shift is zero."""
        return self.stored.fraction - self.product + DITHER_BITS + 1 - self.pre_shift

    @property
    def eta_shifts(self) -> range:
        """The settings eta_shift that the update reaches."""
        return range(self.shift_base, self.shift_base + UPDATE_SHIFTS)


def layered_pre_shift(fraction: int, product: int) -> int:
    """The pre_shift with which rates from 1/2 down are reached; 0 where they are without. ``fraction`` is a whole weight's."""
    return max(0, fraction - product + DITHER_BITS)
