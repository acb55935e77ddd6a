"""What the golden machine asks of a network, whatever its topology, and what the compiled loops take."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.kernels import UnitConstants
from ohmprop.model.memristors.unit import Masks
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.spec import MachineSpec

Integers = NDArray[np.int64]
Weights = tuple[NDArray[np.int16], ...]


def no_factors() -> UserError:
    """What a machine without ``spec.wires`` says to who asks for their factors."""
    return UserError("This machine has no factors of its wires; write wires = true under [machine] in its file.")


class Phase(NamedTuple):
    """One relaxation.

    Members
    -------
    most : most Euler steps.
    settled : the phase ends after a step that moved no state by more than this; -1: never.
    nudged : the outputs are drawn to their targets.
    side : the side network relaxes, the neurons stand still. Recurrent networks only.
    feedforward : the first step is a whole one. Layered networks only.
    whole : every step is a whole one, eps = 1.
    beta_shift : the nudge's size is 2 to minus this.
    turns : turns of a step, 1 if all neurons step together; a neuron's turn is its number in the layout modulo this.
    first_turn : the turn that steps first.
    """

    most: int
    settled: int
    nudged: bool
    side: bool
    feedforward: bool
    whole: bool
    beta_shift: int
    turns: int
    first_turn: int


class Schedule(NamedTuple):
    """How patterns are learnt or recalled.

    Members
    -------
    first, second : the phases, one after the other; of recall the input is on, then off.
    updates : of each matrix the left shift of a difference, the right shift that is the learning rate, the largest whole
        weight, and the fine bits; int64 (matrices, 4).
    products : of the rule's two products the sign, the row's factor and the column's, 0 what the free phase and 1 what the
        second one ended with; int64 (2, 3). Recurrent networks only, layered ones have one rule.
    rounds : the second phase is gone through this many times, each with an update by what it changed; 1 but for continual
        rules, whose second phase is one step.
    sign : of the nudge; 0: drawn for each pattern.
    centred : the second phase is gone through with a negative and a positive nudge, and the update compares the two.
    skip : an update is left out if the second phase moved no state. Layered networks only.
    settled_only : a pattern whose first phase took all its steps has no second one. Convolutional networks only.
    """

    first: Phase
    second: Phase
    updates: Integers
    products: Integers
    rounds: int
    sign: int
    centred: bool
    skip: bool
    settled_only: bool


class Synapses(NamedTuple):
    """The weights, matrix after matrix; without fine bits and wires all three are the same arrays.

    Members
    -------
    whole : as they are stored and learn; changed in place.
    rounded : without their fine bits; changed in place.
    seen : as the products take them: the rounded ones, or what wires make of those.
    """

    whole: Weights
    rounded: Weights
    seen: Weights

    @classmethod
    def of(cls, spec: MachineSpec, whole: Weights) -> "Synapses":
        """Weights, with what the products take of them."""
        if not spec.fine_bits:
            return cls(whole, whole, whole)
        half = 1 << spec.fine_bits - 1
        rounded = tuple((matrix.astype(np.int32) + half >> spec.fine_bits).astype(np.int16) for matrix in whole)
        return cls(whole, rounded, rounded)


class Cells(NamedTuple):
    """What the cells are.

    Members
    -------
    sets : sets of random bytes that an update draws; 1: linear cells.
    constants : the pulse unit's, never looked at if the cells are linear.
    stuck : the stuck cells of each matrix.
    counts : pulses up, pulses down, pulses lost of each matrix, int64 (matrices, 3); counted in place.
    read_noise : amplitude of the read noise; 0: none.
    decay : the interval in patterns (0: never), the shift, and the patterns learnt since the last decay.
    """

    sets: int
    constants: UnitConstants
    stuck: Masks
    counts: Integers
    read_noise: int
    decay: tuple[int, int, int]


class Network(ABC):
    """One topology's states and loops.

    Members
    -------
    spec : the machine.
    states : the neurons' states, first hidden layer first, changed in place; (neurons,).
    side_states : those of the side network, likewise; empty if the topology has none.
    state_type, pattern_type : numpy types of a state as the machine has it and of a pattern's entries.
    """

    states: NDArray[Any]
    side_states: Integers
    state_type: type[np.generic]
    pattern_type: type[np.generic]

    def __init__(self, spec: MachineSpec) -> None:
        self.spec = spec

    @property
    def wires(self) -> Wires | None:
        """Wires that have a resistance; UserError for a topology that has no model of them, if they are set."""
        return None

    @wires.setter
    def wires(self, wires: Wires | None) -> None:
        raise UserError("Wires are modelled for a recurrent machine; a layered one has ideal ones.")

    @property
    def factors(self) -> NDArray[np.int8]:
        """What the wires make of each cell; UserError for a machine without ``spec.wires``."""
        raise no_factors()

    @factors.setter
    def factors(self, factors: NDArray[np.int8]) -> None:
        raise no_factors()

    @abstractmethod
    def learn(
        self,
        weights: Weights,
        patterns: NDArray[Any],
        targets: NDArray[np.bool_],
        lfsr: int,
        schedule: Schedule,
        cells: Cells,
    ) -> Integers:
        """Learn pattern after pattern; ``weights`` change in place. They are whole ones, fine bits included.

        Returns for each one steps of both phases, the LFSR, input rows that are not zero, and the number of updates;
        int64 (count, 5).
        """

    @abstractmethod
    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern.

        Returns the answers, of each pattern the steps of both phases and the input rows that are not zero, int64
        (count, 3), and the LFSR.
        """
