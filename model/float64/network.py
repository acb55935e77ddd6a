"""What the float64 reference asks of a network, whatever its topology."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.spec import MachineSpec, Settings

Weights = tuple[NDArray[np.float64], ...]
#: Euler's step; with 1 the nudged phase oscillates, with 1/4 it takes twice the steps.
EPSILON = 0.5


class Network(ABC):
    """One topology's rules in float64. Every phase takes its full number of steps."""

    def __init__(self, spec: MachineSpec) -> None:
        self.spec = spec

    @abstractmethod
    def learn(self, weights: Weights, patterns: NDArray[Any], targets: NDArray[np.bool_], settings: Settings) -> None:
        """Learn pattern after pattern at the rates of the settings; ``weights`` change in place."""

    @abstractmethod
    def states_after(
        self, weights: Weights, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings
    ) -> NDArray[np.float64]:
        """The states (neurons,) at the end of one pattern's learning; the weights stay as they are."""

    @abstractmethod
    def currents(self, weights: Weights, pattern: NDArray[Any], states: NDArray[np.float64]) -> NDArray[np.float64]:
        """What drives the neurons (neurons,), the inputs' currents and the other neurons', with these states and no nudge."""

    @abstractmethod
    def recall(self, weights: Weights, patterns: NDArray[Any], settings: Settings) -> NDArray[Any]:
        """The answers (count, outputs) for patterns (count, inputs)."""
