"""Units in blocks of lanes, from plain numbers: each unit's block and lane, and which matrix joins which units.

A recurrent machine is a layered machine without inputs, whose one layer is connected with itself. Each layer begins a
new block of lanes; blocks are numbered through all layers of neurons.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Value = TypeVar("Value", bound=np.generic)
#: Matrix, row and column of a synapse.
Cell = tuple[int, int, int]


def bits_for(count: int) -> int:
    """Bits that number ``count`` things from zero; 0 for a single one."""
    return (count - 1).bit_length()


@dataclass(frozen=True)
class Part:
    """A weight matrix in the memory.

    Members
    -------
    rows : what its rows belong to: places of neurons (block * lanes + lane) or, with ``pixels``, numbers of inputs.
    blocks : blocks of neurons that its columns belong to.
    pixels : the rows are inputs, and their values do not change while a pattern is learnt.
    """

    rows: range
    blocks: range
    pixels: bool


@dataclass(frozen=True)
class Geometry:
    """The numbers that a machine's memories follow from.

    Members
    -------
    layers : units of each layer of neurons, from the first hidden one on; the only one of a recurrent machine.
    lanes : neurons of a block.
    reach : units i and j of a recurrent layer are connected if 1 <= abs(i - j) <= reach; 0 if no layer is connected with
        itself.
    inputs : pixels that drive the first layer through weights; 0 in a recurrent machine.
    biases : every neuron has a weight from one more input.
    in_turn : the sweeps of a step are in the order of the turns (``turns``).
    asymmetric : w_ij and w_ji are two weights; else they are one.
    """

    layers: tuple[int, ...]
    lanes: int
    reach: int = 0
    inputs: int = 0
    biases: bool = False
    in_turn: bool = False
    asymmetric: bool = False

    # -- blocks --------------------------------------------------------------------------------------------------

    @property
    def neurons(self) -> int:
        """Units that have a state."""
        return sum(self.layers)

    @cached_property
    def layer_blocks(self) -> tuple[range, ...]:
        """The blocks of each layer of neurons."""
        ranges, first = [], 0
        for units in self.layers:
            count = -(-units // self.lanes)
            ranges.append(range(first, first + count))
            first += count
        return tuple(ranges)

    @property
    def blocks(self) -> int:
        """Blocks of neurons in all layers."""
        return self.layer_blocks[-1].stop

    @cached_property
    def turns(self) -> tuple[tuple[int, ...], ...]:
        """Blocks of neurons that step side by side when not all do: each block of a recurrent layer; of layers the first,
        third, ... and then those between them. None of a turn is connected with another, or is read when it has stepped.
        """
        if self.reach:
            return tuple((block,) for block in range(self.blocks))
        halves = (self.layer_blocks[first::2] for first in (0, 1))
        return tuple(tuple(block for blocks in half for block in blocks) for half in halves)

    @property
    def nudged_turn(self) -> int:
        """The turn that steps first in the nudged phase: that of the outputs; in a recurrent layer the first, as always."""
        return 0 if self.reach else (len(self.layers) - 1) % 2

    @property
    def turn_numbers(self) -> Integers:
        """The number of each neuron's turn; (neurons,)."""
        numbers = np.zeros(self.blocks, np.int64)
        for number, blocks in enumerate(self.turns):
            numbers[list(blocks)] = number
        return numbers[self.places // self.lanes]

    def block_places(self, block: int) -> range:
        """Places of the neurons of a block: block * lanes + lane."""
        layers = zip(self.layer_blocks, self.layers, strict=True)
        end = next(blocks.start * self.lanes + units for blocks, units in layers if block in blocks)
        return range(block * self.lanes, min((block + 1) * self.lanes, end))

    @property
    def places(self) -> Integers:
        """Each neuron's block * lanes + lane, layer after layer; shape (neurons,)."""
        layers = zip(self.layer_blocks, self.layers, strict=True)
        return np.concatenate([blocks.start * self.lanes + np.arange(units) for blocks, units in layers])

    def to_blocks(self, values: NDArray[Value]) -> NDArray[Value]:
        """One value per neuron (neurons,) as one word per block (blocks, lanes), 0 where there is no neuron."""
        padded = np.zeros(self.blocks * self.lanes, values.dtype)
        padded[self.places] = values
        return padded.reshape(self.blocks, self.lanes)

    def from_blocks(self, words: NDArray[Value]) -> NDArray[Value]:
        """The inverse of ``to_blocks``."""
        return words.reshape(-1)[self.places]

    # -- matrices ------------------------------------------------------------------------------------------------

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The weight matrices in the order of their numbers.

        That of the inputs comes first. The matrices between layers have the upper layer as rows, so that few outputs
        take few words; in an asymmetric machine each comes after the one that has the lower layer as rows. The biases come
        last, a row for all neurons.
        """
        if self.reach:
            return (Part(range(self.neurons), range(self.blocks), False),)
        parts = [Part(range(self.inputs), self.layer_blocks[0], True)]
        for lower, upper in pairwise(self.layer_blocks):
            if self.asymmetric:
                parts.append(Part(self._rows(lower), upper, False))
            parts.append(Part(self._rows(upper), lower, False))
        if self.biases:
            parts.append(Part(range(self.inputs, self.inputs + 1), range(self.blocks), True))
        return tuple(parts)

    def _rows(self, blocks: range) -> range:
        """The places of a layer's neurons."""
        return range(blocks.start * self.lanes, self.block_places(blocks.stop - 1).stop)

    def columns(self, part: Part) -> int:
        """Columns of a matrix."""
        return sum(len(self.block_places(block)) for block in part.blocks)

    def has(self, matrix: int, row: int, column: int) -> bool:
        """Whether there is a synapse at this row and column of a matrix."""
        if not 0 <= matrix < len(self.parts):
            return False
        part = self.parts[matrix]
        inside = 0 <= row < len(part.rows) and 0 <= column < self.columns(part)
        return inside and (not self.reach or 1 <= abs(row - column) <= self.reach)

    def copies(self, row: int, column: int) -> set[tuple[int, int]]:
        """The places in its matrix at which a synapse stands: w_ij and w_ji are one in a symmetric recurrent layer."""
        return {(row, column), (column, row)} if self.reach and not self.asymmetric else {(row, column)}

    @cached_property
    def pairs(self) -> int:
        """Pairs of neurons that are connected, each read in both directions in an Euler step."""
        if self.reach:
            return self.reach * self.neurons - self.reach * (self.reach + 1) // 2
        weights = sum(len(part.rows) * self.columns(part) for part in self.parts if not part.pixels)
        return weights // 2 if self.asymmetric else weights

    @property
    def synapses(self) -> int:
        """Weights that may differ from zero; each pair of a recurrent layer counts two."""
        if self.reach:
            return 2 * self.pairs
        return (1 + self.asymmetric) * self.pairs + self.inputs * self.layers[0] + self.biases * self.neurons

    # -- numbers of units ----------------------------------------------------------------------------------------

    @property
    def lane_bits(self) -> int:
        """Bits that number the lanes."""
        return bits_for(self.lanes)

    @property
    def block_bits(self) -> int:
        """Bits that number the blocks."""
        return bits_for(self.blocks)

    @property
    def neuron_bits(self) -> int:
        """Bits of a neuron's number."""
        return self.lane_bits + self.block_bits

    @property
    def input_bits(self) -> int:
        """Bits below the one that distinguishes an input's code from a neuron's."""
        return max(self.neuron_bits, bits_for(self.inputs + self.biases))

    @property
    def code_bits(self) -> int:
        """Bits of the numbers that random bytes are made from, the one that marks inputs included: one byte is drawn for
        each.
        """
        return self.input_bits + 1 if self.inputs or self.asymmetric else self.neuron_bits

    @property
    def codes(self) -> Integers:
        """Each neuron's number as the hardware forms it: its block, then its lane; shape (neurons,)."""
        return (self.places // self.lanes << self.lane_bits) | self.places % self.lanes

    @property
    def row_codes(self) -> Integers:
        """Each neuron's number where it is a row: the same, so that w_ij and w_ji get the same random byte.

        In an asymmetric layer they get two: the number's bits are rotated, and the highest bit marks a row, since a cell whose
        numbers were equal would get the byte 0 always.
        """
        codes, bits = self.codes, self.neuron_bits
        if not self.asymmetric:
            return codes
        rotated = (codes << 1 | codes >> max(0, bits - 1)) & (1 << bits) - 1
        return (1 << self.input_bits) | rotated

    @property
    def input_codes(self) -> Integers:
        """Each input's number, which the highest bit marks as no neuron's, and then the biases'; shape (inputs [+ 1],)."""
        return (1 << self.input_bits) | np.arange(self.inputs + self.biases)

    @cached_property
    def numbers(self) -> tuple[tuple[Integers, Integers], ...]:
        """Numbers of each matrix's rows and columns, of which their cells' random bytes are made: (rows,), (columns,)."""
        at_places = np.zeros(self.blocks * self.lanes, np.int64)
        at_places[self.places] = self.codes
        return tuple(
            (
                (self.input_codes if part.pixels else at_places)[part.rows.start : part.rows.stop],
                np.concatenate([at_places[list(self.block_places(block))] for block in part.blocks]),
            )
            for part in self.parts
        )

    def cell_of(self, row: int, column: int) -> Cell | None:
        """The cell whose row and column have these numbers; None if there is no synapse."""
        for matrix, (rows, columns) in enumerate(self.numbers):
            at_row, at_column = np.flatnonzero(rows == row), np.flatnonzero(columns == column)
            if len(at_row) and len(at_column) and self.has(matrix, at_row[0], at_column[0]):
                return matrix, int(at_row[0]), int(at_column[0])
        return None
