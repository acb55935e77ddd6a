"""Where the weights of a layered machine lie in the weight memory, and the sweeps that read and program them.

Matrix after matrix, column block after column block, row after row. The inputs are rows of the first matrix; the others
have their upper layer as rows: so 128 hidden units and 5 outputs on 32 lanes take 20 words, and the hidden units read
them along the columns, the outputs along the rows. Each layer begins a new block of lanes; blocks of neurons are
numbered through all layers from the first hidden one on. The biases come last, a word for each block of neurons.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.layout.recurrent import BlockLayout, Kind, Layout, Sweep, bits_for
from ohmprop.model.spec import MachineSpec


class LayeredLayout(BlockLayout):
    """The weight memory of a layered machine."""

    @cached_property
    def layer_blocks(self) -> tuple[range, ...]:
        """The blocks of each layer that has neurons, first hidden layer first."""
        ranges, first = [], 0
        for units in self.spec.layers[1:]:
            count = -(-units // self.spec.lanes)
            ranges.append(range(first, first + count))
            first += count
        return tuple(ranges)

    @property
    def blocks(self) -> int:
        """Blocks of neurons in all layers."""
        return self.layer_blocks[-1].stop

    @property
    def places(self) -> NDArray[np.int64]:
        """Each neuron's block * lanes + lane, layer after layer; shape (neurons,)."""
        layers = zip(self.layer_blocks, self.spec.layers[1:], strict=True)
        return np.concatenate([blocks.start * self.spec.lanes + np.arange(units) for blocks, units in layers])

    @cached_property
    def program(self) -> tuple[Sweep, ...]:
        """The sweeps of one weight update: every word once, in the order of the addresses."""
        sweeps, address = [], 0
        inputs, biases = range(self.spec.inputs), range(self.spec.inputs, self.spec.inputs + 1)
        parts = [(self.layer_blocks[0], inputs, True)]
        for lower, upper, units in zip(self.layer_blocks, self.layer_blocks[1:], self.spec.layers[2:], strict=False):
            first = upper.start * self.spec.lanes
            parts.append((lower, range(first, first + units), False))
        if self.spec.biases:
            parts.append((range(self.blocks), biases, True))
        for index, (blocks, rows, pixels) in enumerate(parts):
            for block in blocks:
                sweep = Sweep(Kind.PROGRAM, block, rows.start, len(rows), address, False, False, block, index, pixels)
                sweeps.append(sweep)
                address += len(rows)
        return tuple(sweeps)

    @property
    def bias_words(self) -> int:
        """Words that hold biases, the last ones."""
        return self.blocks if self.spec.biases else 0

    @cached_property
    def inputs(self) -> tuple[Sweep, ...]:
        """The sweeps that read the currents of inputs and biases, once a pattern."""
        return tuple(
            replace(sweep, kind=Kind.READ_COLUMNS, clear=index == 0, fires=index == len(sweeps) - 1)
            for target in range(self.blocks)
            for sweeps in [[sweep for sweep in self.program if sweep.pixels and sweep.block == target]]
            for index, sweep in enumerate(sweeps)
        )

    @cached_property
    def step(self) -> tuple[Sweep, ...]:
        """The sweeps of one Euler step: for each block of neurons the layer above, then the layer below."""
        return tuple(
            replace(sweep, target=target, clear=index == 0, fires=index == len(sweeps) - 1)
            for layer, targets in enumerate(self.layer_blocks)
            for target in targets
            for sweeps in [self._currents(layer, target)]
            for index, sweep in enumerate(sweeps)
        )

    def _currents(self, layer: int, target: int) -> list[Sweep]:
        """The sweeps that read the current of block ``target``, which lies in the layer of that number."""
        lanes = self.spec.lanes
        first = (target - self.layer_blocks[layer].start) * lanes
        rows = min(lanes, self.spec.layers[layer + 1] - first)
        above = [
            replace(sweep, kind=Kind.READ_COLUMNS)
            for sweep in self.program
            if sweep.matrix == layer + 1 and sweep.block == target and not sweep.pixels
        ]
        below = [
            replace(sweep, kind=Kind.READ_ROWS, row=target * lanes, rows=rows, address=sweep.address + first)
            for sweep in self.program
            if layer and sweep.matrix == layer
        ]
        return above + below

    @property
    def input_bits(self) -> int:
        """K: bits below the one that tells an input's number from a neuron's."""
        return max(self.neuron_bits, bits_for(self.spec.inputs + self.spec.biases))

    @property
    def code_bits(self) -> int:
        """Bits of the numbers that random bytes are made from, the one that marks inputs included."""
        return self.input_bits + 1

    @property
    def input_codes(self) -> NDArray[np.int64]:
        """Each input's number, told from a neuron's by the highest bit, and then the biases' one; shape (inputs [+ 1],)."""
        return (1 << self.input_bits) | np.arange(self.spec.inputs + self.spec.biases)

    @property
    def numbers(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """Numbers of each matrix's rows and columns."""
        inputs, biases = np.split(self.input_codes, [self.spec.inputs])
        layers = np.split(self.codes, np.cumsum(self.spec.layers[1:-1]))
        pairs = ((inputs, layers[0]), *zip(layers[1:], layers, strict=False))
        return (*pairs, (biases, self.codes)) if self.spec.biases else pairs

    def to_words(self, weights: Sequence[NDArray[np.int16]]) -> NDArray[np.int16]:
        """Weights, each matrix (rows, columns), as memory words (words, lanes); cells without a synapse are 0."""
        image = np.zeros((self.words, self.spec.lanes), np.int16)
        for sweep in self.program:
            part = self._part(weights, sweep)
            image[sweep.address : sweep.address + sweep.rows, : part.shape[1]] = part
        return image

    def from_words(self, image: NDArray[np.int16]) -> list[NDArray[np.int16]]:
        """Memory words (words, lanes) as weights, each matrix (rows, columns)."""
        weights = [np.zeros((matrix.rows, matrix.columns), np.int16) for matrix in self.spec.matrices]
        for sweep in self.program:
            part = self._part(weights, sweep)
            part[:] = image[sweep.address : sweep.address + sweep.rows, : part.shape[1]]
        return weights

    def _part(self, weights: Sequence[NDArray[np.int16]], sweep: Sweep) -> NDArray[np.int16]:
        """View of the columns that a sweep's words hold."""
        layers = zip(self.layer_blocks, self.spec.layers[1:], strict=True)
        layer, blocks, units = next((n, blocks, u) for n, (blocks, u) in enumerate(layers) if sweep.block in blocks)
        first = (sweep.block - blocks.start) * self.spec.lanes
        # Only the biases' columns are the neurons of all layers.
        before = sum(self.spec.layers[1 : layer + 1]) if sweep.matrix == len(self.layer_blocks) else 0
        return weights[sweep.matrix][:, before + first : before + min(first + self.spec.lanes, units)]


def layout_of(spec: MachineSpec) -> Layout | LayeredLayout:
    """The layout that belongs to a machine's topology."""
    return Layout(spec) if spec.recurrent else LayeredLayout(spec)
