"""The golden machine's layered networks: inputs, hidden layers and outputs, each connected with the next."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.golden.layered_loops import Constants, learn_images, recall_images
from ohmprop.model.golden.network import Cells, Integers, Network, Schedule, Synapses, Weights
from ohmprop.model.memristors.kernels import unit_hashes
from ohmprop.model.spec import MachineSpec


class LayeredNetwork(Network):
    """Layers; a pattern is uint8 (inputs,), an answer the outputs' states, uint8 (outputs,)."""

    state_type = np.uint8
    pattern_type = np.uint8

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self.states = np.zeros(spec.neurons, np.int32)
        self.side_states = np.zeros(0, np.int64)
        layout = spec.layout
        codes = np.concatenate([layout.input_codes, layout.codes])
        self._constants = Constants(
            firsts=np.cumsum([0, *spec.layers[1:]]),
            spans=_spans(spec),
            turns=np.arange(len(spec.layers) - 1) % 2,
            leak_shift=spec.leak_shift,
            drive_shift=spec.drive_shift,
            brightest=spec.brightest,
            biases=bool(spec.biases),
            symmetric=not spec.asymmetric,
            adc=spec.adc,
            dac=spec.dac,
            codes=codes,
            row_codes=np.concatenate([layout.input_codes, layout.row_codes]),
            code_bits=layout.code_bits,
            hashes=unit_hashes(codes),
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
            Synapses.of(self.spec, weights), patterns, targets, self.states, lfsr, schedule, cells, self._constants
        )
        return records

    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern, as Network.recall says."""
        answers, records, lfsr = recall_images(
            Synapses.of(self.spec, weights).rounded,
            patterns,
            self.states,
            lfsr,
            schedule,
            cells.read_noise,
            self._constants,
        )
        return answers, records, int(lfsr)


def _spans(spec: MachineSpec) -> Integers:
    """First and end of each matrix's rows and columns, with units numbered through inputs, biases' one, and neurons."""
    ends = np.cumsum([spec.inputs + spec.biases, *spec.layers[1:]]).tolist()
    layers = list(pairwise(ends))
    # The inputs are rows of the first matrix, the upper layer's units those of the others, or before them the lower one's.
    spans = [(0, spec.inputs, *layers[0])]
    for lower, upper in pairwise(layers):
        spans += [(*lower, *upper)] * spec.asymmetric + [(*upper, *lower)]
    if spec.biases:
        spans.append((spec.inputs, spec.inputs + 1, ends[0], ends[-1]))
    return np.array(spans)
