"""The golden machine's convolutional networks: layers of which the first ones are joined by kernels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.golden.convolutional_loops import Constants, Memory, learn_images, recall_images
from ohmprop.model.golden.network import Cells, Integers, Network, Schedule, Synapses, Weights
from ohmprop.model.layout.convolutional import KernelLayout
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.kernels import joints


class ConvolutionalNetwork(Network):
    """Layers; a pattern is uint8 (inputs,), an answer the outputs' states, uint8 (outputs,)."""

    state_type = np.uint8
    pattern_type = np.uint8

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self.states = np.zeros(spec.neurons, np.int32)
        self.side_states = np.zeros(0, np.int64)
        found, first, layout = joints(spec.layers, spec.kernels), spec.layers[1], spec.layout
        assert isinstance(layout, KernelLayout)
        numbers = [
            (one.size, one.stride, below.side, one.windows(below), below.channels, one.channels, one.pool)
            if one
            else (0, 0, 0, 0, 0, 0, 0)
            for below, _, one in found
        ]
        self._constants = Constants(
            firsts=np.cumsum([0, *spec.layers[1:]]),
            joints=np.array(numbers, np.int64),
            first_rows=np.array(layout.first_rows, np.int64),
            row_bits=layout.row_bits,
            column_bits=layout.column_bits,
            leak_shift=spec.leak_shift,
            drive_shift=spec.drive_shift,
        )
        windows = int(self._constants.joints[0, 3]) ** 2 * int(self._constants.joints[0, 5])
        self._memory = Memory(
            drive=np.zeros(first, np.int64),
            winners=np.zeros(first, np.int64),
            below=np.zeros(spec.neurons, np.int32),
            above=np.zeros(spec.neurons, np.int32),
            windows=np.zeros(windows, np.int32),
            stale=np.zeros((2, len(found)), np.bool_),
            sums=tuple(np.zeros(one.shape, np.int32) for one in found),
        )

    def learn(
        self,
        weights: Weights,
        patterns: NDArray[Any],
        targets: NDArray[np.bool_],
        lfsr: int,
        schedule: Schedule,
        cells: Cells,
    ) -> Integers:
        """Learn pattern after pattern, as Network.learn says."""
        records: Integers = learn_images(
            Synapses.of(self.spec, weights),
            patterns,
            targets,
            self.states,
            self._memory,
            lfsr,
            (schedule, max(0, schedule.first.settled)),
            self._constants,
        )
        return records

    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern, as Network.recall says."""
        rounded, tolerance = Synapses.of(self.spec, weights).rounded, max(0, schedule.first.settled)
        answers, records = recall_images(
            rounded, patterns, self.states, self._memory, schedule.first, tolerance, self._constants
        )
        return answers, records, lfsr
