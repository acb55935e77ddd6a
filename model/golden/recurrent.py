"""The golden machine's recurrent networks: one layer, every unit input and output, one matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import slope_table, tanh_table
from ohmprop.model.golden.network import Cells, Integers, Network, Schedule, Synapses, Weights
from ohmprop.model.golden.recurrent_loops import Constants, States, learn_patterns, recall_patterns
from ohmprop.model.memristors.kernels import unit_hashes
from ohmprop.model.spec import MachineSpec


class RecurrentNetwork(Network):
    """A recurrent layer; a pattern is bool (neurons,), True white, and so is an answer."""

    state_type = np.int8
    pattern_type = np.bool_

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self._arrays = States(*(np.zeros(spec.neurons, np.int64) for _ in States._fields))
        self.states, self.side_states = self._arrays.neurons, self._arrays.side
        layout = spec.layout
        self._constants = Constants(
            input_level=spec.input_level,
            target_level=spec.target_level,
            leak_shift=spec.leak_shift,
            nudge_shift=spec.nudge_shift,
            low=spec.state.low,
            high=spec.state.high,
            activities=tanh_table(spec),
            slopes=slope_table(spec),
            weight_fraction=spec.weight.fraction,
            side_error_shift=spec.side_error_shift,
            side_low=spec.side.low,
            side_high=spec.side.high,
            side_update_shift=spec.side_update_shift,
            reach=spec.reach,
            turns=layout.turn_numbers,
            symmetric=not spec.asymmetric,
            adc=spec.adc,
            dac=spec.dac,
            codes=layout.codes,
            row_codes=layout.row_codes,
            code_bits=layout.code_bits,
            hashes=unit_hashes(layout.codes),
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
        matrices = self._incoming(weights)
        records: Integers = learn_patterns(
            Synapses.of(self.spec, matrices), patterns, targets, self._arrays, lfsr, schedule, cells, self._constants
        )
        if self.spec.asymmetric:
            weights[0][:] = matrices[0].T
        return records

    def _incoming(self, weights: Weights) -> Weights:
        """The matrix with a row for what each neuron gets, which the loops read along; the machine's is what each drives."""
        return (np.ascontiguousarray(weights[0].T),) if self.spec.asymmetric else weights

    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern, as Network.recall says."""
        signs, records, lfsr = recall_patterns(
            Synapses.of(self.spec, self._incoming(weights)).rounded[0],
            patterns,
            self._arrays,
            lfsr,
            schedule,
            cells.read_noise,
            self._constants,
        )
        return signs, records, int(lfsr)
