"""Where each synapse of a recurrent machine lies in the weight memory, and the sweeps that read and program it.

A word holds ``lanes`` weights of one row (word line); lane c of column block b is column (bit line) b * lanes + c.
Column blocks that are full keep every row within reach. The last block, if it is not full, keeps only its own rows
(the corner): its columns' other weights are the last rows of the full blocks, read there along the rows, since
w_ij = w_ji. So 100 neurons on 32 lanes take 316 words a sweep and not 400. Within the full blocks each pair stands
twice; both copies see the same products and the same random byte, so they cannot drift apart (docs/arithmetic.md).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import MachineError
from ohmprop.model.spec import MachineSpec

Value = TypeVar("Value", bound=np.generic)
#: Matrix, row and column of a synapse.
Cell = tuple[int, int, int]


class Kind(IntEnum):
    """What a sweep does with each word."""

    READ_COLUMNS = 0  #: lane c accumulates W[r, c] * g_r
    READ_ROWS = 1  #: the sum over the lanes of W[r, c] * g_c goes to the neuron of row r
    PROGRAM = 2  #: W[r, c] learns


@dataclass(frozen=True)
class Sweep:
    """Consecutive words of one column block, one row after another.

    Members
    -------
    kind : what is done.
    block : the column block.
    row, rows : first row and their count; the first one's word lies at ``address``. A row is a place (block * lanes +
        lane of its unit) or, with ``pixels``, the number of an input.
    clear : the first word starts the accumulators anew.
    fires : after the last word the neurons of ``target`` take their step or, in a list that is read once a pattern,
        keep the currents as their drive.
    target : the block whose neurons the currents belong to.
    matrix : number of the matrix in MachineSpec.matrices.
    pixels : the row values are inputs, not activities.
    """

    kind: Kind
    block: int
    row: int
    rows: int
    address: int
    clear: bool
    fires: bool
    target: int
    matrix: int = 0
    pixels: bool = False


def bits_for(count: int) -> int:
    """Bits that number ``count`` things from zero; 0 for a single one."""
    return (count - 1).bit_length()


@dataclass(frozen=True)
class BlockLayout(ABC):
    """What the weight memories of both topologies have in common: units in blocks of lanes, and sweeps."""

    spec: MachineSpec

    @property
    @abstractmethod
    def blocks(self) -> int:
        """Blocks of neurons."""

    @property
    @abstractmethod
    def places(self) -> NDArray[np.int64]:
        """Each neuron's block * lanes + lane; shape (neurons,)."""

    @property
    @abstractmethod
    def program(self) -> tuple[Sweep, ...]:
        """The sweeps of one weight update: every stored word once, in the order of the addresses."""

    @property
    @abstractmethod
    def step(self) -> tuple[Sweep, ...]:
        """The sweeps of one Euler step."""

    @property
    @abstractmethod
    def numbers(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """Numbers of each matrix's rows and columns, of which their cells' random bytes are made: (rows,), (columns,)."""

    def cell_of(self, row: int, column: int) -> Cell | None:
        """The cell whose row and column have these numbers; None if there is no synapse."""
        for matrix, (rows, columns) in enumerate(self.numbers):
            at_row, at_column = np.flatnonzero(rows == row), np.flatnonzero(columns == column)
            if len(at_row) and len(at_column) and self.has(matrix, at_row[0], at_column[0]):
                return matrix, int(at_row[0]), int(at_column[0])
        return None

    def has(self, matrix: int, row: int, column: int) -> bool:
        """Whether there is a synapse at this row and column of a matrix."""
        if not 0 <= matrix < len(self.spec.matrices):
            return False
        shape = self.spec.matrices[matrix]
        inside = 0 <= row < shape.rows and 0 <= column < shape.columns
        return inside and (not self.spec.recurrent or 1 <= abs(row - column) <= self.spec.reach)

    @property
    def words(self) -> int:
        """Words of the weight memory."""
        return self.program[-1].address + self.program[-1].rows

    @property
    def step_words(self) -> int:
        """Words read in one Euler step."""
        return sum(sweep.rows for sweep in self.step)

    @property
    def lane_bits(self) -> int:
        """Bits that number the lanes."""
        return bits_for(self.spec.lanes)

    @property
    def block_bits(self) -> int:
        """Bits that number the blocks."""
        return bits_for(self.blocks)

    @property
    def neuron_bits(self) -> int:
        """Bits of a neuron's number."""
        return self.lane_bits + self.block_bits

    @property
    def code_bits(self) -> int:
        """Bits of the numbers that random bytes are made from: one byte is drawn for each."""
        return self.neuron_bits

    @property
    def codes(self) -> NDArray[np.int64]:
        """Each neuron's number as the hardware forms it: its block, then its lane; shape (neurons,)."""
        return (self.places // self.spec.lanes << self.lane_bits) | self.places % self.spec.lanes

    def to_blocks(self, values: NDArray[Value]) -> NDArray[Value]:
        """One value a neuron (neurons,) as one word a block (blocks, lanes), 0 where there is no neuron."""
        padded = np.zeros(self.blocks * self.spec.lanes, values.dtype)
        padded[self.places] = values
        return padded.reshape(self.blocks, self.spec.lanes)

    def from_blocks(self, words: NDArray[Value]) -> NDArray[Value]:
        """The inverse of ``to_blocks``."""
        return words.reshape(-1)[self.places]


class Layout(BlockLayout):
    """The weight memory of a recurrent machine."""

    @property
    def full_blocks(self) -> int:
        """Column blocks that fill every lane."""
        return self.spec.neurons // self.spec.lanes

    @property
    def corner(self) -> int:
        """Columns of the last block if it does not fill the lanes, else 0."""
        return self.spec.neurons % self.spec.lanes

    @property
    def blocks(self) -> int:
        """Column blocks, the corner included."""
        return self.full_blocks + (self.corner > 0)

    @property
    def places(self) -> NDArray[np.int64]:
        """The neurons' own numbers; shape (neurons,)."""
        return np.arange(self.spec.neurons)

    @property
    def numbers(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """Numbers of the rows and of the columns."""
        return ((self.codes, self.codes),)

    def _stored_rows(self, block: int) -> tuple[int, int]:
        """First row and end row (exclusive) that column block ``block`` stores."""
        n, lanes, reach = self.spec.neurons, self.spec.lanes, self.spec.reach
        first, last = block * lanes, min((block + 1) * lanes, n) - 1
        if block == self.full_blocks:
            return first, n
        return max(0, first - reach), min(n, last + reach + 1)

    @cached_property
    def program(self) -> tuple[Sweep, ...]:
        """The sweeps of one weight update: every stored word once, in the order of the addresses."""
        sweeps, address = [], 0
        for block in range(self.blocks):
            row, end = self._stored_rows(block)
            sweeps.append(Sweep(Kind.PROGRAM, block, row, end - row, address, False, False, block))
            address += end - row
        return tuple(sweeps)

    @cached_property
    def step(self) -> tuple[Sweep, ...]:
        """The sweeps of one Euler step: columns block by block, then the corner's currents along the rows."""
        columns = [
            Sweep(Kind.READ_COLUMNS, s.block, s.row, s.rows, s.address, True, True, s.block) for s in self.program
        ]
        if not self.corner:
            return tuple(columns)
        first = self.full_blocks * self.spec.lanes
        rows = []
        for stored in self.program[:-1]:
            end = stored.row + stored.rows
            if end > first:
                start = max(first, stored.row)
                rows.append((stored.block, start, end - start, stored.address + start - stored.row))
        along = [
            Sweep(Kind.READ_ROWS, block, row, count, address, False, index == len(rows) - 1, self.full_blocks)
            for index, (block, row, count, address) in enumerate(rows)
        ]
        if along:
            last = columns[-1]
            columns[-1] = Sweep(last.kind, last.block, last.row, last.rows, last.address, True, False, last.target)
        return (*columns, *along)

    # -- images of the memories ----------------------------------------------------------------------------------

    def to_words(self, weights: NDArray[np.int8]) -> NDArray[np.int8]:
        """Symmetric weights (neurons, neurons) as memory words (words, lanes); cells without a synapse are 0."""
        image = np.zeros((self.words, self.spec.lanes), np.int8)
        for sweep in self.program:
            first = sweep.block * self.spec.lanes
            part = weights[sweep.row : sweep.row + sweep.rows, first : first + self.spec.lanes]
            image[sweep.address : sweep.address + sweep.rows, : part.shape[1]] = part
        return image

    def from_words(self, image: NDArray[np.int8]) -> NDArray[np.int8]:
        """Memory words (words, lanes) as weights (neurons, neurons); MachineError if two copies of a pair differ."""
        n, lanes = self.spec.neurons, self.spec.lanes
        weights = np.zeros((n, n), np.int8)
        first = self.full_blocks * lanes
        for sweep in self.program:
            start = sweep.block * lanes
            end = min(start + lanes, n)
            weights[sweep.row : sweep.row + sweep.rows, start:end] = image[
                sweep.address : sweep.address + sweep.rows, : end - start
            ]
        weights[:first, first:] = weights[first:, :first].T
        if not np.array_equal(weights, weights.T):
            row, column = np.argwhere(weights != weights.T)[0]
            raise MachineError(
                f"The two copies of synapse ({row}, {column}) differ ({weights[row, column]} and {weights[column, row]}); "
                "they must be equal, so write the weights anew and report this."
            )
        return weights
