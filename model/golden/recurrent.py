"""The golden machine's recurrent networks: one layer, every unit input and output, one matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.arithmetic import slope_table, tanh_table
from ohmprop.model.errors import UserError
from ohmprop.model.golden.network import Cells, Integers, Network, Schedule, Synapses, Weights
from ohmprop.model.golden.recurrent_loops import Constants, States, learn_patterns, recall_patterns
from ohmprop.model.memristors.kernels import unit_hashes
from ohmprop.model.memristors.wires import WIRE_BITS, Wires
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
        self._wires: Wires | None = None
        # Patterns learnt with them; currents then have more low bits.
        self._on_wires = 0
        self._wired = self._constants._replace(
            leak_shift=spec.leak_shift + WIRE_BITS,
            nudge_shift=spec.nudge_shift + WIRE_BITS,
            weight_fraction=spec.weight.fraction + WIRE_BITS,
            side_error_shift=spec.side_error_shift + WIRE_BITS,
        )

    @property
    def wires(self) -> Wires | None:
        """Wires that have a resistance; None are ideal ones. UserError for those of asymmetric weights and with converters."""
        return self._wires

    @wires.setter
    def wires(self, wires: Wires | None) -> None:
        if wires and (self.spec.asymmetric or self.spec.fine_bits or self.spec.adc_bits):
            raise UserError(
                "Wires are modelled for a recurrent machine of symmetric weights without fine bits and without a converter of "
                "currents; give such a machine."
            )
        self._wires, self._on_wires = wires, 0

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
        if self._wires:
            return self._learn_on_wires(self._wires, weights, patterns, targets, lfsr, schedule, cells)
        matrices = self._incoming(weights)
        records: Integers = learn_patterns(
            Synapses.of(self.spec, matrices), patterns, targets, self._arrays, lfsr, schedule, cells, self._constants
        )
        if self.spec.asymmetric:
            weights[0][:] = matrices[0].T
        return records

    def _learn_on_wires(
        self,
        wires: Wires,
        weights: Weights,
        patterns: NDArray[Any],
        targets: NDArray[np.bool_],
        lfsr: int,
        schedule: Schedule,
        cells: Cells,
    ) -> Integers:
        """Learn pattern after pattern: each one's currents see what the wires make of the weights before it."""
        records = [np.zeros((0, 5), np.int64)]
        for index in range(len(patterns)):
            one = slice(index, index + 1)
            synapses = Synapses.of(self.spec, weights)
            if wires.every and self._on_wires % wires.every == 0:
                wires.measure(synapses.rounded[0], self.spec.weight_limit)
            synapses = synapses._replace(seen=self._seen(wires, synapses.rounded))
            record = learn_patterns(
                synapses, patterns[one], targets[one], self._arrays, lfsr, schedule, cells, self._wired
            )
            records.append(record)
            lfsr = int(record[0, 2])
            self._on_wires += 1
        return np.concatenate(records)

    def _seen(self, wires: Wires, rounded: Weights) -> Weights:
        """What currents see of the weights through wires, a row for what each neuron gets."""
        return (np.ascontiguousarray(wires.seen(rounded[0], self.spec.weight_limit).T),)

    def _incoming(self, weights: Weights) -> Weights:
        """The matrix with a row for what each neuron gets, which the loops read along; the machine's is what each drives."""
        return (np.ascontiguousarray(weights[0].T),) if self.spec.asymmetric else weights

    def recall(
        self, weights: Weights, patterns: NDArray[Any], lfsr: int, schedule: Schedule, cells: Cells
    ) -> tuple[NDArray[Any], Integers, int]:
        """Recall pattern after pattern, as Network.recall says."""
        rounded, constants = Synapses.of(self.spec, self._incoming(weights)).rounded, self._constants
        if self._wires:
            self._wires.measure(rounded[0], self.spec.weight_limit)
            rounded, constants = self._seen(self._wires, rounded), self._wired
        signs, records, lfsr = recall_patterns(
            rounded[0],
            patterns,
            self._arrays,
            lfsr,
            schedule,
            cells.read_noise,
            constants,
        )
        return signs, records, int(lfsr)
