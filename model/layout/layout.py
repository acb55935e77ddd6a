"""The weight memory of a machine: what lies where, and the lists of sweeps over it."""

from collections.abc import Sequence
from functools import cached_property

from numpy.typing import NDArray

from ohmprop.model.layout.geometry import Geometry, Value
from ohmprop.model.layout.packing import from_words, to_words
from ohmprop.model.layout.sweeps import Sweep, input_sweeps, program_sweeps, step_sweeps


class Layout(Geometry):
    """The weight memory that belongs to plain numbers (``Geometry``)."""

    @cached_property
    def program(self) -> tuple[Sweep, ...]:
        """The sweeps of one weight update: every stored word once, in the order of the addresses."""
        return program_sweeps(self)

    @cached_property
    def reading(self) -> tuple[Sweep, ...]:
        """The sweeps that read the currents of inputs and biases, once per pattern; none in a recurrent machine."""
        return input_sweeps(self, self.program)

    @cached_property
    def step(self) -> tuple[Sweep, ...]:
        """The sweeps of one Euler step."""
        return step_sweeps(self, self.program)

    @cached_property
    def words(self) -> int:
        """Words of the weight memory."""
        return self.program[-1].address + self.program[-1].rows

    @cached_property
    def step_words(self) -> int:
        """Words read in one Euler step."""
        return sum(sweep.rows for sweep in self.step)

    @property
    def words_per_input(self) -> int:
        """Words that one input's weights take; 0 in a recurrent machine."""
        return len(self.layer_blocks[0]) if self.inputs else 0

    @property
    def bias_words(self) -> int:
        """Words that hold biases, the last ones."""
        return self.blocks if self.biases else 0

    @property
    def neuron_words(self) -> int:
        """Words whose rows are neurons, which the update multiplies twice."""
        return self.words - self.inputs * self.words_per_input - self.bias_words

    def to_words(self, weights: Sequence[NDArray[Value]]) -> NDArray[Value]:
        """Weights, each matrix (rows, columns), as memory words (words, lanes) of their dtype; cells without a synapse
        are 0. The one matrix of a recurrent machine must be symmetric, unless the machine is not.
        """
        return to_words(self, self.program, weights)

    def from_words(self, image: NDArray[Value]) -> tuple[NDArray[Value], ...]:
        """Memory words (words, lanes) as weights, each matrix (rows, columns); MachineError if, in a recurrent machine,
        the two copies of a pair differ.
        """
        return from_words(self, self.program, image)
